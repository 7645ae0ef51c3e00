//! Failing stages and their effect on other stages.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pcamflow::{
    engine::{
        exec::{
            Computed,
            fake::{Fake, echo},
        },
        tell::event::Event,
    },
    protocol::{Failure, FailureClass},
};

use super::{PIPELINE, Project};

fn fails(stage: &'static str) -> Fake {
    Fake::new(move |task, _| match task.name == stage {
        true => Err(Failure { class: FailureClass::Stage, message: "no luck".to_owned() }),
        false => echo(task),
    })
}

#[test]
fn what_depends_on_a_failed_stage_is_blocked_and_nothing_else_starts() {
    let mut project = Project::with(fails("train.t"));
    project.options.jobs = Some(1);
    let ran = project.run(PIPELINE);
    assert_eq!(ran.stages, ["split.s", "synthesize.s", "train.t"]);
    assert_eq!(ran.summary.failed[0].message, "no luck");
    let blocked: Vec<&Event> =
        ran.events.iter().filter(|event| matches!(event, Event::Blocked { .. })).collect();
    assert_eq!(blocked.len(), 3);
    assert_eq!(ran.summary.not_run, ["evaluate.e", "explain.a", "explain.b"]);
}

#[test]
fn keep_going_computes_the_other_branches() {
    let mut project = Project::with(fails("explain.a"));
    project.options.keep_going = true;
    project.options.jobs = Some(1);
    let ran = project.run(PIPELINE);
    assert!(ran.stages.contains(&"explain.b".to_owned()) && ran.stages.contains(&"evaluate.e".to_owned()));
    assert_eq!(ran.summary.failed.len(), 1);
}

#[test]
fn a_failure_is_not_cached_but_finished_stages_are() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let project = Project::with(Fake::new(move |task, _| {
        if task.name == "train.t" && counted.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Failure { class: FailureClass::Process, message: "killed".to_owned() });
        }
        echo(task)
    }));
    assert_eq!(project.run(PIPELINE).summary.failed.len(), 1);
    project.run(PIPELINE).ran(&["train.t", "evaluate.e", "explain.a", "explain.b"]);
}

#[test]
fn partial_work_survives_a_failure_for_the_same_key_only() {
    let project = Project::with(Fake::new(|task, _| {
        let partial = task.work.join("checkpoint");
        if task.name == "train.t" && !partial.exists() {
            std::fs::write(&partial, "two epochs").unwrap();
            return Err(Failure { class: FailureClass::Process, message: "killed".to_owned() });
        }
        echo(task)
    }));
    assert_eq!(project.run(PIPELINE).summary.failed.len(), 1);
    let other = PIPELINE.replace("epochs = 3", "epochs = 4");
    assert_eq!(project.run(&other).summary.failed.len(), 1, "another key must not use this partial work");
    assert_eq!(project.run(PIPELINE).summary.failed.len(), 0);
}

#[test]
fn an_artifact_that_was_not_written_is_a_failure() {
    let project = Project::with(Fake::new(|task, _| {
        let result = echo(task);
        if task.name == "split.s" {
            std::fs::remove_file(task.staging.join("test.h5")).unwrap();
        }
        result
    }));
    let failed = project.run(PIPELINE).summary.failed;
    assert!(failed[0].message.contains("without writing its artifact test.h5"), "{}", failed[0].message);
}

#[test]
fn the_reason_for_a_run_is_reported_and_the_log_is_kept() {
    let project = Project::with(Fake::new(|task, listener| {
        listener.log(pcamflow::protocol::Level::Info, "a line");
        listener.log(pcamflow::protocol::Level::Warning, "look here");
        echo(task).map(|_| Computed::default())
    }));
    let ran = project.run(PIPELINE);
    assert_eq!(ran.warnings(), ["look here"; 6]);
    assert_eq!(std::fs::read_to_string(project.shown("train.t/log.txt")).unwrap(), "a line\nlook here\n");
    let again = project.run(&PIPELINE.replace("epochs = 3", "epochs = 5"));
    let why = again.events.iter().find_map(|event| match event {
        Event::Started { stage, why } if stage == "train.t" => Some(why.as_str()),
        _ => None,
    });
    assert!(why.is_some_and(|why| why.starts_with("`epochs` 3 -> 5 (")), "{why:?}");
}

#[test]
fn a_source_that_changes_during_a_stage_fails_the_stage() {
    let project = Project::new();
    let data = project.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("x"), "x").unwrap();
    let moving = data.join("x");
    let project = Project {
        fake: Fake::new(move |task, _| {
            if task.name == "split.s" {
                std::fs::write(&moving, "other bytes").unwrap();
            }
            echo(task)
        }),
        ..project
    };
    let text = PIPELINE.replace("synthesize.s/images", "x");
    let failed = project.run(&text).summary.failed;
    assert!(failed[0].message.contains("changed while this was computed from it"), "{}", failed[0].message);
}

#[test]
fn a_panic_ends_the_run_as_an_internal_error_of_its_stage() {
    let project = Project::with(Fake::new(|task, _| match task.name.as_str() {
        "train.t" => panic!("index out of bounds in {}", task.name),
        _ => echo(task),
    }));
    let ran = project.run(PIPELINE);
    let [failed] = &ran.summary.failed[..] else { panic!("{:?}", ran.summary.failed) };
    assert_eq!((failed.stage.as_str(), failed.class), ("train.t", FailureClass::Process));
    assert_eq!(failed.message, "internal error (please report it): index out of bounds in train.t");
    assert_eq!(ran.summary.not_run, ["evaluate.e", "explain.a", "explain.b"]);
}
