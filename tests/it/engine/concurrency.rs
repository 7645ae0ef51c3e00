//! Concurrent stages, concurrent runs and stopped runs.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use pcamflow::{
    digest::Digest,
    engine::{
        Engine, Options,
        exec::{
            Capacity,
            fake::{Fake, echo},
        },
        tell::event::{Event, Observer},
    },
    fsx::FileLock,
    store::{self, Store},
};

use super::{ALL, Log, PIPELINE, Project};

/// Waits for another thread, with a timeout.
#[track_caller]
fn until(what: &str, reached: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < deadline, "not reached in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn independent_stages_run_at_the_same_time() {
    // The barrier blocks until both explanations run at the same time. Each uses one thread, so two cores are
    // enough.
    if std::thread::available_parallelism().unwrap().get() < 2 {
        eprintln!("skipped: one core");
        return;
    }
    let barrier = Arc::new(Barrier::new(2));
    let project = Project::with(Fake::new(move |task, _| {
        if task.name.starts_with("explain") {
            barrier.wait();
        }
        echo(task)
    }));
    let text = PIPELINE.replace("[explain.", "[run]\nthreads = 1\n[explain.");
    let text = text.replacen("[run]\nthreads = 1\n", "", 1);
    project.run(&text).ran(&ALL);
}

#[test]
fn two_runs_at_once_compute_each_stage_once() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let project = Project::with(Fake::new(move |task, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        echo(task)
    }));
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let pipeline = project.pipeline(PIPELINE);
                let store = Store::open(&project.store(), store::Options::default()).unwrap();
                let engine = Engine::new(&pipeline, &store, Options::default()).unwrap();
                let out = project.path().join("out");
                let summary = engine.run(&out, &project.fake, &project.stopped, &mut Log::default()).unwrap();
                assert_eq!(summary.finished.len(), 6, "{:?}", summary.failed);
            });
        }
    });
    assert_eq!(runs.load(Ordering::SeqCst), 6);
}

#[test]
fn a_stopped_run_keeps_what_it_finished() {
    let project = Project::with(Fake::new(|task, _| {
        std::thread::sleep(Duration::from_millis(150));
        echo(task)
    }));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            std::thread::sleep(Duration::from_millis(230));
            project.stopped.store(true, Ordering::SeqCst);
        });
        let ran = project.run(PIPELINE);
        assert!(ran.summary.interrupted);
        assert!(ran.summary.failed.is_empty() && !ran.summary.finished.is_empty());
        assert_eq!(ran.summary.finished.len() + ran.summary.not_run.len(), 6);
    });
}

#[test]
fn gc_in_every_stage_removes_nothing_that_the_run_needs() {
    let collect = |staging: &std::path::Path| {
        let store = Store::open(staging.ancestors().nth(2).unwrap(), store::Options::default()).unwrap();
        let all = store::Policy { all: true, keep: store::Keep::Nothing, ..store::Policy::default() };
        store.collect(&all, &|_| ()).unwrap()
    };
    let project = Project::with(Fake::new(move |task, _| {
        collect(&task.staging);
        echo(task)
    }));
    project.run(PIPELINE).ran(&ALL);
    // Results computed or found by a run stay available to its later stages. Only superseded results are
    // removed.
    project.run(PIPELINE).ran(&[]);
    let ran = project.run(&PIPELINE.replace("relu3", "relu2"));
    ran.ran(&["explain.b"]);
    assert_eq!(ran.warnings(), Vec::<&str>::new());
    // After the run nothing is in use, so everything is removed.
    let root = project.store();
    let gone = collect(&root.join("staging/of-nobody"));
    assert_eq!((gone.results.count, gone.results_left, gone.in_use), (6, 0, 0));
    project.run(PIPELINE).ran(&ALL);
}

/// Two trainings that compete for one GPU.
const TWO: &str = "
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
[train.u]
data = 'split.s'
epochs = 4
";

