//! How well the maps of several methods find the evidence, as forest plots with chance marked.

use super::{
    Picture,
    faithfulness_areas::{lines, pair, subtitle},
    font::fitted,
    forest::{MARKED, Panel, forest, height},
    legend::{Entry, MARGIN, Mark, SUBTITLE, heading, legend_at_right},
    numbers::images,
    scene::Scene,
};
use crate::metrics::faithfulness::{LocalisationScores, Measure, Summary, Truth};

/// Draws energy, pointing and rank for the centre box and, if there are any, for true masks. `None` if no
/// map could be measured.
#[must_use]
pub fn localisation_plot(summary: &Summary) -> Option<Picture> {
    let known = |truth: Truth| Some((truth, truth.largest(summary)?));
    let truths: Vec<(Truth, &LocalisationScores)> = Truth::ALL.into_iter().filter_map(known).collect();
    if truths.is_empty() {
        return None;
    }
    let lines = lines(summary);
    let block = 34.0 + height(lines.len());
    let mut scene = Scene::new(1000.0, 76.0 + block * truths.len() as f64);
    heading(&mut scene, "Metrics: localisation", &subtitle(summary));
    legend_at_right(&mut scene, &[Entry::new(Mark::Line(MARKED), "chance")]);
    for (index, (truth, scores)) in truths.into_iter().enumerate() {
        let top = 88.0 + block * index as f64;
        let title = fitted(&title(truth, scores.images), 12.0, false, scene.width - 2.0 * MARGIN);
        scene.text(title, (MARGIN, top), SUBTITLE);
        forest(&mut scene, top + 16.0, &lines, &panels(summary, truth, scores.chance));
    }
    Some(Picture(scene))
}

fn title(truth: Truth, count: u64) -> String {
    let count = images(count).replacen("image", "positive image", 1);
    match truth {
        Truth::CentreBox => format!(
            "Against the centre box, {count}: weak truth, a bias to the centre finds it without looking"
        ),
        Truth::Mask => format!("Against true masks, {count}"),
    }
}

fn panels(summary: &Summary, truth: Truth, chance: f64) -> [Panel; 3] {
    [
        (Measure::Energy(truth), "energy", "share of positive mass inside"),
        (Measure::Pointing(truth), "pointing", "share of maps that point inside"),
        (Measure::Rank(truth), "rank", "share of top pixels inside"),
    ]
    .map(|(measure, title, label)| Panel {
        title,
        label,
        mark: Some(chance),
        at_least: &[0.0, 0.3],
        estimates: summary.methods.iter().map(|method| pair(measure.of(method))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::faithfulness::{faithfulness, fixture},
        report::gallery::drawn,
    };

    #[test]
    fn draws_few_and_many_methods_against_both_truths() {
        for methods in [2, 6, 10] {
            let summary = faithfulness(&fixture::comparison(40, methods)).unwrap().summary;
            let picture = localisation_plot(&summary).unwrap();
            let (_, svg) = drawn(&format!("localisation-{methods}"), &picture);
            assert!(svg.contains("20 positive images: weak truth") && svg.contains("Against true masks"));
            assert_eq!(svg.contains(">undefined</text>"), methods > 2);
        }
    }

    #[test]
    fn without_masks_there_is_one_block_and_without_positives_no_picture() {
        let mut comparison = fixture::comparison(9, 4);
        let strip = |comparison: &mut crate::metrics::faithfulness::Comparison, all: bool| {
            for explained in comparison.methods.iter_mut().flat_map(|method| &mut method.explained) {
                explained.mask = None;
                explained.centre_box = explained.centre_box.filter(|_| !all);
            }
            faithfulness(comparison).unwrap().summary
        };
        let picture = localisation_plot(&strip(&mut comparison, false)).unwrap();
        assert!(!drawn("localisation-centre", &picture).1.contains("true masks"));
        assert!(localisation_plot(&strip(&mut comparison, true)).is_none());
    }
}
