//! How well the maps of several methods find the evidence, as forest plots beside chance.

use anyhow::Result;

use super::{
    Picture,
    faithfulness_areas::{lines, pair, subtitle},
    font,
    forest::{MARKED, Panel, forest, height},
    legend::{Entry, Mark, SUBTITLE, TITLE, legend},
    numbers::images,
    scene::Scene,
};
use crate::metrics::faithfulness::{Measure, Summary, Truth};

/// Draws energy, pointing and rank against the centre box and, where there are some, against true masks.
/// `None` where no map could be held against anything.
///
/// # Errors
/// Plotters cannot draw the axes.
pub fn localisation_plot(summary: &Summary) -> Result<Option<Picture>> {
    let truths: Vec<Truth> =
        Truth::ALL.into_iter().filter(|truth| chance(summary, *truth).is_some()).collect();
    if truths.is_empty() {
        return Ok(None);
    }
    let lines = lines(summary);
    let block = 34.0 + height(lines.len());
    let mut scene = Scene::new(940.0, 76.0 + block * truths.len() as f64);
    scene.text("Localisation", (24.0, 34.0), TITLE);
    scene.text(subtitle(summary), (24.0, 54.0), SUBTITLE);
    let entries = [Entry::new(Mark::Line(MARKED), "chance")];
    let right = scene.width - 24.0;
    legend(&mut scene, (right - super::legend::width(&entries), 34.0), &entries);
    for (index, truth) in truths.into_iter().enumerate() {
        let top = 88.0 + block * index as f64;
        let heading = heading(summary, truth);
        scene.text(font::fitted(&heading, 12.0, false, right - 24.0), (24.0, top), SUBTITLE);
        forest(&mut scene, top + 16.0, &lines, &panels(summary, truth))?;
    }
    Ok(Some(Picture(scene)))
}

/// What random maps reach; methods without odd maps are held against the same regions.
fn chance(summary: &Summary, truth: Truth) -> Option<f64> {
    let most = summary.methods.iter().filter_map(|method| truth.of(method)).max_by_key(|it| it.images);
    most.map(|scores| scores.chance)
}

fn heading(summary: &Summary, truth: Truth) -> String {
    let count = summary.methods.iter().filter_map(|method| truth.of(method)).map(|it| it.images).max();
    let count = images(count.unwrap_or(0)).replacen("image", "positive image", 1);
    match truth {
        Truth::CentreBox => format!(
            "Against the centre box, {count}: weak truth, a bias to the centre finds it without looking"
        ),
        Truth::Mask => format!("Against true masks, {count}"),
    }
}

fn panels(summary: &Summary, truth: Truth) -> [Panel; 3] {
    [
        (Measure::Energy(truth), "energy", "share of positive mass inside"),
        (Measure::Pointing(truth), "pointing", "share of maps that point inside"),
        (Measure::Rank(truth), "rank", "share of top pixels inside"),
    ]
    .map(|(measure, title, label)| Panel {
        title: title.to_owned(),
        label,
        mark: chance(summary, truth),
        at_least: Some((0.0, 0.3)),
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
            let picture = localisation_plot(&summary).unwrap().unwrap();
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
        let picture = localisation_plot(&strip(&mut comparison, false)).unwrap().unwrap();
        assert!(!drawn("localisation-centre", &picture).1.contains("true masks"));
        assert!(localisation_plot(&strip(&mut comparison, true)).unwrap().is_none());
    }
}
