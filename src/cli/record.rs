//! Records runs: listens to a run and writes its record into the store.
//!
//! A [`Recorder`] is between the engine and the display. It writes when the run starts to compute, and when it
//! ends; a run that finds everything in the store is written once. If the store cannot be written, that is a
//! warning, and the run continues. The trials of a sweep are one run of the engine: each trial has a recorder,
//! which records only the stages of its trial ([`Recorder::only`]).

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
    time::SystemTime,
};

use super::git::{Dirty, git};
use crate::{
    engine::{
        self,
        tell::{
            event::{Event, FailedStage, FinishedStage, Observer, Summary},
            require::Verdict,
        },
    },
    pipeline::Pipeline,
    store::{Ended, LiveRun, Outcome, RUN_FORMAT, Requirement, RunRecord, RunStage, Store, Text},
};

/// The record of a run that begins now; `given` has the command line.
fn begun(given: RunRecord, pipeline: &Pipeline) -> RunRecord {
    let text = |(name, text): (&str, &Arc<str>)| Text { name: name.to_owned(), text: Arc::clone(text) };
    RunRecord {
        format: RUN_FORMAT,
        pipeline: pipeline.name.clone(),
        file: pipeline.file.display().to_string(),
        texts: pipeline.texts().map(text).collect(),
        git: git(&pipeline.root),
        started: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        host: engine::host(),
        process: std::process::id(),
        pcamflow: env!("CARGO_PKG_VERSION").to_owned(),
        ..given
    }
}

/// Listens to a run and records it.
pub(super) struct Recorder<'a> {
    store: &'a Store,
    record: RunRecord,
    /// The display, which gets all events.
    inner: Option<&'a mut dyn Observer>,
    /// The stages to record, with their names in the record; `None` for all.
    names: Option<HashMap<String, String>>,
    /// For each blocked stage, the stage that failed.
    blocked: BTreeMap<String, String>,
    live: Option<LiveRun>,
    dirty: Rc<Dirty>,
}

impl<'a> Recorder<'a> {
    /// Records a run of a pipeline, and passes its events on to `inner`. `given` has the command line.
    pub(super) fn new(
        store: &'a Store,
        pipeline: &'a Pipeline,
        given: RunRecord,
        inner: Option<&'a mut dyn Observer>,
    ) -> Self {
        let (record, dirty) = (begun(given, pipeline), Rc::new(Dirty::new(&pipeline.root)));
        Self { store, record, inner, names: None, blocked: BTreeMap::new(), live: None, dirty }
    }

    /// Records only the stages with these names in the run, under the given names. The recorders of several trials
    /// share `dirty`.
    pub(super) fn only(self, names: HashMap<String, String>, dirty: Rc<Dirty>) -> Self {
        Self { names: Some(names), dirty, ..self }
    }

    /// The name of a stage in the record; `None` if it is not recorded.
    fn name(&self, stage: &str) -> Option<String> {
        named(&self.names, stage).map(str::to_owned)
    }

    /// Writes the record once the run computes something or waits for it.
    fn begin(&mut self) {
        if self.live.is_some() || self.record.id != 0 {
            return;
        }
        match self.store.begin_run(&mut self.record) {
            Ok(live) => self.live = Some(live),
            // The end is written as well, and an error there is a warning.
            Err(error) => tracing::debug!("the start of this run is not recorded: {error}"),
        }
        if self.record.git.is_some() {
            self.dirty.ask();
        }
    }

    /// Writes how the run ended.
    fn end(&mut self, summary: &Summary) {
        self.fill(summary);
        let written = match self.live.take() {
            Some(live) => live.end(&mut self.record).map(|()| self.record.id),
            None => self.store.add_run(&mut self.record),
        };
        match written {
            Ok(id) => tracing::debug!("recorded as run {id}"),
            Err(error) => {
                let text = format!("this run is not recorded: {error}");
                self.pass_on(&Event::Warning { stage: None, text });
            }
        }
    }

    fn fill(&mut self, summary: &Summary) {
        let names = &self.names;
        let finished = summary.finished.iter().filter_map(|it| Some((named(names, &it.stage)?, it)));
        let finished: HashMap<&str, &FinishedStage> = finished.collect();
        let failed = summary.failed.iter().filter_map(|it| Some((named(names, &it.stage)?, it)));
        let failed: HashMap<&str, &FailedStage> = failed.collect();
        for record in &mut self.record.stages {
            let name = record.name.as_str();
            if let Some(stage) = finished.get(name) {
                fill_finished(record, stage);
            } else if let Some(stage) = failed.get(name) {
                record.key = stage.key.as_ref().and_then(|key| key.parse().ok());
                record.outcome = Outcome::Failed;
                record.message = Some(stage.message.clone());
            } else if let Some(by) = self.blocked.get(name) {
                record.outcome = Outcome::Blocked;
                record.message = Some(format!("`{by}` failed"));
            }
        }
        self.record.ended = Some(self.ended(summary));
        self.record.seconds = Some(summary.seconds);
        self.record.requirements = summary.required.iter().map(required).collect();
        if let Some(git) = &mut self.record.git {
            git.dirty = self.dirty.answer();
        }
    }

