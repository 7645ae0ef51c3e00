//! The closing summary: what ran, its results, where they are; and what to do after a failure.
//!
//! Listens to the whole run for what the last event does not contain (the order of the plan, blocked stages), and
//! writes once, when the run has ended.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    View,
    ending::Run,
    fold::LIMIT,
    format,
    out::Out,
    paint::Tone,
    pictures, plan,
    repeated::{grouped, one_name, parts},
    required, spreads,
    table::{Cell, Table, cell},
    trials, trouble, words,
};
use crate::engine::tell::{
    event::{Event, FailedStage, FinishedStage, Observer, Summary},
    repeats::Repeated,
};

/// Writes the closing summary.
pub(super) struct Closing<W> {
    out: Out<W>,
    /// Called only when it is needed.
    view: fn() -> View,
    run: Run,
    goes_on: Arc<AtomicBool>,
}

impl<W: Write> Closing<W> {
    /// Writes to `writer`. If `goes_on` is set when the run ends, another run follows at once.
    pub(super) fn new(writer: W, view: fn() -> View, goes_on: Arc<AtomicBool>) -> Self {
        Self { out: Out::new(writer), view, run: Run::default(), goes_on }
    }
}

impl<W: Write> Observer for Closing<W> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Planned { stages, .. } => {
                let places = stages.iter().enumerate();
                self.run.order = places.map(|(place, stage)| (stage.stage.clone(), place)).collect();
                self.run.frozen = self.run.frozen.take().map(|_| stages.clone());
            }
            Event::Blocked { stage, by } => drop(self.run.blocked.insert(stage.clone(), by.clone())),
            Event::Ended(summary) => {
                self.run.goes_on = self.goes_on.load(Ordering::SeqCst);
                self.out.write(&text(summary, &self.run, &(self.view)()));
                self.out.flush();
            }
            Event::Started { stage, .. } => drop(self.run.computing.insert(stage.clone())),
            Event::Finished(FinishedStage { stage, .. }) | Event::Failed(FailedStage { stage, .. }) => {
                self.run.computing.remove(stage);
            }
            Event::Began { frozen, .. } => self.run.frozen = frozen.then(Vec::new),
            Event::Sweep { .. }
            | Event::Hashing { .. }
            | Event::Transfer { .. }
            | Event::Waiting { .. }
            | Event::Job { .. }
            | Event::Submitted(_)
            | Event::Progress { .. }
            | Event::Epoch { .. }
            | Event::Warning { .. }
            | Event::Required(_) => {}
        }
    }
}

/// The summary in the order of the plan. Failures keep their order, because the first one matters most.
fn in_order(summary: &Summary, run: &Run) -> Summary {
    let mut summary = summary.clone();
    summary.finished.sort_by_key(|stage| run.place(&stage.stage));
    summary.not_run.sort_by_key(|stage| run.place(stage));
    summary
}

/// The summary of a run. Failures and advice come last, where people look first.
#[must_use]
pub(super) fn text(summary: &Summary, run: &Run, view: &View) -> String {
    body(summary, run, view) + &required::text(summary, view) + &trouble::text(summary, run, view)
}

fn body(summary: &Summary, run: &Run, view: &View) -> String {
    let nothing_happened = summary.failed.is_empty() && summary.not_run.is_empty() && !summary.interrupted;
    if nothing_happened && summary.trials.is_empty() && summary.finished.iter().all(|stage| stage.cached) {
        return spreads::text(summary, view) + &all_cached(summary);
    }
    let summary = &in_order(summary, run);
    if !summary.trials.is_empty() && summary.would_run.is_empty() {
        return trials::text(summary, view);
    }
    if let Some(stages) = run.frozen.as_ref().filter(|_| !summary.would_run.is_empty()) {
        return plan::text(&summary.pipeline, stages, view);
    }
    let (table, spreads) = (table(summary, run, view), spreads::text(summary, view));
    let totals = view.paint.tone(Tone::Strong, &totals(summary));
    format!("{table}\n{spreads}{totals}\n{}", pictures::text(summary, view))
}

fn all_cached(summary: &Summary) -> String {
    let all = format::plural(summary.finished.len(), "stage");
    let (time, out) = (format::duration(summary.seconds), super::seen_from_here(&summary.out));
    format!("{all}, all cached ({time}); results in {out}\n")
}

