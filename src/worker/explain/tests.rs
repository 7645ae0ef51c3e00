//! Every explainer against references, and properties of all explainers.

mod adaptive;
mod analytic;
mod closed_forms;
mod explainers;
mod references;
mod resnet;

use pcamflow::side::Side;
use pcamflow::stages::{
    Baseline,
    architecture::Layer,
    explain::{
        DeepLift, GradCam as Settings, GradientShap, GuidedBackprop, InputXGradient, IntegratedGradients,
        Lrp, LrpRule, Occlusion, Rise, Saliency, Score, Smooth, Statistic, Steps, Target, Variant,
    },
};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::model::{
    Network, Source,
    testing::{
        architecture_of, difference, get, linear_network, noisy_patches, reference, tiny_network, weights,
    },
};

/// Rows and columns of the images.
const SIDE: usize = 96;

const LOGIT: Question = Question { target: Target::Tumor, score: Score::Logit };

fn grad_cam(layer: &str, variant: Variant) -> Method {
    Method::GradCam(Settings { layer: Layer::named(layer), variant })
}

/// The baseline of a method; the mean colour is made up.
fn fill(method: &Method) -> Option<Fill> {
    method.settings().baseline().map(|(baseline, _)| match baseline {
        Baseline::Black => Fill::Colour([0.0; 3]),
        Baseline::White => Fill::Colour([1.0; 3]),
        Baseline::Value(value) => Fill::Colour([value as f32; 3]),
        Baseline::Mean => Fill::Colour([0.75, 0.5, 0.625]),
        Baseline::Blur => Fill::Blur,
    })
}

fn prepared(method: &Method, network: &Network) -> Box<dyn Explainer> {
    explainer(method, network, 42, fill(method), Side::PCAM).unwrap()
}

fn explained(method: &Method, network: &Network, images: &Tensor, labels: &[u8], question: Question) -> Maps {
    let rows: Vec<i64> = (100..100 + labels.len() as i64).collect();
    let query = Query { images, labels, rows: &rows, question, at_once: 8 };
    prepared(method, network).explain(network, &query).unwrap()
}

/// Every method, with settings that no other test has.
fn methods() -> Vec<Method> {
    let smooth = Smooth { samples: 5, noise: 0.2, ..Default::default() };
    vec![
        grad_cam("conv4", Variant::HiRes),
        Method::Saliency(Saliency { smooth: None }),
        Method::Saliency(Saliency { smooth: Some(smooth) }),
        Method::Occlusion(Occlusion { window: 40, stride: 25, baseline: Baseline::Blur }),
        Method::IntegratedGradients(IntegratedGradients {
            steps: Steps::Count(10),
            baseline: Baseline::Mean,
            ..Default::default()
        }),
        Method::IntegratedGradients(IntegratedGradients {
            steps: Steps::Adaptive,
            tolerance: Some(0.05),
            baseline: Baseline::Blur,
            ..Default::default()
        }),
    ]
}

/// The methods that came later, likewise.
fn later_methods() -> Vec<Method> {
    let smooth = Smooth { samples: 3, noise: 0.2, statistic: Statistic::Variance };
    vec![
        Method::InputXGradient(InputXGradient { smooth: Some(smooth.clone()) }),
        Method::GradientShap(GradientShap { samples: 5, noise: 0.1, baseline: Baseline::Mean }),
        Method::Rise(Rise { masks: 9, cells: 5, probability: 0.3 }),
        Method::GuidedBackprop(GuidedBackprop { smooth: None }),
        Method::Lrp(Lrp { rule: LrpRule::Gamma, epsilon: 1e-5, gamma: 0.4 }),
        Method::DeepLift(DeepLift { baseline: Baseline::Blur }),
        grad_cam("relu4", Variant::PlusPlus),
        grad_cam("conv4", Variant::Layer),
        grad_cam("relu4", Variant::XGrad),
        grad_cam("relu4", Variant::ScoreCam),
        grad_cam("relu4", Variant::AblationCam),
    ]
}

/// max |a - b| / max |b|.
fn deviation(a: &[f32], b: &Tensor) -> f64 {
    let b = b.contiguous().view(-1);
    let scale = b.abs().max().double_value(&[]);
    assert!(scale > 0.0, "nothing to compare with");
    difference(&Tensor::from_slice(a), &b) / scale
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
    for layer in network.architecture().layers() {
        let method = grad_cam(&layer, Variant::HiRes);
        let [rows, columns] = prepared(&method, &network).arrays().native.unwrap();
        let maps = explained(&method, &network, &images, &[0, 1], LOGIT);
        assert_eq!((maps.map.len(), maps.native.len()), (2 * SIDE * SIDE, 2 * rows * columns), "{layer}");
        if rows == SIDE {
            assert_eq!(maps.map, maps.native, "{layer}");
        }
    }
}

