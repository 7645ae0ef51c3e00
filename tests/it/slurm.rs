//! `run.slurm`: stages as jobs of a real Slurm, whose daemons run on this machine. Through the built binaries.

mod cluster;

use std::{fs, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    sandbox::{Output, Sandbox},
    training::{PIPELINE, checkpoints, expected, model, until},
};
use cluster::{Cluster, cluster};

/// The stages that need libtorch are jobs, one core each.
const JOBS: &str = "run.slurm={ partition = 'main', cpus = 1, memory = '2GB', time = '10min' }";

/// A training that takes a few seconds.
const LONG: &str = "train.t.epochs=60";

/// A project whose program is computed as a job.
const COMMAND: &str = "\
[pipeline]
name = 'program'
[command.c]
shell = 'SHELL > {artifacts.y}'
artifacts = { y = 'y.txt' }
run = { slurm = { SLURM } }
";

fn project(cluster: &Cluster) -> Sandbox {
    cluster.for_project(Sandbox::new().pipeline(PIPELINE))
}

fn program(cluster: &Cluster, shell: &str, slurm: &str) -> Sandbox {
    let text = COMMAND.replace("SHELL", shell).replace("SLURM", slurm);
    cluster.for_project(Sandbox::new().pipeline(&text))
}

fn as_jobs(project: &Sandbox, more: &[&str]) -> Output {
    project.run(&[&["--set", JOBS], more].concat())
}

/// The job of a stage, as a run reported it.
fn job_of(output: &Output, stage: &str) -> u64 {
    let jobs = output.events_of("job");
    let of_stage = jobs.iter().find(|event| event["stage"] == stage);
    of_stage.unwrap_or_else(|| panic!("no job of {stage}: {jobs:?}"))["state"]["job"].as_u64().unwrap()
}

/// Kills the process of a job that computes, as the kernel does when memory runs out.
fn kill_job(project: &Sandbox) {
    for id in project.alive() {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains("__job") {
            let _ = kill_process(Pid::from_raw(id).unwrap(), Signal::KILL);
        }
    }
}

#[test]
fn results_are_those_of_a_local_run_and_each_stage_is_one_job() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let output = as_jobs(&project, &[]).exit(0);
    assert_eq!(output.warnings(), "");
    assert_eq!(model(&project), expected());
    let mut names: Vec<String> = cluster.jobs(&project, "all").into_iter().map(|(_, name)| name).collect();
    names.sort();
    assert_eq!(names, ["evaluate.e", "explain.g", "train.t"], "the others need no libtorch");
    assert_eq!(output.events_of("epoch").len(), 4, "what a job says is passed on");
    // Nothing is submitted for what is cached, and the key is that of a local run.
    project.run(&[]).cached_all();
    assert_eq!(cluster.jobs(&project, "all").len(), 3);
    assert!(project.names(".pcamflow/jobs").is_empty() && project.names(".pcamflow/work").is_empty());
    project.nothing_is_left_running();
}

#[test]
fn a_killed_engine_leaves_its_job_and_the_next_run_attaches_to_it() {
    let Some(cluster) = cluster() else { return };
    let local = Sandbox::new().pipeline(PIPELINE);
    let project = project(cluster);
    let run = project.start(&["train.t", "--set", JOBS, "--set", LONG]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    run.signal(Signal::KILL);
    drop(run.finish());
    let jobs = cluster.jobs(&project, "pending,running");
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    let status = project.pcamflow(&["status", "p.toml", "--set", JOBS, "--set", LONG]).exit(0);
    assert!(status.stdout.contains(&format!("job {} on ", jobs[0].0)), "{}", status.stdout);

    let output = as_jobs(&project, &["train.t", "--set", LONG]).exit(0);
    assert_eq!(job_of(&output, "train.t"), jobs[0].0);
    assert_eq!(cluster.jobs(&project, "all"), jobs, "one job in all");
    assert_eq!(output.events_of("epoch").len(), 60, "also those before the kill");
    local.run(&["train.t", "--set", LONG]).exit(0);
    assert_eq!(model(&project), model(&local));
}

#[test]
fn a_job_that_ended_while_no_engine_looked_is_a_result() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let left = as_jobs(&project, &["train.t", "--detach"]).exit(0);
    let submitted = &left.events_of("submitted")[0];
    assert_eq!(submitted["stage"], "train.t");
    let id = submitted["job"].as_u64().unwrap();
    until("the end of the job", || cluster.jobs(&project, "pending,running").is_empty());
    as_jobs(&project, &["train.t"]).cached_all();
    assert_eq!(cluster.jobs(&project, "all"), [(id, "train.t".to_owned())]);
    assert_eq!(model(&project), expected());
    project.pcamflow(&["cache", "gc"]).exit(0);
    assert!(project.names(".pcamflow/jobs").is_empty());
}

