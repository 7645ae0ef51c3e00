//! Closed forms of the methods that attribute, and expected values of those that draw.

use pcamflow::stages::explain::{
    DeepLift, GradientShap, GuidedBackprop, InputXGradient, Lrp, Rise, Rule, Statistic,
};
use tch::no_grad;

use super::*;
use crate::model::testing::{as_if_trained, hidden_network, noisy_patches_of, small_resnet};

const SMALL: usize = 32;
const HIDDEN: usize = 5;

/// z = sum_h v_h max(<w_h, x> + b_h, 0) + c: between an image and a baseline, each unit changes its state at most once.
struct Hidden {
    /// [HIDDEN, 3, S, S]
    weight: Tensor,
    /// [HIDDEN, 1, 1, 1] each.
    bias: Tensor,
    outer: Tensor,
    network: Network,
    /// [1, 3, S, S]
    image: Tensor,
}

impl Hidden {
    fn new() -> Self {
        let column =
            |values: [f64; HIDDEN]| Tensor::from_slice(&values).to_kind(Kind::Float).view([-1, 1, 1, 1]);
        let weight = (noisy_patches_of(HIDDEN as i64, SMALL as i64, 3) - 0.5) / 20.0;
        let (bias, outer) = (column([0.1, -0.2, 0.3, 0.05, -0.4]), column([1.0, -0.7, 0.5, -1.5, 0.8]));
        let network = hidden_network(&weight, &bias, &outer, 0.25);
        Self { weight, bias, outer, network, image: noisy_patches_of(1, SMALL as i64, 8) }
    }

    /// The inputs of the ReLUs, [HIDDEN, 1, 1, 1] in float64.
    fn before(&self, image: &Tensor) -> Tensor {
        let products = (&self.weight * image).sum_dim_intlist([1, 2, 3].as_slice(), true, Kind::Double);
        products + &self.bias
    }

    /// sum_h v_h factor_h w_h, [1, 3, S, S].
    fn combined(&self, factors: &Tensor) -> Tensor {
        (factors * &self.outer * &self.weight).sum_dim_intlist([0].as_slice(), true, Kind::Double)
    }

    fn active(&self) -> Tensor {
        self.before(&self.image).gt(0.0).to_kind(Kind::Double)
    }

    /// x - x' times the mean gradient on the line from the baseline.
    fn integrated(&self, baseline: f64) -> Tensor {
        let from = self.image.full_like(baseline);
        let [start, end] = [&from, &self.image].map(|image| self.before(image));
        let shares = (end.relu() - start.relu()) / (end - start);
        self.combined(&shares) * (&self.image - from)
    }

    fn maps(&self, method: &Method, seed: u64) -> Maps {
        let query = Query { images: &self.image, labels: &[1], rows: &[3], question: LOGIT, at_once: 16 };
        let side = Side::new(SMALL).unwrap();
        explainer(method, &self.network, seed, fill(method), side)
            .unwrap()
            .explain(&self.network, &query)
            .unwrap()
    }

    fn attribution(&self, method: &Method) -> Vec<f32> {
        self.maps(method, 42).attribution
    }
}

#[test]
fn a_hidden_layer_has_the_attributions_of_its_closed_forms() {
    let case = Hidden::new();
    let states = case.active().sum(Kind::Double).double_value(&[]);
    assert!(states > 0.0 && states < HIDDEN as f64, "no ReLU is closed, or all are");
    let gradient = case.combined(&case.active());
    let times = &gradient * &case.image;
    let near = |method: &Method, wanted: &Tensor| {
        let off = deviation(&case.attribution(method), wanted);
        assert!(off < 1e-5, "{method:?}: {off}");
    };
    near(&Method::InputXGradient(InputXGradient::default()), &times);
    // Nothing but ReLUs is between the sums, so relevance is the same.
    near(&Method::Lrp(Lrp { epsilon: 1e-12, ..Lrp::default() }), &times);
    let positive = case.active() * case.outer.gt(0.0).to_kind(Kind::Double);
    near(&Method::GuidedBackprop(GuidedBackprop::default()), &case.combined(&positive));
    // Each unit changes its state once, so the ratio of differences is the mean derivative.
    for value in [0.0, 0.75] {
        let baseline = Baseline::Value(value);
        near(&Method::DeepLift(DeepLift { baseline }), &case.integrated(value));
    }
}

