//! How long the rest of a run takes, roughly.
//!
//! A stage takes as long as the plan expects, until its own progress says more. Stages that run side by side share the
//! time. Nothing is said as long as the time of any stage is unknown. Knows neither colours nor terminals.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    engine::tell::event::{Planned, PlannedStage},
    protocol::Progress,
};

/// How long a stage reports progress before its speed is trusted.
const TRUSTED: Duration = Duration::from_secs(2);

/// What is known about the stages that a run still has to compute.
#[derive(Debug, Default)]
pub(super) struct Eta {
    stages: BTreeMap<String, Stage>,
    /// The time of the first start, and the seconds that finished stages have computed since.
    begun: Option<Instant>,
    computed: f64,
}

#[derive(Debug, Default)]
struct Stage {
    /// Seconds that it is expected to take.
    expected: Option<f64>,
    started: Option<Instant>,
    /// The first report of progress. Work that was done before it must not count as speed.
    first: Option<(Instant, u64)>,
    done: u64,
    total: u64,
}

/// An estimate, and when it was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    seconds: f64,
    at: Instant,
}

impl Left {
    /// `about 3 min left`, counted from the time of the estimate.
    pub(super) fn text(self, now: Instant) -> String {
        let seconds = self.seconds - now.duration_since(self.at).as_secs_f64();
        if seconds < 5.0 { "a few seconds left".to_owned() } else { format!("{} left", about(seconds)) }
    }
}

/// A time without exact digits: `about 40 s`, `about 3 min`, `about 2 h 10 min`.
pub(super) fn about(seconds: f64) -> String {
    // Times of stages: small and not negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        _ if seconds < 55.0 => format!("about {:.0} s", (seconds / 10.0).ceil() * 10.0),
        0..90 => format!("about {} min", minutes.max(1)),
        _ => format!("about {} h {:02} min", minutes / 60, minutes % 60 / 10 * 10),
    }
}

/// How long the stages of a plan are expected to take, if that is known of all that may run, and any may.
pub(super) fn of_plan(stages: &[PlannedStage]) -> Option<f64> {
    let total: f64 = to_run(stages).map(|stage| stage.expected).sum::<Option<f64>>()?;
    (total > 0.0).then_some(total)
}

fn to_run(stages: &[PlannedStage]) -> impl Iterator<Item = &PlannedStage> {
    stages.iter().filter(|stage| matches!(stage.state, Planned::Run | Planned::Maybe))
}

impl Eta {
    /// The estimate before anything runs.
    pub(super) fn of(stages: &[PlannedStage]) -> Self {
        let stage =
            |it: &PlannedStage| (it.stage.clone(), Stage { expected: it.expected, ..Stage::default() });
        Self { stages: to_run(stages).map(stage).collect(), ..Self::default() }
    }

    pub(super) fn started(&mut self, stage: &str, now: Instant) {
        self.begun.get_or_insert(now);
        let stage = self.stages.entry(stage.to_owned()).or_default();
        (stage.started, stage.first) = (Some(now), None);
    }

    pub(super) fn progress(&mut self, stage: &str, progress: &Progress, now: Instant) {
        let Some(stage) = self.stages.get_mut(stage) else { return };
        stage.first.get_or_insert((now, progress.done));
        (stage.done, stage.total) = (progress.done, progress.total);
    }

    /// A stage needs no more time.
    pub(super) fn ended(&mut self, stage: &str, now: Instant) {
        let started = self.stages.remove(stage).and_then(|stage| stage.started);
        self.computed += started.map_or(0.0, |started| now.duration_since(started).as_secs_f64());
    }

    /// The estimate; `None` if the time of a stage is unknown, or nothing is left.
    pub(super) fn left(&self, now: Instant) -> Option<Left> {
        let each: Vec<f64> = self.stages.values().map(|stage| stage.left(now)).collect::<Option<_>>()?;
        let longest = each.iter().copied().reduce(f64::max)?;
        let seconds = longest.max(each.iter().sum::<f64>() / self.side_by_side(now));
        Some(Left { seconds, at: now })
    }