#[test]
fn two_runs_at_once_share_one_job() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    project.run(&["split.d"]).exit(0);
    let runs = [(); 2].map(|()| project.start(&["train.t", "--set", JOBS, "--set", LONG]));
    let outputs = runs.map(|run| run.finish().exit(0));
    assert_eq!(job_of(&outputs[0], "train.t"), job_of(&outputs[1], "train.t"));
    assert_eq!(cluster.jobs(&project, "all").len(), 1);
}

#[test]
fn an_interrupt_leaves_no_job_and_the_next_run_goes_on() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let run = project.start(&["train.t", "--set", JOBS, "--set", LONG]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    run.signal(Signal::INT);
    run.finish().exit(130);
    assert!(cluster.jobs(&project, "pending,running").is_empty());
    // At once, while Slurm still ends the job.
    let output = as_jobs(&project, &["train.t", "--set", LONG]).exit(0);
    let done = output.events_of("finished").into_iter().find(|event| event["stage"] == "train.t").unwrap();
    assert!(done["resumed"].as_str().is_some_and(|from| from.contains("epoch")), "{done}");
}

#[test]
fn a_terminal_that_closes_leaves_the_job() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let run = project.start(&["train.t", "--set", JOBS, "--set", LONG]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    run.signal(Signal::HUP);
    run.finish().exit(130);
    let jobs = cluster.jobs(&project, "pending,running");
    assert_eq!(jobs.len(), 1);
    let output = as_jobs(&project, &["train.t", "--set", LONG]).exit(0);
    assert!(output.events_of("job").is_empty() || job_of(&output, "train.t") == jobs[0].0);
    assert_eq!(cluster.jobs(&project, "all"), jobs);
}

#[test]
fn a_cancelled_job_is_told_and_what_it_computed_is_kept() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let run = project.start(&["train.t", "--set", JOBS, "--set", LONG, "--set", "run.retry={ times = 3 }"]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    let (id, _) = cluster.jobs(&project, "running")[0];
    cluster.say("scancel", &[&id.to_string()]);
    let message = run.finish().exit(1).failure();
    assert!(message.contains(&format!("job {id}")) && message.contains("was cancelled"), "{message}");
    assert_eq!(cluster.jobs(&project, "all").len(), 1, "whoever cancels a job does not want another one");
    let status = project.pcamflow(&["status", "p.toml", "--set", JOBS, "--set", LONG]).exit(0);
    assert!(status.stdout.contains("failed") && status.stdout.contains("was cancelled"), "{}", status.stdout);
    assert!(checkpoints(&project) > 0);
}

#[test]
fn a_requeued_job_goes_on_from_its_last_checkpoint() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let run = project.start(&["train.t", "--set", JOBS, "--set", LONG]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    let jobs = cluster.jobs(&project, "running");
    cluster.say("scontrol", &["requeue", &jobs[0].0.to_string()]);
    // Slurm holds a requeued job back for two minutes, which is too long for a test. A few seconds are needed: a node
    // refuses to start a job in the second in which its first start was revoked ("Job credential revoked").
    until("the job in the queue", || !cluster.jobs(&project, "pending").is_empty());
    std::thread::sleep(Duration::from_secs(3));
    cluster.say("scontrol", &["update", &format!("JobId={}", jobs[0].0), "StartTime=now"]);
    let output = run.finish().exit(0);
    let done = output.events_of("finished").into_iter().find(|event| event["stage"] == "train.t").unwrap();
    assert!(done["resumed"].as_str().is_some(), "{done}");
    assert_eq!(cluster.jobs(&project, "all"), jobs);
    let local = Sandbox::new().pipeline(PIPELINE);
    local.run(&["train.t", "--set", LONG]).exit(0);
    assert_eq!(model(&project), model(&local));
}

#[test]
fn a_killed_job_is_told_and_retry_submits_another() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let run = project.start(&["train.t", "--set", JOBS, "--set", LONG, "--set", "run.retry={ times = 1 }"]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    let (id, _) = cluster.jobs(&project, "running")[0];
    kill_job(&project);
    let output = run.finish().exit(0);
    assert!(output.warnings().contains(&format!("job {id}")), "{}", output.warnings());
    assert!(output.warnings().contains("attempt 1 of 2 failed"), "{}", output.warnings());
    assert_eq!(cluster.jobs(&project, "all").len(), 2);
    let done = output.events_of("finished").into_iter().find(|event| event["stage"] == "train.t").unwrap();
    assert!(done["resumed"].as_str().is_some(), "{done}");
}

