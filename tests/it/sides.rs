//! Patches of other sizes than 96x96, through every stage.

use std::path::Path;

use ndarray::{Array4, ArrayD};

use crate::{
    hdf5_files::{dataset, labels},
    sandbox::{Output, Sandbox},
};

/// All stages on patches from files, small enough for one core.
const PIPELINE: &str = "\
[pipeline]
name = 'sides'
[run]
threads = 1
device = 'cpu'
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 24, validation = 8, test = 8 }
[preview.p]
images = 'split.d/test'
rows = 2
columns = 2
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 1
batch-size = 8
augmentation = { horizontal-flip = 0.5, quarter-turns = true }
[train.r]
data = 'split.d'
architecture.resnet = { stages = [1, 1], width = 4 }
epochs = 1
batch-size = 8
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
[evaluate.r]
model = 'train.r'
images = 'split.d/test'
[explain.grad-cam]
model = 'train.t'
images = 'split.d/test'
take = 4
method.grad-cam = {}
[explain.saliency]
model = 'train.t'
images = 'split.d/test'
take = 4
method.saliency = { smooth = { samples = 2 } }
[explain.occlusion]
model = 'train.t'
images = 'split.d/test'
take = 4
method.occlusion = {}
[explain.ig]
model = 'train.t'
images = 'split.d/test'
take = 4
method.integrated-gradients = { steps = 10, baseline = 'mean' }
[metrics.m]
explanations = { grad-cam = 'explain.grad-cam', saliency = 'explain.saliency', occlusion = 'explain.occlusion', ig = 'explain.ig' }
pixels-per-step = 500
resamples = 50
[sanity.s]
explanation = 'explain.grad-cam'
take = 2
resamples = 50
";

/// Forty patches, the positives brighter.
fn write(folder: &Path, side: usize) {
    let pixel = |(row, y, x, colour): (usize, usize, usize, usize)| {
        (((row * 31 + y * 7 + x * 13 + colour * 50) % 120) + (row % 2) * 100) as u8
    };
    dataset(
        &folder.join("x.h5"),
        "x",
        &Array4::from_shape_fn((40, side, side, 3), pixel).into_dyn(),
        |plain| plain,
    );
    labels(&folder.join("y.h5"), &(0..40).map(|row| row % 2).collect::<Vec<u8>>());
}

fn project(side: usize) -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    write(&project.path("data"), side);
    project
}

fn read(project: &Sandbox, file: &str) -> String {
    std::fs::read_to_string(project.path(file)).unwrap()
}

fn json(project: &Sandbox, file: &str) -> serde_json::Value {
    serde_json::from_str(&read(project, file)).unwrap()
}

/// Requires that the only stage that failed says this.
#[track_caller]
fn told(output: &Output, text: &str) {
    assert!(output.failure().contains(text), "{}", output.failure());
}

fn shape(project: &Sandbox, stage: &str, array: &str) -> Vec<usize> {
    let file = project.path(&format!("out/sides/{stage}/maps.h5"));
    hdf5::File::open(file).unwrap().dataset(array).unwrap().shape()
}

#[test]
fn patches_of_50_pixels_go_through_every_stage() {
    let project = project(50);
    project.run(&[]).exit(0);
    for stage in ["explain.grad-cam", "explain.saliency", "explain.occlusion", "explain.ig"] {
        assert_eq!(shape(&project, stage, "map"), [4, 50, 50], "{stage}");
    }
    assert_eq!(shape(&project, "explain.grad-cam", "native"), [4, 12, 12]);
    assert_eq!(shape(&project, "explain.ig", "attribution"), [4, 3, 50, 50]);
    // Labels of such patches describe the whole patch, so nothing is located.
    let summary = json(&project, "out/sides/metrics.m/summary.json");
    for method in summary["methods"].as_array().unwrap() {
        assert!(method["localisation"]["centre-box"].is_null(), "{method}");
        assert!(method["deletion"]["mean"].is_number() && method["insertion"]["mean"].is_number());
    }
    let sanity = json(&project, "out/sides/sanity.s/sanity.json");
    assert!(sanity["truth"].is_null() && sanity["depths"][0]["localisation"].is_null());
    let text = read(&project, "out/sides/metrics.m/report.txt");
    assert!(!text.contains("centre box"), "{text}");
}

