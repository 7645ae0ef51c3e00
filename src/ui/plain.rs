//! A run as plain lines, for logs and `grep`.
//!
//! A line has a word in a column of nine (`start`, `progress`, `epoch`, `curves`, `done`, `cached`, `failed`,
//! `blocked`, `waiting`, `job`, `left`, `warning`, `hashing`, `fetching`, `pushing`, `plan`, `sweep`), the stage or file, a colon, and the rest. Further lines
//! of a message are indented. The words and their order are stable.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};

use super::{
    epochs, eta,
    fold::{Fold, Folded},
    format,
    out::Out,
    words,
};
use crate::{
    engine::tell::event::{Event, FailedStage, FinishedStage, Observer, PlannedStage},
    protocol::Progress,
};

/// The time between two reports of progress.
const EVERY: Duration = Duration::from_secs(30);

/// How much to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    All,
    /// Warnings and failures.
    Trouble,
}

/// Writes a run as plain lines.
pub(super) struct Plain<W> {
    out: Out<W>,
    detail: Detail,
    /// The number of trials; 0 if the run is not a sweep.
    trials: usize,
    /// The progress of what runs.
    running: BTreeMap<String, Pace>,
    hits: Fold,
    /// Whether there was any other line. Before that, cached stages have no lines.
    awake: bool,
}

/// The speed of something that runs.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// The time and the progress of the first report. Earlier (resumed) work must not count as speed.
    first: (Instant, u64),
    /// The time of the last line.
    last: Instant,
}

impl<W: Write> Plain<W> {
    /// Writes to `writer`.
    pub(super) fn new(writer: W, detail: Detail) -> Self {
        let running = BTreeMap::new();
        Self { out: Out::new(writer), detail, trials: 0, running, hits: Fold::default(), awake: false }
    }

    /// Handles an event at a given time.
    fn event_at(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Warning { stage, text } => self.about("warning", stage.as_deref().unwrap_or(""), text),
            Event::Failed(failed) => self.failed(failed),
            // Otherwise, the closing summary shows these two.
            Event::Required(verdict) if self.detail == Detail::Trouble && !verdict.met => {
                self.about("not met", &verdict.requirement, &words::figures(verdict));
            }
            Event::Ended(summary) if self.detail == Detail::Trouble => {
                summary.would_run.iter().for_each(|stage| self.about("frozen", &stage.stage, &stage.why));
            }
            _ if self.detail == Detail::Trouble => {}
            Event::Sweep { trials, .. } => self.trials = trials.len(),
            Event::Began { .. } | Event::Required(_) => {}
            Event::Planned { pipeline, stages } => self.planned(pipeline, stages),
            Event::Hashing { file, done, total } => self.bytes("hashing", file, *done, *total, now),
            Event::Transfer { direction, what, done, total } => {
                self.bytes(words::direction(*direction), what, *done, *total, now);
            }
            Event::Waiting { stage, holder } => self.about("waiting", stage, &words::waiting(holder)),
            Event::Job { stage, state } => self.about("job", stage, &words::job_now(state)),
            Event::Submitted(left) => {
                self.about("left", &left.stage, &format!("job {} goes on without this run", left.job))
            }
            Event::Started { stage, why } => {
                self.running.remove(stage);
                self.about("start", stage, why);
            }
            Event::Progress { stage, progress } => self.progress("progress", stage, progress, now),
            Event::Epoch { stage, epoch, curves, .. } => {
                self.about("epoch", stage, &epochs::parts(epoch).join(", "));
                curves.iter().for_each(|curves| self.about("curves", stage, &words::curves(curves)));
            }
            Event::Finished(stage) => self.finished(stage),
            Event::Blocked { stage, by } => self.about("blocked", stage, &format!("{by} failed")),
            Event::Ended(_) => {
                let hits = self.hits.finish();
                self.cached(hits);
            }
        }
        self.out.flush();
    }

    fn planned(&mut self, pipeline: &str, stages: &[PlannedStage]) {
        self.running.clear();
        if !words::all_cached(stages) {
            if self.trials > 0 {
                self.line("sweep", pipeline, &format::plural(self.trials, "trial"));
            }
            let about = eta::of_plan(stages).map(|seconds| format!(", {}", eta::about(seconds)));
            let counts = words::plan(stages.iter().map(|stage| stage.state));
            self.about("plan", pipeline, &(counts + &about.unwrap_or_default()));
        }
    }

    fn bytes(&mut self, word: &str, what: &str, done: u64, total: u64, now: Instant) {
        let (unit, at) = ("bytes".to_owned(), String::new());
        self.progress(word, what, &Progress { done, total, unit, at }, now);
    }

    /// Writes a line if the last one is old enough.
    fn progress(&mut self, word: &str, about: &str, progress: &Progress, now: Instant) {
        let begun = Pace { first: (now, progress.done), last: now };
        let pace = self.running.entry(about.to_owned()).or_insert(begun);
        if now.duration_since(pace.last) < EVERY {
            return;
        }
        pace.last = now;
        let (since, from) = pace.first;
        let seconds = now.duration_since(since).as_secs_f64();
        let text = how_far(progress, progress.done.saturating_sub(from), seconds);
        self.about(word, about, &text);
    }

    fn finished(&mut self, stage: &FinishedStage) {
        self.running.remove(&stage.stage);
        if stage.cached {
            self.hits.add(&stage.stage);
            return;
        }
        let outcome = words::outcome(stage, usize::MAX);
        let comma = if outcome.is_empty() { "" } else { ", " };
        self.about("done", &stage.stage, &format!("{}{comma}{outcome}", format::duration(stage.seconds)));
    }

    fn failed(&mut self, failed: &FailedStage) {
        self.running.remove(&failed.stage);
        let log = failed.log.as_ref().map(|log| format!("\nlog: {}", super::seen_from_here(log)));
        self.about(
            "failed",
            &failed.stage,
            &format!("{}{}", failed.message.trim_end(), log.unwrap_or_default()),
        );
    }

    /// Cached stages are reported before the next other line, so that a run of cached stages is silent.
    fn cached(&mut self, folded: Option<Folded>) {
        match folded {
            Some(_) if !self.awake => {}
            Some(Folded::Names(names)) => names.iter().for_each(|name| self.line("cached", name, "")),
            Some(Folded::Count(count)) => self.line("cached", &format::plural(count, "stage"), ""),
            None => {}
        }
    }

    fn about(&mut self, word: &str, about: &str, text: &str) {
        if !["plan", "hashing", "fetching"].contains(&word) && self.detail == Detail::All {
            self.awake = true;
            let hits = self.hits.flush();
            self.cached(hits);
        }
        self.line(word, about, text);
    }

    fn line(&mut self, word: &str, about: &str, text: &str) {
        let (about, text) = (format::one_line(about), format::clean(text).replace('\n', "\n         "));
        let colon = if about.is_empty() || text.is_empty() { "" } else { ": " };
        self.out.write(format!("{word:<8} {about}{colon}{text}").trim_end());
        self.out.write("\n");
    }
}