#[test]
fn a_time_limit_is_told() {
    let Some(cluster) = cluster() else { return };
    let project = program(cluster, "sleep 600; echo x", "time = '30s'");
    let output = project.run(&[]).exit(1);
    assert!(output.failure().contains("reached its time limit"), "{}", output.failure());
    assert_eq!(output.events_of("failed")[0]["class"], "timeout");
    until("the end of the job", || cluster.jobs(&project, "pending,running,completing").is_empty());
    project.nothing_is_left_running();
}

#[test]
fn a_memory_limit_is_told() {
    let Some(cluster) = cluster() else { return };
    let project =
        program(cluster, "head -c 600000000 /dev/zero | tail; sleep 20; echo x", "memory = '200MB'");
    let output = project.run(&[]).exit(1);
    assert!(output.failure().contains("used more memory than it asked for"), "{}", output.failure());
    until("the end of the job", || cluster.jobs(&project, "pending,running,completing").is_empty());
}

#[test]
fn a_stage_that_fails_says_so_in_its_own_words() {
    let Some(cluster) = cluster() else { return };
    let project = program(cluster, "echo the reason >&2; exit 7", "cpus = 1");
    let output = project.run(&[]).exit(1);
    assert!(output.failure().contains("exit code 7"), "{}", output.failure());
    assert_eq!(output.events_of("failed")[0]["class"], "stage");
    let log = project.pcamflow(&["log", "p.toml", "command.c"]).exit(0);
    assert!(log.stdout.contains("the reason"), "{}", log.stdout);
    // The next run submits another job.
    project.run(&[]).exit(1);
    assert_eq!(cluster.jobs(&project, "all").len(), 2);
}

#[test]
fn no_more_jobs_at_once_than_asked_for() {
    let Some(cluster) = cluster() else { return };
    let stage = |name: &str| {
        format!(
            "[command.{name}]\nshell = 'sleep 1; echo {name} > {{artifacts.y}}'\nartifacts = {{ y = 'y.txt' }}\n"
        )
    };
    let text = format!(
        "[pipeline]\nname = 'n'\n[run]\nslurm = {{ max-jobs = 1 }}\n{}{}{}",
        stage("a"),
        stage("b"),
        stage("c")
    );
    let text = text.replace("artifacts = {", "run = { slurm = true }\nartifacts = {");
    let project = cluster.for_project(Sandbox::new().pipeline(&text));
    let output = project.run(&[]).exit(0);
    let mut words: Vec<String> =
        output.events().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
    words.retain(|word| ["started", "finished"].contains(&word.as_str()));
    assert_eq!(words, ["started", "finished"].repeat(3));
}

#[test]
fn a_run_that_does_not_wait_submits_no_more_jobs_than_asked_for_and_tells_of_lost_ones() {
    let Some(cluster) = cluster() else { return };
    let stage = |name: &str| {
        let text =
            "shell = 'sleep 30; echo x > {artifacts.y}'\nartifacts = { y = 'y.txt' }\nrun = { slurm = true }";
        format!("[command.{name}]\nenvironment = {{ NAME = '{name}' }}\n{text}\n")
    };
    let text = format!(
        "[pipeline]\nname = 'n'\n[run]\nslurm = {{ max-jobs = 2 }}\n{}{}{}",
        stage("a"),
        stage("b"),
        stage("c")
    );
    let project = cluster.for_project(Sandbox::new().pipeline(&text));
    let left = project.run(&["--detach"]).exit(0);
    assert_eq!(left.events_of("submitted").len(), 2);
    let jobs = cluster.jobs(&project, "all");
    let lost = jobs[0].0.to_string();
    cluster.say("scancel", &[&lost]);
    until("the end of the job", || cluster.jobs(&project, "pending,running,completing").len() < 2);
    let status = project.pcamflow(&["status", "p.toml"]).exit(0);
    assert!(
        status.stdout.contains(&format!("job {lost}")) && status.stdout.contains("was cancelled"),
        "{}",
        status.stdout
    );
    let told = project.run(&["--detach", "--keep-going"]).exit(1);
    assert!(told.failure().contains(&format!("job {lost}")), "{}", told.failure());
    // The next one submits it again.
    let again = project.run(&["--detach", "--keep-going"]).exit(0);
    assert!(cluster.jobs(&project, "all").len() > 2, "{:?}", again.events_of("submitted"));
    for (id, _) in cluster.jobs(&project, "pending,running") {
        cluster.say("scancel", &[&id.to_string()]);
    }
}

