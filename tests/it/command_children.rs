//! The processes that programs of `command` stages start: none of them survives.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::command::{log, one};
use crate::sandbox::{Output, Sandbox};

/// A script that starts child processes in several ways and then waits.
const BROOD: &str = "sleep 1000 & (setsid sleep 1000 & sleep 1000) & nohup sleep 1000 & touch $TMPDIR/up; echo up; sleep 1000";

/// Starts the pipeline and waits until all child processes run.
fn brood(project: &Sandbox) -> crate::sandbox::Running<'_> {
    let running = project.start(&[]);
    let begun = Instant::now();
    let sleepers = || {
        let is_sleep = |id: &i32| fs::read(format!("/proc/{id}/comm")).is_ok_and(|name| name == b"sleep\n");
        project.alive().iter().filter(|id| is_sleep(id)).count()
    };
    while sleepers() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} sleep: {}", sleepers(), project.listing());
        std::thread::sleep(Duration::from_millis(5));
    }
    running
}

#[test]
fn no_child_process_survives_the_engine() {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let project = one(BROOD, "");
        let running = brood(&project);
        running.signal(signal);
        project.nothing_is_left_running();
        if signal != Signal::KILL {
            running.finish().exit(130);
        }
        project.rewrite("p.toml", "[command.one]\nshell = 'touch made'\nartifacts = { made = 'made' }");
        project.run(&[]).ran(["command.one"]);
    }
}

#[test]
fn no_child_process_survives_the_serving_process() {
    let project = one(BROOD, "");
    let running = brood(&project);
    let serves = |id: &&i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        **id != running.pid() && String::from_utf8_lossy(&line).contains("pcamflow\0")
    };
    let alive = project.alive();
    let serving = *alive.iter().find(serves).expect("a serving process runs");
    rustix::process::kill_process(rustix::process::Pid::from_raw(serving).unwrap(), Signal::KILL).unwrap();
    let output: Output = running.finish().exit(1);
    assert!(output.failure().contains("killed"));
    project.nothing_is_left_running();
}

#[test]
fn background_processes_end_with_their_program() {
    let project =
        one("(sleep 1000; touch late) & setsid sleep 1000 & (sleep 0.1; echo said late) & touch made", "");
    let output = project.run(&[]).ran(["command.one"]);
    assert!(output.duration < Duration::from_secs(20));
    assert_eq!(log(&project), "said late\n", "a child that ends soon by itself may finish");
    project.nothing_is_left_running();
}
