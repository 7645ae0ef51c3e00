//! Records runs: listens to one, and writes what came of it into the store.
//!
//! A [`Recorder`] stands between the engine and the display. It writes when the run starts to compute
//! and when it ends, and nothing in between; a run that finds everything in the store is written once. What
//! keeps it from writing (a read-only store, a full disk) is a warning, and the run goes on.
//!
//! For the trials of a sweep, which are one run to the engine, there is one recorder each, silent and with
//! the names of its stages ([`Recorder::only`]); all of them hear all events.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
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
    store::{
        Asked, Ended, LiveRun, Outcome, RUN_FORMAT, Requirement, RunRecord, RunStage, Store, SweepTrial, Text,
    },
};

/// What a run is about, as the command line has it.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// `--set`.
    pub(super) set: Vec<String>,
    /// `--data`.
    pub(super) data: Option<String>,
    /// The stages that are asked for.
    pub(super) targets: Vec<String>,
    /// `--force`.
    pub(super) forced: Vec<String>,
    /// How to compute.
    pub(super) asked: Asked,
    /// The trial that the run is.
    pub(super) sweep: Option<SweepTrial>,
}

impl About {
    /// The record of a run that begins now.
    pub(super) fn record(self, pipeline: &Pipeline) -> RunRecord {
        let text = |(name, text): (&str, &Arc<str>)| Text { name: name.to_owned(), text: Arc::clone(text) };
        RunRecord {
            format: RUN_FORMAT,
            pipeline: pipeline.name.clone(),
            file: pipeline.file.display().to_string(),
            texts: pipeline.texts().map(text).collect(),
            set: self.set,
            data: self.data,
            targets: self.targets,
            forced: self.forced,
            asked: self.asked,
            git: git(&pipeline.root),
            started: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            host: engine::host(),
            process: std::process::id(),
            pcamflow: env!("CARGO_PKG_VERSION").to_owned(),
            sweep: self.sweep,
            ..RunRecord::default()
        }
    }
}

/// Listens to a run and records it.
pub(super) struct Recorder<'a> {
    store: &'a Store,
    root: &'a Path,
    record: RunRecord,
    /// Who shows the run.
    inner: Option<&'a mut dyn Observer>,
    /// The stages that it is about, and what they are called in the record; all where `None`.
    names: Option<HashMap<String, String>>,
    /// By what each stage was blocked.
    blocked: BTreeMap<String, String>,
    live: Option<LiveRun>,
    dirty: Option<Dirty>,
    /// Whether another recorder of the same run asked git already, and its answer.
    shared: Option<Option<bool>>,
}

impl<'a> Recorder<'a> {
    /// Records a run of a pipeline; `inner` hears all events as well.
    pub(super) fn new(
        store: &'a Store,
        pipeline: &'a Pipeline,
        about: About,
        inner: Option<&'a mut dyn Observer>,
    ) -> Self {
        let record = about.record(pipeline);
        let (names, blocked) = (None, BTreeMap::new());
        Self {
            store,
            root: &pipeline.root,
            record,
            inner,
            names,
            blocked,
            live: None,
            dirty: None,
            shared: None,
        }
    }

    /// Records only these stages: their names in the run, and those that they shall have in the record.
    pub(super) fn only(mut self, names: HashMap<String, String>) -> Self {
        self.names = Some(names);
        self
    }

    /// What a stage is called in the record; `None` where the record is not about it.
    fn name(&self, stage: &str) -> Option<String> {
        named(&self.names, stage).map(str::to_owned)
    }

    /// Something is computed, or waited for: the run is worth a record of its own.
    fn begin(&mut self) {
        if self.live.is_some() || self.record.id != 0 {
            return;
        }
        match self.store.begin_run(&mut self.record) {
            Ok(live) => self.live = Some(live),
            // It is tried again at the end, and told then.
            Err(error) => tracing::debug!("the start of this run is not recorded: {error}"),
        }
        let asks = self.record.git.is_some() && self.shared.is_none();
        self.dirty = asks.then(|| Dirty::ask(self.root));
    }

    /// Takes what another recorder of the same run knows of git, which then is not asked again.
    pub(super) fn share_git(&mut self, known: Option<Option<bool>>) {
        self.shared = known.or(self.shared);
    }

