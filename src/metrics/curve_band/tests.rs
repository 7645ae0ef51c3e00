//! Bands against a plain reference, against the truth, and where there are none.

use proptest::prelude::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::*;
use crate::metrics::{
    PrecisionRecallCurve, RocCurve,
    bootstrap::{draw, quantile},
};

const FEW: Bootstrap = Bootstrap { resamples: 60, seed: 42, level: 0.9 };

type Images = Vec<(u8, f64)>;
/// Reads the curve of predictions at one place.
type ReadAt = fn(&Predictions, f64) -> Option<f64>;
type BandOf = fn(&Predictions, &Bootstrap) -> Option<CurveBand>;

fn predictions(images: &[(u8, f64)]) -> Predictions {
    let (labels, probabilities): (Vec<_>, Vec<_>) = images.iter().copied().unzip();
    Predictions::new(&labels, &probabilities).unwrap()
}

/// Images of two classes that overlap.
fn drawn(count: usize, seed: u64) -> Predictions {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || f64::from(generator.next_u32()) / f64::from(u32::MAX);
    let image = |_| {
        let positive = uniform() < 0.4;
        let spread = uniform() + uniform() + uniform() - 1.5;
        (u8::from(positive), 0.5 + spread / 4.0 + if positive { 0.1 } else { -0.1 })
    };
    predictions(&(0..count).map(image).collect::<Vec<_>>())
}

fn roc_at(images: &Predictions, rate: f64) -> Option<f64> {
    let curve = RocCurve::of(images)?;
    let points: Vec<_> = curve.false_positive_rate.into_iter().zip(curve.true_positive_rate).collect();
    // The rates of points are shares of whole numbers, which are rounded.
    let before = points.iter().rposition(|point| point.0 <= rate + 1e-12)?;
    let Some(next) = points.get(before + 1) else { return Some(1.0) };
    let (x, y) = points[before];
    Some(y + ((rate - x) / (next.0 - x)).max(0.0) * (next.1 - y))
}

fn precision_at(images: &Predictions, recall: f64) -> Option<f64> {
    let curve = PrecisionRecallCurve::of(images)?;
    let at = curve.recall.iter().rposition(|&it| it > 0.0 && it >= recall - 1e-12)?;
    Some(curve.precision[at])
}

/// The images that a resample draws, each as often as it is drawn.
fn repeated(images: &[(u8, f64)], slides: Option<&[usize]>, counts: &[u32]) -> Images {
    let mut ranked: Vec<(usize, (u8, f64))> = images.iter().copied().enumerate().collect();
    ranked.sort_by(|a, b| (b.1.1, b.1.0).partial_cmp(&(a.1.1, a.1.0)).unwrap());
    let times = |rank: usize, image: usize| counts[slides.map_or(rank, |slides| slides[image])];
    let ranked = ranked.into_iter().enumerate();
    ranked.flat_map(|(rank, (image, it))| vec![it; times(rank, image) as usize]).collect()
}

/// The same curve of every resample as new predictions, read one place at a time.
fn plain(images: &[(u8, f64)], slides: Option<&[usize]>, read: ReadAt) -> Vec<Interval> {
    let units = slides.map_or(images.len(), |slides| slides.iter().max().unwrap() + 1) as u32;
    let resample = |index| {
        let (mut generator, mut counts) = (FEW.generator(index), Vec::new());
        loop {
            draw(&mut generator, units, &mut counts);
            let drawn = repeated(images, slides, &counts);
            if !drawn.is_empty() && predictions(&drawn).has_both_classes() {
                return predictions(&drawn);
            }
        }
    };
    let resamples: Vec<Predictions> = (0..FEW.resamples).map(resample).collect();
    let ends = |place: u64| {
        let x = place as f64 / STEPS as f64;
        let mut values: Vec<f64> = resamples.iter().map(|it| read(it, x).unwrap()).collect();
        values.sort_by(f64::total_cmp);
        Interval { low: quantile(&values, 0.05), high: quantile(&values, 0.95) }
    };
    (0..=STEPS).map(ends).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn is_the_band_of_a_plain_reference(
        images in prop::collection::vec((0..2_u8, (0..=8).prop_map(|p| f64::from(p) / 8.0)), 2..30),
        by_slide: bool,
    ) {
        let it = predictions(&images);
        prop_assume!(it.has_both_classes());
        let slides: Vec<usize> = (0..images.len()).map(|at| at / 3).collect();
        let known = it.clone().of_slides(&slides).unwrap();
        let (it, slides) = if by_slide { (known, Some(&slides[..])) } else { (it, None) };
        let reads: [(BandOf, ReadAt); 2] =
            [(roc_band, roc_at), (precision_recall_band, precision_at)];
        for (band, read) in reads {
            let expected = plain(&images, slides, read);
            let Some(CurveBand { x, y }) = band(&it, &FEW) else {
                prop_assert!(!expected.iter().any(Interval::has_width));
                continue;
            };
            prop_assert!(x.len() == 401 && (x[0], x[400]) == (0.0, 1.0));
            for ((x, got), expected) in x.iter().zip(y).zip(expected) {
                let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
                let same = close(got.low, expected.low) && close(got.high, expected.high);
                prop_assert!(same && 0.0 <= got.low && got.high <= 1.0, "{x}: {got:?} {expected:?}");
            }
        }
    }
}

