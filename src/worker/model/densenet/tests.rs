//! Densely connected networks: their symmetry, their derivatives, and how they come back from a file.

use pcamflow::stages::architecture::Architecture;
use tch::{Device, Kind, Tensor, no_grad};

use super::*;
use crate::model::{
    Mode, Network, Source,
    testing::{
        architecture_of, as_if_trained, densenets, difference, file_of, named_outputs, noisy_patches_of,
        symmetric,
    },
};

/// The patches after each symmetry of the square; of P4 without reflections.
fn turned(patches: &Tensor, group: Group) -> Vec<Tensor> {
    let turns = |patches: &Tensor| (0..4).map(|turns| patches.rot90(turns, [-2, -1])).collect::<Vec<_>>();
    match group {
        Group::None => vec![patches.shallow_clone()],
        Group::P4 => turns(patches),
        Group::P4m => [turns(patches), turns(&patches.flip([-1]))].into_iter().flatten().collect(),
    }
}

/// Noise that is brighter in one corner: without any symmetry.
fn lopsided(n: i64, side: i64) -> Tensor {
    let mut patches = noisy_patches_of(n, side, 3).contiguous() * 0.5;
    let _ = patches.narrow(2, 0, side / 3).narrow(3, 0, side / 2).g_add_scalar_(0.4);
    let _ = patches.narrow(1, 0, 1).narrow(2, 1, side / 4).g_add_scalar_(0.1);
    patches = patches.clamp(0.0, 1.0);
    patches
}

/// The largest change of a logit under the group's symmetries.
fn change(network: &Network, patches: &Tensor, group: Group, mode: Mode) -> f64 {
    let of = |patches: &Tensor| match mode {
        Mode::Training => no_grad(|| network.plain(patches, mode)),
        Mode::Inference => network.forward(patches).unwrap(),
    };
    let all = turned(patches, group);
    all.iter().map(|turned| difference(&of(turned), &of(patches))).fold(0.0, f64::max)
}

/// For even and odd sides: 33, 50 and 90 are halved to 16, 25 and 45, and so on.
#[test]
fn logits_do_not_change_under_the_symmetries_of_the_group() {
    for group in [Group::P4, Group::P4m] {
        let network = as_if_trained(symmetric(group, 3));
        for side in [32, 33, 50, 90, 96] {
            let patches = lopsided(2, side);
            for mode in [Mode::Inference, Mode::Training] {
                let change = change(&network, &patches, group, mode);
                assert!(change < 1e-4, "{group:?}, {side}: {change}");
            }
        }
    }
    let patches = lopsided(2, 50);
    let plain = as_if_trained(symmetric(Group::None, 3));
    assert!(change(&plain, &patches, Group::P4m, Mode::Inference) > 1e-3, "other networks are not invariant");
    let p4 = as_if_trained(symmetric(Group::P4, 3));
    assert!(change(&p4, &patches, Group::P4m, Mode::Inference) > 1e-3, "P4 has no reflections");
}

/// The map of the gradient turns with the image.
#[test]
fn gradients_turn_with_the_image() {
    let network = as_if_trained(symmetric(Group::P4m, 3));
    let patches = lopsided(2, 50);
    let of = |patches: &Tensor| network.slope(patches, None).unwrap().gradient;
    let scale = of(&patches).abs().max().double_value(&[]);
    for (turned_patches, wanted) in turned(&patches, Group::P4m).iter().zip(turned(&of(&patches), Group::P4m))
    {
        assert!(difference(&of(turned_patches), &wanted) < 1e-3 * scale);
    }
}

#[test]
fn a_step_of_training_lowers_the_loss_and_keeps_the_symmetry() {
    for network in densenets(1) {
        let Architecture::Densenet(Settings { group, .. }) = network.architecture().clone() else {
            unreachable!()
        };
        let patches = lopsided(6, 50);
        let labels = Tensor::from_slice(&[1.0f32, 0.0, 1.0, 0.0, 1.0, 1.0]);
        let loss = |logits: &Tensor| {
            let none = None::<&Tensor>;
            logits
                .binary_cross_entropy_with_logits(&labels, none, none, tch::Reduction::Mean)
                .double_value(&[])
        };
        let mut losses = Vec::new();
        let mut network = network;
        for _ in 0..3 {
            let mut pass = network.learn(&patches).unwrap();
            losses.push(loss(&pass.logits));
            let gradients = pass.backward(&((pass.logits.sigmoid() - &labels) / 6.0)).unwrap();
            for ((_, parameter), gradient) in network.parameters().into_iter().zip(gradients) {
                let _ = no_grad(|| parameter.shallow_clone().g_sub_(&(gradient * 0.05)));
            }
            network.changed();
        }
        assert!(losses.is_sorted_by(|one, next| next < one), "{group:?}: {losses:?}");
        assert!(change(&network, &patches, group, Mode::Inference) < 1e-4);
    }
}

