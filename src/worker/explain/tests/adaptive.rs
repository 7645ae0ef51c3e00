//! Adaptive integrated gradients: the maps of a fixed rule with many steps, from fewer steps.

use super::*;

/// Within 8 nodes of the most that an image gets.
const FULL: std::ops::RangeInclusive<usize> = 505..=512;

fn adaptive(tolerance: f64, baseline: Baseline) -> Method {
    let (steps, tolerance) = (Steps::Adaptive, Some(tolerance));
    Method::IntegratedGradients(IntegratedGradients { steps, tolerance, baseline, ..Default::default() })
}

fn fixed(steps: u32, baseline: Baseline) -> Method {
    let steps = Steps::Count(steps);
    Method::IntegratedGradients(IntegratedGradients { steps, baseline, ..Default::default() })
}

fn steps(maps: &Maps) -> Vec<usize> {
    maps.deltas.iter().map(|it| it.steps).collect()
}

#[test]
fn they_equal_a_fixed_rule_with_many_steps_within_the_tolerance() {
    let (network, images) = (tiny_network(6), noisy_patches(2, 9));
    for baseline in [Baseline::Black, Baseline::Blur] {
        let of = |method: &Method| explained(method, &network, &images, &[0, 1], LOGIT);
        let exact = of(&fixed(500, baseline));
        let mut before = vec![0; 2];
        for tolerance in [0.1, 0.01] {
            let maps = of(&adaptive(tolerance, baseline));
            let off = deviation(&maps.attribution, &Tensor::from_slice(&exact.attribution));
            println!("{baseline}, {tolerance}: {:?} steps, {off:.1e} off", steps(&maps));
            assert!(
                maps.deltas.iter().all(|it| it.relative <= tolerance || FULL.contains(&it.steps)),
                "{:?}",
                maps.deltas
            );
            assert!(steps(&maps).iter().zip(&before).all(|(now, before)| now >= before), "{before:?}");
            before = steps(&maps);
        }
        let close = of(&adaptive(1e-9, baseline));
        let off = deviation(&close.attribution, &Tensor::from_slice(&exact.attribution));
        println!("{baseline}: {:?} steps are {off:.1e} off", steps(&close));
        assert!(off < 1e-2 && steps(&close).iter().all(|it| FULL.contains(it)), "{off} {:?}", steps(&close));
    }
}

/// A gradient that is the same everywhere needs no more than the first nodes, and some to confirm them.
#[test]
fn a_linear_network_needs_the_fewest_steps() {
    let weight = (noisy_patches(1, 77).squeeze_dim(0) - 0.5) / 100.0;
    let (network, images) = (linear_network(&weight, -1.0), noisy_patches(2, 5));
    let maps = explained(&adaptive(1e-3, Baseline::White), &network, &images, &[0, 1], LOGIT);
    assert_eq!(steps(&maps), [15, 15]);
    assert!(deviation(&maps.attribution, &((&images - 1.0) * &weight)) < 1e-6);
}

#[test]
fn an_image_that_is_not_finite_does_not_get_more_steps() {
    let (network, images) = (tiny_network(6), noisy_patches(2, 9));
    let _ = images.get(0).fill_(f64::NAN);
    let maps = explained(&adaptive(1e-9, Baseline::Black), &network, &images, &[0, 1], LOGIT);
    assert!(steps(&maps)[0] == 8 && FULL.contains(&steps(&maps)[1]), "{:?}", steps(&maps));
    assert!(maps.deltas[0].relative.is_nan() && maps.deltas[1].relative.is_finite());
}

/// The nodes of all images in one batch, or each image alone.
#[test]
fn images_that_are_computed_together_are_as_alone() {
    let (network, images) = (tiny_network(6), noisy_patches(3, 3));
    let method = adaptive(0.05, Baseline::Mean);
    let explainer = prepared(&method, &network);
    let of = |images: &Tensor, at_once| {
        let count = images.size()[0] as usize;
        let query =
            Query { images, labels: &vec![1; count], rows: &vec![0; count], question: LOGIT, at_once };
        explainer.explain(&network, &query).unwrap()
    };
    let alone = (0..3).map(|at| of(&images.narrow(0, at, 1), 8)).fold(Maps::default(), |mut all, one| {
        all.append(one);
        all
    });
    assert!(of(&images, 8) == alone, "not the same bits");
    for at_once in [5, 40, 1000] {
        let together = of(&images, at_once);
        assert_eq!(steps(&together), steps(&alone), "{at_once}");
        let off = deviation(&together.attribution, &Tensor::from_slice(&alone.attribution));
        println!("{at_once} at once: {off:.1e} off");
        assert!(off < 1e-4, "{at_once}: {off}");
    }
}

/// On trained networks and real patches: as complete as doubled steps, which compute every rule anew, from fewer
/// gradients. A small change of the score makes the relative delta large, so that no number of steps is enough for some images.
#[test]
fn on_the_reference_networks_they_save_gradients() {
    for reference in crate::model::testing::explained_references() {
        let (network, images) = trained(&reference);
        let of =
            |method: &Method| explained(method, &network, &images.narrow(0, 0, 3), &[1; 3], LOGIT).deltas;
        let settings = IntegratedGradients { tolerance: Some(0.02), ..Default::default() };
        let few = of(&adaptive(0.02, Baseline::Black));
        let many = of(&Method::IntegratedGradients(settings));
        let gradients: usize = few.iter().map(|it| it.steps).sum();
        let each = many.iter().flat_map(|it| [50, 100, 200, 400, 800].into_iter().filter(|n| *n <= it.steps));
        let doubled: usize = each.sum();
        println!("{gradients} gradients in place of {doubled}: {few:?}");
        assert!(few.iter().all(|it| it.relative <= 0.02 || FULL.contains(&it.steps)), "{few:?}");
        assert!(gradients < doubled, "{gradients} {doubled}");
    }
}

/// Captum's maps have 50 steps of another rule, so they differ by what 50 steps leave open.
#[test]
fn they_are_near_captums_maps() {
    let Some(reference) = reference("explain.safetensors") else { return };
    let (network, images) = trained(&reference);
    let images = images.narrow(0, 0, 4);
    for (name, baseline) in [("ig.gauss-legendre", Baseline::Black), ("ig.white", Baseline::White)] {
        let maps = explained(&adaptive(0.01, baseline), &network, &images, &[1; 4], LOGIT);
        let off = deviation(&maps.attribution, &get(&reference, name).narrow(0, 0, 4));
        println!("{name}: {:?} steps, {off:.3} off", steps(&maps));
        assert!(off < 0.1, "{name}: {off}");
    }
}

/// The network and the patches of a reference.
fn trained(reference: &[(String, Tensor)]) -> (Network, Tensor) {
    let file = weights(reference, "model.");
    let network = Network::new(&architecture_of(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
    (network, get(reference, "images").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0)
}
