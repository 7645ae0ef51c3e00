//! Networks with maps in closed form.

use pcamflow::stages::explain::Rule;

use super::*;

const PIXELS: usize = SIDE * SIDE;

/// z = <w, x> - 1 with w [3, 96, 96] of either sign, and two images.
fn linear() -> (Tensor, Network, Tensor) {
    let weight = (noisy_patches(1, 77).squeeze_dim(0) - 0.5) / 100.0;
    let network = linear_network(&weight, -1.0);
    (weight, network, noisy_patches(2, 5))
}

fn plain(network: &Network, images: &Tensor, method: &Method) -> Maps {
    explained(method, network, images, &[0, 1], LOGIT)
}

fn integrated(rule: Rule, steps: u32, baseline: Baseline) -> Method {
    Method::IntegratedGradients(IntegratedGradients {
        rule,
        steps: Steps::Count(steps),
        baseline,
        tolerance: None,
        smooth: None,
    })
}

#[test]
fn saliency_of_a_linear_network_is_its_largest_weight() {
    let (weight, network, images) = linear();
    let maps = plain(&network, &images, &Method::Saliency(Saliency { smooth: None }));
    let twice = |tensor: &Tensor| tensor.unsqueeze(0).repeat([2, 1, 1, 1]);
    assert_eq!(deviation(&maps.attribution, &twice(&weight)), 0.0);
    assert_eq!(deviation(&maps.map, &twice(&weight.abs().amax([0].as_slice(), true))), 0.0);
    // Noise does not change a gradient that is the same everywhere.
    let smooth = Saliency { smooth: Some(Smooth { samples: 11, noise: 0.5, ..Default::default() }) };
    let smoothed = plain(&network, &images, &Method::Saliency(smooth));
    assert!(deviation(&smoothed.map, &Tensor::from_slice(&maps.map)) < 1e-6);
    assert!(deviation(&smoothed.attribution, &Tensor::from_slice(&maps.attribution)) < 1e-6);
}

#[test]
fn integrated_gradients_of_a_linear_network_are_exact_with_any_rule() {
    let (weight, network, images) = linear();
    for (baseline, from) in [
        (Baseline::Black, images.zeros_like()),
        (Baseline::White, images.ones_like()),
        (Baseline::Value(0.25), images.full_like(0.25)),
        (Baseline::Mean, setup_mean(&images)),
        (Baseline::Blur, Fill::Blur.of(&images)),
    ] {
        for rule in [Rule::GaussLegendre, Rule::Midpoint, Rule::Trapezoid] {
            let maps = plain(&network, &images, &integrated(rule, 2, baseline));
            let wanted = (&images - &from) * &weight;
            assert!(deviation(&maps.attribution, &wanted) < 1e-6, "{baseline} {rule:?}");
            let map = wanted.sum_dim_intlist([1].as_slice(), false, Kind::Float);
            assert!(deviation(&maps.map, &map) < 1e-6, "{baseline} {rule:?}");
            // Only the rounding of two float32 logits remains, sums of 27,648 products.
            assert!(maps.deltas.iter().all(|it| it.delta.abs() < 1e-4), "{:?}", maps.deltas);
        }
    }
}

fn setup_mean(images: &Tensor) -> Tensor {
    Tensor::from_slice(&[0.75_f32, 0.5, 0.625]).view([1, 3, 1, 1]).expand_as(images)
}

/// A window changes the score by <w, x - b> over its pixels.
#[test]
fn occlusion_of_a_linear_network_is_the_weight_of_its_windows() {
    let (weight, network, images) = linear();
    let (window, stride) = (20, 12);
    let baseline = Baseline::Value(0.5);
    let settings = Occlusion { window, stride, baseline };
    let maps = plain(&network, &images, &Method::Occlusion(settings));
    let pixels = ((&images - 0.5) * &weight).sum_dim_intlist([1].as_slice(), false, Kind::Double);
    for image in 0..2 {
        let lost = Vec::<f64>::try_from(pixels.select(0, image).contiguous().view(-1)).unwrap();
        let mut wanted = vec![(0.0, 0.0); PIXELS];
        for (row, column) in (0..8).flat_map(|row| (0..8).map(move |column| (12 * row, 12 * column))) {
            let span = |start: usize| start..(start + 20).min(96);
            let inside: Vec<usize> =
                span(row).flat_map(|row| span(column).map(move |column| row * 96 + column)).collect();
            let sum: f64 = inside.iter().map(|&at| lost[at]).sum();
            inside.iter().for_each(|&at| wanted[at] = (wanted[at].0 + sum, wanted[at].1 + 1.0));
        }
        let wanted: Vec<f32> = wanted.into_iter().map(|(sum, windows)| (sum / windows) as f32).collect();
        let got = &maps.map[image as usize * PIXELS..][..PIXELS];
        // The rounding of two float32 logits is not relative to their difference.
        assert!(deviation(got, &Tensor::from_slice(&wanted)) < 1e-4);
    }
}