#[test]
fn a_centre_box_can_be_named_for_all_stages() {
    let project = project(64);
    let set = ["--set", "pipeline.centre-box=20"];
    project.run(&[&["metrics.m", "sanity.s"], &set[..]].concat()).exit(0);
    let summary = json(&project, "out/sides/metrics.m/summary.json");
    let located = &summary["methods"][0]["localisation"]["centre-box"];
    assert_eq!(located["chance"], 400.0 / 4096.0);
    assert_eq!(json(&project, "out/sides/sanity.s/sanity.json")["truth"], "centre-box");
    let too_large = project.run(&["explain.grad-cam", "--set", "pipeline.centre-box=65"]);
    told(&too_large, "`centre-box` is 65, but the patches of split.d/test have only 64 x 64 pixels");
}

#[test]
fn networks_for_224_pixels_work_and_another_size_is_refused() {
    let project = project(224);
    project.run(&["train.t", "explain.grad-cam"]).exit(0);
    assert_eq!(shape(&project, "explain.grad-cam", "native"), [4, 56, 56]);
    let model = std::fs::read(project.path("out/sides/train.t/model.safetensors")).unwrap();
    let other = Sandbox::new().pipeline(
        "[pipeline]\nname = 'other'\n[evaluate.e]\nmodel = { safetensors = 'm.safetensors' }\n\
         images = { x = 'x.h5', y = 'y.h5' }\n",
    );
    write(&other.path("data"), 96);
    std::fs::write(other.path("data/m.safetensors"), model).unwrap();
    let output = other.run(&[]);
    told(&output, "m.safetensors was trained on patches of 224 x 224 pixels, but these have 96 x 96");
}

#[test]
fn a_normalisation_goes_with_the_model() {
    let project = project(32);
    let normalise = "train.t.normalise={ mean = [0.5, 0.5, 0.4], std = [0.2, 0.25, 0.3] }";
    project.run(&["evaluate.e", "--set", normalise]).exit(0);
    let with = read(&project, "out/sides/evaluate.e/predictions.csv");
    // The same weights from a file that says nothing need it from the stage.
    let model = std::fs::read(project.path("out/sides/train.t/model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&model).unwrap();
    let plain = safetensors::serialize(tensors.tensors(), None).unwrap();
    std::fs::write(project.path("data/m.safetensors"), plain).unwrap();
    let file = "evaluate.e.model={ safetensors = 'm.safetensors' }";
    let set = ["evaluate.e", "--set", file, "--set", &normalise.replace("train.t", "evaluate.e")];
    project.run(&set).exit(0);
    assert_eq!(read(&project, "out/sides/evaluate.e/predictions.csv"), with);
    project.run(&set[..3]).exit(0);
    assert_ne!(read(&project, "out/sides/evaluate.e/predictions.csv"), with);
    let other = "evaluate.e.normalise={ mean = [0.5, 0.5, 0.5], std = [0.2, 0.25, 0.3] }";
    let output = project.run(&["evaluate.e", "--set", normalise, "--set", other]);
    told(&output, "was trained with another `normalise` than the stage sets");
}

#[test]
fn masks_of_another_size_are_refused() {
    let project = project(50);
    let masks = ArrayD::<u8>::ones(vec![40, 48, 48]);
    dataset(&project.path("data/mask.h5"), "mask", &masks, |plain| plain);
    let output = project.run(&["split.d", "--set", "split.d.masks='mask.h5'"]);
    told(&output, "the masks have 48 x 48 pixels, but the patches have 50 x 50");
}
