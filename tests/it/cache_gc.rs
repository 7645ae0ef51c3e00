//! `pcamflow cache gc`: it removes what nobody needs, and never what is in use.

use std::{
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, SystemTime},
};

use rustix::process::Signal;

use super::cache::*;
use crate::sandbox::{Sandbox, files};

#[test]
fn gc_removes_garbage_and_no_result() {
    let project = project();
    let shown = project.digests();
    let before = objects(&project);
    let orphan = project.path(".pcamflow/objects").join("ab").join(format!("ab{}", "0".repeat(62)));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "nobody's").unwrap();
    fs::create_dir_all(project.path(".pcamflow/staging/dead-1")).unwrap();
    let told = project.pcamflow(&["cache", "gc", "--dry-run"]).exit(0);
    assert!(told.stdout.contains("would remove 1 object (8 B)"), "{}", told.stdout);
    assert!(orphan.exists());
    let done = project.pcamflow(&["cache", "gc"]).exit(0);
    assert!(done.stdout.contains("removed 1 object, 1 leftover folder (8 B); 2 results"), "{}", done.stdout);
    assert_eq!(objects(&project), before);
    assert_eq!(project.names(".pcamflow/staging"), Vec::<String>::new());
    let again = project.pcamflow(&["cache", "gc"]).exit(0);
    assert!(again.stdout.contains("nothing to remove"), "{}", again.stdout);
    project.run(&[]).cached_all();
    assert_eq!(project.digests(), shown);
}

#[test]
fn gc_removes_old_and_excess_results_but_not_the_latest() {
    let project = project();
    project.run(&OTHER).ran(["split.d", "synthesize.s"]);
    let gc = |arguments: &[&str]| {
        json(&project.pcamflow(&[&["cache", "gc", "--json"], arguments].concat()).exit(0))
    };
    assert_eq!(gc(&["--older-than", "30d"])["results"]["count"], 0);
    grow_old(&project, 31);
    assert_eq!(gc(&["--older-than", "30d", "--dry-run"])["results"]["count"], 2);
    assert_eq!(gc(&["--older-than", "30d"])["results"]["count"], 2);
    project.run(&OTHER).cached_all();
    project.run(&[]).ran(["split.d", "synthesize.s"]);
    assert_eq!(gc(&["--keep-latest"])["results"]["count"], 2);
    project.run(&[]).cached_all();
    let small = gc(&["--max-size", "1KB"]);
    assert_eq!(small["results"]["count"], 0, "gc removed a latest result");
    let small = gc(&["--max-size", "1KB", "--even-latest"]);
    assert!(
        small["results"]["count"].as_u64() >= Some(1)
            && small["objects-left"]["bytes"].as_u64() <= Some(1000)
    );
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.run(&[]).exit(0);
    project.run(&[]).cached_all();
}

#[test]
fn a_hit_counts_as_use() {
    let project = project();
    grow_old(&project, 60);
    // A use is recorded at most once a day, so move the last record back too.
    for latest in files(&project.path(".pcamflow/latest")) {
        let then = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
        fs::File::open(latest).unwrap().set_modified(then).unwrap();
    }
    project.run(&[]).cached_all();
    let gone = project.pcamflow(&["cache", "gc", "--older-than", "30d", "--even-latest", "--json"]).exit(0);
    assert_eq!(json(&gone)["results"]["count"], 0);
}

/// Arguments for a `gc` that removes everything not in use.
const ALL: [&str; 5] = ["cache", "gc", "--older-than", "0s", "--even-latest"];

#[test]
fn gc_during_a_run_removes_nothing_that_the_run_uses() {
    // The second stage still needs the first result while it runs.
    let pipeline = PIPELINE.replace("patches = 12", "patches = 160").replace("train = 4", "train = 80");
    let project = Sandbox::new().pipeline(&pipeline);
    let run = project.start(&["--jobs", "1"]);
    let mut collections = 0;
    while is_alive(run.pid()) {
        project.pcamflow(&ALL).exit(0);
        collections += 1;
    }
    run.finish().ran(["split.d", "synthesize.s"]);
    assert!(collections > 1, "the run ended before a second gc");
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.pcamflow(&ALL).exit(0);
    assert_eq!(objects(&project), Vec::<PathBuf>::new(), "gc left unused objects");
    project.run(&[]).ran(["split.d", "synthesize.s"]);
}

/// Whether a process is running and not a zombie.
fn is_alive(id: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')) && !status.is_empty()
}

#[test]
fn concurrent_run_gc_and_verify_do_not_disturb_each_other() {
    let project = project();
    let shown = project.digests();
    let script = "
        for i in 1 2 3 4 5 6; do
          $PCAMFLOW run p.toml --quiet --out one --set synthesize.s.seed=$i || exit 10
          $PCAMFLOW run p.toml --quiet --out one || exit 11
        done & a=$!
        for i in 6 5 4 3 2 1; do $PCAMFLOW run p.toml --quiet --out two --set synthesize.s.seed=$i || exit 12; done & b=$!
        for i in $(seq 40); do $PCAMFLOW cache gc --older-than 0s --even-latest >/dev/null || exit 13; done & c=$!
        for i in $(seq 20); do $PCAMFLOW cache verify >>verify.txt || exit 14; done & d=$!
        for i in $(seq 40); do $PCAMFLOW cache gc --max-size 10KB >/dev/null || exit 15; done & e=$!
        for job in $a $b $c $d $e; do wait $job || exit $?; done";
    project.shell(script).exit(0);
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.run(&[]).exit(0);
    project.run(&[]).cached_all();
    let kept: Vec<_> = project.digests().into_iter().filter(|(path, _)| path.starts_with("kept")).collect();
    assert_eq!(kept, shown);
}

#[test]
fn a_killed_gc_leaves_a_sound_store() {
    let project = project();
    for round in 0..12_u32 {
        project.run(&[]).exit(0);
        project.run(&OTHER).exit(0);
        let mut gc = project.command(crate::sandbox::PCAMFLOW).args(ALL).spawn().unwrap();
        sleep(Duration::from_micros(u64::from(400 * round)));
        let id = rustix::process::Pid::from_raw(i32::try_from(gc.id()).unwrap()).unwrap();
        let _ = rustix::process::kill_process(id, Signal::KILL);
        gc.wait().unwrap();
        project.pcamflow(&["cache", "verify"]).exit(0);
    }
    project.run(&[]).exit(0);
    project.run(&[]).cached_all();
    project.pcamflow(&["cache", "gc"]).exit(0);
    project.run(&[]).cached_all();
}

#[test]
fn gc_keeps_results_of_a_killed_run_and_removes_its_leftovers() {
    let project = Sandbox::new().pipeline(&PIPELINE.replace("patches = 12", "patches = 160"));
    let run = project.start(&["--jobs", "1"]);
    while files(&project.path(".pcamflow/actions")).is_empty() {
        sleep(Duration::from_millis(2));
    }
    run.signal(Signal::KILL);
    run.finish();
    project.nothing_is_left_running();
    project.pcamflow(&["cache", "gc"]).exit(0);
    assert_eq!(files(&project.path(".pcamflow/leases")), Vec::<PathBuf>::new());
    assert_eq!(files(&project.path(".pcamflow/staging")), Vec::<PathBuf>::new());
    let again = project.run(&[]).exit(0);
    assert!(!again.computed().contains(&"synthesize.s".to_owned()), "the finished result was lost");
}
