//! A run on a terminal: a changing line for each running stage, a permanent line for each finished one.
//!
//! Translates events into lines, which `bars` draws. While everything is cached, nothing is drawn and no thread starts.

use std::{path::Path, sync::Arc, time::Instant};

use indicatif::TermLike;

use super::{
    apart::Names,
    bars::Bars,
    epochs,
    eta::Eta,
    fold::{Fold, Folded},
    format,
    paint::{Paint, Tone},
    row::Row,
    words,
};
use crate::{
    engine::tell::event::{Event, FailedStage, FinishedStage, Observer, Planned, PlannedStage},
    protocol::EpochEnd,
};

/// Shows a run on a terminal.
pub(super) struct Terminal {
    bars: Bars,
    paint: Paint,
    /// The number of stages; 0 before the plan is made.
    stages: usize,
    /// Stages that are finished, failed or blocked.
    settled: usize,
    cached: usize,
    /// Whether anything is drawn.
    awake: bool,
    eta: Eta,
    /// Cached stages.
    hits: Fold,
    /// Blocked stages.
    blocked: Fold,
}

impl Terminal {
    /// Draws on a terminal.
    pub(super) fn new(terminal: Arc<dyn TermLike>, paint: Paint) -> Self {
        let (hits, blocked) = (Fold::default(), Fold::default());
        let bars = Bars::new(terminal, paint);
        Self {
            bars,
            paint,
            stages: 0,
            settled: 0,
            cached: 0,
            awake: false,
            eta: Eta::default(),
            hits,
            blocked,
        }
    }

    fn planned(&mut self, stages: &[PlannedStage]) {
        self.bars.clear();
        self.stages = stages.len();
        self.eta = Eta::of(stages);
        // Names line up. Many cached stages are folded and need no column.
        let lists = stages.len() <= super::fold::LIMIT;
        let shown = stages.iter().filter(|stage| lists || stage.state != Planned::Cached);
        self.bars.names(Names::of(shown.map(|stage| stage.stage.clone())));
    }

    /// Shows bytes that are read or moved.
    fn bytes(&mut self, word: &str, what: &str, done: u64, total: u64) {
        // No stage has this name, because names have no spaces.
        let key = format!("{word} {what}");
        if done >= total {
            self.bars.remove(&key);
            return;
        }
        if !self.bars.has(&key) {
            if self.stages == 0 {
                self.bars.names(Names::of([word.to_owned()]));
            }
            let (name, unit) = (word.to_owned(), "bytes".to_owned());
            self.bars.show(&key, Row { name, unit, at: what.to_owned(), ..Row::default() });
        }
        self.bars.advance(&key, done, total, |_| ());
    }

    fn running(&mut self, stage: &str, at: &str) {
        self.wake();
        let row = Row { name: stage.to_owned(), at: format::one_line(at), ..Row::default() };
        self.bars.show(stage, row);
    }

    fn finished(&mut self, stage: &FinishedStage) {
        self.settled += 1;
        self.bars.remove(&stage.stage);
        if stage.cached {
            self.cached += 1;
            self.hits.add(&stage.stage);
        } else {
            self.wake();
            let (mark, name) = (self.paint.tone(Tone::Good, "✓"), self.bars.name(&stage.stage));
            let (time, outcome) = (format::duration(stage.seconds), words::outcome(stage, 1));
            self.say(&format!("{mark} {name}  {time:>11}  {outcome}"));
        }
        self.sum_up();
    }

    /// A permanent line about an epoch. In a narrow terminal it has shorter words, and then fewer parts.
    /// The first time that the curves are shown, another line says where. A path is not cut.
    fn epoch(&mut self, stage: &str, epoch: &EpochEnd, curves: Option<&Path>) {
        let space = self.bars.space();
        let head = format!("  {}  ", self.bars.name(stage));
        let room = space.width.saturating_sub(console::measure_text_width(&head));
        let line = format!("{head}{}", epochs::fitted(epoch, room));
        self.show_folded();
        self.say(&self.paint.tone(Tone::Faint, &line));
        let curves = curves.map(|curves| format!("{head}curves {}", words::curves(curves)));
        self.bars.say(&Vec::from_iter(curves.map(|line| self.paint.tone(Tone::Faint, &line))));
    }