#[test]
fn the_error_of_an_unknown_layer_suggests_one_and_lists_all() {
    let told = |layer| {
        let method = grad_cam(layer, Variant::Plain);
        format!("{:#}", explainer(&method, &tiny_network(1), 42, None, Side::PCAM).err().unwrap())
    };
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

/// Explains images in batches as the stage does, if `most` may be computed at once.
fn in_batches(
    explainer: &dyn Explainer,
    network: &Network,
    images: &Tensor,
    most: usize,
    threads: usize,
) -> Maps {
    let crew = Crew::new(Device::Cpu, threads).unwrap();
    let (at_once, size) = (crew.each(most), crew.images_at_once(most, explainer.passes()));
    let count = images.size()[0];
    let rows: Vec<i64> = (0..count).map(|at| 1000 - at).collect();
    let labels: Vec<u8> = rows.iter().map(|row| (row % 2) as u8).collect();
    let facts = labels.chunks(size).zip(rows.chunks(size));
    let parts = images.split(size as i64, 0).into_iter().zip(facts);
    parts.fold(Maps::default(), |mut all, (images, (labels, rows))| {
        let question = Question { target: Target::Label, score: Score::Probability };
        let query = Query { images: &images, labels, rows, question, at_once };
        all.append(crew.explain(explainer, network, &query).unwrap());
        all
    })
}

#[test]
fn maps_depend_on_neither_batch_nor_threads_and_the_network_does_not_change() {
    let network = tiny_network(6);
    let before: Vec<Tensor> = network.state().into_values().map(|tensor| tensor.copy()).collect();
    let images = noisy_patches(3, 3);
    for method in methods().into_iter().chain(later_methods()) {
        let explainer = prepared(&method, &network);
        let one = in_batches(&*explainer, &network, &images, 1, 1);
        assert_eq!(one.map.len(), 3 * SIDE * SIDE);
        for (most, threads) in [(7, 1), (64, 1), (1, 2), (64, 2)] {
            let other = in_batches(&*explainer, &network, &images, most, threads);
            let deviations = [
                (&other.map, &one.map),
                (&other.logits, &one.logits),
                (&other.attribution, &one.attribution),
            ]
            .map(|(other, one)| match one.is_empty() {
                true => other.len() as f64,
                false => deviation(other, &Tensor::from_slice(one)),
            });
            println!("{method:?}, {most} at once, {threads} threads: {deviations:?}");
            // The tolerances of the definitions: libtorch chooses kernels by the batch, and another kernel sums in
            // another order.
            assert!(deviations[0] <= 1e-4 && deviations[1] <= 1e-5 && deviations[2] <= 1e-4, "{method:?}");
            assert_eq!(other.deltas.len(), one.deltas.len());
        }
    }
    for (before, (name, now)) in before.iter().zip(network.state()) {
        assert_eq!(before, &now, "{name}");
        assert!(!now.requires_grad() && !now.grad().defined(), "{name}");
    }
}

/// By default each thread computes the same number of images at once, so the bits are the same.
#[test]
fn by_default_any_number_of_threads_gives_the_same_bits() {
    let network = tiny_network(2);
    let images = noisy_patches(3, 8);
    for method in methods() {
        let explainer = prepared(&method, &network);
        if explainer.passes() == 1 && !explainer.is_uneven() {
            continue; // The images are shared out, so each thread computes another number of them.
        }
        let of = |threads| {
            let most = Crew::new(Device::Cpu, threads).unwrap().usual_batch(Device::Cpu);
            in_batches(&*explainer, &network, &images, most, threads)
        };
        // Not one thread: then libtorch uses its own threads, whose number depends on other tests.
        assert!(of(2) == of(3), "{method:?}");
    }
}

#[test]
fn the_noise_of_an_image_depends_on_its_row() {
    let network = tiny_network(2);
    let images = noisy_patches(1, 3).repeat([2, 1, 1, 1]);
    let of = |rows: [i64; 2], seed| {
        let method = &methods()[2];
        let question = LOGIT;
        let query = Query { images: &images, labels: &[0, 0], rows: &rows, question, at_once: 3 };
        explainer(method, &network, seed, None, Side::PCAM).unwrap().explain(&network, &query).unwrap().map
    };
    let (first, second) = (of([3, 4], 1), of([4, 3], 1));
    let half = SIDE * SIDE;
    assert!(first[..half] == second[half..] && first[half..] == second[..half]);
    assert!(first[..half] != first[half..]);
    assert!(of([3, 4], 2) != first);
}

#[test]
fn copies_are_limited_and_every_thread_has_work() {
    let two = Crew::new(Device::Cpu, 2).unwrap();
    // One copy per image: as many images as allowed.
    assert_eq!((two.each(16), two.images_at_once(16, 1)), (8, 16));
    // 121 copies per image: one image each, eight copies at a time.
    assert_eq!((two.each(16), two.images_at_once(16, 121)), (8, 2));
    // Four copies per image: four images, sixteen copies.
    assert_eq!(two.images_at_once(16, 4), 4);
    // Memory for one copy: one image at a time.
    assert_eq!((two.each(1), two.images_at_once(1, 121)), (1, 1));
    let gpu = Crew::new(Device::Cuda(0), 2).unwrap();
    assert_eq!((gpu.each(512), gpu.images_at_once(512, 121)), (512, 4));
}

#[test]
fn a_crew_restores_the_threads_of_libtorch() {
    let before = tch::get_num_threads();
    drop(Crew::new(Device::Cpu, 3).unwrap());
    assert_eq!(tch::get_num_threads(), before);
}