/// By central differences along the gradient, of each weight with a gradient far above float32's rounding.
#[test]
fn gradients_by_learnt_filters_are_differences() {
    for network in densenets(2).map(as_if_trained) {
        let patches = lopsided(4, 32);
        let by_logits = Tensor::from_slice(&[0.3f32, -0.2, 0.4, 0.1]);
        let scalar = || {
            let logits = no_grad(|| network.plain(&patches, Mode::Training));
            (logits.to_kind(Kind::Double) * by_logits.to_kind(Kind::Double))
                .sum(Kind::Double)
                .double_value(&[])
        };
        let mut compared = 0;
        let gradients = network.learn(&patches).unwrap().backward(&by_logits).unwrap();
        for ((name, parameter), gradient) in network.parameters().iter().zip(gradients) {
            let norm = gradient.norm().double_value(&[]);
            if !name.ends_with("weight") || norm < 0.05 {
                continue;
            }
            let step = &gradient * (5e-4 / norm);
            let move_by = |step: &Tensor| no_grad(|| drop(parameter.shallow_clone().g_add_(step)));
            move_by(&step);
            let above = scalar();
            move_by(&(&step * -2.0));
            let below = scalar();
            move_by(&step);
            let slope = (above - below) / 1e-3;
            assert!((slope / norm - 1.0).abs() < 0.03, "{name}: {slope}, not {norm}");
            compared += 1;
        }
        assert!(compared > 5, "{compared}");
    }
}

/// By our kernels and by libtorch's graph, for every layer.
#[test]
fn gradients_by_every_layer_are_those_of_the_plain_formulation() {
    for network in densenets(6).map(as_if_trained) {
        let patches = noisy_patches_of(2, 50, 3);
        for layer in network.architecture().layers() {
            let ours = network.slope(&patches, Some(&layer)).unwrap();
            let wanted = network.plain_slope(&patches, Some(&layer)).unwrap();
            let near = |ours: &Tensor, theirs: &Tensor| {
                difference(ours, theirs) <= 1e-4 * theirs.abs().max().double_value(&[])
            };
            assert!(near(&ours.map, &wanted.map) && near(&ours.gradient, &wanted.gradient), "{layer}");
        }
    }
}

#[test]
fn every_named_layer_is_kept_with_its_own_output() {
    for network in densenets(6) {
        let patches = noisy_patches_of(1, 50, 1);
        let forward = named_outputs(&network, &patches);
        let tap = |name: &str| forward.tap(&format!("features.{name}")).unwrap();
        assert_eq!(tap("relu5"), &tap("norm5").relu());
        assert_eq!(tap("transition1"), tap("transition1.pool"));
        let added = tap("denseblock1.denselayer1");
        assert_eq!(tap("denseblock1").size()[2..], added.size()[2..]);
        assert_eq!(forward.logits, network.plain(&patches, Mode::Inference));
        assert!(difference(&forward.logits, &network.forward(&patches).unwrap()) < 1e-5);
    }
}

#[test]
fn a_network_comes_back_from_its_tensors_with_its_architecture() {
    for network in densenets(5).map(as_if_trained) {
        let file = file_of(&network);
        let architecture = architecture_of(&file).unwrap();
        assert_eq!(&architecture, network.architecture());
        let again = Network::new(&architecture, Source::File(file), Device::Cpu).unwrap();
        let of = |network: &Network| network.forward(&noisy_patches_of(2, 50, 2)).unwrap();
        assert_eq!(of(&again), of(&network));
    }
}

#[test]
fn layers_are_reinitialised_from_the_output_down() {
    let mut network = as_if_trained(symmetric(Group::P4m, 1));
    let layers = network.layers_with_tensors();
    assert_eq!(layers[..3], ["classifier", "features.norm5", "features.denseblock3.denselayer1.conv1"]);
    assert_eq!(layers.last().unwrap(), "features.conv0");
    let before = network.forward(&lopsided(2, 32)).unwrap();
    for layer in &layers[..3] {
        network.reinitialise(layer, 4).unwrap();
    }
    assert!(difference(&network.forward(&lopsided(2, 32)).unwrap(), &before) > 1e-3);
    let state = network.state();
    assert_eq!(state["classifier.bias"], Tensor::zeros([1], (Kind::Float, Device::Cpu)));
    // N(0, 2/fan-in) with fan-in 7 * 8 * 9; of 1008 numbers.
    let deviation = state["features.denseblock3.denselayer1.conv1.weight"].std(true).double_value(&[]);
    let inputs = state["features.denseblock3.denselayer1.conv1.weight"].size()[1];
    let wanted = (2.0 / (inputs * 8 * 9) as f64).sqrt();
    assert!((deviation / wanted - 1.0).abs() < 0.1, "{deviation}, not {wanted}");
}