    fn failed(&mut self, failed: &FailedStage) {
        self.settled += 1;
        self.wake();
        self.bars.remove(&failed.stage);
        let width = self.bars.space().width;
        let mut lines = vec![self.paint.tone(Tone::Bad, &format!("✗ {}  failed", failed.stage))];
        lines.extend(words::wrapped(&failed.message, 2, Some(width)));
        let log = failed.log.as_ref().map(|log| format!("  log: {}", super::seen_from_here(log)));
        lines.extend(log.map(|log| self.paint.tone(Tone::Faint, &log)));
        self.bars.say(&lines);
        self.sum_up();
    }

    fn warning(&mut self, stage: Option<&str>, text: &str) {
        let text = stage.map_or_else(|| text.to_owned(), |stage| format!("{stage}: {text}"));
        let mut lines = words::wrapped(&text, 2, Some(self.bars.space().width));
        if let Some(first) = lines.first_mut() {
            *first = format!("{}{}", self.paint.tone(Tone::Warning, "!"), first.get(1..).unwrap_or_default());
        }
        self.show_folded();
        self.bars.say(&lines);
    }

    /// Starts to draw, because something runs.
    fn wake(&mut self) {
        self.awake = true;
        self.show_folded();
        self.sum_up();
    }

    /// Updates the last line, which counts stages. A run of one stage has none.
    fn sum_up(&mut self) {
        if !self.awake || self.stages < 2 {
            return;
        }
        let (settled, stages) = (format::count(self.settled as u64), format::count(self.stages as u64));
        let cached = match self.cached {
            0 => String::new(),
            cached => format!(" · {} cached", format::count(cached as u64)),
        };
        self.bars.footer(&format!("{settled} of {stages} stages{cached}"));
    }

    fn show_folded(&mut self) {
        if self.awake {
            let (hits, blocked) = (self.hits.flush(), self.blocked.flush());
            self.say_folded(hits, blocked);
        }
    }

    fn say_folded(&self, hits: Option<Folded>, blocked: Option<Folded>) {
        for (folded, what) in [(hits, "cached"), (blocked, "not run")] {
            let line = |name: &String| format!("· {}  {what}", self.bars.name(name));
            let lines: Vec<String> = match folded {
                None => continue,
                Some(Folded::Names(names)) => names.iter().map(line).collect(),
                Some(Folded::Count(count)) => vec![format!("· {} {what}", format::plural(count, "stage"))],
            };
            lines.iter().for_each(|line| self.say(&self.paint.tone(Tone::Faint, line)));
        }
    }

    /// Writes a permanent line, cut to the width of the terminal.
    fn say(&self, line: &str) {
        let width = self.bars.space().width;
        self.bars.say(&[console::truncate_str(line, width, "…").trim_end().to_owned()]);
    }

    fn ended(&mut self) {
        if self.awake {
            let (hits, blocked) = (self.hits.finish(), self.blocked.finish());
            self.say_folded(hits, blocked);
            // An empty line before the summary, which goes to standard output.
            self.bars.say(&[String::new()]);
        }
        self.bars.clear();
    }
}

impl Terminal {
    /// Estimates the time that is left.
    fn estimate(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Started { stage, .. } => self.eta.started(stage, now),
            Event::Progress { stage, progress } => self.eta.progress(stage, progress, now),
            Event::Finished(FinishedStage { stage, .. })
            | Event::Failed(FailedStage { stage, .. })
            | Event::Blocked { stage, .. } => self.eta.ended(stage, now),
            Event::Began { .. }
            | Event::Planned { .. }
            | Event::Sweep { .. }
            | Event::Hashing { .. }
            | Event::Transfer { .. }
            | Event::Waiting { .. }
            | Event::Job { .. }
            | Event::Submitted(_)
            | Event::Epoch { .. }
            | Event::Warning { .. }
            | Event::Required(_)
            | Event::Ended(_) => return,
        }
        self.bars.left(self.eta.left(now));
    }
}

