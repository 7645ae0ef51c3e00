//! Retries, timeouts and memory limits, through the binary.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::sandbox::{Output, Running, Sandbox, files};

/// A pipeline whose only stage draws for some time, with these `run` settings.
fn project(patches: u32, run: &str) -> Sandbox {
    let text = format!(
        "[pipeline]\nname = 'robust'\n[synthesize.s]\npatches = {patches}\nslides = 4\nrun = {{ {run} }}\n"
    );
    Sandbox::new().pipeline(&text)
}

/// Waits until a run reaches a state.
#[track_caller]
fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < deadline, "the run never reached: {what}");
        sleep(Duration::from_millis(2));
    }
}

/// The processes that an engine started.
fn children(project: &Sandbox, engine: &Running<'_>) -> Vec<i32> {
    project.alive().into_iter().filter(|&id| id != engine.pid()).collect()
}

/// Kills the worker once it writes images.
#[track_caller]
fn kill_the_computing(project: &Sandbox, engine: &Running<'_>) -> Vec<i32> {
    until("a child that draws", || {
        files(&project.path(".pcamflow/staging")).iter().any(|path| path.ends_with("images.h5"))
    });
    let children = children(project, engine);
    for id in &children {
        let id = rustix::process::Pid::from_raw(*id).unwrap();
        let _ = rustix::process::kill_process(id, Signal::KILL);
    }
    children
}

/// The `made` part of the stage's record.
fn made(project: &Sandbox) -> serde_json::Value {
    let shown = project.pcamflow(&["show", "p.toml", "synthesize.s", "--json"]).exit(0);
    shown.events()[0]["record"]["made"].clone()
}

#[test]
fn a_lost_process_is_replaced_and_the_record_says_so() {
    let project = project(160, "retry = { times = 2, delay = '10ms' }");
    let run = project.start(&[]);
    kill_the_computing(&project, &run);
    let output = run.finish().ran(["synthesize.s"]);
    let warnings = output.warnings();
    assert!(
        warnings.contains("attempt 1 of 3 failed, the next begins in 10ms: the process was killed"),
        "{warnings}"
    );
    assert!(!warnings.contains("run again to go on"), "{warnings}");
    assert_eq!(made(&project)["failed-attempts"], 1);
    let text = project.pcamflow(&["show", "p.toml", "synthesize.s"]).exit(0).stdout;
    assert!(text.contains("attempts  2 (1 failed before)"), "{text}");
    let log = project.pcamflow(&["log", "p.toml", "synthesize.s"]).exit(0).stdout;
    assert!(log.contains("attempt 1 of 3 failed"), "{log}");
    project.nothing_is_left_running();
    // Execution settings are not part of the key.
    project.rewrite(
        "p.toml",
        fs::read_to_string(project.path("p.toml")).unwrap().replace("times = 2", "times = 7"),
    );
    project.run(&[]).cached_all();
}

#[test]
fn a_manual_kill_is_not_reported_as_out_of_memory_and_the_peak_is_given() {
    let project = project(160, "");
    let run = project.start(&[]);
    kill_the_computing(&project, &run);
    let message = run.finish().exit(1).failure();
    assert!(message.contains("the process was killed (SIGKILL)"), "{message}");
    assert!(message.contains("at its peak"), "{message}");
    if fs::read_to_string("/proc/vmstat").unwrap_or_default().contains("\noom_kill ") {
        assert!(message.contains("not by the kernel because memory ran out"), "{message}");
    }
}

#[test]
fn peak_memory_is_recorded_and_shown() {
    let project = project(40, "");
    project.run(&[]).ran(["synthesize.s"]);
    let peak = made(&project)["peak-memory"].as_u64().unwrap();
    assert!((1 << 20..1 << 34).contains(&peak), "{peak}");
    assert!(made(&project).get("failed-attempts").is_none());
    let text = project.pcamflow(&["show", "p.toml", "synthesize.s"]).exit(0).stdout;
    assert!(text.contains("memory    ") && text.contains("at its peak"), "{text}");
}

#[test]
fn a_stage_that_exceeds_its_timeout_is_stopped() {
    let project = project(20_000, "timeout = '400ms'");
    let output = project.run(&[]).exit(1);
    let failed = &output.events_of("failed")[0];
    assert_eq!(failed["class"], "timeout");
    let message = output.failure();
    assert!(message.starts_with("it took longer than 400ms (`timeout`)"), "{message}");
    assert!(message.contains("what it has computed is kept"), "{message}");
    assert!(output.duration < Duration::from_secs(20), "{:?}", output.duration);
    project.nothing_is_left_running();
}

#[test]
fn after_the_last_attempt_its_failure_is_reported() {
    let retry = "retry = { times = 2, on = 'timeout', delay = '5ms' }";
    let project = project(20_000, &format!("timeout = '60ms', {retry}"));
    let output = project.run(&[]).exit(1);
    assert!(output.failure().starts_with("attempt 3 of 3: it took longer than 60ms"), "{}", output.failure());
    let warnings = output.warnings();
    assert!(warnings.contains("attempt 1 of 3 failed, the next begins in 5ms: it took"), "{warnings}");
    assert!(warnings.contains("attempt 2 of 3 failed, the next begins in 10ms: it took"), "{warnings}");
    let time = project.run(&["--set", "synthesize.s.run.retry.on=\"worker-lost\""]).exit(1);
    assert_eq!(time.warnings(), "", "a timeout is not a lost process");
}

