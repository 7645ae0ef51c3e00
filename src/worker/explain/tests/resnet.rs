//! Grad-CAM on the residual network against PyTorch's autograd, whose numbers this script printed after
//! the one in `model/resnet/tests.rs`:
//!
//! ```python
//! def grad_cam(model, layer, x):
//!     kept = {}
//!     handle = layer.register_forward_hook(lambda m, i, o: kept.update(a=o))
//!     z = model(x); handle.remove()
//!     (g,) = torch.autograd.grad(z.sum(), kept["a"])
//!     cam = (g.mean((2, 3), keepdim=True) * kept["a"]).sum(1).relu()
//!     hires = (g * kept["a"]).sum(1).relu()
//!     return cam, hires
//! for name, layer in [("bn1", model.bn1), ("layer1.0", model.layer1[0]), ("layer2.0.downsample", model.layer2[0].downsample), ("layer2.1.conv1", model.layer2[1].conv1), ("layer2", model.layer2), ("layer3", model.layer3)]:
//!     for which, cam in zip(("plain", "hires"), grad_cam(model, layer, x)):
//!         cam = cam.double().detach()
//!         n, h, w = cam.shape
//!         places = [(0, h // 2, w // 3), (1, h // 3, w // 2), (1, h - 1, 0)]
//!         print(name, which, tuple(cam.shape), cam.sum().item(), cam.max().item(), [cam[p].item() for p in places])
//! ```

use super::*;
use crate::model::testing::{as_if_trained, resnet, small_resnet};

/// The numbers that the script prints for a map: its sum, its maximum and three values.
struct Wanted {
    layer: &'static str,
    variant: Variant,
    side: usize,
    sum: f64,
    max: f64,
    values: [f64; 3],
}

#[rustfmt::skip]
const WANTED: [Wanted; 6] = [
    Wanted { layer: "bn1", variant: Variant::Plain, side: 48, sum: 0.0700917010391322, max: 5.6092216254910454e-05, values: [3.870567979902262e-06, 1.8258120690006763e-05, 1.0896512321778573e-05] },
    Wanted { layer: "layer1.0", variant: Variant::HiRes, side: 48, sum: 1.9423064049995844, max: 0.01004835870116949, values: [0.00021278088388498873, 0.0, 0.0] },
    Wanted { layer: "layer2.0.downsample", variant: Variant::Plain, side: 24, sum: 0.20062803041400912, max: 0.0003852539521176368, values: [0.00014802977966610342, 0.00027262652292847633, 0.00013626889267470688] },
    Wanted { layer: "layer2.1.conv1", variant: Variant::HiRes, side: 24, sum: 0.5980923740607977, max: 0.014165228232741356, values: [0.0, 0.0008801146177574992, 0.0] },
    Wanted { layer: "layer2", variant: Variant::Plain, side: 24, sum: 0.1834301795806823, max: 0.0005881090764887631, values: [5.610772859654389e-05, 0.0, 0.00018795208598021418] },
    Wanted { layer: "layer3", variant: Variant::Plain, side: 12, sum: 0.09385542193558649, max: 0.0026310901157557964, values: [0.0, 0.0001753373653627932, 0.0004922283696942031] },
];

/// Relative to the maximum. Stricter than the definitions: rounding is about 1e-6.
const TOLERANCE: f64 = 1e-4;

#[test]
fn grad_cam_on_a_residual_network_is_pytorchs() {
    let network = as_if_trained(resnet(&[1, 2, 1], 4, 7));
    for Wanted { layer, variant, side, sum, max, values } in WANTED {
        let maps = explained(&grad_cam(layer, variant), &network, &noisy_patches(2, 5), &[0, 1], LOGIT);
        assert_eq!(maps.native.len(), 2 * side * side);
        let of = |at: usize| f64::from(maps.native[at]);
        let got_max = (0..maps.native.len()).map(of).fold(0.0, f64::max);
        let got_sum: f64 = (0..maps.native.len()).map(of).sum();
        assert!((got_max / max - 1.0).abs() < TOLERANCE, "{layer}: {got_max}");
        assert!((got_sum / sum - 1.0).abs() < TOLERANCE, "{layer}: {got_sum}");
        let second = side * side;
        let places =
            [side / 2 * side + side / 3, second + side / 3 * side + side / 2, second + (side - 1) * side];
        for (place, wanted) in places.into_iter().zip(values) {
            assert!((of(place) - wanted).abs() < TOLERANCE * max, "{layer} at {place}: {}", of(place));
        }
    }
}

/// Only global average pooling and a linear layer follow the last stage, so alpha_k = w_k/(h w), and Grad-CAM is CAM.
#[test]
fn at_the_last_stage_grad_cam_is_the_class_activation_map() {
    let network = as_if_trained(small_resnet(7));
    let images = noisy_patches(3, 8);
    let activation = network.forward_with_taps(&images, None).tap("layer2").unwrap().detach();
    let weights = network.state()["fc.weight"].view([1, 8, 1, 1]) / (24.0 * 24.0);
    let wanted = (weights * activation).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu();
    for variant in [Variant::Plain, Variant::HiRes] {
        let maps = explained(&grad_cam("layer2", variant), &network, &images, &[0, 1, 1], LOGIT);
        assert!(deviation(&maps.native, &wanted) < 1e-5);
        // This is the default layer.
        let unnamed = Method::GradCam(Settings { layer: Layer::default(), variant });
        assert_eq!(explained(&unnamed, &network, &images, &[0, 1, 1], LOGIT), maps);
    }
}

#[test]
fn every_layer_of_a_residual_network_has_a_map() {
    let network = as_if_trained(small_resnet(7));
    for layer in network.architecture().layers() {
        let maps =
            explained(&grad_cam(&layer, Variant::HiRes), &network, &noisy_patches(2, 3), &[0, 1], LOGIT);
        assert_eq!(maps.map.len(), 2 * SIDE * SIDE, "{layer}");
        assert!(maps.map.iter().all(|value| value.is_finite()), "{layer}");
    }
}
