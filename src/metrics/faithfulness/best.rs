//! Which method is the best on true positives, and whether that is more than chance.
//!
//! Only on true positives do a low deletion area and a high insertion area say that a map is right. The best method is
//! chosen by looking at the numbers, so it counts as clearly better only if it beats every other method and every
//! control. Knows no texts.

use std::collections::BTreeMap;

use super::{
    Estimate, Group, ImageScores, Measure, Summary, estimates::Estimator, number_slides, sign_flip::holm,
};

/// The corrected p below which a difference counts.
pub const SIGNIFICANT: f64 = 0.05;

/// The method with the best mean area of one curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The area: [`Measure::Deletion`] or [`Measure::Insertion`].
    pub measure: Measure,
    /// The method.
    pub method: String,
    /// The method or control with the next best mean.
    pub against: String,
    /// The method minus the next one, over the true positives for which all methods have a value. Its p is corrected
    /// together with those of all differences of the measure, because the method was chosen by looking at them.
    pub difference: Estimate,
    /// Whether it is an explanation and better than every other method and every control: each interval is without 0,
    /// and each corrected p is below [`SIGNIFICANT`].
    pub clear: bool,
}

/// The true positives by row: the slide of each, and the area of each method.
type Rows<'a> = BTreeMap<i64, (Option<&'a str>, Vec<f64>)>;

/// The places of two methods, and how they differ.
struct Pair {
    method: usize,
    against: usize,
    difference: Estimate,
}

/// The best method by each area; none without true positives, and with fewer than two methods.
#[must_use]
pub fn best(summary: &Summary, lines: &[ImageScores]) -> Vec<Best> {
    let measures = [Measure::Deletion, Measure::Insertion];
    let mut pairs = measures.map(|measure| against_all(measure, summary, lines));
    for (measure, pairs) in measures.into_iter().zip(&mut pairs) {
        correct(pairs, measure, summary);
    }
    let label = |place: usize| summary.methods[place].label.clone();
    let judged = measures.into_iter().zip(&pairs).filter_map(|(measure, pairs)| {
        let next = pairs.first()?;
        Some(Best {
            measure,
            method: label(next.method),
            against: label(next.against),
            difference: next.difference,
            clear: !summary.methods[next.method].control
                && pairs.iter().all(|pair| is_better(measure, &pair.difference)),
        })
    });
    judged.collect()
}

/// Corrects the p-values of a measure for their number and for that of its differences in the summary.
fn correct(pairs: &mut [Pair], measure: Measure, summary: &Summary) {
    let own = pairs.iter().filter_map(|pair| pair.difference.p_value);
    let measured = summary.differences.iter().filter_map(|it| measure.of_difference(it)?.p_value);
    let mut corrected = holm(&own.chain(measured).collect::<Vec<_>>()).into_iter();
    for pair in pairs.iter_mut().filter(|pair| pair.difference.p_value.is_some()) {
        pair.difference.p_corrected = corrected.next();
    }
}

/// The method with the best mean, compared with every other one; the next best is the first.
fn against_all(measure: Measure, summary: &Summary, lines: &[ImageScores]) -> Vec<Pair> {
    let rows = rows(measure, summary, lines);
    let mean = |place: usize| rows.values().map(|(_, areas)| areas[place]).sum::<f64>() / rows.len() as f64;
    let mut order: Vec<usize> = (0..summary.methods.len()).collect();
    order.sort_by(|a, b| (sign(measure) * mean(*b)).total_cmp(&(sign(measure) * mean(*a))));
    let slides = number_slides(rows.values().map(|(slide, _)| *slide));
    let estimator = Estimator { slides: slides.as_deref(), bootstrap: &summary.bootstrap };
    let [method, others @ ..] = order.as_slice() else { return Vec::new() };
    let minus = |against: &usize| {
        estimator.difference(rows.values().map(|(_, areas)| Some(areas[*method] - areas[*against])))
    };
    let pair = |against: &usize| Pair { method: *method, against: *against, difference: minus(against) };
    others.iter().filter(|_| !rows.is_empty()).map(pair).collect()
}