    fn ended(&self, summary: &Summary) -> Ended {
        let any = |outcome: &[Outcome]| self.record.stages.iter().any(|it| outcome.contains(&it.outcome));
        // A trial is done if its own stages are done.
        let whole = self.names.is_none();
        match summary.exit_code() {
            130 if whole || any(&[Outcome::NotRun]) => Ended::Interrupted,
            0 => Ended::Done,
            _ if whole || any(&[Outcome::Failed, Outcome::Blocked, Outcome::NotRun]) => Ended::Failed,
            _ => Ended::Done,
        }
    }

    fn pass_on(&mut self, event: &Event) {
        if let Some(inner) = &mut self.inner {
            inner.event(event);
        }
    }
}

impl Observer for Recorder<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Planned { stages, .. } => {
                let names = stages.iter().filter_map(|stage| self.name(&stage.stage));
                // With this capacity, the vector does not grow to twice the size. A trial has few of the stages.
                let most = self.names.as_ref().map_or(stages.len(), HashMap::len);
                let mut planned = Vec::with_capacity(most);
                planned.extend(names.map(|name| RunStage { name, ..RunStage::default() }));
                self.record.stages = planned;
            }
            Event::Started { stage, .. } | Event::Waiting { stage, .. } if self.name(stage).is_some() => {
                self.begin();
            }
            Event::Blocked { stage, by } => {
                let by = self.name(by).unwrap_or_else(|| by.clone());
                self.blocked.extend(self.name(stage).map(|stage| (stage, by)));
            }
            // Before the end is shown, so that a warning is shown in time.
            Event::Ended(summary) => self.end(summary),
            _ => {}
        }
        self.pass_on(event);
    }
}

fn named<'n>(names: &'n Option<HashMap<String, String>>, stage: &'n str) -> Option<&'n str> {
    match names {
        None => Some(stage),
        Some(names) => names.get(stage).map(String::as_str),
    }
}

fn fill_finished(record: &mut RunStage, stage: &FinishedStage) {
    record.key = stage.key.parse().ok();
    record.outcome = if stage.cached { Outcome::Cached } else { Outcome::Computed };
    record.seconds = Some(stage.seconds).filter(|seconds| seconds.is_finite());
    record.device.clone_from(&stage.device);
    record.numbers.clone_from(&stage.numbers);
}

