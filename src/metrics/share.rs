//! The interval of a share of images; also shares of 0 and 1 have one with a width.
//!
//! Wilson's score interval (1927). Patches of one slide are alike, so if slides are known the images count as
//! fewer: n / deff, with the design effect of the shares per slide (Korn & Graubard 1998; with Wilson's
//! interval in Franco et al. 2019), and Student's t instead of the normal quantile, because the variation
//! between slides is estimated from few of them. The design effect is between 1 (slides do not matter) and
//! sum n_i^2 / n (all patches of a slide are alike). A share of 0 or 1 says nothing about how slides differ;
//! then the latter is assumed.

use std::collections::BTreeMap;

use super::Interval;

/// The interval of the share of hits. Each image has its slide, if slides are known. `None` without images, and
/// if they are of one slide.
pub(super) fn share_interval(
    images: impl IntoIterator<Item = (bool, Option<usize>)>,
    level: f64,
) -> Option<Interval> {
    let mut slides: BTreeMap<Option<usize>, (f64, f64)> = BTreeMap::new();
    for (hit, slide) in images {
        let (hits, all) = slides.entry(slide).or_default();
        *hits += f64::from(u8::from(hit));
        *all += 1.0;
    }
    let clustered = slides.keys().any(Option::is_some);
    let slides: Vec<(f64, f64)> = slides.into_values().collect();
    let (hits, all) = slides.iter().fold((0.0, 0.0), |sum, slide| (sum.0 + slide.0, sum.1 + slide.1));
    match (slides.len(), clustered) {
        (0, _) | (1, true) => None,
        (_, false) => Some(wilson(hits / all, all, normal(level))),
        (_, true) => Some(by_slide(&slides, hits / all, all, level)),
    }
}

fn by_slide(slides: &[(f64, f64)], share: f64, all: f64, level: f64) -> Interval {
    let alike = slides.iter().map(|(_, images)| images * images).sum::<f64>() / all;
    if share == 0.0 || share == 1.0 {
        return wilson(share, all / alike, normal(level));
    }
    let count = slides.len() as f64;
    let squares: f64 = slides.iter().map(|(hits, images)| (hits - share * images).powi(2)).sum();
    let variance = count / (count - 1.0) * squares / (all * all);
    let effect = (variance / (share * (1.0 - share) / all)).clamp(1.0, alike);
    // If each image has its own slide, the interval is that of images.
    let wider = student(level, count - 1.0) / student(level, all - 1.0);
    wilson(share, all / effect, normal(level) * wider)
}

/// Wilson's interval of a share of `n` images; `z` is the quantile of the level.
fn wilson(share: f64, n: f64, z: f64) -> Interval {
    let weight = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / weight;
    let half = z / weight * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    // Without rounding errors these ends are exact.
    let low = if share == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if share == 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high }
}