#[test]
fn a_window_over_the_whole_image_removes_the_whole_score() {
    let (_, network, images) = linear();
    let baseline = Baseline::White;
    let method = Method::Occlusion(Occlusion { window: 96, stride: 96, baseline });
    let saliency = Method::Saliency(Saliency { smooth: None });
    let white = plain(&network, &images.ones_like(), &saliency).logits;
    for score in [Score::Logit, Score::Probability] {
        let question = Question { target: Target::Label, score };
        let maps = explained(&method, &network, &images, &[0, 1], question);
        for (index, map) in maps.map.chunks_exact(PIXELS).enumerate() {
            let scalar = question.scalar(maps.logits[index], index as u8);
            let wanted = (scalar.value(maps.logits[index]) - scalar.value(white[index])) as f32;
            // Only one of the logits is computed alone, so the order of summation may differ.
            assert!(map.iter().all(|value| (value - wanted).abs() < 1e-4), "{} {wanted}", map[0]);
        }
    }
}

/// Without biases and running means the network is positively homogeneous: its gradient is constant along the line
/// from black, and by Euler's theorem gradient times image is complete.
#[test]
fn from_black_integrated_gradients_of_a_homogeneous_network_are_gradient_times_image() {
    let network = tiny_network(3);
    tch::no_grad(|| {
        for (name, mut tensor) in network.state() {
            if name.ends_with("bias") || name.ends_with("running_mean") {
                let _ = tensor.zero_();
            }
        }
    });
    let images = noisy_patches(2, 6);
    let gradient = plain(&network, &images, &Method::Saliency(Saliency { smooth: None })).attribution;
    let wanted = Tensor::from_slice(&gradient).view([2, 3, 96, 96]) * &images;
    // Midpoint nodes are inside, where not all activations are 0.
    let maps = plain(&network, &images, &integrated(Rule::Midpoint, 3, Baseline::Black));
    assert!(deviation(&maps.attribution, &wanted) < 1e-3);
    assert!(maps.deltas.iter().all(|it| it.relative < 1e-4), "{:?}", maps.deltas);
}

#[test]
fn integrated_gradients_are_complete_for_every_scalar() {
    let network = tiny_network(6);
    let images = noisy_patches(2, 9);
    let method = integrated(Rule::GaussLegendre, 60, Baseline::Blur);
    for target in [Target::Tumor, Target::Predicted, Target::Label] {
        for score in [Score::Logit, Score::Probability] {
            let question = Question { target, score };
            let maps = explained(&method, &network, &images, &[0, 1], question);
            let sums = maps.map.chunks_exact(PIXELS).map(|map| map.iter().map(|&it| f64::from(it)).sum());
            let blurred = explained(
                &Method::Saliency(Saliency { smooth: None }),
                &network,
                &Fill::Blur.of(&images),
                &[0; 2],
                LOGIT,
            );
            for (index, sum) in sums.enumerate() {
                let sum: f64 = sum;
                let scalar = question.scalar(maps.logits[index], [0, 1][index]);
                let change = scalar.value(maps.logits[index]) - scalar.value(blurred.logits[index]);
                let off = (sum - change).abs() / change.abs();
                assert!(off < 0.05, "{question:?}: {sum} {change}");
                let delta = &maps.deltas[index];
                assert!((sum - change - delta.delta).abs() < 1e-5 && delta.relative < 0.05, "{delta:?}");
            }
        }
    }
}

/// Altered copies keep the explained class of their image.
#[test]
fn target_and_score_change_sign_and_scale_of_every_map() {
    let (_, network, images) = linear();
    let logits = plain(&network, &images, &Method::Saliency(Saliency { smooth: None })).logits;
    assert!(logits.iter().all(|&logit| logit < 0.0), "{logits:?}");
    for method in methods().into_iter().skip(1) {
        let of = |target, score| explained(&method, &network, &images, &[0, 1], Question { target, score });
        let tumor = of(Target::Tumor, Score::Logit);
        let predicted = of(Target::Predicted, Score::Logit);
        let signed = !matches!(method, Method::Saliency(_));
        let turned: Vec<f32> = tumor.map.iter().map(|&it| if signed { -it } else { it }).collect();
        assert!(deviation(&predicted.map, &Tensor::from_slice(&turned)) < 1e-6, "{method:?}");
        let label = of(Target::Label, Score::Logit);
        assert!(label.map[..PIXELS] == predicted.map[..PIXELS] && label.map[PIXELS..] == tumor.map[PIXELS..]);
        if matches!(method, Method::Occlusion(_)) {
            continue; // The mean over windows with both signs has no bound.
        }
        let probability = of(Target::Tumor, Score::Probability);
        assert!(probability.map.iter().zip(&tumor.map).all(|(p, z)| p.abs() <= z.abs() / 4.0 + 1e-7));
    }
}
