//! Random histories of a pipeline: edits, runs, interrupts, crashes and failures. Checks each run and the
//! store.
//! `PCAMFLOW_CASES=500` sets the number of cases.

mod graph;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pcamflow::{
    digest::Digest,
    engine::{
        Engine, Options,
        exec::fake::{Fake, echo},
        tell::event::{Event, FinishedStage, Observer, Planned, PlannedStage, Summary},
    },
    pipeline::{Pipeline, Source},
    protocol::{Failure, FailureClass},
    store::{self, Lookup, Store},
};
use proptest::{prelude::*, sample::Index};

use super::Project;
use crate::sandbox::files;
use graph::{Edit, Graph, edit, graph, write_sources};

/// How a run is disturbed.
#[derive(Debug, Clone)]
enum Trouble {
    None,
    /// These stages fail. `true` means that their process is lost.
    Failures(Vec<(Index, bool)>),
    /// The user stops the run at the event with this number.
    Stop(usize),
    /// The engine crashes at the event with this number.
    Crash(usize),
}

#[derive(Debug, Clone)]
struct Step {
    edits: Vec<Edit>,
    trouble: Trouble,
    keep_going: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let trouble = prop_oneof![
        1 => Just(Trouble::None),
        2 => proptest::collection::vec(any::<(Index, bool)>(), 1..4).prop_map(Trouble::Failures),
        1 => (1_usize..50).prop_map(Trouble::Stop),
        1 => (1_usize..50).prop_map(Trouble::Crash),
    ];
    (proptest::collection::vec(edit(), 0..4), trouble, any::<bool>())
        .prop_map(|(edits, trouble, keep_going)| Step { edits, trouble, keep_going })
}

/// Records every event, and triggers the trouble at one of them.
struct Watcher<'a> {
    events: Vec<Event>,
    trouble: &'a Trouble,
    stopped: &'a AtomicBool,
}

impl Observer for Watcher<'_> {
    fn event(&mut self, event: &Event) {
        self.events.push(event.clone());
        match self.trouble {
            Trouble::Stop(at) if self.events.len() == *at => self.stopped.store(true, Ordering::SeqCst),
            // Unwinds without the message of a panic.
            Trouble::Crash(at) if self.events.len() == *at => resume_unwind(Box::new("the engine dies")),
            _ => {}
        }
    }
}

/// What a run reported and did.
struct Told {
    plan: Vec<PlannedStage>,
    events: Vec<Event>,
    /// In the order of their execution.
    ran: Vec<String>,
    /// `None` if the engine crashed.
    summary: Option<Summary>,
    failing: BTreeSet<String>,
}

fn failing(graph: &Graph, trouble: &Trouble) -> BTreeMap<String, FailureClass> {
    let Trouble::Failures(which) = trouble else { return BTreeMap::new() };
    let names: Vec<String> = graph.names().into_iter().collect();
    let class = |lost| if lost { FailureClass::Process } else { FailureClass::Stage };
    which.iter().map(|(index, lost)| (index.get(&names).clone(), class(*lost))).collect()
}

/// Chosen stages fail with a partial artifact, the others write everything. All inputs must exist.
fn fake(failing: BTreeMap<String, FailureClass>) -> Fake {
    Fake::new(move |task, _| {
        let absent = task.inputs.values().find(|input| !input.path.is_file());
        assert!(absent.is_none(), "{} runs without its input {absent:?}", task.name);
        match failing.get(&task.name) {
            None => echo(task),
            Some(class) => {
                fs::write(task.staging.join(task.stage.artifacts()[0].file.as_ref()), "half of it").unwrap();
                Err(Failure { class: *class, message: "no luck".to_owned() })
            }
        }
    })
}

fn run(project: &Project, graph: &Graph, trouble: &Trouble, keep_going: bool) -> Told {
    let pipeline = project.pipeline(&graph.text());
    let plan = project.plan(&graph.text());
    let failing = failing(graph, trouble);
    let (fake, stopped) = (fake(failing.clone()), AtomicBool::new(false));
    let store = Store::open(&project.store(), store::Options::default()).unwrap();
    let options = Options { keep_going, ..project.options.clone() };
    let engine = Engine::new(&pipeline, &store, options).unwrap();
    let mut watcher = Watcher { events: Vec::new(), trouble, stopped: &stopped };
    let out = project.path().join("out");
    let ended = catch_unwind(AssertUnwindSafe(|| engine.run(&out, &fake, &stopped, &mut watcher)));
    let events = watcher.events;
    let summary = ended.ok().map(Result::unwrap);
    let told = Told { plan, events, ran: fake.take_ran(), summary, failing: failing.into_keys().collect() };
    told.check(&pipeline, trouble, keep_going);
    told
}