    /// How many stages have run side by side so far, on average.
    fn side_by_side(&self, now: Instant) -> f64 {
        let since = |then: Instant| now.duration_since(then).as_secs_f64();
        let running = self.stages.values().filter_map(|stage| stage.started).map(since).sum::<f64>();
        let elapsed = self.begun.map_or(0.0, since);
        if elapsed > 0.0 { ((self.computed + running) / elapsed).max(1.0) } else { 1.0 }
    }
}

impl Stage {
    fn left(&self, now: Instant) -> Option<f64> {
        let of_plan = |expected: f64| {
            let elapsed = self.started.map_or(0.0, |started| now.duration_since(started).as_secs_f64());
            (expected - elapsed).max(0.0)
        };
        self.by_progress(now).or(self.expected.map(of_plan))
    }

    /// What is left at the speed so far, once that is trusted.
    fn by_progress(&self, now: Instant) -> Option<f64> {
        let (since, from) = self.first?;
        let elapsed = now.duration_since(since);
        let done = self.done.saturating_sub(from);
        // Counts of images and bytes: precise to 2^53.
        #[allow(clippy::cast_precision_loss)]
        let seconds = self.total.saturating_sub(self.done) as f64 * elapsed.as_secs_f64() / done as f64;
        (elapsed >= TRUSTED && done > 0 && self.total > 0).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(seconds: &[(&str, Planned, Option<f64>)]) -> Vec<PlannedStage> {
        let stage = |(stage, state, seconds): &(&str, Planned, Option<f64>)| PlannedStage {
            stage: (*stage).to_owned(),
            state: *state,
            why: String::new(),
            seconds: None,
            expected: *seconds,
        };
        seconds.iter().map(stage).collect()
    }

    fn report(done: u64) -> Progress {
        Progress { done, total: 1_000, unit: "images".to_owned(), at: String::new() }
    }

    #[test]
    fn what_ran_before_is_the_estimate_until_progress_says_more() {
        let plan = planned(&[
            ("split.d", Planned::Cached, Some(900.0)),
            ("train.t", Planned::Run, Some(100.0)),
            ("evaluate.e", Planned::Maybe, Some(20.0)),
        ]);
        assert_eq!(of_plan(&plan), Some(120.0));
        let (mut eta, begun) = (Eta::of(&plan), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let left = |eta: &Eta, seconds| eta.left(at(seconds)).unwrap().seconds;
        eta.started("train.t", begun);
        assert!((left(&eta, 10) - 110.0).abs() < 1e-6);
        // A resumed training: 800 of 1,000 images were learnt before, and 50 take 10 seconds.
        eta.progress("train.t", &report(800), at(10));
        eta.progress("train.t", &report(850), at(20));
        assert!((left(&eta, 20) - 50.0).abs() < 1e-6);
        eta.ended("train.t", at(50));
        assert!((left(&eta, 50) - 20.0).abs() < 1e-6);
        eta.ended("evaluate.e", at(60));
        assert!(eta.left(at(60)).is_none());
    }

    #[test]
    fn stages_side_by_side_share_the_time() {
        let plan = planned(&["a.a", "a.b", "a.c", "a.d"].map(|name| (name, Planned::Run, Some(100.0))));
        let (mut eta, begun) = (Eta::of(&plan), Instant::now());
        eta.started("a.a", begun);
        eta.started("a.b", begun);
        let left = eta.left(begun + Duration::from_secs(50)).unwrap().seconds;
        assert!((left - 150.0).abs() < 1e-6, "{left}");
    }

    #[test]
    fn an_unknown_time_says_nothing() {
        let plan = planned(&[("a.a", Planned::Run, Some(9.0)), ("a.b", Planned::Run, None)]);
        assert_eq!(of_plan(&plan), None);
        assert!(Eta::of(&plan).left(Instant::now()).is_none());
        assert_eq!(of_plan(&[]), None);
    }

    #[test]
    fn estimates_have_few_digits() {
        for (seconds, text) in [
            (31.0, "about 40 s"),
            (59.0, "about 1 min"),
            (200.0, "about 3 min"),
            (7_900.0, "about 2 h 10 min"),
        ] {
            assert_eq!(about(seconds), text);
        }
        let (seconds, at) = (200.0, Instant::now());
        assert_eq!(Left { seconds, at }.text(at), "about 3 min left");
        assert_eq!(Left { seconds, at }.text(at + Duration::from_secs(198)), "a few seconds left");
    }
}