#[test]
fn a_stage_that_waits_for_another_run_does_not_hold_a_gpu() {
    let [computes, other_ran] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (begun, seen) = (Arc::clone(&computes), Arc::clone(&other_ran));
    let capacity = Capacity { cores: 4, gpus: 1 };
    let first = Project::with(
        Fake::new(move |task, _| {
            if task.name == "train.t" {
                begun.store(true, Ordering::SeqCst);
                until("the other run's other training", || seen.load(Ordering::SeqCst));
            }
            echo(task)
        })
        .with_capacity(capacity),
    );
    let second = Fake::new(move |task, _| {
        other_ran.fetch_or(task.name == "train.u", Ordering::SeqCst);
        echo(task)
    })
    .with_capacity(capacity);
    let run = |fake: &Fake, targets: &[&str], out: &str| {
        let pipeline = first.pipeline(TWO);
        let store = Store::open(&first.store(), store::Options::default()).unwrap();
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let engine = Engine::new(&pipeline, &store, Options { targets, ..first.options.clone() }).unwrap();
        let mut log = Log::default();
        let summary = engine.run(&first.path().join(out), fake, &first.stopped, &mut log).unwrap();
        assert!(summary.failed.is_empty(), "{:?}", summary.failed);
        log.0
    };
    let events = std::thread::scope(|threads| {
        threads.spawn(|| run(&first.fake, &["train.t"], "one"));
        until("the first training", || computes.load(Ordering::SeqCst));
        run(&second, &[], "two")
    });
    assert_eq!(second.take_ran(), ["train.u"], "train.t must come from the store");
    let waited: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, Event::Waiting { stage, .. } if stage == "train.t"))
        .collect();
    assert_eq!(waited.len(), 1, "waiting must be reported once");
    let cached = events.iter().any(
        |event| matches!(event, Event::Finished(finished) if finished.stage == "train.t" && finished.cached),
    );
    assert!(cached);
}

#[test]
fn a_stopped_run_does_not_wait_for_other_runs() {
    let project = Project::new();
    let pipeline = project.pipeline(PIPELINE);
    let store = Store::open(&project.store(), store::Options::default()).unwrap();
    let engine = Engine::new(&pipeline, &store, Options::default()).unwrap();
    project.run(PIPELINE).ran(&ALL);
    let record = store.previous("chain", "explain.b").unwrap().unwrap();
    store.forget(&record.key).unwrap();
    let held = store.try_lock(&record.key, "another:7").unwrap();
    struct Stop<'a>(&'a AtomicBool);
    impl Observer for Stop<'_> {
        fn event(&mut self, event: &Event) {
            self.0.fetch_or(matches!(event, Event::Waiting { .. }), Ordering::SeqCst);
        }
    }
    let out = project.path().join("out");
    let summary = engine.run(&out, &project.fake, &project.stopped, &mut Stop(&project.stopped)).unwrap();
    assert!(summary.interrupted);
    assert_eq!((summary.not_run, project.fake.take_ran()), (vec!["explain.b".to_owned()], Vec::new()));
    drop(held);
}