impl Told {
    fn check(&self, pipeline: &Pipeline, trouble: &Trouble, keep_going: bool) {
        let ran: BTreeSet<&str> = self.ran.iter().map(String::as_str).collect();
        assert_eq!(ran.len(), self.ran.len(), "a stage ran twice: {:?}", self.ran);
        self.inputs_came_first(pipeline);
        let cached = self.planned(Planned::Cached);
        assert!(cached.is_disjoint(&ran), "ran although planned as cached: {:?}\n{:#?}", self.ran, self.plan);
        assert_eq!(self.planned(Planned::Blocked).len(), 0, "{:#?}", self.plan);
        let lost = self.below_failures(pipeline, &ran);
        let Some(summary) = &self.summary else { return };
        match trouble {
            Trouble::None => assert!(summary.failed.is_empty() && summary.not_run.is_empty()),
            Trouble::Failures(_) if keep_going || summary.failed.is_empty() => {}
            // After an early end, the stages that were not reached may have any state.
            Trouble::Failures(_) | Trouble::Stop(_) | Trouble::Crash(_) => return,
        }
        let due = self.planned(Planned::Run);
        // Of stages with one key, any may be the one that runs.
        let key = |stage: &str| {
            let finished = summary.finished.iter().find(|finished| finished.stage == stage);
            finished.map(|finished| finished.key.as_str())
        };
        let made: BTreeSet<&str> = ran.iter().filter_map(|stage| key(stage)).collect();
        // A stage is not needed if it would only have restored objects for a stage below a failure.
        let unneeded = |stage: &str| {
            let cached = |finished: &FinishedStage| finished.stage == stage && finished.cached;
            !summary.failed.is_empty() && summary.finished.iter().any(cached)
        };
        let is_made = |stage: &str| {
            ran.contains(stage) || key(stage).is_some_and(|key| made.contains(key)) || unneeded(stage)
        };
        let missing: Vec<&&str> =
            due.iter().filter(|stage| !is_made(stage) && !lost.contains(**stage)).collect();
        assert!(missing.is_empty(), "planned and not run: {missing:?}\n{:#?}", self.plan);
        let done: BTreeSet<&str> = summary.finished.iter().map(|stage| stage.stage.as_str()).collect();
        let names = pipeline.stages.iter().map(|node| node.name.to_string());
        let left: Vec<String> =
            names.filter(|name| !done.contains(name.as_str()) && !lost.contains(name)).collect();
        assert!(left.is_empty(), "neither finished nor below a failure: {left:?}");
    }

    fn planned(&self, state: Planned) -> BTreeSet<&str> {
        self.plan.iter().filter(|stage| stage.state == state).map(|stage| stage.stage.as_str()).collect()
    }

    /// Requires that every stage started after all stages that it reads from had finished.
    fn inputs_came_first(&self, pipeline: &Pipeline) {
        let mut done = BTreeSet::new();
        for event in &self.events {
            match event {
                Event::Finished(stage) => drop(done.insert(stage.stage.clone())),
                Event::Started { stage, .. } => {
                    for maker in makers(pipeline, stage) {
                        assert!(done.contains(&maker), "{stage} started before {maker} was done");
                    }
                }
                _ => {}
            }
        }
    }

    /// The stages that failed in this run, and all stages that depend on them.
    fn below_failures(&self, pipeline: &Pipeline, ran: &BTreeSet<&str>) -> BTreeSet<String> {
        let mut lost: BTreeSet<String> =
            self.failing.iter().filter(|name| ran.contains(name.as_str())).cloned().collect();
        for stage in pipeline.graph.order() {
            let name = pipeline.stages[stage].name.to_string();
            if makers(pipeline, &name).iter().any(|maker| lost.contains(maker)) {
                lost.insert(name);
            }
        }
        lost
    }
}

