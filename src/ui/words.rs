//! Short texts about events, the same on a terminal, in a log and in the closing summary.
//!
//! Knows events; knows neither colours nor columns.

use std::path::Path;

use super::format;
use crate::engine::tell::{
    event::{Direction, FinishedStage, Planned, PlannedStage},
    job::{JobPhase, JobState},
    require::{Figure, Verdict},
};

/// The result of a stage: main numbers, the device if it is not the CPU, and where it resumed.
pub(super) fn outcome(stage: &FinishedStage, most: usize) -> String {
    let numbers = format::numbers(stage.numbers.get(..most).unwrap_or(&stage.numbers));
    let device = Some(format::clean(&stage.device)).filter(|device| !device.is_empty() && *device != "cpu");
    let device = device.filter(|_| !stage.cached).map(|device| format!("on {device}"));
    let resumed = stage.resumed.as_ref().map(|from| format!("resumed from {}", format::clean(from)));
    let parts = [Some(numbers).filter(|numbers| !numbers.is_empty()), device, resumed];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ").replace('\n', " ")
}

/// Counts that are not zero: `3 ran, 5 cached`.
pub(super) fn counts(counts: &[(usize, &str)]) -> String {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{} {what}", format::count(*count as u64)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The planned states: `2 to run, 1 maybe, 9 cached`.
pub(super) fn plan(states: impl Iterator<Item = Planned> + Clone) -> String {
    let of = |state| states.clone().filter(|other| *other == state).count();
    counts(&[
        (of(Planned::Run), "to run"),
        (of(Planned::Maybe), "maybe"),
        (of(Planned::Cached), "cached"),
        (of(Planned::Blocked), "blocked"),
    ])
}

/// Whether all stages are cached.
pub(super) fn all_cached(stages: &[PlannedStage]) -> bool {
    stages.iter().all(|stage| stage.state == Planned::Cached)
}

/// The figures of a requirement: `0.8123`, or of repeats `0.8123 (evaluate.test@1), 0.91 (evaluate.test@2)`. If the
/// requirement is not met, only the figures that fail it.
pub(super) fn figures(verdict: &Verdict) -> String {
    let value = |figure: &Figure| match (figure.value, &figure.why) {
        (Some(value), _) => exact_enough(value, figure.met, verdict.bound),
        (None, Some(why)) => format::one_line(why),
        (None, None) => "undefined".to_owned(),
    };
    let shown = |figure: &&Figure| verdict.met || !figure.met;
    match verdict.figures.as_slice() {
        [one] => value(one),
        many => {
            let of = |figure: &Figure| match figure.value {
                Some(_) => format!("{} ({})", value(figure), format::one_line(&figure.of)),
                None => value(figure),
            };
            many.iter().filter(shown).map(of).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A number in few digits, or in all digits if it misses the bound and would look equal to it.
fn exact_enough(value: f64, met: bool, bound: f64) -> String {
    let short = format::number(value);
    if !met && short == format::number(bound) { value.to_string() } else { short }
}

/// A job: `job 17, Priority`, `job 17 on n7`.
pub(super) fn job(state: &JobState) -> String {
    let JobState { job, reason, node, .. } = state;
    let reason = reason.as_ref().map(|reason| format!(", {}", format::one_line(reason))).unwrap_or_default();
    let node = node.as_ref().map(|node| format!(" on {}", format::one_line(node))).unwrap_or_default();
    format!("job {job}{node}{reason}")
}

/// What a job is doing: `17 is pending (Priority)`, `17 is running on n7`.
pub(super) fn job_now(state: &JobState) -> String {
    let JobState { job, state, reason, node } = state;
    let doing = match state {
        JobPhase::Pending => "pending",
        JobPhase::Running => "running",
    };
    let reason = reason.as_ref().map(|reason| format!(" ({})", format::one_line(reason))).unwrap_or_default();
    let node = node.as_ref().map(|node| format!(" on {}", format::one_line(node))).unwrap_or_default();
    format!("{job} is {doing}{node}{reason}")
}

/// The run that a stage waits for. A run that has just begun has no name yet.
pub(super) fn waiting(holder: &str) -> String {
    match format::one_line(holder).trim() {
        "" => "for another run".to_owned(),
        holder => format!("for run of {holder}"),
    }
}

/// What a transfer is called.
pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Fetching => "fetching",
        Direction::Pushing => "pushing",
    }
}

/// Where the curves of a training are that is running. A path is not cut, so that it can be copied.
pub(super) fn curves(picture: &Path) -> String {
    format!("so far in {}", super::seen_from_here(picture))
}

/// The last part of a path: `train_x.h5`.
pub(super) fn file_name(file: &str) -> String {
    let name = Path::new(file).file_name().map_or(file.into(), |name| name.to_string_lossy());
    format::one_line(&name)
}

/// Names after a heading. With a width, names that do not fit on the line are wrapped below it.
pub(super) fn listed(head: &str, names: &[String], width: Option<usize>) -> String {
    let all = names.join(", ");
    let line = format!("{head}: {all}");
    match width {
        Some(width) if console::measure_text_width(&line) > width => {
            format!("{head}:\n{}", wrapped(&all, 2, Some(width)).join("\n"))
        }
        _ => line,
    }
}

/// The longest line that is easy to read.
const READABLE: usize = 100;

/// A text from elsewhere, cleaned, indented and wrapped between words. Without a width (in logs), nothing is wrapped.
/// Words that are longer than a line (paths) are kept whole, so that they can be copied.
pub(super) fn wrapped(text: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let clean = format::clean(text);
    let room = |width: usize| width.min(READABLE).saturating_sub(indent).max(20);
    let room = width.map_or(usize::MAX, room);
    let lines = clean.trim_end().lines().flat_map(|line| broken(line, room));
    lines.map(|line| format!("{:indent$}{line}", "").trim_end().to_owned()).collect()
}

fn broken(line: &str, room: usize) -> Vec<String> {
    let width = console::measure_text_width;
    // A line that fits is not changed: it may have a layout (a caret under a word).
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
    fn counts_leave_out_zeros() {
        assert_eq!(counts(&[(3, "ran"), (0, "failed"), (1_005, "cached")]), "3 ran, 1,005 cached");
    }

    #[test]
    fn a_long_list_is_wrapped_on_a_terminal_only() {
        let names: Vec<String> = (1..=6).map(|place| format!("train.number-{place}")).collect();
        let one = "mini: 6 stages: train.number-1, train.number-2, train.number-3, train.number-4, \
                   train.number-5, train.number-6";
        assert_eq!(listed("mini: 6 stages", &names, None), one);
        assert_eq!(listed("mini: 6 stages", &names, Some(200)), one);
        let folded = "mini: 6 stages:\n  train.number-1, train.number-2,\n  train.number-3, train.number-4,\n  \
                      train.number-5, train.number-6";
        assert_eq!(listed("mini: 6 stages", &names, Some(40)), folded);
    }
}
