//! Stages side by side, runs side by side, runs that are stopped.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pcamflow::{
    engine::{
        Engine, Options,
        exec::fake::{Fake, echo},
    },
    store::{self, Store},
};

use super::{ALL, Log, PIPELINE, Project};

#[test]
fn independent_stages_run_at_the_same_time() {
    // Both explainers meet at the barrier, or the test never ends: they do run side by side. Each
    // asks for one thread, so that any machine with two cores has room for both.
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
fn a_collection_in_every_stage_takes_nothing_that_the_run_needs() {
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
    // Whatever one stage made is there for the next ones; so is what a run found in the store. Only what
    // no stage has any more goes.
    project.run(PIPELINE).ran(&[]);
    let ran = project.run(&PIPELINE.replace("relu3", "relu2"));
    ran.ran(&["explain.b"]);
    assert_eq!(ran.warnings(), Vec::<&str>::new());
    // After the run nobody needs anything: all of it goes.
    let root = project.store();
    let gone = collect(&root.join("staging/of-nobody"));
    assert_eq!((gone.results.count, gone.results_left, gone.in_use), (6, 0, 0));
    project.run(PIPELINE).ran(&ALL);
}