    /// What others need not ask git: that it is being asked, and its answer once the run has ended.
    pub(super) fn shared_git(&self) -> Option<Option<bool>> {
        let answer = || self.record.git.as_ref().and_then(|git| git.dirty);
        let asked = self.live.is_some() || self.dirty.is_some() || self.record.ended.is_some();
        asked.then(answer)
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
                self.tell(&Event::Warning { stage: None, text });
            }
        }
    }

    fn fill(&mut self, summary: &Summary) {
        let mut came: HashMap<&str, Came<'_>> = HashMap::with_capacity(self.record.stages.len());
        for stage in &summary.finished {
            came.extend(named(&self.names, &stage.stage).map(|name| (name, Came::Finished(stage))));
        }
        for stage in &summary.failed {
            came.extend(named(&self.names, &stage.stage).map(|name| (name, Came::Failed(stage))));
        }
        for stage in &mut self.record.stages {
            if let Some(came) = came.get(stage.name.as_str()) {
                came.fill(stage);
            } else if let Some(by) = self.blocked.get(&stage.name) {
                stage.outcome = Outcome::Blocked;
                stage.message = Some(format!("`{by}` failed"));
            }
        }
        self.record.ended = Some(self.ended(summary));
        self.record.seconds = Some(summary.seconds);
        self.record.requirements = summary.required.iter().map(required).collect();
        if let (Some(git), Some(dirty)) = (&mut self.record.git, self.dirty.take()) {
            git.dirty = dirty.answer();
        } else if let (Some(git), Some(dirty)) = (&mut self.record.git, self.shared) {
            git.dirty = dirty;
        }
    }

    fn ended(&self, summary: &Summary) -> Ended {
        let any = |outcome: &[Outcome]| self.record.stages.iter().any(|it| outcome.contains(&it.outcome));
        // A trial is done when its own stages are, whatever became of others.
        let whole = self.names.is_none();
        match summary.exit_code() {
            130 if whole || any(&[Outcome::NotRun]) => Ended::Interrupted,
            0 => Ended::Done,
            _ if whole || any(&[Outcome::Failed, Outcome::Blocked, Outcome::NotRun]) => Ended::Failed,
            _ => Ended::Done,
        }
    }

    fn tell(&mut self, event: &Event) {
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
                // As many as there are: a vector that grows takes up to twice as much.
                let mut planned = Vec::with_capacity(stages.len());
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
            // Before the end is shown: what is shown has been recorded, and a warning comes in time.
            Event::Ended(summary) => self.end(summary),
            _ => {}
        }
        self.tell(event);
    }
}

fn named<'n>(names: &'n Option<HashMap<String, String>>, stage: &'n str) -> Option<&'n str> {
    match names {
        None => Some(stage),
        Some(names) => names.get(stage).map(String::as_str),
    }
}

/// What came of a stage.
enum Came<'a> {
    Finished(&'a FinishedStage),
    Failed(&'a FailedStage),
}

impl Came<'_> {
    /// Writes it into the stage's record.
    fn fill(&self, record: &mut RunStage) {
        match self {
            Self::Finished(stage) => {
                record.key = stage.key.parse().ok();
                record.outcome = if stage.cached { Outcome::Cached } else { Outcome::Computed };
                record.seconds = Some(stage.seconds).filter(|seconds| seconds.is_finite());
                record.device.clone_from(&stage.device);
                record.numbers.clone_from(&stage.numbers);
            }
            Self::Failed(stage) => {
                record.key = stage.key.as_ref().and_then(|key| key.parse().ok());
                record.outcome = Outcome::Failed;
                record.message = Some(stage.message.clone());
            }
        }
    }
}

/// Of several figures (one for each repeat) the first that does not meet it, or else the first.
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
        store::{self, ReadRun, RunState},
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
            required: Vec::new(),
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
    fn a_run_is_recorded_when_it_starts_to_compute_and_when_it_ends_before_that_is_told() {
        let case = Case::new();
        let mut names = Names::default();
        let mut recorder = Recorder::new(&case.store, &case.pipeline, About::default(), Some(&mut names));
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
    fn trials_that_are_one_run_are_recorded_one_by_one() {
        let case = Case::new();
        let trial = |name: &str| About {
            sweep: Some(SweepTrial { id: "s".to_owned(), trial: name.to_owned(), ..SweepTrial::default() }),
            ..About::default()
        };
        let names = |own: &str| {
            let pairs = [("synthesize.s", "synthesize.s"), (own, "train.t")];
            pairs.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect::<HashMap<_, _>>()
        };
        let recorder = |name: &str, own: &str| {
            Recorder::new(&case.store, &case.pipeline, trial(name), None).only(names(own))
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
    fn a_store_that_cannot_be_written_is_told_before_the_end() {
        let case = Case::new();
        std::fs::create_dir(case.store.root()).unwrap();
        std::fs::write(case.store.root().join("runs"), "in the way").unwrap();
        let mut names = Names::default();
        let mut recorder = Recorder::new(&case.store, &case.pipeline, About::default(), Some(&mut names));
        recorder.event(&planned(&["synthesize.s"]));
        recorder.event(&started("synthesize.s"));
        recorder.event(&Event::Ended(summary(vec![done("synthesize.s", false)], Vec::new(), &[])));
        assert_eq!(names.0, ["planned", "started", "warning", "ended"]);
    }
}
