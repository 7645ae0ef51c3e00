//! The requirements of a run and whether they are met, as a table.
//!
//! A pure function from a run's summary to a text.

use super::{
    View, format,
    paint::Tone,
    table::{Table, cell},
    words,
};
use crate::engine::tell::event::Summary;

/// A table after an empty line, if there were requirements.
#[must_use]
pub(super) fn text(summary: &Summary, view: &View) -> String {
    if summary.required.is_empty() {
        return String::new();
    }
    let mut table = Table::headed("lll", ["required", "", "figure"]);
    for verdict in &summary.required {
        let (tone, word) = if verdict.met { (Tone::Good, "met") } else { (Tone::Bad, "not met") };
        let requirement = format::one_line(&verdict.requirement).into();
        table.row([requirement, cell(tone, word), words::figures(verdict).into()]);
    }
    format!("\n{}", table.text(view))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::tell::require::{Figure, Verdict},
        ui::{paint::Paint, testing},
    };

    fn figure(of: &str, value: Option<f64>, met: bool) -> Figure {
        let why = value.is_none().then(|| format!("`{of}` has no result"));
        Figure { of: of.into(), value, met, why }
    }

    #[test]
    fn figures_are_beside_their_requirements() {
        let verdict = |requirement: &str, bound, figures: Vec<Figure>| {
            let met = figures.iter().all(|figure| figure.met);
            Verdict { requirement: requirement.into(), bound, met, figures }
        };
        let required = vec![
            verdict("evaluate.a.accuracy >= 85%", 0.85, vec![figure("evaluate.a", Some(0.915_62), true)]),
            // With four digits, it would look as if it were met.
            verdict("evaluate.a.auc >= 85%", 0.85, vec![figure("evaluate.a", Some(0.849_999), false)]),
            verdict(
                "train.b.loss < 1",
                1.0,
                vec![
                    figure("train.b@1", Some(0.5), true),
                    figure("train.b@2", Some(1.5), false),
                    figure("train.b@3", None, false),
                ],
            ),
        ];
        let summary = crate::engine::tell::event::Summary { required, ..testing::summary(Vec::new()) };
        let expected = "
required                             figure
evaluate.a.accuracy >= 85%  met      0.9156
evaluate.a.auc >= 85%       not met  0.849999
train.b.loss < 1            not met  1.5 (train.b@2), `train.b@3` has no result
";
        assert_eq!(text(&summary, &View { paint: Paint::OFF, width: None }), expected);
        assert_eq!(summary.exit_code(), 5);
    }
}
