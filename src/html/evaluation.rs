//! The evaluations: confusion matrix at any threshold, scores, calibration, curves, the most confident mistakes.

use maud::{Markup, html};

use super::{
    Evaluated, Report, calibration, chart,
    layout::{cell, decimal, estimate, figures, png, share, table},
    measures::link,
};
use crate::{
    metrics::{ClassScores, Evaluation},
    ui::format,
};

/// Bins of the histogram of scores.
const BINS: usize = 20;

pub(super) fn section(report: &Report) -> Option<Markup> {
    (!report.evaluations.is_empty())
        .then(|| html! { @for evaluated in &report.evaluations { (of(evaluated)) } })
}

fn of(evaluated: &Evaluated) -> Markup {
    let numbers = &evaluated.numbers;
    html! {
        h3 { (evaluated.stage) }
        (confusion(evaluated))
        (classes(evaluated))
        (scores(evaluated))
        div.pictures {
            (chart::histogram(&format!("Scores by class, {}", evaluated.stage), "probability", &histogram(&evaluated.predictions)))
            (calibration::diagram(evaluated))
        }
        p.note { "Bars: " span.key.class-0 {} " " (numbers.classes[0]) " " span.key.class-1 {} " " (numbers.classes[1]) "." }
        (calibration::key(evaluated))
        (calibration::numbers(evaluated))
        (figures(&evaluated.pictures))
        @if let Some(band) = band(evaluated) { (band) }
        (mistakes(evaluated))
    }
}

/// What the band around a curve is, where curves can have one.
fn band(evaluated: &Evaluated) -> Option<Markup> {
    let Evaluation { slides, roc_auc, bootstrap, .. } = &evaluated.numbers;
    let units = if slides.is_some() { "slides" } else { "patches" };
    let drawn = !evaluated.pictures.is_empty() && roc_auc.is_some() && bootstrap.resamples > 0;
    drawn.then(|| html! {
        p.note { "A light band around a curve shows its uncertainty: if the " (units) " are drawn again at random, " (100.0 * bootstrap.level) "% of the curves lie in it at each false positive rate, or recall." }
    })
}

/// The matrix, with a slider for the threshold where scripts run.
fn confusion(evaluated: &Evaluated) -> Markup {
    let numbers = &evaluated.numbers;
    let [negative, positive] = &numbers.classes;
    let rows = [negative, positive].into_iter().enumerate().map(|(label, name)| {
        let counts = numbers.at.confusion.counts[label];
        let of = |predicted: usize| html! { span data-cell=(format!("{label}{predicted}")) { (format::count(counts[predicted])) } };
        vec![cell(format!("true {name}")), of(0), of(1)]
    });
    let heads = ["", &format!("predicted {negative}"), &format!("predicted {positive}")];
    html! {
        div.threshold data-scores=(packed(&evaluated.predictions)) data-threshold=(numbers.threshold) {
            (table(&format!("Confusion matrix of {}", evaluated.stage), &heads, &rows.collect::<Vec<_>>()))
            p.slider hidden {
                label { "Threshold " input type="range" min="0" max="1" step="0.001" value=(numbers.threshold); }
                output {}
                button type="button" { "Reset" }
            }
            p.note { "Patches with a probability above " (numbers.threshold) " are predicted " (positive) "." }
        }
    }
}

