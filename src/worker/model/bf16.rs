//! Tests: networks with bfloat16 maps, beside the same networks in float32.
//!
//! A rounding to 8 bits is off by up to 2^-9 of a number. The tests allow some of them after one another.

use tch::{Device, Kind, Tensor};

use super::{
    Mode, Network, Places, Slope,
    testing::{
        as_if_trained, densenet_p4m, densenet_torchvision, difference, noisy_patches, resnet, small_resnet,
        tiny_network,
    },
};

/// The largest difference, relative to the largest number.
const NEAR: f64 = 0.06;

/// Each network in float32 and with bfloat16 maps; none if this CPU has no bfloat16.
fn pairs() -> Vec<[Network; 2]> {
    if !pcamflow::cpu::has_bf16() {
        eprintln!("skipped: this CPU has no bfloat16");
        return Vec::new();
    }
    let makers: [fn(u64) -> Network; 5] =
        [tiny_network, small_resnet, |seed| resnet(&[2, 1, 1], 3, seed), densenet_p4m, densenet_torchvision];
    let pair = |make: fn(u64) -> Network| {
        let [exact, mut rounded] = [(); 2].map(|()| as_if_trained(make(1)));
        rounded.compute_in(Kind::BFloat16);
        [exact, rounded]
    };
    makers.into_iter().map(pair).collect()
}

/// Fails if two tensors are not near, or equal: then nothing would have been rounded.
fn assert_near(got: &Tensor, wanted: &Tensor, what: &str) {
    assert_eq!(got.kind(), Kind::Float, "{what}");
    let off = difference(got, wanted) / wanted.abs().max().double_value(&[]).max(1e-3);
    assert!(0.0 < off && off < NEAR, "{what}: {off}");
}

/// The cosine of the angle between two tensors.
fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let dot = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn logits_are_near_those_of_float32() {
    let patches = noisy_patches(5, 3);
    for [exact, rounded] in pairs() {
        let wanted = exact.forward(&patches).unwrap();
        assert_near(&rounded.forward(&patches).unwrap(), &wanted, "folded");
        assert_near(&rounded.plain(&patches, Mode::Inference), &wanted, "plain");
    }
}

/// Fails if a gradient is farther from that of float32 than libtorch's own in bfloat16 is, with some room for chance:
/// where two numbers are equal after rounding, a pooling gives the gradient to another pixel.
fn assert_as_near_as_libtorch(got: &Tensor, libtorch: &Tensor, exact: &Tensor, what: &str) {
    let [own, theirs] = [got, libtorch].map(|gradient| cosine(&gradient.to_kind(Kind::Float), exact));
    assert!(own < 1.0 && own > theirs - 0.02 && own > 0.9, "{what}: {own}, libtorch {theirs}");
}

#[test]
fn gradients_point_where_those_of_float32_do() {
    let patches = noisy_patches(5, 3);
    for [exact, rounded] in pairs() {
        let last = exact.architecture().last_layer();
        for layer in [None, Some(last.as_ref())] {
            let wanted = exact.slope(&patches, layer).unwrap();
            let Slope { map, gradient, logits } = rounded.slope(&patches, layer).unwrap();
            assert_near(&logits, &wanted.logits, "logits");
            assert_eq!([map.kind(), gradient.kind()], [Kind::Float; 2]);
            let libtorch = rounded.plain_slope(&patches, layer).unwrap();
            let what = format!("{layer:?}");
            assert_as_near_as_libtorch(&gradient, &libtorch.gradient, &wanted.gradient, &what);
        }
    }
}

#[test]
fn gradients_of_training_point_where_those_of_float32_do() {
    let patches = noisy_patches(8, 3);
    let by_logits = Tensor::from_slice(&[0.2f32, -0.4, 0.1, 0.3, -0.2, 0.5, -0.3, 0.1]);
    let flat = |gradients: &[Tensor]| {
        Tensor::cat(&gradients.iter().map(|it| it.flatten(0, -1)).collect::<Vec<_>>(), 0)
    };
    for [exact, rounded] in pairs() {
        let mut passes = [&exact, &rounded].map(|network| network.learn(&patches).unwrap());
        assert_near(&passes[1].logits, &passes[0].logits, "logits");
        let [wanted, got] = passes.each_mut().map(|pass| pass.backward(&by_logits).unwrap());
        for ((name, parameter), got) in exact.parameters().iter().zip(&got) {
            assert_eq!((got.kind(), got.size()), (Kind::Float, parameter.size()), "{name}");
        }
        rounded.unfreeze();
        let scalar = (rounded.plain(&patches, Mode::Training) * &by_logits).sum(Kind::Float);
        let parameters: Vec<Tensor> = rounded.parameters().into_iter().map(|(_, tensor)| tensor).collect();
        let libtorch = Tensor::run_backward(&[scalar], &parameters.iter().collect::<Vec<_>>(), false, false);
        assert_as_near_as_libtorch(&flat(&got), &flat(&libtorch), &flat(&wanted), "all parameters");
    }
}

#[test]
fn recomputed_windows_are_those_of_whole_passes() {
    let starts = [0, 8, 40, 80];
    let (image, other) = (noisy_patches(1, 1), noisy_patches(1, 2));
    for [_, network] in pairs() {
        let places = Places::new(&network.body, 96, 16, &starts);
        let whole = network.whole(&image).unwrap();
        for [row, column] in [[0, 0], [1, 2], [3, 3]] {
            let copy = image.copy();
            let part =
                |of: &Tensor| of.narrow(2, starts[row] as i64, 16).narrow(3, starts[column] as i64, 16);
            part(&copy).copy_(&part(&other));
            let got = network.local(&places, &whole, &other, &[[row, column]]).unwrap();
            let wanted = network.forward(&copy).unwrap();
            assert!(difference(&got, &wanted) <= 0.01 * wanted.abs().max().double_value(&[]).max(0.1));
        }
    }
}

#[test]
fn weights_and_running_statistics_stay_float32() {
    for [_, network] in pairs() {
        network.learn(&noisy_patches(4, 1)).unwrap();
        assert!(network.state().values().all(|tensor| tensor.kind() == Kind::Float));
        assert_eq!(network.device(), Device::Cpu);
    }
}
