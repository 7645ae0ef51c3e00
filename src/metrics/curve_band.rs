//! Bands around the ROC curve and the precision-recall curve: the pointwise percentile bootstrap.
//!
//! Each resample is one walk down the ranks, which reads the resample's curve at a fixed grid. The resamples are
//! those of the intervals of the areas, but at most 1,000. Knows no pictures.

use super::{
    Bootstrap, Interval, Predictions,
    ranks::{Ranks, Tied},
};

/// The steps of the grid from 0 to 1. In the pictures a step is about a pixel.
const STEPS: u64 = 400;

/// The interval of a curve at a grid of 401 places.
///
/// It holds at each place alone: a share of the resampled curves leaves the band somewhere. Where all resamples
/// agree the band has no width, although nothing is certain.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveBand {
    /// The places: false positive rates or recalls, ascending from 0 to 1 in equal steps.
    pub x: Vec<f64>,
    /// The ends of the interval at each place: true positive rates or precisions, 0 to 1.
    pub y: Vec<Interval>,
}

/// The band of the true positive rate at fixed false positive rates, over slides if they are known, else over
/// images. Between its points a curve is a straight line; where it is vertical, its upper end counts.
///
/// Resamples with one class are drawn again. `None` if only one class occurs, without resamples, or if all
/// resamples have the same curve.
#[must_use]
pub fn roc_band(predictions: &Predictions, bootstrap: &Bootstrap) -> Option<CurveBand> {
    band(predictions, bootstrap, true_positive_rates)
}

/// The band of the precision at fixed recalls, over slides if they are known, else over images. A curve is read
/// in steps, as its area is counted: at a recall it has the precision of the highest threshold that reaches the
/// recall with at least one hit.
///
/// Resamples with one class are drawn again. `None` if only one class occurs, without resamples, or if all
/// resamples have the same curve.
#[must_use]
pub fn precision_recall_band(predictions: &Predictions, bootstrap: &Bootstrap) -> Option<CurveBand> {
    band(predictions, bootstrap, precisions)
}

/// Reads the curve of a resample at each place of the grid. `None` with one class.
type Read = fn(&Ranks, &[u32]) -> Option<Vec<f64>>;

fn band(predictions: &Predictions, bootstrap: &Bootstrap, read: Read) -> Option<CurveBand> {
    let bootstrap = bootstrap.for_bands();
    let ranks = predictions.has_both_classes().then(|| Ranks::of(predictions))?;
    let curves = ranks.resamples(&bootstrap, read)?;
    let ends = |place: u64| bootstrap.ends(curves.iter().map(|curve| curve[place as usize]).collect());
    let y = (0..=STEPS).map(ends).collect::<Option<Vec<Interval>>>()?;
    let x = (0..=STEPS).map(|place| place as f64 / STEPS as f64).collect();
    y.iter().any(Interval::has_width).then_some(CurveBand { x, y })
}

/// The number of positives and of negatives of a resample. `None` with one class.
fn classes(ranks: &Ranks, counts: &[u32]) -> Option<(u64, u64)> {
    let add = |sum: (u64, u64), tied: Tied| (sum.0 + tied.positives, sum.1 + tied.negatives);
    let (positives, negatives) = ranks.resampled(counts).fold((0, 0), add);
    (positives > 0 && negatives > 0).then_some((positives, negatives))
}

/// The ROC curve. Places are compared in whole numbers, so that rounding decides nothing.
fn true_positive_rates(ranks: &Ranks, counts: &[u32]) -> Option<Vec<f64>> {
    let (positives, negatives) = classes(ranks, counts)?;
    let (mut rates, mut hits, mut alarms) = (Vec::with_capacity(STEPS as usize + 1), 0, 0);
    for tied in ranks.resampled(counts) {
        let next = |rates: &Vec<f64>| rates.len() as u64 * negatives;
        while next(&rates) < (alarms + tied.negatives) * STEPS {
            let within = (next(&rates) - alarms * STEPS) as f64 / (tied.negatives * STEPS) as f64;
            rates.push((hits as f64 + within * tied.positives as f64) / positives as f64);
        }
        hits += tied.positives;
        alarms += tied.negatives;
    }
    rates.push(1.0);
    Some(rates)
}

/// The precision-recall curve. Places are compared in whole numbers here too.
fn precisions(ranks: &Ranks, counts: &[u32]) -> Option<Vec<f64>> {
    let (positives, _) = classes(ranks, counts)?;
    let (mut precisions, mut hits, mut called) = (Vec::with_capacity(STEPS as usize + 1), 0, 0);
    for tied in ranks.resampled(counts) {
        hits += tied.positives;
        called += tied.positives + tied.negatives;
        while hits > 0 && precisions.len() as u64 * positives <= hits * STEPS {
            precisions.push(hits as f64 / called as f64);
        }
    }
    Some(precisions)
}

#[cfg(test)]
mod tests;
