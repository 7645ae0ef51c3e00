//! Worker processes: their output, their protocol, and how they are stopped.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::sandbox::Sandbox;

const PIPELINE: &str = "\
[pipeline]
name = 'processes'
[synthesize.s]
patches = 24
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 12, validation = 6, test = 6 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 1
batch-size = 4
run = { device = 'cpu' }
";

/// A project whose worker is a script. Only the training is left to compute.
fn with_worker(script: &str) -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE).file("worker", script);
    fs::set_permissions(project.path("worker"), fs::Permissions::from_mode(0o755)).unwrap();
    project.run(&["split.d"]).exit(0);
    let worker = project.path("worker").display().to_string();
    project.env("PCAMFLOW_WORKER", &worker)
}

/// The greeting of a worker that is ready.
fn ready() -> String {
    format!(r#"{{"ready":{{"protocol":{},"versions":{{}}}}}}"#, pcamflow::protocol::VERSION)
}

fn log(project: &Sandbox) -> String {
    let found = crate::sandbox::files(&project.path(".pcamflow/work"));
    let log = found.iter().find(|path| path.ends_with("log.txt")).unwrap();
    fs::read_to_string(log).unwrap()
}

#[cfg(feature = "torch")]
#[test]
fn output_of_libraries_goes_to_the_log_and_not_to_the_protocol() {
    let project = Sandbox::new().pipeline(PIPELINE).env("ONEDNN_VERBOSE", "1").env("MKL_VERBOSE", "1");
    project.run(&[]).ran(["split.d", "synthesize.s", "train.t"]);
    let log = project.pcamflow(&["log", "p.toml", "train.t"]).exit(0).stdout;
    assert!(log.contains("onednn_verbose"), "{log}");
}

#[test]
fn a_crash_keeps_all_output_in_the_log_and_the_last_lines_in_the_message() {
    let ready = ready();
    let project = with_worker(&format!(
        "#!/bin/bash\necho 'garbage {{'; echo '{ready}'; echo to standard error >&2\nread hello; echo '{ready}' >&0\n\
         read task; printf '\\xff\\xfe\\n'; for i in $(seq 300); do echo \"line $i\"; done; kill -SEGV $$\n"
    ));
    let output = project.run(&[]).exit(1);
    assert_eq!(output.events_of("failed")[0]["class"], "process");
    let message = output.failure();
    assert!(message.contains("the process ended unexpectedly with signal: 11 (SIGSEGV)"), "{message}");
    assert!(message.ends_with("\n  line 296\n  line 297\n  line 298\n  line 299\n  line 300"), "{message}");
    let log = log(&project);
    for line in ["garbage {", "to standard error", "\u{fffd}\u{fffd}", "line 1\nline 2\n", "line 300\n"] {
        assert!(log.contains(line), "{line:?} in {log}");
    }
}

#[test]
fn an_invalid_reply_is_quoted_from_its_beginning() {
    let ready = ready();
    let project = with_worker(&format!(
        "#!/bin/bash\nread hello; echo '{ready}' >&0; read task; echo 'what?' >&0; cat\n"
    ));
    let message = project.run(&[]).exit(1).failure();
    assert!(message.contains("the process sent something that is not a reply: \"what?\""), "{message}");
    project.nothing_is_left_running();
}

#[test]
fn a_log_has_a_limited_size() {
    let project = Sandbox::new().pipeline(
        "[pipeline]\nname = 'processes'\n[command.loud]\nshell = 'seq 1000000; echo done > {artifacts.x}'\n\
         artifacts = { x = 'x.txt' }\n",
    );
    project.run(&[]).ran(["command.loud"]);
    let log = project.pcamflow(&["log", "p.toml", "command.loud"]).exit(0).stdout;
    assert!(log.len() < 4 << 20, "{} bytes", log.len());
    assert!(log.starts_with("1\n2\n") && log.contains("left out here"), "{}", &log[..100]);
    assert!(log.trim_end().ends_with("1000000"), "{}", &log[log.len() - 100..]);
}

#[test]
fn a_log_is_followed_until_the_stage_ends() {
    let project = Sandbox::new().pipeline(
        "[command.slow]\nshell = 'echo first; sleep 2; echo second; touch made'\nartifacts = { made = 'made' }\n",
    );
    let follow = || project.pcamflow(&["log", "p.toml", "command.slow", "--follow"]).exit(0);
    let running = project.start(&[]);
    let followed = follow();
    let (first, second) = (followed.stdout.find("first\n"), followed.stdout.find("second\n"));
    assert!(first.is_some() && first < second, "{}", followed.stdout);
    running.finish();
    assert_eq!(follow().stdout, followed.stdout, "a finished stage");
}

#[test]
fn older_and_newer_workers_are_refused() {
    // Before protocol version 3, a worker used its standard output and exited on an unknown request.
    let old = "#!/bin/bash\necho '{\"ready\":{\"protocol\":2,\"versions\":{}}}'\nread line; echo \"no request: $line\" >&2; exit 70\n";
    let message = with_worker(old).run(&[]).exit(3).failure();
    assert!(message.contains("did not start") && message.contains("exit status: 70"), "{message}");
    let next = "#!/bin/bash\nread hello; echo '{\"ready\":{\"protocol\":99,\"versions\":{}}}' >&0; cat\n";
    let message = with_worker(next).run(&[]).exit(3).failure();
    assert!(message.contains("speaks version 99 of the protocol"), "{message}");
    // Standard input must be a socket: older engines pass a pipe, people a terminal or a file.
    let project = Sandbox::new();
    project.shell("$PCAMFLOW __serve < /dev/null").exit(2).complains("run `pcamflow` instead");
    project.shell("echo | $PCAMFLOW __serve").exit(2).complains("run `pcamflow` instead");
}

#[test]
fn waiting_worker_threads_sleep_unless_the_user_sets_a_spin_count() {
    let project = with_worker("#!/bin/sh\necho \"policy $OMP_WAIT_POLICY, count $GOMP_SPINCOUNT.\"\n");
    let said = |project: &Sandbox| project.run(&[]).exit(3).failure();
    assert!(said(&project).contains("policy PASSIVE, count ."), "{}", said(&project));
    let project = project.env("GOMP_SPINCOUNT", "7");
    assert!(said(&project).contains("policy , count 7."), "{}", said(&project));
}

/// Never sends its greeting.
const HANGS: &str = "#!/bin/sh\nexec sleep 1000\n";

/// Starts a run, and waits until its worker runs.
fn hanging(project: &Sandbox) -> crate::sandbox::Running<'_> {
    let run = project.start(&[]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while project.alive().len() < 2 {
        assert!(Instant::now() < deadline, "no worker was started");
        sleep(Duration::from_millis(2));
    }
    run
}

#[test]
fn a_worker_that_hangs_at_start_ends_at_its_timeout() {
    let project = with_worker(HANGS);
    let timeout = "train.t.run={ device = 'cpu', timeout = '500ms' }";
    let output = project.run(&["--set", timeout]).exit(1);
    assert_eq!(output.events_of("failed")[0]["class"], "timeout");
    assert!(output.failure().starts_with("it took longer than 500ms"), "{}", output.failure());
    project.nothing_is_left_running();
}

#[test]
fn a_worker_that_hangs_at_start_ends_with_an_interrupt() {
    for signal in [Signal::INT, Signal::TERM] {
        let project = with_worker(HANGS);
        let run = hanging(&project);
        run.signal(signal);
        let output = run.finish().exit(130);
        assert!(output.events_of("failed").is_empty());
        project.nothing_is_left_running();
    }
}

#[test]
fn a_worker_that_hangs_at_start_ends_with_a_second_interrupt_and_with_a_killed_engine() {
    let project = with_worker(HANGS);
    let run = hanging(&project);
    run.signal(Signal::INT);
    run.signal(Signal::INT);
    run.finish().exit(130);
    project.nothing_is_left_running();
    let run = hanging(&project);
    run.signal(Signal::KILL);
    assert_eq!(run.finish().status.code(), None);
    project.nothing_is_left_running();
}

#[test]
fn the_executor_is_chosen_for_the_whole_run() {
    let project = Sandbox::new();
    let pipeline = |run: &str, own: &str| {
        project.rewrite("p.toml", format!("[run]\n{run}\n[synthesize.s]\npatches = 4\nslides = 1\n{own}\n"));
    };
    pipeline("executor = 'local'", "");
    project.run(&[]).ran(["synthesize.s"]);
    pipeline("", "");
    project.run(&[]).cached_all();
    pipeline("executor = 'slurm'", "");
    project.run(&[]).exit(2).complains("local");
    pipeline("", "run = { executor = 'local' }");
    project.run(&[]).exit(2).complains("a stage cannot have its own `executor`");
}

#[test]
fn threads_are_limited_to_the_cores_that_the_process_may_use() {
    let project = Sandbox::new().pipeline("[synthesize.s]\npatches = 4\nslides = 1\n");
    let output = project.shell("taskset -c 0 $PCAMFLOW run p.toml --json");
    if output.status.code() == Some(127) {
        eprintln!("skipped: no taskset");
        return;
    }
    output.ran(["synthesize.s"]);
    let shown = project.pcamflow(&["show", "p.toml", "synthesize.s", "--json"]).exit(0);
    assert_eq!(shown.events()[0]["record"]["made"]["threads"], 1);
}
