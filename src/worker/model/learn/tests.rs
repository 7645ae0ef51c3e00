//! A step of training against libtorch's graph of the plain formulation in float64.

use tch::{Kind, Tensor};

use super::*;
use crate::model::{
    Mode, Network, Tape,
    testing::{
        as_if_trained, densenet_p4m, densenet_pcam, densenet_torchvision, difference, imagenet_basic,
        imagenet_bottleneck, noisy_patches, resnet, small_resnet, tiny_network,
    },
};

/// The network in float64. Returns its parameters, which require gradients.
fn doubled(network: &mut Network) -> Vec<Tensor> {
    let mut parameters = Vec::new();
    let double = |tensor: &mut Tensor| *tensor = tensor.to_kind(Kind::Double);
    let mut learnt = |tensor: &mut Tensor| {
        *tensor = tensor.to_kind(Kind::Double).set_requires_grad(true);
        parameters.push(tensor.shallow_clone());
    };
    for operation in &mut network.body.operations {
        let (convolution, norm) = match &mut operation.work {
            Work::Unit(Unit { convolution, norm, .. }) => (Some(convolution), Some(norm)),
            Work::Convolution(lone) => (Some(&mut lone.learnt), None),
            Work::Norm(norm) => (None, Some(&mut norm.norm)),
            _ => (None, None),
        };
        if let Some(convolution) = convolution {
            learnt(&mut convolution.weight);
            convolution.bias.iter_mut().for_each(&mut learnt);
        }
        if let Some(norm) = norm {
            [&mut norm.weight, &mut norm.bias].into_iter().for_each(&mut learnt);
            [&mut norm.running_mean, &mut norm.running_var].into_iter().for_each(double);
        }
    }
    for layer in &mut network.body.head.layers {
        [&mut layer.weight, &mut layer.bias].into_iter().for_each(&mut learnt);
    }
    parameters
}

/// The largest difference, relative to the largest number.
fn relative(got: &Tensor, wanted: &Tensor) -> f64 {
    difference(got, wanted) / wanted.abs().max().double_value(&[]).max(1e-3)
}

/// float32 convolutions are right to about 1e-6 of their largest number; later layers multiply the difference.
const TOLERANCE: f64 = 2e-5;

#[test]
fn logits_and_gradients_are_those_of_float64_in_the_order_of_the_parameters() {
    let makes: [fn(u64) -> Network; 8] = [
        tiny_network,
        small_resnet,
        |seed| resnet(&[2, 1, 1], 3, seed),
        imagenet_basic,
        imagenet_bottleneck,
        densenet_pcam,
        densenet_p4m,
        densenet_torchvision,
    ];
    for make in makes {
        let network = as_if_trained(make(1));
        let mut exact = as_if_trained(make(1));
        let wanted_of = doubled(&mut exact);
        let patches = noisy_patches(5, 3);
        let by_logits = Tensor::from_slice(&[0.2f32, -0.4, 0.1, 0.3, -0.2]);

        let mut pass = network.learn(&patches).unwrap();
        let logits = exact.body.plain(&patches.to_kind(Kind::Double), Mode::Training, &mut Tape::Off);
        assert!(relative(&pass.logits, &logits) < TOLERANCE);
        let gradients = pass.backward(&by_logits).unwrap();
        let scalar = (logits * by_logits).sum(Kind::Double);
        let inputs: Vec<&Tensor> = wanted_of.iter().collect();
        let wanted = Tensor::run_backward(&[scalar], &inputs, false, false);
        assert_eq!(gradients.len(), network.parameters().len());
        for (((name, parameter), got), wanted) in network.parameters().iter().zip(&gradients).zip(&wanted) {
            assert_eq!(got.size(), parameter.size(), "{name}");
            let off = relative(got, wanted);
            // Densely connected networks normalise a map once for each layer that reads it.
            let tolerance = if name.starts_with("features") { 5.0 * TOLERANCE } else { TOLERANCE };
            assert!(off < tolerance, "{name}: {off:e}");
        }
        running_statistics_are_those_of(&network, &exact);
    }
}

fn running_statistics_are_those_of(network: &Network, exact: &Network) {
    for (got, wanted) in network.body.operations.iter().zip(&exact.body.operations) {
        let (got, wanted) = match (&got.work, &wanted.work) {
            (Work::Unit(got), Work::Unit(wanted)) => (&got.norm, &wanted.norm),
            (Work::Norm(got), Work::Norm(wanted)) => (&got.norm, &wanted.norm),
            _ => continue,
        };
        assert!(relative(&got.running_mean, &wanted.running_mean) < TOLERANCE);
        assert!(relative(&got.running_var, &wanted.running_var) < TOLERANCE);
    }
}

#[test]
fn no_bit_depends_on_the_number_of_threads() {
    let _alone = crate::alone::alone();
    let network = tiny_network(2);
    let patches = noisy_patches(9, 1);
    let by_logits = Tensor::ones([9], (Kind::Float, tch::Device::Cpu));
    let body = &network.body;
    let of_norm = |threads| {
        tch::set_num_threads(threads);
        let mut pass = body.learn(&patches).unwrap();
        let moments = pass.normalised[0].as_ref().unwrap().precision.clone();
        (moments, pass.backward(&by_logits).unwrap().len())
    };
    let before = tch::get_num_threads();
    let (one, three) = (of_norm(1), of_norm(3));
    tch::set_num_threads(before);
    assert_eq!(one, three);
}
