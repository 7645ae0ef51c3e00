//! `run --require` through the binary: met and unmet requirements, and errors before anything runs.

use serde_json::{Value, json};

use crate::sandbox::{Output, Sandbox};

const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
";

fn small() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

fn verdicts(output: &Output) -> Vec<Value> {
    let told = output.events_of("required");
    let ended = output.events_of("ended").remove(0);
    let in_the_end = ended["required"].as_array().unwrap().clone();
    let bare = |mut event: Value| {
        event.as_object_mut().unwrap().remove("event");
        event
    };
    assert_eq!(told.into_iter().map(bare).collect::<Vec<_>>(), in_the_end);
    in_the_end
}

#[test]
fn requirements_are_reported_and_an_unmet_one_has_its_own_exit_code() {
    let project = small();
    let output = project.run(&["--require", "split.d.train >= 4", "--require", "split.d.test < 200%"]);
    let verdicts = verdicts(&output.exit(5));
    let expected = json!([
        { "requirement": "split.d.train >= 4", "bound": 4.0, "met": true,
          "figures": [{ "of": "split.d", "value": 4.0, "met": true, "why": null }] },
        { "requirement": "split.d.test < 200%", "bound": 2.0, "met": false,
          "figures": [{ "of": "split.d", "value": 2.0, "met": false, "why": null }] },
    ]);
    assert_eq!(Value::from(verdicts), expected);
    // The same from cached results, and in the output for people.
    let output = project.pcamflow(&["run", "p.toml", "--require", "split.d.train > 4"]).exit(5);
    let expected = "\
required                    figure
split.d.train > 4  not met  4

not every requirement is met (exit code 5)
";
    assert!(output.stdout.ends_with(expected), "{}", output.stdout);
    let quiet = project.pcamflow(&["run", "p.toml", "-q", "--require", "split.d.train > 4"]).exit(5);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", "not met  split.d.train > 4: 4\n"));
    for met in [
        "split.d.train >= 4",
        "split.d.train == 4",
        "split.d.train != 5",
        "split.d.train<=4",
        "max(split.d.train)<5",
    ] {
        project.run(&["--frozen", "--require", met]).exit(0);
    }
}

#[test]
fn numbers_of_json_artifacts_are_found_by_their_path() {
    let project = small();
    let output = project.run(&[
        "--require",
        "split.d/split.parts.train.class-1-share == 50%",
        "--require",
        "split.d/split.json.source.patches > 12",
    ]);
    let verdicts = verdicts(&output.exit(5));
    assert_eq!((&verdicts[0]["met"], &verdicts[1]["met"]), (&json!(true), &json!(false)));
    assert_eq!(verdicts[1]["figures"][0]["value"], 12.0);
}

#[test]
fn every_repeat_must_meet_a_requirement_unless_it_names_the_mean() {
    let project = Sandbox::new().pipeline(&format!("{PIPELINE}seeds = [1, 2]\n"));
    // The JSON of a split contains its seed: 1 and 2.
    let require = |requirement: &str, code| {
        let output = project.run(&["--require", requirement]).exit(code);
        verdicts(&output).remove(0)["figures"].clone()
    };
    let each = require("split.d/split.seed < 2", 5);
    assert_eq!((&each[0]["of"], &each[0]["met"]), (&json!("split.d@1"), &json!(true)));
    assert_eq!((&each[1]["of"], &each[1]["met"]), (&json!("split.d@2"), &json!(false)));
    let mean = require("mean(split.d/split.seed) < 2", 0);
    assert_eq!(mean, json!([{ "of": "mean of split.d", "value": 1.5, "met": true, "why": null }]));
    require("split.d@1/split.seed == 1", 0);
    require("min(split.d/split.seed) == 1", 0);
    require("sd(split.d/split.seed) < 0.7", 5);
}

#[test]
fn wrong_requirements_are_reported_before_anything_runs() {
    let project = small();
    for (requirement, expected) in [
        ("split.d.train", "nothing to compare with"),
        ("split.d.train >= much", "`much` is neither a number nor a percentage"),
        ("spilt.d.train >= 1", "did you mean `split`?"),
        ("split.e.train >= 1", "did you mean `split.d`?"),
        ("split.d/spilt.seed >= 1", "did you mean `split`?"),
        ("split.d/train.x >= 1", "is train.h5: numbers are read from JSON alone"),
        ("split.d/split >= 1", "which number in `split.d/split`?"),
    ] {
        let output = project.run(&["--require", requirement]).exit(2).complains(expected);
        assert_eq!(output.stdout, "", "{requirement}");
    }
    let output = project.run(&["synthesize.s", "--require", "split.d.train >= 1"]).exit(2);
    output.complains("`split.d` is no part of this run");
    project.run(&["--dry-run", "--require", "split.d.train >= 1"]).exit(2);
    assert!(!project.path(".pcamflow").exists());

    // Once a result exists, the names of its numbers are checked as well.
    let late = project.run(&["--require", "split.d.trian >= 1"]).exit(5);
    assert_eq!(late.computed(), ["split.d", "synthesize.s"]);
    let why = verdicts(&late)[0]["figures"][0]["why"].as_str().unwrap().to_owned();
    assert_eq!(why, "`split.d` has no number `trian`: did you mean `train`?");
    for (requirement, expected) in [
        ("split.d.trian >= 1", "did you mean `train`?"),
        ("split.d.recall >= 1", "there is train, validation, test"),
        (
            "split.d/split.parts.trian.asked > 1",
            "`split.d/split.parts` has no `trian`: did you mean `train`?",
        ),
        ("split.d/split.algorithm > 1", "is not a number: it is \"pcamflow\""),
    ] {
        let output = project.run(&["--require", requirement]).exit(2).complains(expected);
        assert_eq!(output.events_of("planned").len(), 0, "{requirement}");
    }
}

#[test]
fn the_exit_code_of_a_failed_stage_wins_and_it_has_no_number() {
    let project = Sandbox::new().pipeline(&PIPELINE.replace("train = 4", "train = 400"));
    let output = project.run(&["--require", "split.d.train >= 4"]).exit(1);
    let figure = verdicts(&output)[0]["figures"][0].clone();
    assert_eq!((&figure["met"], &figure["why"]), (&json!(false), &json!("`split.d` has no result")));
}
