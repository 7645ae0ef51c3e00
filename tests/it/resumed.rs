//! Trainings that go on after another stage: as if they had never stopped.

use rustix::process::Signal;

use super::training::*;

#[test]
fn a_resumed_training_equals_an_uninterrupted_one() {
    let project = resumed_project();
    project.run(&["evaluate.more"]).ran([
        "evaluate.more",
        "resume-train.more",
        "split.d",
        "synthesize.s",
        "train.half",
    ]);
    let resumed = |file: &str| shown(&project, "resume-train.more", file);
    let files = ["model.safetensors", "history.json"];
    let [model, history] = files.map(resumed);
    assert!(String::from_utf8(resumed("curves.svg")).unwrap().contains(">resumed</text>"));
    // The same training in one stage. The split is cached.
    project.run(&["train.half", "--set", "train.half.epochs=4"]).ran(["train.half"]);
    assert!(shown(&project, "train.half", files[0]) == model, "another model");
    assert!(shown(&project, "train.half", files[1]) == history, "another history");
    project.run(&["evaluate.more"]).cached_all();
    // A resumed training inherits its data, so a change of the split affects it.
    let plan = project.run(&["evaluate.more", "--set", "split.d.seed=9", "--dry-run"]).exit(0);
    let planned = plan.events_of("planned").remove(0);
    let state = |stage: &&serde_json::Value| stage["stage"] == "resume-train.more";
    let found = planned["stages"].as_array().unwrap().iter().find(state).unwrap();
    assert_ne!(found["state"], "cached", "{}", plan.stdout);
}

#[test]
fn a_killed_resumption_gives_the_same_model_as_an_uninterrupted_one() {
    let whole = resumed_project();
    whole.run(&["resume-train.more"]).exit(0);
    let expected = shown(&whole, "resume-train.more", "model.safetensors");
    for (moment, reached) in MOMENTS {
        let project = resumed_project();
        project.run(&["train.half"]).exit(0);
        assert_eq!(checkpoints(&project), 0, "a finished stage keeps no checkpoints");
        let run = project.start(&["resume-train.more"]);
        until(moment, || reached(&project));
        run.signal(Signal::KILL);
        assert_eq!(run.finish().status.code(), None, "{moment}: it ended before it was killed");
        project.nothing_is_left_running();
        let kept = checkpoints(&project);
        let output = project.run(&["resume-train.more"]).ran(["resume-train.more"]);
        let resumed = &output.events_of("finished").pop().unwrap()["resumed"];
        assert_eq!(resumed.is_string(), kept > 0, "{moment}: {kept} checkpoints, resumed: {resumed}");
        let model = shown(&project, "resume-train.more", "model.safetensors");
        assert!(model == expected, "killed at {moment}: another model");
    }
}

#[test]
fn a_resumption_can_start_from_a_file_or_another_resumption() {
    let project = resumed_project();
    project.run(&["train.half"]).exit(0);
    project.rewrite("data/c.safetensors", shown(&project, "train.half", "checkpoint.safetensors"));
    let text = "
[resume-train.one]
from = { safetensors = 'c.safetensors' }
data = 'split.d'
epochs = 1
[resume-train.two]
from = 'resume-train.one'
epochs = 2
early-stopping = { patience = 9 }
";
    project.rewrite("p.toml", format!("{PIPELINE}{RESUMED}{text}"));
    project.run(&["resume-train.two", "resume-train.more"]).ran([
        "resume-train.more",
        "resume-train.one",
        "resume-train.two",
    ]);
    let model = |stage: &str| shown(&project, stage, "model.safetensors");
    assert!(model("resume-train.two") == model("resume-train.more"), "another model");
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused_before_anything_is_computed() {
    let project = resumed_project();
    let other = "architecture.class-cnn = { channels = [4, 4, 8, 9], hidden = 8 }";
    let text = format!("[resume-train.last]\nfrom = 'resume-train.more'\nepochs = 1\n{other}\n");
    project.rewrite("p.toml", format!("{PIPELINE}{RESUMED}{text}"));
    let output = project.pcamflow(&["run", "p.toml"]).exit(2);
    let output = output.complains("`train.half` trains {\"class-cnn\":{\"channels\":[4,4,8,8]");
    let output = output.complains("another architecture than {\"class-cnn\":{\"channels\":[4,4,8,9]");
    assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);

    // From a file, the architecture is checked when the file is read.
    project.rewrite("p.toml", format!("{PIPELINE}{RESUMED}"));
    project.run(&["train.half"]).exit(0);
    project.rewrite("data/c.safetensors", shown(&project, "train.half", "checkpoint.safetensors"));
    let from = "from = { safetensors = 'c.safetensors' }\ndata = 'split.d'";
    let text = format!("[resume-train.last]\n{from}\nepochs = 1\n{other}\n");
    project.rewrite("p.toml", format!("{PIPELINE}{RESUMED}{text}"));
    let output = project.run(&["resume-train.last"]).exit(2);
    assert!(output.events_of("started").is_empty());
    output.complains("p.toml:").complains("c.safetensors is the checkpoint of {");
}

#[test]
fn resuming_after_the_end_of_the_schedule_is_reported() {
    let project = project();
    let schedule = |schedule: &str| {
        let text = PIPELINE.replace("epochs = 4", &format!("epochs = 2\nschedule.{schedule}"));
        project.rewrite("p.toml", format!("{text}[resume-train.r]\nfrom = 'train.t'\nepochs = 1\n"));
        project.run(&["resume-train.r"]).exit(0).warnings()
    };
    let warnings = schedule("one-cycle = {}");
    assert!(warnings.contains("its schedule ran out after epoch 2"), "{warnings}");
    assert_eq!(schedule("one-cycle = { epochs = 3 }"), "");
}