#[test]
fn a_stop_ends_the_wait_for_the_next_attempt_at_once() {
    let project = project(160, "retry = { times = 1, delay = '10min' }");
    let run = project.start(&[]);
    let killed = kill_the_computing(&project, &run);
    until("the end of the child", || killed.iter().all(|id| !project.alive().contains(id)));
    sleep(Duration::from_millis(300));
    let began = Instant::now();
    run.signal(Signal::TERM);
    let output = run.finish().exit(130);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(output.warnings().contains("the next begins in 10m"), "{}", output.warnings());
    assert!(output.events_of("failed").is_empty());
    project.nothing_is_left_running();
    project.run(&[]).ran(["synthesize.s"]);
}

#[test]
fn run_settings_apply_to_all_stages_and_misplaced_ones_are_errors() {
    let text = "[pipeline]\nname = 'robust'\n[run]\nretry = { times = 1 }\ntimeout = '1h'\n[synthesize.s]\npatches = 12\nslides = 2\n";
    let project = Sandbox::new().pipeline(text);
    project.run(&[]).ran(["synthesize.s"]);
    let complaint = |text: &str| -> Output {
        project.rewrite("p.toml", text);
        project.pcamflow(&["check", "p.toml"]).exit(2)
    };
    for (key, help) in [
        ("retry = { times = 2, on = 'worker-lost' }", "run = { retry = ... }"),
        ("timeout = '2h'", "run = { timeout = ... }"),
    ] {
        complaint(&format!("[synthesize.s]\npatches = 12\nslides = 2\n{key}\n")).complains(help);
    }
    for (run, said) in [
        ("timeout = 'soon'", "`soon` is not a duration"),
        ("timeout = '0s'", "`0s` is not a duration above zero"),
        ("memory = '4'", "`4` is not a number of bytes"),
        ("threads = 0", "it must be at least 1"),
        ("retry = { on = 'any' }", "times"),
        ("retry = { times = 1, on = 'luck' }", "worker-lost"),
    ] {
        complaint(&format!("[synthesize.s]\npatches = 12\nslides = 2\nrun = {{ {run} }}\n")).complains(said);
    }
}

/// A memory cgroup with a limit. `None` if this machine does not allow one.
struct Cgroup(std::path::PathBuf);

