//! The end of the summary of a run that failed or was interrupted: failures, what they blocked, and advice.

use super::{View, ending::Run, fold::LIMIT, format, paint::Tone, words};
use crate::{
    engine::tell::event::{FailedStage, Summary},
    protocol::FailureClass,
};

/// The failures and the advice, or nothing. The first failure is shown in full, and the first lines of the others.
#[must_use]
pub(super) fn text(summary: &Summary, run: &Run, view: &View) -> String {
    let mut lines = Vec::new();
    for (place, failed) in summary.failed.iter().take(LIMIT + 1).enumerate() {
        lines.extend(match place {
            0 => first(failed, summary.failed.len(), view),
            _ => further(failed, &summary.failed[..place], view),
        });
        lines.extend(blocked(&failed.stage, run, view.width));
    }
    if let Some(more @ 1..) = summary.failed.len().checked_sub(LIMIT + 1) {
        lines.push(format!("and {} more failed", format::count(more as u64)));
    }
    let advice = if run.goes_on { None } else { advice(summary) };
    lines.extend(advice.iter().flat_map(|advice| words::wrapped(advice, 0, view.width)));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn first(failed: &FailedStage, of: usize, view: &View) -> Vec<String> {
    let mut lines = vec![head(failed, if of > 1 { "failed first:" } else { "failed:" }, view)];
    lines.extend(words::wrapped(&failed.message, 2, view.width));
    lines.extend(failed.log.as_ref().map(|log| format!("  log: {}", super::seen_from_here(log))));
    lines
}

/// Many stages may fail for one reason, which is said once.
fn further(failed: &FailedStage, earlier: &[FailedStage], view: &View) -> Vec<String> {
    let message = |failed: &FailedStage| failed.message.lines().next().unwrap_or_default().to_owned();
    if earlier.iter().any(|earlier| message(earlier) == message(failed)) {
        return vec![head(failed, "failed with the same message", view)];
    }
    let head = head(failed, "failed:", view);
    std::iter::once(head).chain(words::wrapped(&message(failed), 2, view.width)).collect()
}

fn head(failed: &FailedStage, word: &str, view: &View) -> String {
    view.paint.tone(Tone::Bad, &format!("{} {word}", format::clean(&failed.stage)))
}

fn blocked(failed: &str, run: &Run, width: Option<usize>) -> Vec<String> {
    match run.blocked_by(failed).as_slice() {
        [] => Vec::new(),
        stages => words::wrapped(&format!("blocked by it: {}", listed(stages)), 2, width),
    }
}

/// The first names, and the number of the others.
fn listed(names: &[&str]) -> String {
    let few = names.get(..LIMIT).unwrap_or(names).join(", ");
    match names.len().saturating_sub(LIMIT) {
        0 => few,
        more => format!("{few} and {} more", format::count(more as u64)),
    }
}

/// What to do next, and the exit code.
fn advice(summary: &Summary) -> Option<String> {
    let code = summary.exit_code();
    let kept = "finished work is kept";
    let class = summary.failed.first().map(|failed| failed.class);
    let advice = match class {
        _ if summary.interrupted => {
            "finished stages and trained epochs are kept: run again to go on".to_owned()
        }
        Some(FailureClass::Stage) => format!("{kept}: fix the cause and run again"),
        Some(FailureClass::Environment) => {
            format!("{kept}: the problem is the machine, not the pipeline: fix it and run again")
        }
        Some(FailureClass::Process) => {
            format!("{kept}: its process ended before it was done; run again to go on")
        }
        Some(FailureClass::Timeout) => {
            format!("{kept}: raise the time limit of the stage, or run again to go on")
        }
        None if summary.unasked.is_some() => {
            "frozen: not everything is in the store, and the remote store could not be asked".to_owned()
        }
        None if !summary.would_run.is_empty() => {
            "frozen: not everything is in the store, so nothing was computed".to_owned()
        }
        None if !summary.submitted.is_empty() => {
            "the submitted jobs go on: `pcamflow status` shows them, and another run takes their results"
                .to_owned()
        }
        None if code != 0 => "not every requirement is met".to_owned(),
        None => return None,
    };
    Some(format!("{advice} (exit code {code})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{paint::Paint, testing};

    fn last_line(summary: &Summary) -> String {
        let text = text(summary, &Run::default(), &View { paint: Paint::OFF, width: None });
        text.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_last_line_has_the_cause_and_the_exit_code() {
        let of = |class| {
            let failed = vec![FailedStage { class, ..testing::failed("train.base") }];
            last_line(&Summary { failed, ..testing::summary(Vec::new()) })
        };
        assert!(of(FailureClass::Stage).ends_with("fix the cause and run again (exit code 1)"));
        assert!(of(FailureClass::Environment).contains("the problem is the machine"));
        assert!(of(FailureClass::Environment).ends_with("(exit code 3)"));
        assert!(of(FailureClass::Process).contains("its process ended before it was done"));
        assert!(of(FailureClass::Process).ends_with("(exit code 1)"));
        assert_eq!(last_line(&testing::summary(Vec::new())), "");
    }

    #[test]
    fn every_failure_is_listed_with_the_stages_that_it_blocked() {
        let mut failed: Vec<FailedStage> =
            (0..17).map(|index| testing::failed(&format!("train.{index}"))).collect();
        failed[1].message = "no memory\na long story".to_owned();
        let mut run = Run::default();
        run.block("evaluate.a", "train.1");
        let summary = Summary { failed, ..testing::summary(Vec::new()) };
        let text = text(&summary, &run, &View { paint: Paint::OFF, width: None });
        assert!(text.contains("train.0 failed first:\n"), "{text}");
        let other = "train.1 failed:\n  no memory\n  blocked by it: evaluate.a\n\
                     train.2 failed with the same message\n";
        assert!(text.contains(other) && text.contains("\nand 1 more failed\n"), "{text}");
        run.goes_on = true;
        let ends = super::text(&summary, &run, &View { paint: Paint::OFF, width: None });
        assert!(!ends.contains("exit code"), "{ends}");
    }

    #[test]
    fn of_many_blocked_stages_the_first_are_named() {
        let names: Vec<String> = (0..17).map(|index| format!("explain.{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(listed(&names).ends_with("explain.14 and 2 more"));
        assert_eq!(listed(&names[..2]), "explain.0, explain.1");
    }
}
