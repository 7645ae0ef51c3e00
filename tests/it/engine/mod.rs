//! Tests of the whole engine on the scripted executor: no processes, no HDF5, no libtorch.

mod caching;
mod checks;
mod concurrency;
mod failures;
mod healing;
mod histories;
mod plans;
mod properties;
mod repeats;
mod sweeps;

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use pcamflow::{
    engine::{
        Engine, Options, Refused,
        exec::fake::Fake,
        tell::event::{Event, Observer, Planned, PlannedStage, Summary},
    },
    pipeline,
    store::{self, Store},
};

use crate::sandbox::files;

/// A chain that ends in an evaluation and two explanations.
const PIPELINE: &str = "
[pipeline]
name = 'chain'
[synthesize.s]
patches = 20
[split.s]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 10, validation = 5, test = 5 }
[train.t]
data = 'split.s'
epochs = 3
[evaluate.e]
model = 'train.t'
images = 'split.s/test'
[explain.a]
model = 'train.t'
images = 'split.s/test'
method.grad-cam = {}
[explain.b]
model = 'train.t'
images = 'split.s/test'
method.grad-cam = { layer = 'relu3' }
";

const ALL: [&str; 6] = ["synthesize.s", "split.s", "train.t", "evaluate.e", "explain.a", "explain.b"];

/// A project folder with its own store.
struct Project {
    folder: tempfile::TempDir,
    fake: Fake,
    options: Options,
    stopped: AtomicBool,
}

/// Records every event.
#[derive(Default)]
struct Log(Vec<Event>);

impl Observer for Log {
    fn event(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

/// The outcome of a run.
struct Ran {
    summary: Summary,
    /// The sorted names of the computed stages.
    stages: Vec<String>,
    events: Vec<Event>,
}

impl Project {
    fn new() -> Self {
        Self::with(Fake::echo())
    }

    fn with(fake: Fake) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            fake,
            options: Options { jobs: Some(4), ..Options::default() },
            stopped: AtomicBool::new(false),
        }
    }

    /// On an in-memory file system if there is one, for tests that run thousands of stages.
    fn in_memory() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { folder, ..Self::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    fn try_run(&self, text: &str) -> Result<Ran, Refused> {
        let pipeline = self.pipeline(text);
        let store = Store::open(&self.store(), store::Options::default())?;
        let engine = Engine::new(&pipeline, &store, self.options.clone())?;
        let mut log = Log::default();
        let summary = engine.run(&self.path().join("out"), &self.fake, &self.stopped, &mut log)?;
        let mut stages = self.fake.take_ran();
        stages.sort();
        Ok(Ran { summary, stages, events: log.0 })
    }

    fn run(&self, text: &str) -> Ran {
        self.try_run(text).unwrap()
    }

    fn plan(&self, text: &str) -> Vec<PlannedStage> {
        let pipeline = self.pipeline(text);
        let store = Store::open(&self.store(), store::Options::default()).unwrap();
        Engine::new(&pipeline, &store, self.options.clone()).unwrap().plan(&mut Log::default()).unwrap()
    }

    fn pipeline(&self, text: &str) -> pipeline::Pipeline {
        let options = pipeline::Options { data: Some(self.path().join("data")), ..Default::default() };
        pipeline::parse(&self.path().join("p.toml"), text.to_owned(), &options).unwrap()
    }

    fn shown(&self, file: &str) -> PathBuf {
        self.path().join("out/chain").join(file)
    }
}

impl Ran {
    #[track_caller]
    fn ran(&self, stages: &[&str]) {
        let mut expected = stages.to_vec();
        expected.sort_unstable();
        assert_eq!(self.stages, expected);
        assert!(self.summary.failed.is_empty(), "{:?}", self.summary.failed);
    }

    fn warnings(&self) -> Vec<&str> {
        let warnings = self.events.iter().filter_map(|event| match event {
            Event::Warning { text, .. } => Some(text.as_str()),
            _ => None,
        });
        warnings.collect()
    }
}

fn state<'a>(plan: &'a [PlannedStage], stage: &str) -> (Planned, &'a str) {
    let planned = plan.iter().find(|planned| planned.stage == stage).unwrap();
    (planned.state, &planned.why)
}
