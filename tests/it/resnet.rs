//! The residual network and the chosen threshold, through the built binaries.

use std::{
    fs,
    time::{Duration, Instant},
};

use pcamflow::digest::Digest;
use rustix::process::Signal;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::sandbox::{Sandbox, files};

/// Takes seconds on one core.
const PIPELINE: &str = "\
[pipeline]
name = 'residual'
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 64
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 32, validation = 16, test = 16 }
[train.r]
data = 'split.d'
architecture.resnet = { stages = [1, 1], width = 4 }
epochs = 3
batch-size = 8
[evaluate.e]
model = 'train.r'
images = 'split.d/test'
validation = 'split.d/validation'
resamples = 100
[explain.g]
model = 'train.r'
images = 'split.d/test'
take = 4
method.grad-cam = {}
";

const MODEL: &str = "out/residual/train.r/model.safetensors";

fn project() -> Sandbox {
    Sandbox::new().pipeline(PIPELINE)
}

fn metrics(project: &Sandbox) -> Value {
    let path = project.path("out/residual/evaluate.e/metrics.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn it_trains_with_torchvisions_tensor_names_and_is_evaluated_and_explained() {
    let project = project();
    let stages = ["evaluate.e", "explain.g", "split.d", "synthesize.s", "train.r"];
    let output = project.run(&[]).ran(stages);
    let bytes = fs::read(project.path(MODEL)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<String> = tensors.names().into_iter().map(str::to_owned).collect();
    names.sort();
    let norm =
        |name: &str| ["bias", "running_mean", "running_var", "weight"].map(|part| format!("{name}.{part}"));
    let mut wanted: Vec<String> = ["bn1", "layer1.0.bn1", "layer1.0.bn2", "layer2.0.bn1", "layer2.0.bn2"]
        .into_iter()
        .chain(["layer2.0.downsample.1"])
        .flat_map(norm)
        .collect();
    let convolutions = ["conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1", "layer2.0.conv2"];
    wanted.extend(
        convolutions.into_iter().chain(["layer2.0.downsample.0", "fc"]).map(|name| format!("{name}.weight")),
    );
    wanted.push("fc.bias".to_owned());
    wanted.sort();
    assert_eq!(names, wanted);
    assert_eq!(tensors.tensor("layer2.0.downsample.0.weight").unwrap().shape(), [8, 4, 1, 1]);

    // Grad-CAM uses the last stage by default, and records that.
    let maps = hdf5::File::open(project.path("out/residual/explain.g/maps.h5")).unwrap();
    assert_eq!(maps.dataset("native").unwrap().shape(), [4, 24, 24]);
    let parameters: hdf5::types::VarLenUnicode = maps.attr("parameters").unwrap().read_scalar().unwrap();
    assert!(parameters.contains(r#""layer":"layer2""#), "{parameters}");

    // Both thresholds are in the file and among the main numbers.
    let metrics = metrics(&project);
    let at = &metrics["chosen-threshold"];
    assert_eq!((&metrics["threshold"], &at["validation-images"]), (&0.5.into(), &16.into()));
    let finished = output.events_of("finished");
    let evaluated = finished.iter().find(|event| event["stage"] == "evaluate.e").unwrap();
    let number = |name: &str| {
        let numbers = evaluated["numbers"].as_array().unwrap();
        numbers.iter().find(|number| number["name"] == name).map(|number| number["value"].clone())
    };
    assert_eq!(number("accuracy").as_ref(), Some(&metrics["accuracy"]));
    assert_eq!(number("accuracy-at-chosen-threshold").as_ref(), Some(&at["accuracy"]));
    assert_eq!(number("chosen-threshold").as_ref(), Some(&at["threshold"]));

    // How a threshold is chosen, and on which patches, only affects the evaluation.
    project.run(&["--set", "evaluate.e.choose='youden'"]).ran(["evaluate.e"]);
    assert_eq!(self::metrics(&project)["chosen-threshold"]["criterion"], "youden");
    project.run(&[]).cached_all();
    // Naming the default layer gives the same map under another key.
    project.run(&["--set", "explain.g.method.grad-cam.layer='layer2'"]).ran(["explain.g"]);
}

#[test]
fn a_killed_training_gives_the_same_model_as_an_uninterrupted_one() {
    let straight = project();
    straight.run(&["train.r"]).exit(0);
    let stopped = project();
    stopped.run(&["split.d"]).exit(0);
    let run = stopped.start(&["train.r"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_checkpoint =
        |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "safetensors");
    while !files(&stopped.path(".pcamflow/work")).iter().any(is_checkpoint) {
        assert!(Instant::now() < deadline, "no checkpoint was written");
        std::thread::sleep(Duration::from_millis(1));
    }
    run.signal(Signal::KILL);
    assert_eq!(run.finish().status.code(), None, "it ended before it was killed");
    stopped.nothing_is_left_running();
    let output = stopped.run(&["train.r"]).ran(["train.r"]);
    assert!(output.events_of("finished").pop().unwrap()["resumed"].is_string());
    let model = |project: &Sandbox| Digest::of(&fs::read(project.path(MODEL)).unwrap());
    assert_eq!(model(&stopped), model(&straight));
}

#[test]
fn its_exported_weights_can_be_imported_again() {
    let project = project();
    project.run(&["evaluate.e"]).exit(0);
    let predictions = || fs::read(project.path("out/residual/evaluate.e/predictions.csv")).unwrap();
    let (before, weights) = (predictions(), fs::read(project.path(MODEL)).unwrap());
    project.rewrite("data/mine.safetensors", &weights);
    let text = PIPELINE.replace("model = 'train.r'", "model = { safetensors = 'mine.safetensors' }");
    project.rewrite("p.toml", text);
    // The bytes are equal, so the evaluation is still cached.
    project.run(&["evaluate.e"]).cached_all();
    project.run(&["evaluate.e", "--force", "evaluate.e"]).ran(["evaluate.e"]);
    assert_eq!(predictions(), before);
}

#[test]
fn all_mistakes_are_reported_before_anything_is_computed() {
    let told = |from: &str, to: &str, texts: &[&str]| {
        assert!(PIPELINE.contains(from));
        let project = Sandbox::new().pipeline(&PIPELINE.replace(from, to));
        let output = project.pcamflow(&["check", "p.toml"]).exit(2).never_says("panicked");
        texts.iter().fold(output, |output, text| output.complains(text));
    };
    told(
        "stages = [1, 1], width = 4",
        "stages = [], width = 0",
        &["1 to 5 numbers of blocks", "`width` must lie"],
    );
    told("stages = [1, 1]", "stages = [1, 65]", &["each between 1 and 64"]);
    told("width = 4", "width = 4096", &["`width` must lie between 1 and 2048"]);
    told(
        "grad-cam = {}",
        "grad-cam = { layer = 'relu4' }",
        &["no layer `relu4`", "layer1.0, layer1, layer2.0, layer2"],
    );
    told("grad-cam = {}", "grad-cam = { layer = 'layer2.0.con1' }", &["did you mean `layer2.0.conv1`"]);
    told("'split.d/validation'", "'split.d/test'", &["other patches than `images`"]);
    told("validation = 'split.d/validation'", "choose = 'f1'", &["`choose` needs `validation`"]);
    told(
        "'split.d/validation'\n",
        "'split.d/validation'\nchoose = 'recall'\n",
        &["known values: accuracy, youden, f1"],
    );
}