impl<W: Write> Observer for Plain<W> {
    fn event(&mut self, event: &Event) {
        self.event_at(event, Instant::now());
    }
}

/// `12,800/40,000 images, 32%, 412 images/s, 1 min 06 s left, epoch 3/8`.
fn how_far(progress: &Progress, since: u64, seconds: f64) -> String {
    let Progress { done, total, unit, at } = progress;
    // Counts of images and bytes: precise to 2^53.
    #[allow(clippy::cast_precision_loss)]
    let (rate, left) = (since as f64 / seconds, total.saturating_sub(*done) as f64);
    let mut parts = vec![format::amount(*done, *total, unit)];
    if *total > 0 {
        parts.push(format!("{}%", u128::from(*done.min(total)) * 100 / u128::from(*total)));
    }
    if rate > 0.0 && rate.is_finite() {
        parts.push(format::rate(rate, unit));
        parts.extend((left > 0.0).then(|| format!("{} left", format::left(left / rate))));
    }
    parts.extend(Some(at.clone()).filter(|at| !at.is_empty()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    fn log(detail: Detail, events: &[Event]) -> String {
        let mut plain = Plain::new(Vec::new(), detail);
        let begun = Instant::now();
        // Ten seconds an event: progress is due at every fourth.
        for (step, event) in (0..).zip(events) {
            plain.event_at(event, begun + Duration::from_secs(10) * step);
        }
        String::from_utf8(plain.out.writer().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_run_is_a_few_lines_that_grep_finds() {
        let expected = "\
plan     mini: 1 to run, 2 maybe, 1 cached
cached   split.pcam
start    train.base: epochs 8 -> 9
warning  train.base: no improvement for 3 epochs
done     train.base: 34.2 s, validation-accuracy 0.934, validation-loss 0.2013, on cuda:0 (NVIDIA H200), \
resumed from epoch 3
start    evaluate.test: train.base/model changed
done     evaluate.test: 2.8 s, accuracy 0.9156, AUC 0.971
cached   explain.grad-cam
";
        assert_eq!(log(Detail::All, &testing::good()), expected);
    }

    #[test]
    fn a_plan_says_how_long_it_took_the_last_time() {
        let mut planned = testing::good().remove(0);
        let Event::Planned { stages, .. } = &mut planned else { panic!() };
        stages.iter_mut().for_each(|stage| stage.expected = Some(60.0));
        assert_eq!(log(Detail::All, &[planned]), "plan     mini: 1 to run, 2 maybe, 1 cached, about 3 min\n");
    }

    #[test]
    fn a_failure_has_its_message_its_log_and_what_it_blocks() {
        let expected = "\
plan     mini: 3 to run, 1 cached
cached   split.pcam
start    train.base: never ran
failed   train.base: the loss is not finite in epoch 3, batch 120: lower the learning rate
         log: .pcamflow/logs/train.base.log
blocked  evaluate.test: train.base failed
blocked  explain.grad-cam: train.base failed
";
        assert_eq!(log(Detail::All, &testing::bad()), expected);
    }

    #[test]
    fn long_stages_report_every_thirty_seconds_and_not_more() {
        let mut events = vec![testing::started("train.base", "never ran")];
        events.extend(
            (0..10).map(|step| testing::progress("train.base", 1_000 + 100 * step, 4_000, "epoch 1/2")),
        );
        let expected = "\
start    train.base: never ran
progress train.base: 1,300/4,000 images, 32%, 10 images/s, 4 min 30 s left, epoch 1/2
progress train.base: 1,600/4,000 images, 40%, 10 images/s, 4 min 00 s left, epoch 1/2
progress train.base: 1,900/4,000 images, 47%, 10 images/s, 3 min 30 s left, epoch 1/2
";
        assert_eq!(log(Detail::All, &events), expected);
    }

    #[test]
    fn each_epoch_is_a_line() {
        let events = [testing::started("train.base", "never ran"), testing::epoch("train.base", 4)];
        let expected = "\
start    train.base: never ran
epoch    train.base: 4/12, training 0.312 86.9%, validation 0.355 84.1%, best 3 (0.341)
";
        assert_eq!(log(Detail::All, &events), expected);
        assert_eq!(log(Detail::Trouble, &events), "");
    }

    #[test]
    fn the_picture_of_a_training_is_a_line() {
        let text = log(Detail::All, &[testing::epoch_with_curves("train.base", 4)]);
        let line = "\ncurves   train.base: so far in out/mini/running/train.base.png\n";
        assert!(text.ends_with(line), "{text}");
    }

    #[test]
    fn slow_hashing_is_reported() {
        let file = "train_x.h5".to_owned();
        let hashing = |done| Event::Hashing { file: file.clone(), done, total: 4 << 30 };
        let events: Vec<_> = (0..5).map(|step| hashing(step << 30)).collect();
        assert_eq!(
            log(Detail::All, &events),
            "hashing  train_x.h5: 3.00 GiB/4.00 GiB, 75%, 102.40 MiB/s, 10 s left\n"
        );
    }

    #[test]
    fn a_cached_run_is_silent() {
        assert_eq!(log(Detail::All, &testing::all_cached(12)), "");
    }

    #[test]
    fn many_cached_stages_are_one_line() {
        let mut events = testing::all_cached(985);
        events.insert(986, testing::started("train.base", "never ran"));
        assert!(log(Detail::All, &events).ends_with("cached   985 stages\nstart    train.base: never ran\n"));
    }

    #[test]
    fn quiet_has_only_warnings_and_failures() {
        let warning = "warning  train.base: no improvement for 3 epochs\n";
        assert_eq!(log(Detail::Trouble, &testing::good()), warning);
        assert_eq!(log(Detail::Trouble, &testing::bad()).lines().count(), 2);
        let run = Event::Warning { stage: None, text: "the store is nearly full\nfree 2 GB".into() };
        assert_eq!(log(Detail::Trouble, &[run]), "warning  the store is nearly full\n         free 2 GB\n");
    }

    #[test]
    fn control_characters_are_removed() {
        let events = [testing::started("train.base", "\u{1b}[31mred\u{1b}[0m\u{7}\r")];
        assert_eq!(log(Detail::All, &events), "start    train.base: red\n");
    }
}