#[test]
fn differences_are_complete_for_every_scalar() {
    let network = tiny_network(6);
    let images = noisy_patches(2, 9);
    let method = Method::DeepLift(DeepLift { baseline: Baseline::Blur });
    for target in [Target::Tumor, Target::Predicted, Target::Label] {
        for score in [Score::Logit, Score::Probability] {
            let maps = explained(&method, &network, &images, &[0, 1], Question { target, score });
            let sums = maps
                .map
                .chunks_exact(SIDE * SIDE)
                .map(|map| map.iter().map(|&it| f64::from(it)).sum::<f64>());
            let baselines = no_grad(|| network.forward(&Fill::Blur.of(&images)).unwrap());
            for (index, sum) in sums.enumerate() {
                let scalar = Question { target, score }.scalar(maps.logits[index], [0, 1][index]);
                let from = baselines.double_value(&[index as i64]) as f32;
                let change = scalar.value(maps.logits[index]) - scalar.value(from);
                assert!((sum - change).abs() < 1e-4 * change.abs(), "{target:?} {score:?}: {sum} {change}");
                assert!(maps.deltas[index].relative < 1e-4, "{:?}", maps.deltas);
            }
        }
    }
}

/// The mean of 12 stages with other seeds, within three standard errors of the closed form.
#[test]
fn gradient_shap_has_the_expected_value_of_integrated_gradients() {
    let case = Hidden::new();
    let settings = |noise| GradientShap { samples: 100, noise, baseline: Baseline::Value(0.75) };
    let exact = Vec::<f64>::try_from(case.integrated(0.75).sum_dim_intlist(
        [0, 2, 3].as_slice(),
        false,
        Kind::Double,
    ));
    let exact = exact.unwrap();
    let runs: Vec<Vec<f64>> = (0..12)
        .map(|seed| {
            let maps = case.maps(&Method::GradientShap(settings(0.0)), seed);
            let channel = |values: &[f32]| values.iter().map(|&it| f64::from(it)).sum::<f64>();
            maps.attribution.chunks_exact(SMALL * SMALL).map(channel).collect()
        })
        .collect();
    for channel in 0..3 {
        let values: Vec<f64> = runs.iter().map(|run| run[channel]).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let error = (values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
        assert!(error > 0.0, "nothing was drawn");
        assert!((mean - exact[channel]).abs() < 3.0 * error, "{mean} {} {error}", exact[channel]);
    }
    // Noise changes the copies.
    let of = |noise| case.maps(&Method::GradientShap(settings(noise)), 1).attribution;
    assert!(of(0.0) != of(0.2));
}

#[test]
fn noise_does_not_change_the_gradient_of_a_linear_network() {
    let weight = (noisy_patches(1, 77).squeeze_dim(0) - 0.5) / 100.0;
    let network = linear_network(&weight, -1.0);
    let images = noisy_patches(1, 5);
    let of = |statistic| {
        let smooth = Some(Smooth { samples: 7, noise: 0.3, statistic });
        explained(&Method::Saliency(Saliency { smooth }), &network, &images, &[1], LOGIT)
    };
    assert!(deviation(&of(Statistic::Square).attribution, &weight.square()) < 1e-6);
    let largest = weight.abs().amax([0].as_slice(), false);
    assert!(deviation(&of(Statistic::Square).map, &largest.square()) < 1e-6);
    let most = largest.square().max().double_value(&[]);
    assert!(of(Statistic::Variance).map.iter().all(|&it| f64::from(it) < 1e-9 * most));
}

/// The variance of w (x + e - x') over e ~ N(0, s^2) is w^2 s^2.
#[test]
fn the_variance_of_integrated_gradients_is_that_of_the_noise() {
    let weight = (noisy_patches_of(1, SMALL as i64, 77).squeeze_dim(0) - 0.5) / 100.0;
    let network = linear_network(&weight, -1.0);
    let image = noisy_patches_of(1, SMALL as i64, 5);
    let samples = 40;
    let smooth = Some(Smooth { samples, noise: 0.2, statistic: Statistic::Variance });
    let settings =
        IntegratedGradients { rule: Rule::Midpoint, steps: Steps::Count(2), smooth, ..Default::default() };
    let method = Method::IntegratedGradients(settings);
    let query = Query { images: &image, labels: &[1], rows: &[3], question: LOGIT, at_once: 16 };
    let explainer = explainer(&method, &network, 1, fill(&method), Side::new(SMALL).unwrap()).unwrap();
    let maps = explainer.explain(&network, &query).unwrap();
    let deviation = 0.2 * (image.max() - image.min()).double_value(&[]);
    let wanted = (weight * deviation).square().sum(Kind::Double).double_value(&[]);
    // Of samples - 1 degrees of freedom; three standard errors of a sum over 3,072 values with unequal weights.
    let share = f64::from(samples - 1) / f64::from(samples);
    let got: f64 = maps.attribution.iter().map(|&it| f64::from(it)).sum();
    assert!((got / (wanted * share) - 1.0).abs() < 3.0 * (2.0 / 39.0_f64 / 1500.0).sqrt(), "{got} {wanted}");
    assert!(
        maps.deltas.is_empty() && explainer.display().title.starts_with("VarGrad of integrated gradients")
    );
}

/// With 2 x 2 cells there are 16 grids and 256 places: the expected value and its variance are sums over all of them.
#[test]
fn rise_has_its_expected_value() {
    const CELL: i64 = 16;
    const PROBABILITY: f64 = 0.4;
    let weight = (noisy_patches_of(1, SMALL as i64, 77).squeeze_dim(0) - 0.5) / 10.0;
    let network = linear_network(&weight, 0.5);
    let image = noisy_patches_of(1, SMALL as i64, 5);
    let pixels = (&image * &weight).sum_dim_intlist([1].as_slice(), true, Kind::Double);
    let zeros = || Tensor::zeros([1, 1, SMALL as i64, SMALL as i64], (Kind::Double, Device::Cpu));
    let (mut mean, mut square) = (zeros(), zeros());
    for grid in 0..16_u32 {
        let cells: Vec<f32> = (0..4).map(|cell| (grid >> cell & 1) as f32).collect();
        let large = Tensor::from_slice(&cells).view([1, 1, 2, 2]).upsample_bilinear2d(
            [3 * CELL; 2],
            false,
            None,
            None,
        );
        let shown = grid.count_ones() as i32;
        let weight = PROBABILITY.powi(shown) * (1.0 - PROBABILITY).powi(4 - shown) / (CELL * CELL) as f64;
        for (row, column) in (0..CELL).flat_map(|row| (0..CELL).map(move |column| (row, column))) {
            let mask =
                large.narrow(2, row, SMALL as i64).narrow(3, column, SMALL as i64).to_kind(Kind::Double);
            let score = (&pixels * &mask).sum(Kind::Double).double_value(&[]) + 0.5;
            let term = mask * (score / PROBABILITY);
            mean += &term * weight;
            square += term.square() * weight;
        }
    }
    let masks = 4000;
    let settings = Rise { masks, cells: 2, probability: PROBABILITY };
    let query = Query { images: &image, labels: &[1], rows: &[3], question: LOGIT, at_once: 100 };
    let method = Method::Rise(settings);
    let explainer = explainer(&method, &network, 5, None, Side::new(SMALL).unwrap()).unwrap();
    let got = Tensor::from_slice(&explainer.explain(&network, &query).unwrap().map).to_kind(Kind::Double);
    let error = ((square - mean.square()) / f64::from(masks)).sqrt();
    let off = (got.view([1, 1, SMALL as i64, SMALL as i64]) - &mean) / error;
    assert!(off.abs().max().double_value(&[]) < 3.0, "{}", off.abs().max());
    assert!(off.abs().max().double_value(&[]) > 0.1, "the errors are too large to find anything");
}

/// Only a mean and a linear layer follow the last stage: without channel k, the logit falls by w_k times its mean.
#[test]
fn what_ablation_takes_away_is_the_share_of_a_channel() {
    let network = as_if_trained(small_resnet(7));
    let images = noisy_patches(1, 8);
    let activation = network.forward_with_taps(&images, None).tap("layer2").unwrap().detach();
    let logit = network.forward(&images).unwrap().double_value(&[0]);
    let means = activation.mean_dim([2, 3].as_slice(), true, Kind::Double);
    // The predicted class has the sign of the logit, and its score is the magnitude.
    let weights = network.state()["fc.weight"].view([1, 8, 1, 1]) * means / logit;
    let wanted = (weights * &activation).sum_dim_intlist([1].as_slice(), false, Kind::Double).relu();
    let question = Question { target: Target::Predicted, score: Score::Logit };
    let maps = explained(&grad_cam("layer2", Variant::AblationCam), &network, &images, &[0], question);
    assert!(deviation(&maps.native, &wanted) < 1e-4);
}

#[test]
fn a_layer_whose_activations_can_be_negative_is_refused_by_the_variants_that_need_amounts() {
    let network = tiny_network(1);
    for (variant, layer, fits) in [
        (Variant::PlusPlus, "conv4", false),
        (Variant::XGrad, "bn2", false),
        (Variant::AblationCam, "conv1", false),
        (Variant::AblationCam, "pool3", true),
        (Variant::Layer, "conv4", true),
        (Variant::ScoreCam, "bn4", true),
    ] {
        let made = explainer(&grad_cam(layer, variant), &network, 42, None, Side::PCAM);
        assert_eq!(made.is_ok(), fits, "{variant:?} {layer}");
        if let Err(error) = made {
            assert!(
                format!("{error:#}").contains("write a layer after a ReLU, such as `relu4`"),
                "{error:#}"
            );
        }
    }
}