impl Cgroup {
    fn new(limit: &str) -> Option<Self> {
        let name = format!("pcamflow-test-{}", std::process::id());
        for (root, file) in
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
        {
            let folder = std::path::Path::new(root).join(&name);
            if fs::create_dir(&folder).is_err() {
                continue;
            }
            let cgroup = Self(folder);
            // With swap, the limit would not end the process.
            let _ = fs::write(cgroup.0.join("memory.swap.max"), "0");
            if fs::write(cgroup.0.join(file), limit).is_ok() {
                return Some(cgroup);
            }
        }
        eprintln!("skipped: no memory cgroup can be made here");
        None
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// The OOM score adjustment of a process: the kernel ends the highest score first.
fn readiness(id: i32) -> i32 {
    let text = fs::read_to_string(format!("/proc/{id}/oom_score_adj")).unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn when_memory_runs_out_workers_are_killed_before_the_engine() {
    let project = project(1000, "");
    let run = project.start(&[]);
    until("a child that draws", || {
        files(&project.path(".pcamflow/staging")).iter().any(|path| path.ends_with("images.h5"))
    });
    let (engine, computing) = (readiness(run.pid()), children(&project, &run));
    assert!(!computing.is_empty());
    for id in computing {
        assert_eq!(readiness(id), (engine + 100).min(1000));
    }
    run.finish().exit(0);
}

#[test]
fn a_process_that_the_kernel_killed_when_memory_ran_out_is_reported_as_such() {
    // More than the engine needs, less than the 60 MiB of the worker.
    let Some(cgroup) = Cgroup::new("40M") else { return };
    let project = project(2000, "");
    let script =
        format!("echo $$ >'{}/cgroup.procs' && exec $PCAMFLOW run p.toml --json", cgroup.0.display());
    let output = project.shell(&script);
    if output.stderr.contains("cgroup.procs") {
        eprintln!("skipped: {}", output.stderr);
        return;
    }
    let message = output.exit(1).failure();
    assert!(message.contains("by the kernel because memory ran out (it held "), "{message}");
    assert!(message.contains("its cgroup (container) may hold 40 MiB"), "{message}");
    assert!(message.contains("lower `memory`"), "{message}");
    project.nothing_is_left_running();
}

#[test]
fn foreign_folders_and_stores_of_another_format_are_refused() {
    let project = project(12, "").file("documents/thesis.tex", "x");
    let refused = |said: &str| {
        for command in [&["run", "p.toml"][..], &["plan", "p.toml"], &["cache", "gc"]] {
            project.pcamflow(&[command, &["--store", "documents"]].concat()).exit(3).complains(said);
        }
    };
    refused("documents is no pcamflow store: it holds thesis.tex");
    assert_eq!(project.names("documents"), ["thesis.tex"]);
    project.rewrite("documents/format", "pcamflow store 9\ntakes pcamflow 3.1 or newer\n");
    refused("has format 9, and this pcamflow");
    refused("it takes pcamflow 3.1 or newer");
    project.rewrite("documents/format", "\0\0\0");
    refused("is damaged, or another program's");
    assert_eq!(project.names("documents"), ["format", "thesis.tex"]);
}

#[test]
fn a_result_that_verify_quarantined_runs_again_with_that_reason() {
    let project = project(12, "");
    project.run(&[]).ran(["synthesize.s"]);
    let objects = files(&project.path(".pcamflow/objects"));
    let largest = objects.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    fs::remove_file(largest).unwrap();
    project.pcamflow(&["cache", "verify"]).exit(1);
    let plan = project.pcamflow(&["plan", "p.toml"]).exit(0).stdout;
    assert!(plan.contains("` was damaged or lost, and put aside by `cache verify` on 2"), "{plan}");
    project.run(&[]).ran(["synthesize.s"]);
    project.run(&[]).cached_all();
    project.pcamflow(&["cache", "verify"]).exit(0);
}

#[test]
fn without_locks_two_runs_may_compute_twice_with_correct_results() {
    let expected = project(160, "");
    expected.run(&[]).exit(0);
    let project = project(160, "").env("PCAMFLOW_LOCKS", "off");
    let both = [project.start(&["--out", "one"]), project.start(&["--out", "two"])];
    let outputs = both.map(|run| run.finish().exit(0));
    for output in &outputs {
        let warned = output.warnings().matches("has no locks that work").count();
        assert_eq!(warned, output.computed().len(), "{}", output.warnings());
    }
    assert_eq!(outputs.iter().map(|output| output.computed().len()).sum::<usize>(), 2, "both computed");
    project.run(&[]).cached_all();
    assert_eq!(project.digests(), expected.digests());
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.pcamflow(&["cache", "gc"]).exit(3).complains("has no locks that work");
    project.pcamflow(&["cache", "gc", "--dry-run"]).exit(0);
    project.pcamflow(&["doctor"]).never_says("panicked");
}

/// A pipeline of one script, which makes `made`, with these `run` settings.
fn script(script: &str, run: &str) -> Sandbox {
    let text = format!(
        "[command.one]\nshell = '''{script}'''\nartifacts = {{ made = 'made' }}\npass-environment = ['COUNT']\n\
         run = {{ {run} }}\n"
    );
    let project = Sandbox::new().pipeline(&text);
    let count = project.path("count").display().to_string();
    project.env("COUNT", &count)
}

/// Counts its attempts in a file outside the project and succeeds from the third on.
const THIRD_TIME: &str =
    "echo x >> \"$COUNT\"; if [ $(wc -l < \"$COUNT\") -lt 3 ]; then FAIL; fi; echo ok > made";

#[test]
fn a_killed_program_is_retried_and_a_failing_one_is_not() {
    let retry = "retry = { times = 2, delay = '1ms' }";
    let killed = script(&THIRD_TIME.replace("FAIL", "kill -9 $$"), retry);
    let output = killed.run(&[]).ran(["command.one"]);
    assert_eq!(output.events_of("warning").len(), 2, "{}", output.warnings());
    assert!(output.warnings().contains("was killed (SIGKILL)"), "{}", output.warnings());

    let failing = script(&THIRD_TIME.replace("FAIL", "exit 3"), retry);
    let output = failing.run(&[]).exit(1);
    assert!(output.failure().contains("exit code 3") && output.warnings().is_empty(), "{}", output.failure());
    assert_eq!(output.events_of("failed")[0]["class"], "stage");

    let any =
        script(&THIRD_TIME.replace("FAIL", "exit 3"), "retry = { times = 2, on = 'any', delay = '1ms' }");
    any.run(&[]).ran(["command.one"]);
    any.run(&[]).cached_all();
    let log = any.pcamflow(&["log", "p.toml", "command.one"]).exit(0).stdout;
    assert!(log.contains("attempt 2 of 3 failed, the next begins in 2ms"), "{log}");
}

#[test]
fn a_timeout_ends_a_program_and_its_child_processes() {
    let project = script("sleep 600 & setsid sleep 600 & sleep 600", "timeout = '700ms'");
    let output = project.run(&[]).exit(1);
    assert_eq!(output.events_of("failed")[0]["class"], "timeout");
    assert!(output.duration < Duration::from_secs(30), "{:?}", output.duration);
    project.nothing_is_left_running();
}

#[test]
fn waiting_for_another_run_does_not_count_towards_the_timeout() {
    let project = script("sleep 1.5; echo ok > made", "timeout = '60s'");
    let first = project.start(&["--out", "one"]);
    until("the program", || project.alive().len() > 2);
    let second = project.start(&["--out", "two", "--set", "command.one.run.timeout=\"500ms\""]);
    first.finish().ran(["command.one"]);
    second.finish().cached_all();
}
