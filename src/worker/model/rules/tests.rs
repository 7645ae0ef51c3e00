//! Rules against derivatives, and what must be conserved.

use tch::{Device, Kind, Tensor, no_grad};

use super::*;
use crate::kernels::MaxPool;
use crate::model::testing::{
    as_if_trained, densenets, difference, imagenet_resnets, noisy_patches_of, resnet, tiny_network,
};

fn networks() -> Vec<Network> {
    let own = [tiny_network(1), resnet(&[1, 2], 4, 7)];
    own.into_iter().chain(imagenet_resnets(5)).chain(densenets(6)).map(as_if_trained).collect()
}

/// The rules of a gradient.
struct Derivative;

impl Rules for Derivative {
    fn relu(&self, before: &Tensor, signal: Tensor) -> Tensor {
        signal * before.gt(0.0).to_kind(Kind::Double)
    }
}

fn scale(of: &Tensor) -> f64 {
    of.abs().max().double_value(&[])
}

#[test]
fn by_the_rules_of_a_derivative_the_gradient_arrives() {
    for network in networks() {
        let images = noisy_patches_of(2, 72, 3);
        let trace = network.trace(&images).unwrap();
        assert!(difference(trace.logits(), &network.forward(&images).unwrap()) < 1e-5);
        let got = network.hand_back(&trace, &Derivative, &[1.0, -2.0]).unwrap();
        let gradient = network.slope(&images, None).unwrap().gradient.to_kind(Kind::Double);
        let factors = Tensor::from_slice(&[1.0, -2.0]).view([2, 1, 1, 1]);
        let wanted = gradient * factors;
        // float32 against float64: a near tie in a pooling gives the gradient to another pixel.
        let off = (&got - &wanted).abs();
        let share = off.gt(1e-4 * scale(&wanted)).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!(share < 0.02, "{share}");
        assert!(off.mean(Kind::Double).double_value(&[]) < 1e-3 * scale(&wanted));
    }
}

#[test]
fn guided_signals_are_never_stopped_by_a_negative_one_later() {
    for network in networks() {
        let images = noisy_patches_of(1, 72, 4);
        let trace = network.trace(&images).unwrap();
        let of = |rules: &dyn Rules, start| network.hand_back(&trace, rules, &[start]).unwrap();
        // Proportional to a positive start, but not turned by a negative one.
        let one = of(&Guided, 1.0);
        assert!(difference(&of(&Guided, 3.0), &(&one * 3.0)) < 1e-9 * scale(&one).max(1e-9));
        assert!(difference(&one, &of(&Derivative, 1.0)) > 1e-3 * scale(&one));
        assert!(difference(&of(&Guided, -1.0), &(-&one)) > 1e-3 * scale(&one));
    }
}

/// Without biases nothing absorbs relevance but epsilon.
#[test]
fn without_biases_relevance_is_conserved() {
    for network in networks() {
        no_grad(|| {
            for (name, mut tensor) in network.state() {
                if name.ends_with("bias") || name.ends_with("running_mean") {
                    let _ = tensor.zero_();
                }
            }
        });
        let trace = network.trace(&noisy_patches_of(2, 72, 5)).unwrap();
        let starts = Vec::<f64>::try_from(trace.logits()).unwrap();
        for gamma in [0.0, 0.5] {
            let rules = Relevance { epsilon: 1e-12, gamma };
            let arrived = network.hand_back(&trace, &rules, &starts).unwrap();
            let sums = arrived.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Double);
            for (sum, start) in Vec::<f64>::try_from(sums).unwrap().into_iter().zip(&starts) {
                assert!((sum - start).abs() < 1e-6 * start.abs(), "{gamma}: {sum} {start}");
            }
        }
    }
}

#[test]
fn differences_from_a_baseline_are_complete() {
    for network in networks() {
        let (images, baselines) = (noisy_patches_of(2, 72, 6), noisy_patches_of(2, 72, 7) * 0.25);
        let trace = network.trace(&Tensor::cat(&[&images, &baselines], 0)).unwrap();
        let arrived = network.hand_back(&trace, &Differences, &[1.0; 4]).unwrap().narrow(0, 0, 2);
        let parts = (&images - &baselines).to_kind(Kind::Double) * arrived;
        let sums = parts.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Double);
        let changes = trace.logits().narrow(0, 0, 2) - trace.logits().narrow(0, 2, 2);
        // The images are float32.
        assert!(difference(&sums, &changes) < 1e-5 * scale(&changes), "{sums:?} {changes:?}");
    }
}

/// Two inputs, of which the baseline has the larger one elsewhere.
#[test]
fn a_pooling_gives_the_difference_to_the_largest_inputs_of_both() {
    let pool = MaxPool { kernel: 2, stride: 2, padding: 0 };
    let map = |values: [f64; 4]| Tensor::from_slice(&values).view([1, 1, 2, 2]);
    let (image, baseline) = (map([3.0, 1.0, 0.0, 0.0]), map([0.0, 5.0, 0.0, 0.0]));
    let x = Tensor::cat(&[&image, &baseline], 0);
    let signal = Tensor::ones([2, 1, 1, 1], (Kind::Double, Device::Cpu));
    let arrived = Differences.max_pool(pool, &x, &signal).narrow(0, 0, 1) * (image - baseline);
    // The output falls by 2, from 5 to 3: all of it is due to the baseline's largest input.
    assert_eq!(Vec::<f64>::try_from(arrived.view(-1)).unwrap(), [0.0, -2.0, 0.0, 0.0]);
}