/// How many places of the bands of 20 small samples hold the curve of a large one.
fn coverage(band: BandOf, read: ReadAt) -> f64 {
    let large = drawn(20_000, 0);
    let of = |seed| {
        let bootstrap = Bootstrap { resamples: 300, ..Bootstrap::default() };
        let CurveBand { x, y } = band(&drawn(300, seed), &bootstrap).unwrap();
        // Every tenth place, and not the ends, where all curves of large samples meet.
        let places: Vec<usize> = (40..=360).step_by(10).collect();
        let holds = |&place: &usize| {
            let value = read(&large, x[place]).unwrap();
            y[place].low <= value && value <= y[place].high
        };
        places.iter().filter(|place| holds(place)).count() as f64 / places.len() as f64
    };
    (1..=20).map(of).sum::<f64>() / 20.0
}

#[test]
fn holds_the_curve_of_a_larger_sample_nearly_everywhere() {
    for (name, share) in
        [("roc", coverage(roc_band, roc_at)), ("pr", coverage(precision_recall_band, precision_at))]
    {
        println!("{name}: {share}");
        assert!((0.88..1.0).contains(&share), "{name}: {share}");
    }
}

#[test]
fn more_images_make_it_narrower_and_alike_slides_wider() {
    let width = |it: &CurveBand| it.y.iter().map(|ends| ends.high - ends.low).sum::<f64>();
    let few = Bootstrap { resamples: 200, ..Bootstrap::default() };
    // Sixty slides of five patches that share label and probability.
    let images = drawn(60, 3);
    let alike: Images = images.iter().flat_map(|(label, p)| [(label.into(), p); 5]).collect();
    let slides: Vec<usize> = (0..300).map(|at| at / 5).collect();
    for band in [roc_band as BandOf, precision_recall_band] {
        let of = |it: &Predictions| width(&band(it, &few).unwrap());
        assert!(of(&drawn(4000, 3)) < 0.4 * of(&drawn(250, 3)));
        let by_slide = of(&predictions(&alike).of_slides(&slides).unwrap());
        assert!(by_slide > 1.8 * of(&predictions(&alike)));
        assert!((by_slide / of(&images) - 1.0).abs() < 0.2);
    }
}

#[test]
fn seed_and_images_decide_and_threads_and_order_do_not() {
    let images: Images = drawn(200, 1).iter().map(|(label, p)| (label.into(), p)).collect();
    let reversed: Images = images.iter().rev().copied().collect();
    for band in [roc_band as BandOf, precision_recall_band] {
        let with = |threads, images: &Images| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| band(&predictions(images), &FEW))
        };
        assert_eq!(with(1, &images), with(4, &images));
        assert_eq!(with(1, &images), with(1, &reversed));
        assert_ne!(with(1, &images), band(&predictions(&images), &Bootstrap { seed: 7, ..FEW }));
        // More than a thousand resamples add nothing.
        let many = |resamples| band(&predictions(&images[..20]), &Bootstrap { resamples, ..FEW });
        assert_eq!(many(1000), many(10_000));
    }
}

#[test]
fn what_resamples_say_nothing_about_has_no_band() {
    let perfect = [(0, 0.1), (0, 0.2), (1, 0.8), (1, 0.9)];
    let good = predictions(&[(0, 0.1), (1, 0.2), (0, 0.8), (1, 0.9)]);
    for band in [roc_band as BandOf, precision_recall_band] {
        assert_eq!(band(&predictions(&[(1, 0.2), (1, 0.7)]), &FEW), None);
        assert_eq!(band(&predictions(&perfect), &FEW), None);
        assert!(band(&good, &FEW).is_some());
        assert_eq!(band(&good, &Bootstrap { resamples: 0, ..FEW }), None);
        assert_eq!(band(&good.clone().of_slides(&["one"; 4]).unwrap(), &FEW), None);
    }
}