/// The z for which a share `level` of the normal distribution is between -z and z, by Newton's method on the
/// series of its integral. From 0 it approaches z from below, because the density falls.
fn normal(level: f64) -> f64 {
    let mut z: f64 = 0.0;
    for _ in 0..60 {
        let (mut term, mut sum, mut odd) = (z, z, 1.0);
        while term > 1e-17 * sum {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        let twice_density = (-z * z / 2.0).exp() * std::f64::consts::FRAC_2_PI.sqrt();
        z += level / twice_density - sum;
    }
    z
}

/// The same for Student's distribution: exact for one degree of freedom, otherwise Abramowitz and Stegun
/// 26.7.5, whose error is 1 % for two degrees and smaller for more.
fn student(level: f64, freedom: f64) -> f64 {
    if freedom <= 1.0 {
        return (std::f64::consts::FRAC_PI_2 * level).tan();
    }
    let z = normal(level);
    let power = |exponent| z.powi(exponent);
    let terms = [
        (power(3) + z) / 4.0,
        (5.0 * power(5) + 16.0 * power(3) + 3.0 * z) / 96.0,
        (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * z) / 384.0,
        (79.0 * power(9) + 776.0 * power(7) + 1482.0 * power(5) - 1920.0 * power(3) - 945.0 * z) / 92160.0,
    ];
    z + (1..).zip(terms).map(|(order, term)| term / freedom.powi(order)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn images(hits: usize, all: usize) -> Vec<(bool, Option<usize>)> {
        (0..all).map(|at| (at < hits, None)).collect()
    }

    /// Slides, each with its number of hits and of images.
    fn slides(of: &[(usize, usize)]) -> Vec<(bool, Option<usize>)> {
        let slides = of.iter().enumerate();
        slides.flat_map(|(slide, &(hits, all))| (0..all).map(move |at| (at < hits, Some(slide)))).collect()
    }

    fn close(got: Interval, low: f64, high: f64) {
        assert!((got.low - low).abs() < 5e-5 && (got.high - high).abs() < 5e-5, "{got:?}");
    }

    #[test]
    fn quantiles_are_those_of_tables() {
        for (level, z) in [(0.5, 0.674_489_750_2), (0.95, 1.959_963_984_5), (0.999, 3.290_526_731_5)] {
            assert!((normal(level) - z).abs() < 1e-9, "{level}: {}", normal(level));
        }
        for (freedom, t) in [(1.0, 12.7062), (2.0, 4.3027), (5.0, 2.5706), (9.0, 2.2622), (99.0, 1.9842)] {
            let got = student(0.95, freedom);
            assert!((got / t - 1.0).abs() < if freedom < 3.0 { 0.01 } else { 1e-3 }, "{freedom}: {got}");
        }
    }

    #[test]
    fn is_wilsons_interval_of_the_literature() {
        // Newcombe (1998), table I, method 3.
        for (hits, all, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            close(share_interval(images(hits, all), 0.95).unwrap(), low, high);
        }
        // 14 of 14: 14 / (14 + 1.96^2)
        close(share_interval(images(14, 14), 0.95).unwrap(), 0.7847, 1.0);
        assert_eq!(share_interval(images(0, 0), 0.95), None);
    }

    #[test]
    fn alike_patches_count_as_one() {
        // Ten slides of ten patches that share their fate: 5 of 10, with t of 9 and not of 99 degrees.
        let alike: Vec<_> = (0..10).map(|at| (10 * (at % 2), 10)).collect();
        let z = 1.959_963_985 * 2.262_157_163 / 1.984_216_952;
        let expected = wilson(0.5, 10.0, z);
        let got = share_interval(slides(&alike), 0.95).unwrap();
        assert!((got.low - expected.low).abs() < 1e-3 && (got.high - expected.high).abs() < 1e-3, "{got:?}");
        // Slides that do not matter: the interval is never narrower than that of the images.
        let even = share_interval(slides(&[(5, 10); 10]), 0.95).unwrap();
        let plain = share_interval(images(50, 100), 0.95).unwrap();
        assert!(even.low < plain.low && even.high > plain.high && even.low > plain.low - 0.02, "{even:?}");
    }

    #[test]
    fn all_or_nothing_of_few_slides_is_not_certain() {
        let all = share_interval(slides(&[(5, 5), (5, 5), (4, 4)]), 0.95).unwrap();
        // 14^2 / (25 + 25 + 16) = 2.97 images.
        close(all, 2.9697 / (2.9697 + 3.841_46), 1.0);
        let nothing = share_interval(slides(&[(0, 5), (0, 5), (0, 4)]), 0.95).unwrap();
        close(nothing, 0.0, 1.0 - all.low);
        assert_eq!(share_interval(slides(&[(3, 5)]), 0.95), None);
    }

    proptest! {
        #[test]
        fn has_a_width_and_holds_the_share(of in prop::collection::vec((0..6_usize, 0..6_usize), 2..20)) {
            let of: Vec<_> = of.into_iter().map(|(hits, misses)| (hits, hits + misses + 1)).collect();
            let (hits, all) = of.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
            let share = hits as f64 / all as f64;
            let plain = share_interval(images(hits, all), 0.95).unwrap();
            let it = share_interval(slides(&of), 0.95).unwrap();
            for it in [plain, it] {
                prop_assert!(0.0 <= it.low && it.low <= share && share <= it.high && it.high <= 1.0);
            }
            prop_assert!(it.low <= plain.low + 1e-12 && plain.high <= it.high + 1e-12);
        }

        #[test]
        fn one_slide_per_image_equals_no_slides(hits in 0..30_usize) {
            let each: Vec<_> = (0..30).map(|at| (usize::from(at < hits), 1)).collect();
            let (with, without) = (share_interval(slides(&each), 0.9), share_interval(images(hits, 30), 0.9));
            prop_assert_eq!(with, without);
        }
    }
}
