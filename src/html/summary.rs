//! The first section: the main numbers, the warnings, the model's card, what ran.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    Evaluated, Report, Stage,
    judge::Warning,
    layout::{estimate, marked, percent},
    measures::link,
    numbers,
    verdict::verdict,
    when,
};
use crate::{metrics::Interval, ui::format};

pub(super) fn section(report: &Report, warnings: &[Warning]) -> Markup {
    html! {
        @if report.evaluations.is_empty() { p { "No evaluation in this pipeline has a result yet." } }
        @for evaluated in &report.evaluations { (headline(evaluated)) }
        @for compared in &report.comparisons {
            h3 { "Comparison of explanations, " (compared.stage) }
            (verdict(compared))
        }
        @if report.stages.iter().any(|stage| stage.name.starts_with("synthesize.")) {
            p.note { "The patches of this pipeline are synthetic. Its results say nothing about the tissue of patients." }
        }
        (list_of_warnings(warnings))
        (card(report))
    }
}

fn headline(evaluated: &Evaluated) -> Markup {
    let numbers = &evaluated.numbers;
    let slides = numbers.slides.map(|slides| format!(" from {}", format::plural(slides as usize, "slide")));
    let ([negative, positive], level) = (&numbers.at.per_class, numbers.bootstrap.level);
    html! {
        div.headline {
            (figure("accuracy", "Accuracy", &percent(numbers.at.accuracy), in_percent(numbers.at.accuracy_interval), level))
            (figure("sensitivity", "Sensitivity", &percent(positive.recall), in_percent(positive.recall_interval), level))
            (figure("specificity", "Specificity", &percent(negative.recall), in_percent(negative.recall_interval), level))
            (figure("roc-auc", "ROC AUC", &estimate(numbers.roc_auc, None), plain(numbers.roc_auc_interval), level))
            (figure("average-precision", "Average precision", &estimate(numbers.average_precision, None), plain(numbers.average_precision_interval), level))
            p {
                code { (evaluated.stage) } ": " code { (evaluated.model) } " on "
                (format::count(numbers.images)) " patches of " code { (evaluated.images) }
                (slides.unwrap_or_default()) "."
            }
        }
    }
}

fn figure(measure: &str, name: &str, value: &str, around: Option<String>, level: f64) -> Markup {
    html! {
        div.number {
            span.name { (link(measure, name)) }
            strong { (value) }
            @if let Some(around) = around { span.interval { (format!("{:.0}% interval ", level * 100.0)) br; (around) } }
        }
    }
}

fn plain(interval: Option<Interval>) -> Option<String> {
    interval.map(|Interval { low, high }| format!("{low:.3} to {high:.3}"))
}

fn in_percent(interval: Option<Interval>) -> Option<String> {
    interval.map(|Interval { low, high }| format!("{} to {}", percent(low), percent(high)))
}

fn list_of_warnings(warnings: &[Warning]) -> Markup {
    html! {
        h3 { "Warnings" }
        @if warnings.is_empty() { p.good { "None of the checks of this report found a problem." } }
        @else {
            ul.warnings {
                @for warning in warnings { li { strong { (marked(&warning.what)) } " " (marked(&warning.why)) } }
            }
        }
    }
}

/// What a reader needs to know about the models, data and machines.
fn card(report: &Report) -> Markup {
    let ran = report.stages.iter().filter(|stage| stage.ran).count();
    let with_result = report.stages.iter().filter(|stage| stage.record.is_some()).count();
    html! {
        h3 { "Model and run" }
        dl.card {
            @for stage in trainings(report) { (model(stage)) }
            @if let Some(latest) = when::latest(&report.stages) { dt { "Latest result" } dd { (latest) } }
            dt { "Stages" }
            dd {
                (format::plural(report.stages.len(), "stage")) ", " (with_result) " with a result, "
                (ran) " computed by the last run"
            }
            dt { "Computing time" } dd { (format::duration(seconds(report))) " for all results together, also those of earlier runs; stages that ran at the same time count twice" }
            @if let Some(commit) = &report.commit { dt { "Commit" } dd { code { (commit) } } }
            dt { "pcamflow" } dd { (report.version) }
        }
    }
}

fn trainings(report: &Report) -> impl Iterator<Item = &Stage> {
    let is_training =
        |stage: &&Stage| stage.name.starts_with("train.") || stage.name.starts_with("resume-train.");
    report.stages.iter().filter(is_training)
}

/// The parameters of a training that people ask for first.
fn model(stage: &Stage) -> Markup {
    let Some(record) = &stage.record else { return html! {} };
    let text = parameters(&record.lines);
    let versions: Vec<String> =
        record.made.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    html! {
        dt { code { (stage.name) } }
        dd {
            (text)
            br;
            (numbers::all(&record.numbers))
            br;
            "on " (record.made.device) " (" (record.made.threads) " threads) of " (record.made.host) ", "
            (format::duration(record.made.seconds)) ", " (versions.join(", "))
        }
    }
}

/// The chosen parameters in words: `class-cnn: channels 8 16 32 64, hidden 32; epochs 12; adam: learning-rate 0.001`.
fn parameters(lines: &BTreeMap<String, String>) -> String {
    let wanted = ["architecture", "epochs", "batch-size", "optimizer", "loss", "seed", "precision"];
    let mut words: Vec<String> = Vec::new();
    for name in wanted {
        let path = format!("parameter {name}");
        let Some(value) = lines.get(&path) else { continue };
        let below = format!("{path}.{value}.");
        let mut inner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, value) in
            lines.iter().filter(|(path, value)| path.starts_with(&below) && !value.starts_with('['))
        {
            let (field, at) = path[below.len()..].rsplit_once('.').unwrap_or((&path[below.len()..], ""));
            let field = if at.parse::<usize>().is_ok() { field } else { &path[below.len()..] };
            inner.entry(field).or_default().push(value);
        }
        let inner: Vec<String> =
            inner.iter().map(|(field, values)| format!("{field} {}", values.join(" "))).collect();
        words.push(match inner.is_empty() {
            true => format!("{name} {value}"),
            false => format!("{name} {value} ({})", inner.join(", ")),
        });
    }
    words.join(", ")
}

fn seconds(report: &Report) -> f64 {
    report.stages.iter().filter_map(|stage| stage.record.as_ref()).map(|record| record.made.seconds).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_words_and_lists_are_together() {
        let lines = [
            ("parameter architecture", "class-cnn"),
            ("parameter architecture.class-cnn", "{}"),
            ("parameter architecture.class-cnn.channels", "[2]"),
            ("parameter architecture.class-cnn.channels.0", "8"),
            ("parameter architecture.class-cnn.channels.1", "16"),
            ("parameter epochs", "3"),
            ("parameter other", "1"),
        ];
        let lines = lines.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
        assert_eq!(parameters(&lines), "architecture class-cnn (channels 8 16), epochs 3");
    }
}