/// Labels and probabilities for the script: `1:0.9871`, with all digits, so that it counts what the table counts.
fn packed(predictions: &[(u8, f64)]) -> String {
    let one = |(label, p): &(u8, f64)| format!("{label}:{p}");
    predictions.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn classes(evaluated: &Evaluated) -> Markup {
    let numbers = &evaluated.numbers;
    let row = |name: &str, class: &ClassScores| {
        vec![
            cell(name),
            cell(estimate(Some(class.precision), class.precision_interval)),
            cell(estimate(Some(class.recall), class.recall_interval)),
            cell(decimal(Some(class.f1))),
            cell(format::count(class.support)),
        ]
    };
    let rows: Vec<Vec<Markup>> =
        numbers.classes.iter().zip(&numbers.at.per_class).map(|(name, class)| row(name, class)).collect();
    let heads = [
        cell("class"),
        link("precision", "precision"),
        link("recall", "recall"),
        link("f1", "F1"),
        cell("patches"),
    ];
    table("Classification report", &heads, &rows)
}

fn scores(evaluated: &Evaluated) -> Markup {
    let numbers = &evaluated.numbers;
    let row = |measure: &str, name: &str, value: String| vec![link(measure, name), cell(value)];
    let mut rows = vec![
        row("accuracy", "accuracy", share(numbers.at.accuracy, numbers.at.accuracy_interval)),
        row("roc-auc", "ROC AUC", estimate(numbers.roc_auc, numbers.roc_auc_interval)),
        row(
            "average-precision",
            "average precision",
            estimate(numbers.average_precision, numbers.average_precision_interval),
        ),
        row("mcc", "Matthews correlation", decimal(Some(numbers.mcc))),
        row("brier", "Brier score", decimal(Some(numbers.brier))),
        row("log-loss", "log loss", decimal(Some(numbers.log_loss))),
        row("ece", "expected calibration error", decimal(Some(numbers.ece))),
    ];
    rows.extend(
        evaluated
            .color_auc
            .map(|auc| row("color-auc", "ROC AUC of the mean colour alone", decimal(Some(auc)))),
    );
    if let Some(chosen) = &numbers.chosen_threshold {
        let name = format!("accuracy at the threshold {:.3}, chosen on validation", chosen.chosen.threshold);
        rows.push(row("chosen-threshold", &name, share(chosen.at.accuracy, chosen.at.accuracy_interval)));
    }
    table("Scores, with 95% intervals where there are any", &["measure", "value"], &rows)
}

fn histogram(predictions: &[(u8, f64)]) -> Vec<[u64; 2]> {
    let mut counts = vec![[0; 2]; BINS];
    for (label, p) in predictions {
        counts[((p * BINS as f64) as usize).min(BINS - 1)][usize::from(*label == 1)] += 1;
    }
    counts
}

fn mistakes(evaluated: &Evaluated) -> Markup {
    let classes = &evaluated.numbers.classes;
    let [[_, false_positives], [false_negatives, _]] = evaluated.numbers.at.confusion.counts;
    let wrong = false_positives + false_negatives;
    html! {
        @if !evaluated.mistakes.is_empty() {
            h4 { "The most confident mistakes: " (evaluated.mistakes.len()) " of " (format::count(wrong)) }
            div.tiles {
                @for mistake in &evaluated.mistakes {
                    figure.tile class=(if mistake.label == 1 { "positive" } else { "negative" }) {
                        span.patch {
                            img src=(png(&mistake.png)) alt={ "Row " (mistake.row) ", labelled " (classes[usize::from(mistake.label)]) } width="96" height="96" loading="lazy";
                            @if let Some(frame) = evaluated.frame { (frame.centre()) }
                        }
                        figcaption { "row " (mistake.row) br; (classes[usize::from(mistake.label)]) br; "p(" (classes[1]) ") = " (format!("{:.3}", mistake.probability)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::fixture;

    #[test]
    fn says_what_a_band_is_where_there_can_be_one() {
        let mut it = fixture::report().evaluations.remove(0);
        let text = |it: &Evaluated| band(it).map(Markup::into_string).unwrap_or_default();
        assert!(text(&it).contains("if the patches are drawn again at random, 95% of the curves"));
        it.numbers.slides = Some(2);
        assert!(text(&it).contains("if the slides are drawn"));
        it.numbers.bootstrap.resamples = 0;
        assert_eq!(text(&it), "");
    }

    #[test]
    fn every_prediction_is_in_one_bin() {
        let counts = histogram(&[(0, 0.0), (1, 1.0), (1, 0.5), (0, 0.049)]);
        assert_eq!((counts[0], counts[10], counts[19]), ([2, 0], [0, 1], [0, 1]));
    }
}
