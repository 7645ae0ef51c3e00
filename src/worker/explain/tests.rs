//! Every explainer against references, and what holds for all of them.

use pcamflow::stages::{
    architecture::Layer,
    explain::{GradCam as Settings, Score, Target, Variant},
};
use tch::{Device, Kind};

use super::*;
use crate::model::{
    Source,
    infer::infer,
    testing::{difference, get, noisy_patches, reference, tiny_network, weights},
};

mod resnet;

const LOGIT: Question = Question { target: Target::Tumor, score: Score::Logit };

fn grad_cam(layer: &str, variant: Variant) -> Method {
    Method::GradCam(Settings { layer: Layer::named(layer), variant })
}

fn explained(method: &Method, network: &Network, images: &Tensor, labels: &[u8], question: Question) -> Maps {
    let explainer = explainer(method, network).unwrap();
    explainer.explain(network, &Asked { images, labels, question }).unwrap()
}

/// max |a - b| / max |b|, as the definitions have it.
fn deviation(a: &[f32], b: &Tensor) -> f64 {
    let b = b.contiguous().view(-1);
    let scale = b.abs().max().double_value(&[]);
    assert!(scale > 0.0, "nothing to compare with");
    difference(&Tensor::from_slice(a), &b) / scale
}

#[test]
fn every_grad_cam_is_pytorchs() {
    let Some(reference) = reference("explain.safetensors") else { return };
    let file = weights(&reference, "model.");
    let network = Network::new(&infer(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
    let images = get(&reference, "images").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
    let mut compared = 0;
    for (name, wanted) in &reference {
        let (layer, variant) = match name.split_once('.') {
            Some(("grad-cam", "relu4.upsampled")) => ("relu4", Variant::Plain),
            Some(("grad-cam", layer)) => (layer, Variant::Plain),
            Some(("hires-cam", layer)) => (layer, Variant::HiRes),
            _ => continue,
        };
        let maps = explained(&grad_cam(layer, variant), &network, &images, &[1; 8], LOGIT);
        let got = if name.ends_with("upsampled") { &maps.map } else { &maps.native };
        let deviation = deviation(got, wanted);
        println!("{name}: {deviation:.1e}");
        assert!(deviation <= 1e-3, "{name}: {deviation}");
        assert!(difference(&Tensor::from_slice(&maps.logits), &get(&reference, "logit")) < 1e-5);
        compared += 1;
    }
    assert_eq!(compared, 7);
}

/// Everything after pool3 is affine where fc1's ReLU lets everything through: fc1's rows are then
/// averaged over each channel, and the network is global average pooling with one linear layer.
#[test]
fn average_pooling_and_one_linear_layer_weigh_each_channel_by_w_over_its_pixels() {
    let network = tiny_network(2);
    let channel_weights = [0.5_f64, -2.0, 1.0, 3.0, -0.25];
    tch::no_grad(|| {
        let mut state = network.state();
        let mut set = |name: &str, value: Tensor| state.get_mut(name).unwrap().copy_(&value);
        let pooled = Tensor::from_slice(&channel_weights).to_kind(Kind::Float) / 36.0;
        set("fc1.weight", pooled.repeat_interleave_self_int(36, 0, None).repeat([6, 1]) / 6.0);
        set("fc1.bias", Tensor::full([6], 100.0, (Kind::Float, Device::Cpu)));
        set("fc2.weight", Tensor::ones([1, 6], (Kind::Float, Device::Cpu)));
    });
    let images = noisy_patches(2, 4);
    let activation = network.forward_with_taps(&images, None).tap("relu4").unwrap().detach();
    let maps = explained(&grad_cam("relu4", Variant::Plain), &network, &images, &[0, 1], LOGIT);
    let alpha = Tensor::from_slice(&channel_weights).to_kind(Kind::Float).view([1, 5, 1, 1]) / (24.0 * 24.0);
    let wanted = (alpha * activation).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu();
    assert!(wanted.max().double_value(&[]) > 0.0);
    assert!(deviation(&maps.native, &wanted) < 1e-5);
    // The gradient is the same everywhere: HiResCAM is Grad-CAM.
    let hires = explained(&grad_cam("relu4", Variant::HiRes), &network, &images, &[0, 1], LOGIT);
    assert!(deviation(&hires.native, &wanted) < 1e-5);
}

#[test]
fn every_layer_has_a_map_of_its_own_size() {
    let network = tiny_network(3);
    let images = noisy_patches(2, 1);
    for layer in network.layer_names() {
        let method = grad_cam(&layer, Variant::HiRes);
        let [rows, columns] = explainer(&method, &network).unwrap().native().unwrap();
        let maps = explained(&method, &network, &images, &[0, 1], LOGIT);
        assert_eq!((maps.map.len(), maps.native.len()), (2 * SIDE * SIDE, 2 * rows * columns), "{layer}");
        if rows == SIDE {
            assert_eq!(maps.map, maps.native, "{layer}");
        }
    }
}

#[test]
fn an_unknown_layer_is_told_with_what_was_meant_and_all_there_are() {
    let told =
        |layer| format!("{:#}", explainer(&grad_cam(layer, Variant::Plain), &tiny_network(1)).err().unwrap());
    let near = told("relu5");
    assert!(near.starts_with("the model has no layer `relu5`: did you mean `relu"), "{near}");
    assert!(
        near.ends_with(
            "its layers are conv1, bn1, relu1, conv2, bn2, relu2, pool1, conv3, bn3, relu3, \
         pool2, conv4, bn4, relu4, pool3"
        ),
        "{near}"
    );
    assert!(!told("transformer").contains("did you mean"));
}

#[test]
fn target_and_score_explain_what_they_say() {
    let network = tiny_network(6);
    let images = noisy_patches(4, 9);
    let labels = [0, 1, 0, 1];
    let method = grad_cam("conv4", Variant::Plain);
    let of = |target, score| explained(&method, &network, &images, &labels, Question { target, score });
    let tumor = of(Target::Tumor, Score::Logit);
    let label = of(Target::Label, Score::Logit);
    let pixels = SIDE * SIDE;
    assert_eq!(tumor.map[pixels..2 * pixels], label.map[pixels..2 * pixels]);
    assert_ne!(tumor.map[..pixels], label.map[..pixels]);
    let probability = of(Target::Tumor, Score::Probability);
    for image in 0..4 {
        let p = pcamflow::metrics::sigmoid(tumor.logits[image]);
        for at in (image * pixels..(image + 1) * pixels).step_by(97) {
            let wanted = f64::from(tumor.map[at]) * p * (1.0 - p);
            assert!((f64::from(probability.map[at]) - wanted).abs() <= 1e-5 * wanted.abs() + 1e-9);
        }
    }
}

#[test]
fn maps_depend_on_neither_batch_nor_threads_and_the_network_stays_as_it_is() {
    let network = tiny_network(6);
    let before: Vec<Tensor> = network.state().into_values().map(|tensor| tensor.copy()).collect();
    let images = noisy_patches(64, 3);
    let labels: Vec<u8> = (0..64).map(|at| at % 2).collect();
    let method = grad_cam("conv4", Variant::HiRes);
    let explainer = explainer(&method, &network).unwrap();
    let of = |batch: usize, threads| {
        let crew = Crew::new(Device::Cpu, threads).unwrap();
        let parts = images.split(batch as i64, 0).into_iter().zip(labels.chunks(batch));
        parts.fold(Maps::default(), |mut all, (images, labels)| {
            let asked = Asked { images: &images, labels, question: LOGIT };
            all.append(crew.explain(&*explainer, &network, &asked).unwrap());
            all
        })
    };
    let one = of(1, 1);
    assert_eq!(one.map.len(), 64 * SIDE * SIDE);
    for (batch, threads) in [(7, 1), (64, 1), (1, 2), (7, 2), (64, 2), (64, 5)] {
        let other = of(batch, threads);
        let deviations = [(&other.map, &one.map), (&other.logits, &one.logits)]
            .map(|(other, one)| deviation(other, &Tensor::from_slice(one)));
        println!("batch {batch}, {threads} threads: {deviations:?}");
        // The definitions' tolerances: another batch is another order of summation.
        assert!(deviations[0] <= 1e-3 && deviations[1] <= 1e-5, "{batch} {threads} {deviations:?}");
    }
    for (before, (name, now)) in before.iter().zip(network.state()) {
        assert_eq!(before, &now, "{name}");
        assert!(!now.requires_grad() && !now.grad().defined(), "{name}");
    }
}

#[test]
fn a_crew_gives_libtorch_its_threads_back() {
    let before = tch::get_num_threads();
    drop(Crew::new(Device::Cpu, 3).unwrap());
    assert_eq!(tch::get_num_threads(), before);
}