/// The record of a requirement. Of several figures (of repeats), the first that does not meet it, or the first.
fn required(verdict: &Verdict) -> Requirement {
    let figure = verdict.figures.iter().find(|figure| !figure.met).or(verdict.figures.first());
    Requirement {
        requirement: verdict.requirement.clone(),
        figure: figure.and_then(|figure| figure.value),
        met: verdict.met,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        digest::Digest,
        engine::tell::event::{Planned, PlannedStage},
        pipeline,
        protocol::FailureClass,
        store::{self, ReadRun, RunState, SweepTrial},
    };

    /// Remembers which events there were.
    #[derive(Default)]
    struct Names(Vec<String>);

    impl Observer for Names {
        fn event(&mut self, event: &Event) {
            let value = serde_json::to_value(event).unwrap();
            self.0.push(value["event"].as_str().unwrap().to_owned());
        }
    }

    fn planned(stages: &[&str]) -> Event {
        let stage = |name: &&str| PlannedStage {
            stage: (*name).to_owned(),
            state: Planned::Run,
            why: String::new(),
            seconds: None,
            expected: None,
        };
        Event::Planned { pipeline: "p".to_owned(), stages: stages.iter().map(stage).collect() }
    }

    fn started(stage: &str) -> Event {
        Event::Started { stage: stage.to_owned(), why: String::new() }
    }

    fn done(stage: &str, cached: bool) -> FinishedStage {
        FinishedStage {
            stage: stage.to_owned(),
            key: Digest::of(stage.as_bytes()).hex(),
            cached,
            seconds: 1.0,
            numbers: Vec::new(),
            folder: None,
            device: "cpu".to_owned(),
            resumed: None,
        }
    }

    fn failure(stage: &str) -> FailedStage {
        let (stage, message) = (stage.to_owned(), "no such layer".to_owned());
        FailedStage { stage, key: None, class: FailureClass::Stage, message, log: None }
    }

    fn summary(finished: Vec<FinishedStage>, failed: Vec<FailedStage>, not_run: &[&str]) -> Summary {
        Summary {
            pipeline: "p".to_owned(),
            finished,
            failed,
            not_run: not_run.iter().map(|stage| (*stage).to_owned()).collect(),
            interrupted: false,
            seconds: 2.0,
            out: "out".into(),
            repeats: Vec::new(),
            sweep: None,
            trials: Vec::new(),
            would_run: Vec::new(),
            submitted: Vec::new(),
            required: Vec::new(),
            unasked: None,
        }
    }

    struct Case {
        _folder: tempfile::TempDir,
        store: Store,
        pipeline: Pipeline,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("store"), store::Options::default()).unwrap();
            let text = "[synthesize.s]\n".to_owned();
            let options = pipeline::Options { set: vec!["synthesize.s.seed=3".to_owned()], data: None };
            let pipeline = pipeline::parse(&folder.path().join("p.toml"), text, &options).unwrap();
            Self { _folder: folder, store, pipeline }
        }

        fn read(&self) -> Vec<(RunRecord, RunState)> {
            let files = self.store.runs().unwrap();
            let read = |file| match self.store.look(file).unwrap() {
                (ReadRun::Record(record), state) => (*record, state),
                other => panic!("{other:?}"),
            };
            files.iter().map(read).collect()
        }
    }

    #[test]
    fn a_run_is_recorded_when_it_starts_to_compute_and_before_its_end_is_shown() {
        let case = Case::new();
        let mut names = Names::default();
        let mut recorder = Recorder::new(&case.store, &case.pipeline, RunRecord::default(), Some(&mut names));
        recorder.event(&planned(&["synthesize.s", "split.d", "train.t"]));
        assert_eq!(case.read(), []);
        recorder.event(&started("synthesize.s"));
        recorder.event(&started("split.d"));
        let (record, state) = case.read().remove(0);
        assert_eq!((record.id, state, record.stages.len()), (1, RunState::Running, 3));
        assert_eq!(record.texts.len(), 1, "what was set is no file");
        recorder.event(&Event::Blocked { stage: "train.t".to_owned(), by: "split.d".to_owned() });
        let finished = vec![done("synthesize.s", true)];
        recorder.event(&Event::Ended(summary(finished, vec![failure("split.d")], &["train.t"])));
        let (record, state) = case.read().remove(0);
        assert_eq!((state, record.seconds), (RunState::Failed, Some(2.0)));
        let outcomes: Vec<Outcome> = record.stages.iter().map(|stage| stage.outcome).collect();
        assert_eq!(outcomes, [Outcome::Cached, Outcome::Failed, Outcome::Blocked]);
        assert_eq!(names.0, ["planned", "started", "started", "blocked", "ended"]);
    }

    #[test]
    fn trials_of_one_run_are_recorded_separately() {
        let case = Case::new();
        let trial = |name: &str| RunRecord {
            sweep: Some(SweepTrial { id: "s".to_owned(), trial: name.to_owned(), ..SweepTrial::default() }),
            ..RunRecord::default()
        };
        let names = |own: &str| {
            let pairs = [("synthesize.s", "synthesize.s"), (own, "train.t")];
            pairs.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect::<HashMap<_, _>>()
        };
        let dirty = Rc::new(Dirty::new(case.store.root()));
        let recorder = |name: &str, own: &str| {
            Recorder::new(&case.store, &case.pipeline, trial(name), None).only(names(own), Rc::clone(&dirty))
        };
        let mut recorders = [recorder("a", "train.t[a]"), recorder("b", "train.t[b]")];
        let finished = vec![done("synthesize.s", true), done("train.t[a]", false)];
        for event in [
            planned(&["synthesize.s", "train.t[a]", "train.t[b]"]),
            started("train.t[a]"),
            started("train.t[b]"),
            Event::Ended(summary(finished, vec![failure("train.t[b]")], &[])),
        ] {
            recorders.iter_mut().for_each(|recorder| recorder.event(&event));
        }
        let read = case.read();
        let states: Vec<RunState> = read.iter().map(|(_, state)| *state).collect();
        assert_eq!(states, [RunState::Done, RunState::Failed]);
        assert!(read.iter().all(|(run, _)| run.stages.len() == 2 && run.stages[1].name == "train.t"));
    }

    #[test]
    fn a_store_that_cannot_be_written_is_a_warning_before_the_end() {
        let case = Case::new();
        std::fs::create_dir(case.store.root()).unwrap();
        std::fs::write(case.store.root().join("runs"), "in the way").unwrap();
        let mut names = Names::default();
        let mut recorder = Recorder::new(&case.store, &case.pipeline, RunRecord::default(), Some(&mut names));
        recorder.event(&planned(&["synthesize.s"]));
        recorder.event(&started("synthesize.s"));
        recorder.event(&Event::Ended(summary(vec![done("synthesize.s", false)], Vec::new(), &[])));
        assert_eq!(names.0, ["planned", "started", "warning", "ended"]);
    }
}
