//! Stages that need libtorch, through the worker: kills, resumption, wrong models, missing GPUs.

use std::{fs, sync::OnceLock, time::Duration};

use pcamflow::digest::Digest;
use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, files};

/// Takes seconds on one core.
pub(super) const PIPELINE: &str = "\
[pipeline]
name = 'training'
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 64
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 40, validation = 12, test = 12 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 4
batch-size = 8
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
[explain.g]
model = 'train.t'
images = 'split.d/test'
take = 4
method.grad-cam = {}
";

pub(super) const MODEL: &str = "out/training/train.t/model.safetensors";

pub(super) fn project() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

pub(super) fn model(project: &Sandbox) -> Digest {
    Digest::of(&fs::read(project.path(MODEL)).unwrap())
}

/// The checkpoints of a training in progress.
pub(super) fn checkpoints(project: &Sandbox) -> usize {
    let work = files(&project.path(".pcamflow/work"));
    work.iter().filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")).count()
}

/// The worker processes.
pub(super) fn workers(project: &Sandbox) -> Vec<i32> {
    let is_worker = |id: &i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("pcamflow-worker")
    };
    project.alive().into_iter().filter(is_worker).collect()
}

/// Waits until a run reaches a state.
#[track_caller]
pub(super) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(std::time::Instant::now() < deadline, "the run never reached: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(super) type Moment = (&'static str, fn(&Sandbox) -> bool);

pub(super) const MOMENTS: [Moment; 3] = [
    ("a worker", |project| !workers(project).is_empty()),
    ("the first checkpoint", |project| checkpoints(project) > 0),
    ("the second checkpoint", |project| checkpoints(project) > 1),
];

/// Four epochs in two stages, with options whose state a resumed training must restore.
pub(super) const RESUMED: &str = "
[train.half]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 1
batch-size = 8
augmentation = { horizontal-flip = 0.5, quarter-turns = true, saturation = 0.1 }
schedule.cosine = { epochs = 4 }
[resume-train.more]
from = 'train.half'
epochs = 3
[evaluate.more]
model = 'resume-train.more'
images = 'split.d/test'
";

pub(super) fn resumed_project() -> Sandbox {
    Sandbox::new().pipeline(&format!("{PIPELINE}{RESUMED}"))
}

pub(super) fn shown(project: &Sandbox, stage: &str, file: &str) -> Vec<u8> {
    fs::read(project.path(&format!("out/training/{stage}/{file}"))).unwrap()
}

#[test]
fn every_epoch_is_an_event_and_a_resumed_training_reports_its_own() {
    let output = resumed_project().run(&[]).exit(0);
    let of = |stage: &str| {
        let all = output.events_of("epoch");
        let own = all.iter().filter(|event| event["stage"] == stage).map(|event| event["epoch"].clone());
        own.collect::<Vec<_>>()
    };
    let numbers = |stage: &str| of(stage).iter().map(|it| it["epoch"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers("train.t"), [1, 2, 3, 4]);
    assert_eq!(numbers("resume-train.more"), [2, 3, 4]);
    let last = of("train.t").remove(3);
    assert_eq!(last["of"], 4);
    assert!(last["validation-loss"].as_f64() >= last["best-loss"].as_f64(), "{last}");
    let plain = resumed_project().pcamflow(&["run", "p.toml"]).exit(0);
    let plain = plain.complains("epoch    train.t: 4/4, training ");
    // Neither the log nor the summary says anything twice.
    let lines: Vec<&str> = plain.stderr.lines().chain(plain.stdout.lines()).collect();
    let twice = |line: &&str| !line.is_empty() && lines.iter().filter(|other| *other == line).count() > 1;
    assert_eq!(lines.iter().find(|line| twice(line)), None, "{}{}", plain.stderr, plain.stdout);
}

#[test]
fn the_curves_of_a_running_training_are_a_picture_that_grows_and_goes() {
    let project = project();
    let picture = project.path("out/training/running/train.t.png");
    let run = project.start(&["train.t", "--set", "train.t.epochs=40"]);
    until("a picture of the curves", || picture.exists());
    let first = fs::read(&picture).unwrap();
    assert!(first.starts_with(b"\x89PNG"));
    // On a fast machine, the training may end before the second that a new picture waits for.
    until("another picture, or none", || fs::read(&picture).map_or(true, |now| now != first));
    let output = run.finish().ran(["split.d", "synthesize.s", "train.t"]);
    let told: Vec<_> = output.events_of("epoch").into_iter().map(|event| event["curves"].clone()).collect();
    let told: Vec<&str> = told.iter().filter_map(|curves| curves.as_str()).collect();
    assert_eq!(told, [picture.to_str().unwrap()], "its place is told once");
    assert!(!project.path("out/training/running").exists());
    assert_ne!(shown(&project, "train.t", "curves.png"), first);
    project.run(&["train.t", "--set", "train.t.epochs=40"]).cached_all();
}

#[test]
fn the_log_has_one_line_per_epoch_and_is_reproducible() {
    let logs = [project(), project()].map(|project| {
        project.run(&[]).exit(0);
        let log = |stage| project.pcamflow(&["log", "p.toml", stage]).exit(0).stdout;
        ["train.t", "evaluate.e", "explain.g"].map(log)
    });
    assert_eq!(logs[0], logs[1], "no times, no places");
    let [train, evaluate, explain] = &logs[0];
    let lines: Vec<&str> = train.lines().collect();
    assert_eq!(lines[0], "40 patches to learn from, 12 to choose the best epoch by");
    for (epoch, line) in lines.iter().enumerate().skip(1).take(4) {
        assert!(line.starts_with(&format!("epoch {epoch}: loss ")), "{train}");
        let told = line.contains("; validation loss ") && line.contains("; learning rate 0.001");
        assert!(told, "{train}");
    }
    assert!(lines[1].ends_with(" (the best so far)") && lines.len() == 6, "{train}");
    assert!(lines[5].starts_with("result: validation-accuracy "), "{train}");
    let says =
        |log: &str, line: &str| assert!(log.lines().any(|it| it.starts_with(line)), "{line} in\n{log}");
    says(evaluate, "12 patches of split.d/test");
    says(evaluate, "result: accuracy ");
    says(explain, "4 of the 12 patches of split.d/test");
    says(explain, "result: ");
}

#[test]
fn wrong_training_settings_are_reported_with_their_places() {
    let project = resumed_project();
    let told = |lines: &str, message: &str, place: &str| {
        let text = PIPELINE.replace("batch-size = 8\n", &format!("batch-size = 8\n{lines}\n"));
        project.rewrite("p.toml", text);
        let output = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(2).complains(message);
        assert!(output.stderr.contains(place), "{place:?} is not in\n{}", output.stderr);
        assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    };
    told("augmentation = { hue = 0.6 }", "`hue` must lie between 0 and 0.5", "p.toml:18:24");
    told("augmentation = { shear = 1 }", "unknown key `shear`", "p.toml:18:18");
    told("class-weights = 'even'", "\"balanced\", or two numbers", "p.toml:18:17");
    told("class-weights = [0, 1]", "`class-weights` must be numbers above 0", "p.toml:18:17");
    told("clip-gradients = { norm = 0 }", "`norm` must be a number above 0", "p.toml:18:27");
    told("schedule.cosine = { epochs = 0 }", "`epochs` must be at least 1", "p.toml:18:30");
    told("schedule.cosine = { eta-min = 1 }", "`eta-min` must lie between 0 and 0.001", "p.toml:18:31");
    told("schedule.step = { gamma = 0.5 }", "`step-size` is missing", "p.toml:18:");
    told(
        "optimizer.sgd = {}\nschedule.one-cycle = {}",
        "`cycle-momentum` needs an optimiser with a `momentum` above 0",
        "p.toml:19:",
    );
    let resume = "[resume-train.r]\nfrom = { safetensors = 'c.safetensors' }\nepochs = 1\n";
    project.rewrite("p.toml", format!("{PIPELINE}{resume}"));
    project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(2).complains("`data` is required if `from`");

    let from = |stage: &str, message: &str| {
        let network = "architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }";
        let resume = format!("[resume-train.r]\nfrom = '{stage}'\nepochs = 1\n{network}\n");
        project.rewrite("p.toml", format!("{PIPELINE}{resume}"));
        let output = project.pcamflow(&["run", "p.toml", "--dry-run"]).exit(2).complains(message);
        assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    };
    from("split.d", "`split.d` is a `split` stage, but a checkpoint's contents are expected here");
    from("train.t/model", "`train.t/model` is a model, but a checkpoint's contents are expected here");
    from("train.u", "there is no stage `train.u`");
    from("resume-train.r", "a stage cannot depend on itself");
}

/// The digest of the model of an uninterrupted training.
pub(super) fn expected() -> Digest {
    static EXPECTED: OnceLock<Digest> = OnceLock::new();
    *EXPECTED.get_or_init(|| {
        let project = project();
        project.run(&["train.t"]).ran(["split.d", "synthesize.s", "train.t"]);
        model(&project)
    })
}

#[test]
fn a_killed_training_gives_the_same_model_as_an_uninterrupted_one() {
    survives_a_kill(expected(), &["train.t"]);
}

#[test]
fn so_does_a_killed_training_in_bf16() {
    if !pcamflow::cpu::has_bf16() {
        return eprintln!("skipped: this CPU has no bfloat16");
    }
    let train = ["train.t", "--set", "train.t.precision=bf16"];
    let whole = project();
    whole.run(&train).exit(0);
    assert_ne!(model(&whole), expected(), "bf16 changes nothing");
    survives_a_kill(model(&whole), &train);
}

/// Kills the engine at several moments of a training, trains again, and compares the models.
pub(super) fn survives_a_kill(expected: Digest, train: &[&str]) {
    for (moment, reached) in MOMENTS {
        let project = project();
        project.run(&["split.d"]).exit(0);
        let run = project.start(train);
        until(moment, || reached(&project));
        run.signal(Signal::KILL);
        assert_eq!(run.finish().status.code(), None, "{moment}: it ended before it was killed");
        project.nothing_is_left_running();
        let kept = checkpoints(&project);
        let output = project.run(train).ran(["train.t"]);
        let resumed = &output.events_of("finished").pop().unwrap()["resumed"];
        assert_eq!(resumed.is_string(), kept > 0, "{moment}: {kept} checkpoints, resumed: {resumed}");
        assert_eq!(model(&project), expected, "killed at {moment}");
        project.run(train).cached_all();
    }
}

#[test]
fn a_killed_worker_fails_one_stage_and_its_epochs_are_kept() {
    let expected = expected();
    for (moment, reached) in MOMENTS {
        let project = project();
        project.run(&["split.d"]).exit(0);
        let run = project.start(&["train.t"]);
        until(moment, || reached(&project));
        for id in workers(&project) {
            let _ = kill_process(Pid::from_raw(id).unwrap(), Signal::KILL);
        }
        let output = run.finish().exit(1);
        let message = output.failure();
        assert!(message.contains("the process was killed (SIGKILL)"), "{moment}: {message}");
        assert_eq!(output.events_of("failed")[0]["class"], "process");
        project.nothing_is_left_running();
        let kept = checkpoints(&project);
        let output = project.run(&["train.t"]).ran(["train.t"]);
        let resumed = &output.events_of("finished").pop().unwrap()["resumed"];
        assert_eq!(resumed.is_string(), kept > 0, "{moment}: {kept} checkpoints, resumed: {resumed}");
        assert_eq!(model(&project), expected, "worker killed at {moment}");
    }
}

#[test]
fn an_interrupt_keeps_trained_epochs() {
    let expected = expected();
    let project = project();
    let run = project.start(&["train.t"]);
    until("the first checkpoint", || checkpoints(&project) > 0);
    run.signal(Signal::INT);
    run.finish().exit(130);
    project.nothing_is_left_running();
    assert!(checkpoints(&project) > 0);
    project.run(&["train.t"]).ran(["train.t"]);
    assert_eq!(model(&project), expected);
}

#[test]
fn each_value_reruns_its_stage_and_the_stages_that_depend_on_it() {
    let project = project();
    project.run(&[]).ran(["evaluate.e", "explain.g", "split.d", "synthesize.s", "train.t"]);
    project.run(&[]).cached_all();
    project.run(&["--device", "auto", "--threads", "2"]).cached_all();
    project.run(&["--set", "evaluate.e.threshold=0.4"]).ran(["evaluate.e"]);
    let model_before = model(&project);
    let computed = project.run(&["--set", "train.t.epochs=1"]).exit(0).computed();
    // Early cut-off: if the first epoch was the best one both times, the model stays the same.
    let expected: &[&str] =
        if model(&project) == model_before { &["train.t"] } else { &["evaluate.e", "explain.g", "train.t"] };
    assert_eq!(computed, expected);
    project.run(&["--set", "train.t.seed=5", "--set", "train.t.epochs=1"]).ran([
        "evaluate.e",
        "explain.g",
        "train.t",
    ]);
    project.run(&["--force", "split.*"]).ran(["split.d"]);
    project.run(&[]).cached_all();
}

#[test]
fn a_missing_gpu_is_an_environment_failure() {
    let project = project();
    project.run(&["split.d"]).exit(0);
    // No machine has a GPU with this number.
    let output = project.run(&["train.t", "--device", "cuda:99"]).exit(3);
    let message = output.failure();
    assert!(message.contains("cuda:99"), "{message}");
    let output = output.never_says("panicked").never_says("Exception raised");
    assert_eq!(output.events_of("failed")[0]["class"], "environment");
}

#[test]
fn without_a_worker_the_message_says_how_to_get_one() {
    let project = project().env("PCAMFLOW_WORKER", "/nowhere/pcamflow-worker");
    let output = project.run(&["train.t"]).exit(3);
    let message = output.failure();
    assert!(message.contains("/nowhere/pcamflow-worker"), "{message}");
}

#[test]
fn an_unknown_layer_is_reported_with_the_known_ones() {
    let project = project();
    let text = PIPELINE.replace("method.grad-cam = {}", "method.grad-cam = { layer = 'relu9' }");
    project.rewrite("p.toml", text);
    let output = project.run(&[]).never_says("panicked");
    let (code, told) = (output.status.code(), format!("{}{}", output.stderr, output.stdout));
    assert!(matches!(code, Some(1 | 2)), "{code:?}");
    assert!(told.contains("relu9") && told.contains("relu4"), "{told}");
}