/// `3 ran, 5 cached in 41.2 s`.
fn totals(summary: &Summary) -> String {
    let cached = summary.finished.iter().filter(|stage| stage.cached).count();
    let counts = words::counts(&[
        (summary.finished.len() - cached, "ran"),
        (cached, "cached"),
        (summary.failed.len(), "failed"),
        (summary.submitted.len(), "submitted"),
        (summary.not_run.len().saturating_sub(summary.submitted.len()), "not run"),
    ]);
    let interrupted = if summary.interrupted { "interrupted: " } else { "" };
    let counts = if counts.is_empty() { "nothing ran" } else { &counts };
    format!("{interrupted}{counts} in {}", format::duration(summary.seconds))
}

fn table(summary: &Summary, run: &Run, view: &View) -> String {
    let mut table = Table::headed("llrl", ["stage", "result", "time", ""]);
    for row in rows(summary, run) {
        table.row(row);
    }
    table.text(view)
}

/// The rows in the order of the plan. Many cached stages, or many that did not run, share a row.
fn rows(summary: &Summary, run: &Run) -> Vec<[Cell; 4]> {
    let groups = grouped(&summary.finished, |stage| repeats_alike(stage, &summary.repeats));
    let (cached, ran): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group[0].cached);
    let mut rows: Vec<(usize, [Cell; 4])> = Vec::new();
    let place = |stage: &str| run.place(stage);
    rows.extend(ran.iter().map(|group| (place(&group[0].stage), finished(group))));
    rows.extend(
        summary.failed.iter().map(|stage| (place(&stage.stage), row(&stage.stage, "failed", Tone::Bad, ""))),
    );
    if cached.len() <= LIMIT {
        rows.extend(cached.iter().map(|group| (place(&group[0].stage), finished(group))));
    }
    if summary.not_run.len() <= LIMIT {
        rows.extend(summary.not_run.iter().map(|stage| {
            let why = run.blocked.get(stage).map(|by| format!("{} failed", format::clean(by)));
            let (word, tone) = match run.computing.contains(stage) {
                true => ("interrupted", Tone::Warning),
                false => ("not run", Tone::Faint),
            };
            (place(stage), row(stage, word, tone, &why.unwrap_or_default()))
        }));
    }
    rows.sort_by_key(|(place, _)| *place);
    let many = |count: usize, what| row(&format::plural(count, "stage"), what, Tone::Faint, "");
    let first = (cached.len() > LIMIT).then(|| many(cached.iter().map(Vec::len).sum(), "cached"));
    let last = (summary.not_run.len() > LIMIT).then(|| many(summary.not_run.len(), "not run"));
    first.into_iter().chain(rows.into_iter().map(|(_, row)| row)).chain(last).collect()
}

/// Repeats of a stage share a row if this is equal. Their numbers have a separate table.
fn repeats_alike<'a>(
    stage: &'a FinishedStage,
    repeats: &[Repeated],
) -> Option<(&'a str, bool, &'a str, Option<&'a str>)> {
    let (written, seed) = parts(&stage.stage);
    seed.filter(|_| repeats.iter().any(|repeated| repeated.stage == written))?;
    Some((written, stage.cached, &stage.device, stage.resumed.as_deref()))
}

/// The row of a stage, or of repeats with the sum of their times.
fn finished(group: &Vec<&FinishedStage>) -> [Cell; 4] {
    let stage = group[0];
    let names: Vec<&str> = group.iter().map(|stage| stage.stage.as_str()).collect();
    let most = if group.len() > 1 { 0 } else { usize::MAX };
    let (name, outcome) = (one_name(&names), words::outcome(stage, most));
    if stage.cached {
        return row(&name, "cached", Tone::Faint, &outcome);
    }
    let seconds = group.iter().map(|stage| stage.seconds).sum();
    let [name, word, _, outcome] = row(&name, "ran", Tone::Good, &outcome);
    [name, word, cell(Tone::Normal, format::duration(seconds)), outcome]
}

