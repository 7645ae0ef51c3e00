//! The last lines of a run: what the models are worth, and where the report is. A cached run has them, too.
//!
//! Reads the shown numbers, which the run has just checked, so that a run that finds everything in the store stays
//! fast.

use std::path::Path;

use super::say;
use crate::{
    engine::tell::event::Summary,
    fsx,
    metrics::{Evaluation, Interval},
    stages::StageName,
    ui::{self, format},
};

/// The beginning of their names.
const EVALUATE: &str = "evaluate.";
/// The most evaluations that have a line; more are in the table above.
const LINES: usize = 4;
/// More bytes than `metrics.json` has.
const LONGEST: u64 = 1 << 20;

/// Prints a line for each evaluation, and the report's path.
pub(super) fn print(summary: &Summary, report: Option<&Path>) {
    for line in lines(summary) {
        say(&line);
    }
    if let Some(report) = report {
        say(&format!("report: {}", ui::seen_from_here(report)));
    }
}

/// None for a sweep and for repeated evaluations: their means have a table.
fn lines(summary: &Summary) -> Vec<String> {
    let names = summary.finished.iter().map(|stage| &stage.stage).filter(|name| name.starts_with(EVALUATE));
    let mut names: Vec<StageName> = names.filter_map(|name| name.parse().ok()).collect();
    if names.len() > LINES || !summary.trials.is_empty() || names.iter().any(|name| name.repeat.is_some()) {
        return Vec::new();
    }
    names.sort_by_key(ToString::to_string);
    names.iter().filter_map(|name| line(&name.to_string(), &summary.out)).collect()
}

fn line(stage: &str, out: &Path) -> Option<String> {
    let text = fsx::read_text(&out.join(stage).join("metrics.json"), LONGEST).ok()?;
    Some(words(stage, &serde_json::from_str(&text).ok()?))
}

fn words(stage: &str, numbers: &Evaluation) -> String {
    let accuracy = format!("{:.1}%", numbers.at.accuracy * 100.0);
    let between = |interval: Option<Interval>| match interval {
        Some(Interval { low, high }) => format!(" ({low:.3} to {high:.3})"),
        None => String::new(),
    };
    let auc = match numbers.roc_auc {
        Some(auc) => format!("ROC AUC {auc:.3}{}", between(numbers.roc_auc_interval)),
        None => "ROC AUC undefined".to_owned(),
    };
    let patches = format::count(numbers.images);
    format!("{stage}: accuracy {accuracy}{}, {auc}, {patches} patches", between(numbers.at.accuracy_interval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Bootstrap, EvaluationSettings, Predictions, evaluate};

    #[test]
    fn one_class_has_no_auc_and_says_so() {
        let settings = EvaluationSettings {
            threshold: 0.5,
            classes: ["a".into(), "b".into()],
            bootstrap: Bootstrap { resamples: 0, ..Bootstrap::default() },
        };
        let numbers = evaluate(&Predictions::new(&[1, 1], &[0.9, 0.1]).unwrap(), &settings).unwrap();
        let line = words("evaluate.a", &numbers);
        assert!(
            line.starts_with("evaluate.a: accuracy 50.0% (")
                && line.ends_with("ROC AUC undefined, 2 patches")
        );
    }
}
