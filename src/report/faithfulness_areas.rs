//! The areas under deletion and insertion curves as forest plots, and their differences from chance.

use super::{
    Picture,
    forest::{Line, MARKED, Panel, forest, height},
    legend::{Entry, Mark, heading, legend_at_right},
    method::pens,
    numbers::{images, level_in_percent, of_slides, units},
    scene::Scene,
    series::warned,
};
use crate::metrics::{
    Interval,
    faithfulness::{Estimate, Measure, Summary},
};

/// The control that explanations are compared with.
const RANDOM: &str = "random";

/// Draws the mean areas with their intervals. If the control `random` took part, the paired differences of
/// each explanation from it are below.
#[must_use]
pub fn faithfulness_areas(summary: &Summary) -> Picture {
    let lines = lines(summary);
    let (explanations, differences) = differences(summary);
    let second = if explanations.is_empty() { 0.0 } else { height(explanations.len()) + 12.0 };
    let mut scene = Scene::new(940.0, 0.0);
    heading(&mut scene, "Metrics: areas under deletion and insertion curves", &subtitle(summary));
    let top = 86.0 + warned(&mut scene, &summary.warnings);
    scene.height = (top + 20.0 + height(lines.len()) + second).ceil();
    forest(&mut scene, top, &lines, &areas(summary));
    if !explanations.is_empty() {
        legend_at_right(&mut scene, &[Entry::new(Mark::Line(MARKED), "random")]);
        forest(&mut scene, top + height(lines.len()) + 12.0, &explanations, &differences);
    }
    Picture(scene)
}

/// A line for every method.
pub(super) fn lines(summary: &Summary) -> Vec<Line> {
    let pens = pens(summary.methods.iter().map(|method| (method.label.as_str(), method.control)));
    let each = summary.methods.iter().zip(pens);
    each.map(|(method, pen)| Line { label: method.label.clone(), control: method.control, pen }).collect()
}

/// How the means were taken.
pub(super) fn subtitle(summary: &Summary) -> String {
    let level = level_in_percent(summary.bootstrap.level);
    let ends = if summary.bootstrap.resamples > 0 {
        format!(" with {level} % bootstrap intervals over {}", units(summary.slides))
    } else {
        String::new()
    };
    format!("{}{}; means{ends}", images(summary.images), of_slides(summary.slides))
}

fn areas(summary: &Summary) -> [Panel; 2] {
    let random = summary.methods.iter().find(|method| method.label == RANDOM && method.control);
    [(Measure::Deletion, "deletion: low is good"), (Measure::Insertion, "insertion: high is good")].map(
        |(measure, title)| Panel {
            title,
            label: "area under the curve",
            mark: random.and_then(|method| measure.of(method)).and_then(|estimate| estimate.mean),
            at_least: &[],
            estimates: summary.methods.iter().map(|method| pair(measure.of(method))).collect(),
        },
    )
}

/// The lines and panels of the differences from `random`; no lines if it did not take part.
fn differences(summary: &Summary) -> (Vec<Line>, [Panel; 2]) {
    let against: Vec<_> = summary.differences.iter().filter(|it| it.against == RANDOM).collect();
    let mut lines = lines(summary);
    lines.retain(|line| against.iter().any(|it| it.method == line.label));
    let panels = [
        (Measure::Deletion, "deletion: less than random is good"),
        (Measure::Insertion, "insertion: more than random is good"),
    ]
    .map(|(measure, title)| Panel {
        title,
        label: "area minus that of random, image by image",
        mark: Some(0.0),
        at_least: &[],
        estimates: against.iter().map(|it| pair(measure.of_difference(it))).collect(),
    });
    (lines, panels)
}

/// The parts of an estimate that a panel shows.
pub(super) fn pair(estimate: Option<&Estimate>) -> (Option<f64>, Option<Interval>) {
    estimate.map_or((None, None), |estimate| (estimate.mean, estimate.interval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::faithfulness::{faithfulness, fixture},
        report::gallery::drawn,
    };

    #[test]
    fn draws_few_and_many_methods() {
        for methods in [2, 6, 10] {
            let summary = faithfulness(&fixture::comparison(40, methods)).unwrap().summary;
            let picture = faithfulness_areas(&summary);
            let (size, svg) = drawn(&format!("faithfulness-areas-{methods}"), &picture);
            assert_eq!(size.0, 1880);
            assert_eq!(svg.matches(">grad-cam</text>").count(), 2);
            // Two panels of means, and two of differences for explanations.
            let controls = methods.min(3) - 1;
            assert_eq!(svg.matches("<circle").count(), 2 * methods + 2 * (methods - controls));
        }
    }

    #[test]
    fn without_random_there_are_no_differences() {
        let mut comparison = fixture::comparison(1, 3);
        comparison.methods.remove(1);
        let summary = faithfulness(&comparison).unwrap().summary;
        let (_, svg) = drawn("faithfulness-areas-one", &faithfulness_areas(&summary));
        assert!(!svg.contains("random") && svg.contains(">centre</text>"));
    }
}