/// A row without a time.
fn row(stage: &str, word: &str, tone: Tone, rest: &str) -> [Cell; 4] {
    let quiet = if tone == Tone::Faint { Tone::Faint } else { Tone::Normal };
    let name = cell(quiet, format::clean(stage));
    [name, cell(tone, word), cell(Tone::Normal, ""), cell(quiet, rest)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{paint::Paint, testing};

    fn view() -> View {
        View { paint: Paint::OFF, width: None }
    }

    fn closing(events: &[Event]) -> String {
        let mut closing = Closing::new(Vec::new(), view, Arc::default());
        events.iter().for_each(|event| closing.event(event));
        String::from_utf8(closing.out.writer().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_good_run_ends_with_a_table_the_totals_and_the_folder() {
        let expected = "\
stage             result    time
split.pcam        cached          train 40,000, validation 5,000
train.base        ran     34.2 s  validation-accuracy 0.934, validation-loss 0.2013, on cuda:0 (NVIDIA H200), \
resumed from epoch 3
evaluate.test     ran      2.8 s  accuracy 0.9156, AUC 0.971
explain.grad-cam  cached

2 ran, 2 cached in 41.2 s

results in out/mini
";
        assert_eq!(closing(&testing::good()), expected);
    }

    #[test]
    fn a_failure_says_what_failed_what_it_blocked_and_what_to_do() {
        let expected = "\
stage             result   time
split.pcam        cached
train.base        failed
evaluate.test     not run        train.base failed
explain.grad-cam  not run        train.base failed

1 cached, 1 failed, 2 not run in 41.2 s

results in out/mini

train.base failed:
  the loss is not finite in epoch 3, batch 120: lower the learning rate
  log: .pcamflow/logs/train.base.log
  blocked by it: evaluate.test, explain.grad-cam
finished work is kept: fix the cause and run again (exit code 1)
";
        assert_eq!(closing(&testing::bad()), expected);
    }

    #[test]
    fn all_cached_is_one_short_line() {
        assert_eq!(closing(&testing::all_cached(12)), "12 stages, all cached (7 ms); results in out/mini\n");
    }

    #[test]
    fn an_interrupted_run_says_what_is_kept() {
        let mut end = testing::summary(vec![testing::ran("split.pcam", 12.1, &[])]);
        end.interrupted = true;
        end.not_run = vec!["train.base".into()];
        let text = closing(&[Event::Ended(end)]);
        assert!(text.contains("\ninterrupted: 1 ran, 1 not run in 41.2 s\n"), "{text}");
        let kept = "finished stages and trained epochs are kept: run again to go on (exit code 130)\n";
        assert!(text.contains(kept), "{text}");
    }

    #[test]
    fn a_stage_that_was_stopped_is_interrupted() {
        let mut end = testing::summary(vec![testing::ran("split.pcam", 12.1, &[])]);
        end.interrupted = true;
        end.not_run = vec!["train.base".into(), "train.more".into()];
        let text = closing(&[testing::started("train.base", "never ran"), Event::Ended(end)]);
        assert!(
            text.contains("train.base  interrupted\n") && text.contains("train.more  not run\n"),
            "{text}"
        );
    }

    #[test]
    fn rows_are_in_the_order_of_the_plan_and_many_are_folded() {
        let mut events = testing::all_cached(985);
        let mut finished: Vec<_> = (0..985).map(|i| testing::cached(&format!("explain.{i}"), &[])).collect();
        finished.push(testing::ran("train.z", 1.0, &[]));
        finished.push(testing::ran("explain.7", 1.0, &[]));
        let not_run = (0..16).map(|i| format!("metrics.{i}")).collect();
        events.pop();
        events.push(Event::Ended(Summary { not_run, ..testing::summary(finished) }));
        let text = closing(&events);
        let expected = "\
stage       result    time
985 stages  cached
explain.7   ran      1.0 s
train.z     ran      1.0 s
16 stages   not run
";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn pictures_of_stages_that_ran_are_named() {
        let out = tempfile::tempdir().unwrap();
        let folder = |stage: &str| {
            let folder = out.path().join(stage);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("panel.png"), "").unwrap();
            Some(folder)
        };
        let (old, new) = (testing::cached("explain.old", &[]), testing::ran("explain.new", 1.0, &[]));
        let old = FinishedStage { folder: folder("explain.old"), ..old };
        let new = FinishedStage { folder: folder("explain.new"), ..new };
        let summary = Summary { out: out.path().into(), ..testing::summary(vec![old, new]) };
        let text = closing(&[Event::Ended(summary)]);
        let shown = crate::ui::seen_from_here(out.path());
        assert!(text.ends_with(&format!("\nresults in {shown}\n  explain.new  panel.png\n")), "{text}");
    }

    #[test]
    fn no_line_comes_twice() {
        let failed = ["train.a", "train.b", "train.c"].map(testing::failed).to_vec();
        let alike = Event::Ended(Summary { failed, ..testing::summary(Vec::new()) });
        let runs = [testing::good(), testing::bad(), testing::all_cached(12), vec![alike]];
        for text in runs.map(|events| closing(&events)) {
            let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
            let different: std::collections::BTreeSet<&&str> = lines.iter().collect();
            assert_eq!(different.len(), lines.len(), "{text}");
        }
    }

    #[test]
    fn a_closed_pipe_does_not_end_the_run() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut closing = Closing::new(writer, view, Arc::default());
        testing::good().iter().for_each(|event| closing.event(event));
        assert!(closing.out.writer().is_none());
    }
}
