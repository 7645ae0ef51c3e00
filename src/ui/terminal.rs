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
mod tests;