/// The true positives for which every method has an area of their class 1.
fn rows<'a>(measure: Measure, summary: &Summary, lines: &'a [ImageScores]) -> Rows<'a> {
    let mut rows = Rows::new();
    for method in &summary.methods {
        let asked = lines.iter().filter(|line| line.method == method.label && line.explained == 1);
        for line in asked.filter(|line| line.group == Group::TruePositive) {
            let area = if measure == Measure::Deletion { line.deletion_auc } else { line.insertion_auc };
            rows.entry(line.row).or_insert((line.slide.as_deref(), Vec::new())).1.extend(area);
        }
    }
    rows.retain(|_, (_, areas)| areas.len() == summary.methods.len());
    rows
}

/// 1 where high areas are good, otherwise -1.
fn sign(measure: Measure) -> f64 {
    if measure == Measure::Deletion { -1.0 } else { 1.0 }
}

fn is_better(measure: Measure, difference: &Estimate) -> bool {
    let Some(interval) = difference.interval else { return false };
    let nearest = if measure == Measure::Deletion { -interval.high } else { interval.low };
    nearest > 0.0 && difference.p_corrected.is_some_and(|p| p < SIGNIFICANT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::faithfulness::{faithfulness, fixture};

    /// The best methods of a comparison whose areas are given: of deletion, then of insertion the same.
    fn of(areas: impl Fn(&str, i64) -> f64) -> Vec<Best> {
        let mut result = faithfulness(&fixture::comparison(96, 5)).unwrap();
        for line in &mut result.images {
            line.insertion_auc = Some(areas(&line.method, line.row));
            line.deletion_auc = line.insertion_auc.map(|area| 1.0 - area);
        }
        best(&result.summary, &result.images)
    }

    /// A number from 0 to 1 that looks random.
    fn noise(row: i64) -> f64 {
        (row * 7919 % 101) as f64 / 101.0
    }

    #[test]
    fn a_method_that_always_wins_is_clearly_better_by_both_areas() {
        let found = of(|method, row| {
            noise(row) * 0.5 + if method == "saliency" { 0.3 } else { 0.01 * noise(3 * row) }
        });
        let [deletion, insertion] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((deletion.measure, insertion.measure), (Measure::Deletion, Measure::Insertion));
        for best in [deletion, insertion] {
            assert_eq!((best.method.as_str(), best.clear), ("saliency", true), "{best:?}");
        }
        assert!(deletion.difference.mean.unwrap() < 0.0 && insertion.difference.mean.unwrap() > 0.0);
        assert!(deletion.difference.p_corrected > deletion.difference.p_value);
    }

    #[test]
    fn a_method_that_is_only_as_good_as_the_next_is_not_clearly_better() {
        let alike = |method: &str, row: i64| match method {
            "saliency" | "occlusion" => 0.5 + 0.1 * noise(row + i64::from(method == "saliency")),
            _ => 0.1 * noise(row),
        };
        assert!(of(alike).iter().all(|best| !best.clear));
        assert!(of(|_, _| 0.5).iter().all(|best| !best.clear), "equal everywhere");
    }

    #[test]
    fn a_control_is_never_clearly_better_and_beats_methods_that_are_worse() {
        let found =
            of(|method, row| noise(row) * 0.5 + if method == "random" { 0.3 } else { 0.01 * noise(3 * row) });
        assert!(found.iter().all(|best| best.method == "random" && !best.clear), "{found:?}");
    }

    #[test]
    fn only_true_positives_count() {
        let mut result = faithfulness(&fixture::comparison(48, 5)).unwrap();
        for line in &mut result.images {
            let right = line.group == Group::TruePositive;
            line.insertion_auc = Some(0.5 + if (line.method == "saliency") == right { 0.3 } else { 0.0 });
        }
        let found = best(&result.summary, &result.images);
        assert_eq!(found[1].method, "saliency");
        let positives = result.summary.methods[0].groups[0].images;
        assert!(positives < 48 && found[1].difference.images == positives);
        result.images.retain(|line| line.group != Group::TruePositive);
        assert_eq!(best(&result.summary, &result.images), []);
    }
}