#[test]
fn garbage_collection_spares_what_a_pending_job_needs() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    let held = JOBS.replace("cpus = 1", "cpus = 1, extra = ['--hold']");
    let left = project.run(&["train.t", "--detach", "--set", &held]).exit(0);
    let id = left.events_of("submitted")[0]["job"].to_string();
    fs::remove_dir_all(project.path("out")).unwrap();
    project.pcamflow(&["cache", "clear", "p.toml", "split.d"]).exit(0);
    project.pcamflow(&["cache", "gc", "--older-than", "0s"]).exit(0);
    cluster.say("scontrol", &["release", &id]);
    until("the end of the job", || cluster.jobs(&project, "pending,running").is_empty());
    let computed = project.run(&["train.t"]).exit(0).computed();
    assert!(
        computed.contains(&"split.d".to_owned()) && !computed.contains(&"train.t".to_owned()),
        "{computed:?}"
    );
    assert_eq!(model(&project), expected());
}

#[test]
fn what_slurm_refuses_is_said_before_anything_runs_with_the_place() {
    let Some(cluster) = cluster() else { return };
    let project = project(cluster);
    for (settings, said) in [
        ("partition = 'nope'", "Invalid partition name specified"),
        ("extra = ['--constraint=a100']", "Invalid feature specification"),
        ("cpus = 1000", "Requested node configuration is not available"),
        ("gpus = 1", "Invalid generic resource (gres) specification"),
    ] {
        let text = PIPELINE.replace("[run]\n", &format!("[run]\nslurm = {{ {settings} }}\n"));
        project.rewrite("p.toml", &text);
        let message = project.run(&[]).exit(2).stderr;
        assert!(message.contains("p.toml:4") && message.contains(said), "{message}");
        assert!(message.contains("train.t: Slurm refuses the job"), "{message}");
    }
    assert!(!project.path(".pcamflow/objects").exists());
}

#[test]
fn without_slurm_one_error_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let project = Sandbox::new().pipeline(PIPELINE).env("PATH", &folder.path().display().to_string());
    let message = project.run(&["--set", JOBS]).exit(3).stderr;
    assert!(message.contains("`sbatch` is not on the PATH"), "{message}");
    // Its commands without a cluster.
    if cluster().is_some() && !Path::new("/etc/slurm/slurm.conf").exists() {
        let message = Sandbox::new().pipeline(PIPELINE).run(&["--set", JOBS]).exit(3).stderr;
        assert!(message.contains("Slurm does not answer"), "{message}");
    }
}

#[test]
fn a_job_of_another_version_is_not_computed() {
    let Some(cluster) = cluster() else { return };
    let project = program(cluster, "echo x", "cpus = 1");
    project.run(&["--detach"]).exit(0);
    until("the end of the job", || cluster.jobs(&project, "pending,running,completing").is_empty());
    let key = project.names(".pcamflow/jobs").remove(0);
    let folder = project.path(&format!(".pcamflow/jobs/{key}"));
    let spec = folder.join("job.json");
    let text = fs::read_to_string(&spec).unwrap();
    let other = format!("\"pcamflow\":\"{}\"", env!("CARGO_PKG_VERSION"));
    fs::write(&spec, text.replace(&other, "\"pcamflow\":\"9.9.9\"")).unwrap();
    let message = project.pcamflow(&["__job", &folder.display().to_string()]).exit(3).stderr;
    assert!(message.contains("was submitted by pcamflow 9.9.9"), "{message}");
    fs::write(&spec, "garbage").unwrap();
    let message = project.pcamflow(&["__job", &folder.display().to_string()]).exit(3).stderr;
    assert!(message.contains("job.json is damaged"), "{message}");
}

#[test]
fn doctor_knows_the_cluster() {
    let Some(cluster) = cluster() else { return };
    let text = PIPELINE.replace("[run]\n", "[run]\nslurm = { partition = 'main' }\n");
    let project = cluster.for_project(Sandbox::new().pipeline(&text));
    let said = project.pcamflow(&["doctor", "p.toml"]).stdout;
    assert!(said.contains("slurm") && said.contains("main"), "{said}");
}
