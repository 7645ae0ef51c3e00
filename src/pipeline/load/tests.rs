//! Pipelines that are read, and problems that are reported.

use super::*;
use crate::pipeline::Source;

const GOOD: &str = "
[pipeline]
seed = 7
[split.pcam]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 600, validation = 200, test = 200 }
[train.base]
data = 'split.pcam'
epochs = 8
[evaluate.test]
model = 'train.base'
images = 'split.pcam/test'
[explain.cam]
model = 'train.base'
images = 'split.pcam/test'
method.grad-cam = { layer = 'relu3' }
";

fn load(text: &str, set: &[&str]) -> Result<Pipeline, Invalid> {
    let options = Options { set: set.iter().map(|set| (*set).to_owned()).collect(), data: None };
    parse(Path::new("p/a.toml"), text.to_owned(), &options)
}

fn errors(text: &str, set: &[&str]) -> String {
    load(text, set).err().map(|invalid| invalid.to_string()).unwrap_or_default()
}

/// The good pipeline with one text replaced fails with all of `expected`.
fn wrong(from: &str, to: &str, expected: &[&str]) {
    assert!(GOOD.contains(from));
    let text = errors(&GOOD.replacen(from, to, 1), &[]);
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn references_become_artifacts() {
    let pipeline = load(GOOD, &[]).unwrap();
    assert_eq!(pipeline.name, "a");
    let explain = &pipeline.stages[3];
    let slots: Vec<&str> = explain.inputs.iter().map(|input| input.slot.as_str()).collect();
    assert_eq!(slots, ["model", "images"]);
    assert!(
        matches!(&explain.inputs[0].source, Source::Artifact { stage: 1, artifact } if artifact == "model")
    );
    assert!(
        matches!(&explain.inputs[1].source, Source::Artifact { stage: 0, artifact } if artifact == "test")
    );
    assert_eq!(pipeline.graph.order(), [0, 1, 2, 3]);
}

#[test]
fn the_seed_of_the_pipeline_is_inherited() {
    let lines =
        |text: &str| load(text, &[]).unwrap().stages[1].stage.semantic().into_map().get("seed").cloned();
    assert_eq!(lines(GOOD), Some("7".to_owned()));
    assert_eq!(lines(&GOOD.replace("seed = 7", "")), None);
    assert_eq!(lines(&GOOD.replace("epochs = 8", "epochs = 8\nseed = 9")), Some("9".to_owned()));
}

#[test]
fn every_mistake_has_its_place_and_advice() {
    wrong("epochs = 8", "epoch = 8", &["unknown key `epoch`", "p/a.toml:10:1", "did you mean `epochs`"]);
    wrong("[train.base]", "[trian.base]", &["no stage kind `trian`", "did you mean `train`", "p/a.toml:8:2"]);
    wrong(
        "'train.base'\nimages",
        "'train.bsae'\nimages",
        &["no stage `train.bsae`", "did you mean `train.base`", "p/a.toml:12"],
    );
    wrong(
        "model = 'train.base'\nimages",
        "model = 'split.pcam/test'\nimages",
        &["`split.pcam/test` is labelled patches", "model"],
    );
    wrong("'split.pcam/test'", "'split.pcam'", &["several artifacts", "split.pcam/validation"]);
    wrong("'split.pcam/test'", "'split.pcam/tset'", &["no artifact `tset`", "did you mean `test`"]);
    wrong(
        "'split.pcam/test'",
        "'train.base'",
        &["`train.base` is a `train` stage", "labelled patches are expected"],
    );
    wrong("epochs = 8", "epochs = 8\nbatch-size = 0", &["`batch-size` must be at least 1", "p/a.toml:11:14"]);
    wrong(
        "epochs = 8",
        "epochs = 8\noptimizer.adam = { learning-rat = 1 }",
        &["learning-rat", "p/a.toml:11:20"],
    );
    wrong(
        "epochs = 8",
        "epochs = 8\noptimizer.adam = { learning-rate = -1 }",
        &["must be a number above 0", "p/a.toml:11:36"],
    );
    wrong("epochs = 8", "epochs = 'eight'", &["p/a.toml:10:10", "a whole number is expected"]);
    wrong("[train.base]", "[train.base", &["p/a.toml:8"]);
    wrong("[pipeline]", "[pipeline]\nsede = 1", &["unknown key `sede`", "did you mean `seed`"]);
    wrong("data = 'split.pcam'", "data = { train = { x = 'a' } }", &["`y` is missing", "p/a.toml:9"]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = GOOD.replace("epochs = 8", "epoch = 8").replace("'split.pcam/test'", "'split.pacm/test'");
    let invalid = load(&text, &[]).err().unwrap();
    assert_eq!(invalid.count(), 3, "{invalid}");
}

#[test]
fn a_cycle_is_printed_as_a_path() {
    let text = "[train.a]\ndata='split.s'\nepochs=1\nweights='train.b'\n[train.b]\ndata='split.s'\nepochs=1\nweights='train.a'\n[split.s]\nimages='x'\nlabels='y'\nsizes={train=1,validation=1,test=1}";
    let text = errors(text, &[]);
    assert!(text.contains("train.a -> train.b -> train.a"), "{text}");
}

#[test]
fn overrides_are_checked_like_the_file() {
    let pipeline = load(GOOD, &["train.base.epochs=3", "evaluate.test.threshold=0.25"]).unwrap();
    assert_eq!(pipeline.stages[1].stage.semantic().into_map()["epochs"], "3");
    let text = errors(GOOD, &["train.base.epochs=3", "train.base.batch-size=0"]);
    assert!(text.contains("--set #2:1") && text.contains("at least 1"), "{text}");
    let text = errors(GOOD, &["train.bsae.epochs=3"]);
    assert!(text.contains("no stage `train.bsae`") && text.contains("did you mean `train.base`"), "{text}");
    let text = errors(GOOD, &["epochs"]);
    assert!(text.contains("kind.name.key=value"), "{text}");
}

#[test]
fn spelling_changes_no_line() {
    let lines = |text: &str| load(text, &[]).unwrap().stages[1].stage.semantic();
    let same = [
        GOOD.replace("epochs = 8", "# comment\nepochs = 8"),
        GOOD.replace("data = 'split.pcam'\nepochs = 8", "epochs = 8\ndata = 'split.pcam'"),
        GOOD.replace("epochs = 8", "epochs = 8\nbatch-size = 64"),
        GOOD.replace("epochs = 8", "epochs = 8\noptimizer.adam = { learning-rate = 0.001 }"),
        GOOD.replace("epochs = 8", "epochs = 8\nrun = { device = 'cpu', threads = 1 }"),
        GOOD.replace("train.base", "train.other"),
    ];
    for text in same {
        assert_eq!(lines(&text), lines(GOOD), "{text}");
    }
    let one = lines(&GOOD.replace("epochs = 8", "epochs = 8\noptimizer.adam = { learning-rate = 1 }"));
    let float = lines(&GOOD.replace("epochs = 8", "epochs = 8\noptimizer.adam = { learning-rate = 1.0 }"));
    assert_eq!(one, float);
    assert_ne!(one, lines(GOOD));
    let stopping = lines(&GOOD.replace("epochs = 8", "epochs = 8\nearly-stopping = {}"));
    assert_ne!(stopping, lines(GOOD));
}
