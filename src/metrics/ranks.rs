//! Images in order of their probability: resamples of them, and the areas under the curves of a resample.

use super::{Bootstrap, Interval, Predictions, bootstrap::resamples};

/// Images sorted by descending probability, positives before negatives among equals. A resample is then only
/// a count for each image.
pub(super) struct Ranks {
    /// The number of positives and negatives in each group of equal probability.
    groups: Vec<[usize; 2]>,
    /// The slide of the image at each rank, if slides are known.
    slides: Option<Vec<usize>>,
}

/// The images of a resample in one group of equal probability.
pub(super) struct Tied {
    pub(super) positives: u64,
    pub(super) negatives: u64,
}

impl Ranks {
    pub(super) fn of(predictions: &Predictions) -> Self {
        let groups = predictions.groups();
        let ranked = groups.iter().flat_map(|group| group.positives.iter().chain(&group.negatives));
        let slides = predictions.slides().map(|slides| ranked.map(|&image| slides[image]).collect());
        Self {
            groups: groups.iter().map(|group| [group.positives.len(), group.negatives.len()]).collect(),
            slides,
        }
    }

    /// The percentile bootstrap of a statistic, over slides if they are known, else over images. Resamples
    /// without a value are drawn again.
    pub(super) fn interval(
        &self,
        bootstrap: &Bootstrap,
        statistic: impl Fn(&Self, &[u32]) -> Option<f64> + Sync,
    ) -> Option<Interval> {
        bootstrap.interval(self.resamples(bootstrap, statistic)?)
    }

    /// The statistic on every resample of that bootstrap. It gets how often the image at each rank is drawn.
    pub(super) fn resamples<T: Send>(
        &self,
        bootstrap: &Bootstrap,
        statistic: impl Fn(&Self, &[u32]) -> Option<T> + Sync,
    ) -> Option<Vec<T>> {
        let Some(slides) = &self.slides else {
            let images = self.groups.iter().flatten().sum();
            return resamples(images, bootstrap, |counts| statistic(self, counts));
        };
        let count = slides.iter().max().map_or(0, |last| last + 1);
        resamples(count, bootstrap, |counts| {
            let images: Vec<u32> = slides.iter().map(|&slide| counts[slide]).collect();
            statistic(self, &images)
        })
    }

    /// The area under the ROC curve of a resample with `counts[i]` times the image at rank `i`: the share of
    /// pairs of a positive and a negative in order; ties count half. `None` with one class.
    pub(super) fn auc(&self, counts: &[u32]) -> Option<f64> {
        // Pairs count twice, so that half a pair is a whole number.
        let (mut above, mut negatives, mut doubled) = (0, 0, 0);
        for tied in self.resampled(counts) {
            doubled += tied.negatives * (2 * above + tied.positives);
            above += tied.positives;
            negatives += tied.negatives;
        }
        let pairs = 2 * above * negatives;
        (pairs > 0).then(|| doubled as f64 / pairs as f64)
    }

    /// The average precision of the same resample: the mean over its positives of the precision at their rank.
    /// `None` with one class.
    pub(super) fn average_precision(&self, counts: &[u32]) -> Option<f64> {
        let (mut hits, mut called, mut sum) = (0, 0, 0.0);
        for tied in self.resampled(counts) {
            hits += tied.positives;
            called += tied.positives + tied.negatives;
            if tied.positives > 0 {
                sum += tied.positives as f64 * (hits as f64 / called as f64);
            }
        }
        (hits > 0 && hits < called).then(|| sum / hits as f64)
    }

    /// The groups of equal probability of a resample, the highest first.
    pub(super) fn resampled<'a>(&'a self, counts: &'a [u32]) -> impl Iterator<Item = Tied> + 'a {
        let mut rest = counts;
        let mut take = move |images: usize| {
            let (taken, left) = rest.split_at(images);
            rest = left;
            taken.iter().map(|&count| u64::from(count)).sum()
        };
        self.groups.iter().map(move |&[positives, negatives]| Tied {
            positives: take(positives),
            negatives: take(negatives),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{PrecisionRecallCurve, roc_auc};

    fn predictions(images: &[(u8, f64)]) -> Predictions {
        let (labels, probabilities): (Vec<_>, Vec<_>) = images.iter().copied().unzip();
        Predictions::new(&labels, &probabilities).unwrap()
    }

    proptest! {
        #[test]
        fn a_resample_is_the_sample_with_images_repeated(
            images in prop::collection::vec((0..2_u8, (0..=8).prop_map(|p| f64::from(p) / 8.0)), 1..60),
            seed in 0..1000_u32,
        ) {
            let mut ranked = images.clone();
            ranked.sort_by(|a, b| (b.1, b.0).partial_cmp(&(a.1, a.0)).unwrap());
            let counts: Vec<u32> = (0..images.len() as u32).map(|i| (i * 7 + seed) % 3).collect();
            let repeat = |(image, &times): (&(u8, f64), &u32)| vec![*image; times as usize];
            let repeated: Vec<_> = ranked.iter().zip(&counts).flat_map(repeat).collect();
            prop_assume!(!repeated.is_empty());
            let (ranks, repeated) = (Ranks::of(&predictions(&images)), predictions(&repeated));
            prop_assert_eq!(ranks.auc(&counts), roc_auc(&repeated));
            let expected = PrecisionRecallCurve::of(&repeated).map(|curve| curve.average_precision());
            match (ranks.average_precision(&counts), expected) {
                (Some(got), Some(expected)) => prop_assert!((got - expected).abs() < 1e-12),
                (got, expected) => prop_assert_eq!(got, expected),
            }
        }
    }
}