/// The stages that a stage reads from directly.
fn makers(pipeline: &Pipeline, stage: &str) -> Vec<String> {
    let node = pipeline.stages.iter().find(|node| node.name.to_string() == stage).unwrap();
    let makers = node.inputs.iter().filter_map(|input| match input.source {
        Source::Artifact { stage, .. } => Some(pipeline.stages[stage].name.to_string()),
        Source::File(_) => None,
    });
    makers.collect()
}

/// The artifact digests of every result in a store, by key.
fn results(project: &Project) -> BTreeMap<Digest, BTreeMap<String, Digest>> {
    let store = Store::open(&project.store(), store::Options::default()).unwrap();
    let keys = files(&project.store().join("actions")).into_iter();
    let keys = keys.map(|path| path.file_stem().unwrap().to_str().unwrap().parse::<Digest>().unwrap());
    let record = |key| match store.record(&key).unwrap() {
        Lookup::Found(record) => {
            Some((key, record.artifacts.into_iter().map(|(name, made)| (name, made.digest)).collect()))
        }
        _ => None,
    };
    keys.filter_map(record).collect()
}

/// The history must leave the same results as a single run of its last pipeline, and a valid store.
fn ends_as_if_nothing_had_been(project: &Project, graph: &Graph) {
    let straight = Project::in_memory();
    fs::create_dir_all(straight.path().join("data")).unwrap();
    for name in ["data/x.h5", "data/y.h5"] {
        fs::copy(project.path().join(name), straight.path().join(name)).unwrap();
    }
    run(&straight, graph, &Trouble::None, false);
    let (found, expected) = (results(project), results(&straight));
    for (key, artifacts) in &expected {
        assert_eq!(found.get(key), Some(artifacts), "the result of {key}");
    }
    let store = Store::open(&project.store(), store::Options::default()).unwrap();
    // Results of earlier edits may have lost objects. The first `verify` removes them, and nothing else may
    // be wrong.
    store.verify(&|_| ()).unwrap();
    assert_eq!(store.verify(&|_| ()).unwrap().damaged, []);
    assert_eq!(run(project, graph, &Trouble::None, false).ran, Vec::<String>::new());
    store.collect(&store::Policy::default(), &|_| ()).unwrap();
    for folder in ["staging", "tmp", "leases", "locks"] {
        assert_eq!(files(&project.store().join(folder)), Vec::<std::path::PathBuf>::new());
    }
    assert_eq!(run(project, graph, &Trouble::None, false).ran, Vec::<String>::new());
}

pub(super) fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PCAMFLOW_CASES").ok().and_then(|count| count.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), max_shrink_iters: 400, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_disturbed_history_ends_like_a_single_run(
        mut graph in graph(30),
        steps in proptest::collection::vec(step(), 1..6),
    ) {
        let project = Project::in_memory();
        write_sources(&project);
        for step in &steps {
            step.edits.iter().for_each(|edit| graph.edit(&project, edit));
            run(&project, &graph, &step.trouble, step.keep_going);
        }
        run(&project, &graph, &Trouble::None, false);
        ends_as_if_nothing_had_been(&project, &graph);
    }
}

/// A training that gives another model every time it runs.
#[test]
fn stages_run_again_if_a_restored_input_differs() {
    let rounds = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut project = Project::with(Fake::new(move |task, _| {
        let computed = echo(task)?;
        if task.name == "train.t" {
            let round = rounds.fetch_add(1, Ordering::SeqCst);
            fs::write(task.staging.join("model.safetensors"), format!("model {round}")).unwrap();
        }
        Ok(computed)
    }));
    project.options.jobs = Some(1);
    project.run(super::PIPELINE).ran(&super::ALL);
    fs::remove_dir_all(project.store().join("objects")).unwrap();
    let text = super::PIPELINE.replace("layer = 'relu3'", "layer = 'relu2'");
    // All readers of the old model must read the new one, or the shown results would be inconsistent.
    project.run(&text).ran(&super::ALL);
    project.run(&text).ran(&[]);
    let read = |file: &str| fs::read_to_string(project.shown(file)).unwrap();
    let model = format!("model: {}", Digest::of(read("train.t/model.safetensors").as_bytes()));
    for file in ["evaluate.e/metrics.json", "explain.a/maps.h5", "explain.b/maps.h5"] {
        assert!(read(file).contains(&model), "{file}: {}", read(file));
    }
}
