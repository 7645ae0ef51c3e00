//! What is said of an event in a line or two, wherever it is shown: the same words on a terminal, in a
//! log and in the closing summary.
//!
//! Knows events; knows neither colours nor columns.

use std::{collections::BTreeMap, path::Path};

use super::format;
use crate::engine::tell::{
    event::{FinishedStage, Planned, PlannedStage},
    require::{Figure, Verdict},
};

/// What came of a stage: its main numbers, where it computed if not on the CPU, and what it went on from.
pub(super) fn outcome(stage: &FinishedStage, most: usize) -> String {
    let numbers = format::numbers(stage.numbers.get(..most).unwrap_or(&stage.numbers));
    let device = Some(format::clean(&stage.device)).filter(|device| !device.is_empty() && *device != "cpu");
    let device = device.filter(|_| !stage.cached).map(|device| format!("on {device}"));
    let resumed = stage.resumed.as_ref().map(|from| format!("resumed from {}", format::clean(from)));
    let parts = [Some(numbers).filter(|numbers| !numbers.is_empty()), device, resumed];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ").replace('\n', " ")
}

/// How many there are of each, largest interest first, without those of which there are none:
/// `3 ran, 5 cached`.
pub(super) fn counts(counts: &[(usize, &str)]) -> String {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{} {what}", format::count(*count as u64)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is planned: `2 to run, 1 maybe, 9 cached`.
pub(super) fn plan(stages: &[PlannedStage]) -> String {
    let of = |state| stages.iter().filter(|stage| stage.state == state).count();
    counts(&[
        (of(Planned::Run), "to run"),
        (of(Planned::Maybe), "maybe"),
        (of(Planned::Cached), "cached"),
        (of(Planned::Blocked), "blocked"),
    ])
}

/// Whether nothing has to run.
pub(super) fn all_cached(stages: &[PlannedStage]) -> bool {
    stages.iter().all(|stage| stage.state == Planned::Cached)
}

/// Why a stage was not run.
pub(super) fn not_run(stage: &str, blocked: &BTreeMap<String, String>) -> String {
    blocked.get(stage).map_or_else(String::new, |by| format!("{} failed", format::clean(by)))
}

/// What a requirement found: `0.8123`, or of repeats `0.8123 (evaluate.test@1), 0.91 (evaluate.test@2)`;
/// where some do not meet it, only those.
pub(super) fn figures(verdict: &Verdict) -> String {
    let told = |figure: &Figure| match (figure.value, &figure.why) {
        (Some(value), _) => exact_enough(value, figure.met, verdict.bound),
        (None, Some(why)) => format::one_line(why),
        (None, None) => "undefined".to_owned(),
    };
    let shown = |figure: &&Figure| verdict.met || !figure.met;
    match verdict.figures.as_slice() {
        [one] => told(one),
        many => {
            let of = |figure: &Figure| match figure.value {
                Some(_) => format!("{} ({})", told(figure), format::one_line(&figure.of)),
                None => told(figure),
            };
            many.iter().filter(shown).map(of).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A number in few digits, or where these look like the bound that it misses, in all.
fn exact_enough(value: f64, met: bool, bound: f64) -> String {
    let short = format::number(value);
    if !met && short == format::number(bound) { value.to_string() } else { short }
}

/// For whom a stage waits; a run that has just begun has not said yet who it is.
pub(super) fn waiting(holder: &str) -> String {
    match format::one_line(holder).trim() {
        "" => "for another run".to_owned(),
        holder => format!("for run of {holder}"),
    }
}

/// The end of a path, which tells most: `train_x.h5`.
pub(super) fn file_name(file: &str) -> String {
    let name = Path::new(file).file_name().map_or(file.into(), |name| name.to_string_lossy());
    format::one_line(&name)
}

/// Longer lines than this are hard to read, however wide the terminal.
const READABLE: usize = 100;

/// A text from elsewhere, clean, broken between words so that it fits, further lines indented.
/// Without a width nothing is broken (logs). Words longer than a line (paths) are left whole: they must be found and copied.
pub(super) fn wrapped(text: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let clean = format::clean(text);
    let room = |width: usize| width.min(READABLE).saturating_sub(indent).max(20);
    let room = width.map_or(usize::MAX, room);
    let lines = clean.trim_end().lines().flat_map(|line| broken(line, room));
    lines.map(|line| format!("{:indent$}{line}", "").trim_end().to_owned()).collect()
}

fn broken(line: &str, room: usize) -> Vec<String> {
    let width = console::measure_text_width;
    // What fits is left as it is: it may be laid out (a caret under a word).
    if width(line) <= room {
        return vec![line.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        match lines.last_mut() {
            Some(last) if width(last) + 1 + width(word) <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_break_between_words_and_keep_paths_whole() {
        let text = "the loss is not finite: see /a/very/long/path/that/must/stay/whole now\n  x = 1";
        assert_eq!(
            wrapped(text, 2, Some(34)),
            [
                "  the loss is not finite: see",
                "  /a/very/long/path/that/must/stay/whole",
                "  now",
                "    x = 1"
            ]
        );
    }

    #[test]
    fn a_holder_without_a_name_is_another_run() {
        assert_eq!(waiting("ada:17\n"), "for run of ada:17");
        assert_eq!(waiting(""), "for another run");
    }

    #[test]
    fn counts_leave_out_what_is_not_there() {
        assert_eq!(counts(&[(3, "ran"), (0, "failed"), (1_005, "cached")]), "3 ran, 1,005 cached");
    }
}