/// Releases a lock when a stage has finished.
struct LetGo(&'static str, Option<FileLock>, Vec<String>);

impl Observer for LetGo {
    fn event(&mut self, event: &Event) {
        if let Event::Finished(finished) = event {
            self.2.push(finished.stage.clone());
            self.1 = self.1.take().filter(|_| finished.stage != self.0);
        }
    }
}

#[test]
fn slow_showing_of_a_folder_does_not_delay_other_stages() {
    let text = "[pipeline]\nname = 'chain'\n[command.big]\nprogram = ['make']\nartifacts = { all = 'all/' }\n\
                [synthesize.s]\npatches = 20\n[command.after]\nprogram = ['read', '{all}']\n\
                inputs = { all = 'command.big/all' }\nartifacts = { x = 'x.txt' }\n";
    let project = Project::with(Fake::new(|task, _| {
        // Finish only after the engine has begun to show the folder.
        if task.name == "synthesize.s" {
            std::thread::sleep(Duration::from_millis(300));
        }
        echo(task)
    }));
    let pipeline = project.pipeline(text);
    let store = Store::open(&project.store(), store::Options::default()).unwrap();
    let engine = Engine::new(&pipeline, &store, project.options.clone()).unwrap();
    // Showing the folder waits for this lock.
    let shown = project.shown("command.big");
    let name = format!("view-{}", Digest::of(shown.as_os_str().as_encoded_bytes()).hex());
    let locks = project.store().join("locks");
    std::fs::create_dir_all(&locks).unwrap();
    let lock = FileLock::acquire(&locks.join(name), "a test").unwrap();
    let mut observer = LetGo("synthesize.s", Some(lock), Vec::new());
    let out = project.path().join("out");
    engine.run(&out, &project.fake, &project.stopped, &mut observer).unwrap();
    assert_eq!(observer.2, ["synthesize.s", "command.big", "command.after"]);
    assert!(shown.join("all/file").exists());
}

#[test]
fn only_running_stages_are_cancelled() {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let mut project = Project::with(Fake::new(move |task, _| {
        if task.name == "split.s" {
            stopped.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(300));
        }
        echo(task)
    }));
    let pipeline = project.pipeline(PIPELINE);
    let store = Store::open(&project.store(), store::Options::default()).unwrap();
    project.options.jobs = Some(1);
    let engine = Engine::new(&pipeline, &store, project.options.clone()).unwrap();
    engine.run(&project.path().join("out"), &project.fake, &stop, &mut Log::default()).unwrap();
    let mut cancelled = project.fake.cancelled();
    cancelled.dedup();
    assert_eq!(cancelled, ["split.s"]);
}

#[test]
fn threads_follow_the_capacity_of_the_executor_and_small_steps_get_one() {
    let threads = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&threads);
    let mut project = Project::with(
        Fake::new(move |task, _| {
            if task.name.starts_with("train") {
                noted.lock().unwrap().push(task.resources.threads);
            }
            echo(task)
        })
        .with_capacity(Capacity { cores: 7, gpus: 0 }),
    );
    project.options.targets = vec!["train.t".to_owned()];
    let with = |more: &str| TWO.replace("epochs = 3", &format!("epochs = 3\n{more}"));
    let narrow = "architecture.class-cnn = { channels = [8, 16, 32, 64], hidden = 32 }";
    for more in [
        "",
        "batch-size = 2",
        narrow,
        &format!("batch-size = 2\n{narrow}"),
        &format!("batch-size = 3\n{narrow}\nrun = {{ threads = 5 }}"),
        "batch-size = 1\narchitecture.resnet = {}",
        "batch-size = 2\narchitecture.resnet = {}",
    ] {
        project.run(&with(more));
    }
    assert_eq!(*threads.lock().unwrap(), [7, 7, 7, 1, 5, 1, 7]);
}

#[test]
fn a_resumed_training_gets_as_many_threads_as_the_training_that_it_continues() {
    let threads = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&threads);
    let mut project = Project::with(
        Fake::new(move |task, _| {
            if task.name.starts_with("resume-train") {
                noted.lock().unwrap().push(task.resources.threads);
            }
            echo(task)
        })
        .with_capacity(Capacity { cores: 7, gpus: 0 }),
    );
    project.options.targets = vec!["resume-train.last".to_owned()];
    let resumed = "[resume-train.more]\nfrom = 'train.t'\nepochs = 1\n\
                   [resume-train.last]\nfrom = 'resume-train.more'\nepochs = 1\n";
    let small = "architecture.class-cnn = { channels = [8, 16, 32, 64], hidden = 32 }\nbatch-size = 2";
    for more in ["", small] {
        project.run(&(TWO.replace("epochs = 3", &format!("epochs = 3\n{more}")) + resumed));
    }
    assert_eq!(*threads.lock().unwrap(), [7, 7, 1, 1]);
}