impl Observer for Terminal {
    fn event(&mut self, event: &Event) {
        self.estimate(event, Instant::now());
        match event {
            // The closing summary has these.
            Event::Began { .. } | Event::Required(_) | Event::Sweep { .. } => {}
            Event::Planned { stages, .. } => self.planned(stages),
            Event::Hashing { file, done, total } => {
                self.bytes("hashing", &words::file_name(file), *done, *total)
            }
            Event::Transfer { direction, what, done, total } => {
                self.bytes(words::direction(*direction), what, *done, *total);
            }
            Event::Waiting { stage, holder } => {
                self.running(stage, &format!("waiting {}", words::waiting(holder)));
            }
            Event::Job { stage, state } => self.running(stage, &format!("job {}", words::job_now(state))),
            Event::Submitted(left) => {
                self.bars.remove(&left.stage);
                self.wake();
                let line = format!("→ {}  job {} goes on", self.bars.name(&left.stage), left.job);
                self.say(&self.paint.tone(Tone::Faint, &line));
            }
            Event::Started { stage, why } => self.running(stage, why),
            Event::Progress { stage, progress } => {
                self.bars.advance(stage, progress.done, progress.total, |row| {
                    row.unit = format::one_line(&progress.unit);
                    row.at = format::one_line(&progress.at);
                });
            }
            Event::Epoch { stage, epoch, curves, .. } => self.epoch(stage, epoch, curves.as_deref()),
            Event::Warning { stage, text } => self.warning(stage.as_deref(), text),
            Event::Finished(stage) => self.finished(stage),
            Event::Failed(failed) => self.failed(failed),
            Event::Blocked { stage, .. } => {
                self.settled += 1;
                self.blocked.add(stage);
                self.sum_up();
            }
            Event::Ended(_) => self.ended(),
        }
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;
    use crate::ui::testing;

    fn on(width: u16, events: &[Event]) -> (InMemoryTerm, Terminal) {
        let screen = InMemoryTerm::new(40, width);
        let mut terminal = Terminal::new(Arc::new(screen.clone()), Paint::OFF);
        events.iter().for_each(|event| terminal.event(event));
        (screen, terminal)
    }

    /// The screen, once it shows `text`. Another thread draws it.
    fn showing(screen: &InMemoryTerm, text: &str) -> String {
        for _ in 0..500 {
            if screen.contents().contains(text) {
                return screen.contents();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("no {text:?} on the screen:\n{}", screen.contents());
    }

    #[test]
    fn a_good_run_leaves_one_line_per_stage() {
        let expected = "\
· split.pcam        cached
✓ train.base             34.2 s  validation-accuracy 0.934, on cuda:0 (NVIDIA H200), resumed from epoch 3
! train.base: no improvement for 3 epochs
✓ evaluate.test           2.8 s  accuracy 0.9156
· explain.grad-cam  cached";
        let (screen, _terminal) = on(120, &testing::good());
        let mut lines: Vec<&str> = expected.lines().collect();
        lines.swap(1, 2);
        assert_eq!(screen.contents(), lines.join("\n"));
    }

    #[test]
    fn a_running_stage_has_a_changing_line_above_the_count() {
        let events = testing::good();
        let (screen, _terminal) = on(80, &events[..5]);
        let contents = showing(&screen, "36% ");
        let lines: Vec<&str> = contents.lines().collect();
        assert_eq!(lines[0], "· split.pcam        cached");
        assert!(lines[1].contains(" train.base        ━━─────  36% "), "{contents}");
        assert!(lines[1].ends_with("epoch 4/9, loss 0.412"), "{contents}");
        assert!(lines[2].starts_with("  1 of 4 stages · 1 cached · "), "{contents}");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn each_epoch_leaves_a_line_above_the_changing_ones() {
        let mut events = testing::good()[..5].to_vec();
        events.insert(4, testing::epoch("train.base", 4));
        for (width, text) in [
            (120, "4/12, training 0.312 86.9%, validation 0.355 84.1%, best 3 (0.341)"),
            (80, "4/12, train 0.312 86.9%, val 0.355 84.1%, best 3 (0.341)"),
            (60, "4/12, val 0.355 84.1%, best 3 (0.341)"),
        ] {
            let (screen, _terminal) = on(width, &events);
            let contents = showing(&screen, "36% ");
            assert_eq!(contents.lines().nth(1).unwrap(), format!("  train.base        {text}"), "{width}");
        }
    }

    #[test]
    fn the_picture_of_a_training_has_a_line_of_its_own() {
        let mut events = testing::good()[..5].to_vec();
        events.insert(4, testing::epoch_with_curves("train.base", 4));
        let (screen, _terminal) = on(80, &events);
        let contents = showing(&screen, "36% ");
        let line = "  train.base        curves so far in out/mini/running/train.base.png";
        assert_eq!(contents.lines().nth(2).unwrap(), line);
    }

    #[test]
    fn the_time_that_is_left_follows_the_time() {
        let mut events = testing::good()[..3].to_vec();
        let Event::Planned { stages, .. } = &mut events[0] else { panic!() };
        stages.iter_mut().for_each(|stage| stage.expected = Some(60.0));
        let (screen, _terminal) = on(80, &events);
        showing(&screen, "  1 of 4 stages · 1 cached · 1 s · about 3 min left");
    }

    #[test]
    fn a_failure_has_its_message_whole_and_its_log() {
        let expected = "\
· split.pcam    cached
✗ train.base  failed
  the loss is not finite in epoch 3, batch
  120: lower the learning rate
  log: .pcamflow/logs/train.base.log
· evaluate.test  not run
· exp….grad-cam  not run";
        let (screen, _terminal) = on(44, &testing::bad());
        assert_eq!(screen.contents(), expected.replace("split.pcam    cached", "split.pcam     cached"));
    }

    #[test]
    fn nothing_is_drawn_if_everything_is_cached() {
        let (screen, terminal) = on(80, &testing::all_cached(1_000));
        assert_eq!(screen.contents(), "");
        assert_eq!(screen.moves_since_last_check(), "");
        assert!(!terminal.awake);
    }

    #[test]
    fn many_cached_stages_are_one_line() {
        let mut events = testing::all_cached(985);
        events.insert(986, testing::started("train.base", "never ran"));
        let (screen, _terminal) = on(80, &events);
        assert_eq!(screen.contents(), "· 985 stages cached");
    }

    #[test]
    fn hashing_and_waiting_are_shown_and_removed() {
        let hashing = |done| Event::Hashing { file: "data/x.h5".into(), done, total: 2 << 30 };
        let waiting = Event::Waiting { stage: "train.base".into(), holder: "ada:17".into() };
        let (screen, mut terminal) = on(80, &[hashing(0), hashing(1 << 30)]);
        let contents = showing(&screen, " hashing  ━━━━━━──────  50% ");
        assert!(contents.ends_with("x.h5"), "{contents}");
        terminal.event(&hashing(2 << 30));
        assert_eq!(screen.contents(), "");
        terminal.event(&testing::planned(&[("train.base", Planned::Run)]));
        terminal.event(&waiting);
        showing(&screen, "  waiting for run of ada:17");
        terminal.event(&Event::Finished(testing::cached("train.base", &[])));
        terminal.event(&Event::Ended(testing::summary(Vec::new())));
        assert_eq!(screen.contents(), "· train.base  cached");
    }

    #[test]
    fn texts_from_elsewhere_cannot_disturb_the_screen() {
        let warning = |text: &str| Event::Warning { stage: None, text: text.into() };
        let (screen, _terminal) = on(80, &[warning("\n\u{1b}[2Jé\tx"), warning(""), warning("é")]);
        assert_eq!(screen.contents(), "!\n  é x\n! é");
    }

    #[test]
    fn no_changing_line_is_left_behind() {
        let (screen, terminal) = on(80, &testing::good()[..5]);
        drop(terminal);
        assert_eq!(screen.contents(), "· split.pcam        cached");
    }

    #[test]
    fn a_closed_terminal_does_not_end_the_run() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = console::Term::read_write_pair(std::io::stdin(), writer);
        let mut terminal = Terminal::new(Arc::new(closed), Paint::OFF);
        testing::bad().iter().for_each(|event| terminal.event(event));
    }
}
