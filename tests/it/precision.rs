//! `precision`: what it changes, and devices that lack it. Through the built binaries.

use std::{fs, path::Path};

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Takes seconds on two cores.
const PIPELINE: &str = "\
[pipeline]
name = 'precision'
[run]
threads = 2
device = 'cpu'
[synthesize.s]
patches = 200
slides = 8
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 112, validation = 40, test = 48 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [8, 8, 16, 16], hidden = 16 }
epochs = 8
batch-size = 16
optimizer.adam = { learning-rate = 0.003 }
[resume-train.t]
from = 'train.t'
epochs = 2
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
resamples = 100
[explain.cam]
model = 'train.t'
images = 'split.d/test'
take = 4
panel = 0
method.grad-cam = {}
[explain.saliency]
model = 'train.t'
images = 'split.d/test'
take = 4
panel = 0
method.saliency = {}
[explain.occlusion]
model = 'train.t'
images = 'split.d/test'
take = 4
panel = 0
method.occlusion = { baseline = 'white' }
[explain.ig]
model = 'train.t'
images = 'split.d/test'
take = 4
panel = 0
method.integrated-gradients = { steps = 20 }
[metrics.m]
explanations = { cam = 'explain.cam', saliency = 'explain.saliency' }
resamples = 100
[sanity.s]
explanation = 'explain.saliency'
take = 2
resamples = 100
";

fn out(project: &Sandbox, path: &str) -> std::path::PathBuf {
    project.path(&format!("out/precision/{path}"))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn maps(project: &Sandbox, method: &str) -> Vec<f32> {
    let file = hdf5::File::open(out(project, &format!("explain.{method}/maps.h5"))).unwrap();
    file.dataset("map").unwrap().read_raw().unwrap()
}

/// Pearson's correlation.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let centred = |values: &[f32]| -> Vec<f64> {
        let mean = values.iter().map(|&it| f64::from(it)).sum::<f64>() / values.len() as f64;
        values.iter().map(|&it| f64::from(it) - mean).collect()
    };
    let (a, b) = (centred(a), centred(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

const METHODS: [&str; 4] = ["cam", "saliency", "occlusion", "ig"];

#[test]
fn results_in_bf16_are_near_those_in_float32_and_have_their_own_keys() {
    if !pcamflow::cpu::has_bf16() {
        return eprintln!("skipped: this CPU has no bfloat16");
    }
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).exit(0);
    let numbers = |project: &Sandbox| {
        let evaluation = json(&out(project, "evaluate.e/metrics.json"));
        let summary = json(&out(project, "metrics.m/summary.json"));
        let methods = summary["methods"].as_array().unwrap();
        let area = |label: &str| {
            let method = methods.iter().find(|method| method["label"] == label).unwrap();
            method["insertion"]["mean"].as_f64().unwrap()
        };
        (evaluation["roc-auc"].as_f64().unwrap(), [area("cam"), area("saliency")])
    };
    let exact = numbers(&project);
    let exact_maps = METHODS.map(|method| maps(&project, method));
    // The same model, explained and measured in bf16.
    let stages =
        ["evaluate.e", "explain.cam", "explain.saliency", "explain.occlusion", "explain.ig", "metrics.m"];
    let set: Vec<String> = stages.iter().map(|stage| format!("{stage}.precision=bf16")).collect();
    let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    project.run(&set).exit(0);
    let rounded = numbers(&project);
    println!("AUC and areas: {exact:?}, {rounded:?}");
    assert!((exact.0 - rounded.0).abs() <= 0.01);
    assert!(exact.1.iter().zip(rounded.1).all(|(exact, rounded)| (exact - rounded).abs() <= 0.02));
    for (method, exact) in METHODS.iter().zip(&exact_maps) {
        let rounded = maps(&project, method);
        let alike = correlation(exact, &rounded);
        println!("{method}: {alike}");
        assert!(alike > 0.9 && rounded != *exact, "{method}: {alike}");
    }
    // The maps are made again with the precision in the file.
    let sanity = json(&out(&project, "sanity.s/sanity.json"));
    assert!(sanity["depths"][0]["spearman"]["mean"].as_f64().unwrap() > 0.9999);
    project.run(&set).cached_all();
    // The precision of the curves may be another than that of the maps.
    project.run(&[&set[..set.len() - 2], &["metrics.m"]].concat()).ran(["metrics.m"]);
    // The results in float32 are still there.
    project.run(&[]).cached_all();
}

#[test]
fn a_training_in_bf16_learns_and_repeats_bit_by_bit() {
    if !pcamflow::cpu::has_bf16() {
        return eprintln!("skipped: this CPU has no bfloat16");
    }
    let project = Sandbox::new()
        .pipeline(&PIPELINE.replace("name = 'precision'", "name = 'precision'\nprecision = 'bf16'"));
    let stages = ["resume-train.t", "evaluate.e"];
    project.run(&stages).exit(0);
    let evaluation = json(&out(&project, "evaluate.e/metrics.json"));
    assert!(evaluation["roc-auc"].as_f64().unwrap() > 0.7, "{}", evaluation["roc-auc"]);
    let file = |name: &str| fs::read(out(&project, name)).unwrap();
    let all = || ["train.t/checkpoint.safetensors", "resume-train.t/checkpoint.safetensors"].map(file);
    let before = all();
    let text = String::from_utf8_lossy(&before[1][..4000]).into_owned();
    assert!(text.contains(r#"\"precision\":\"bf16\""#), "the precision is part of the training");
    project.run(&[&stages[..], &["--force", "*train.t"]].concat()).exit(0);
    assert!(all() == before);
}

#[test]
fn a_device_without_the_precision_is_an_environment_failure_or_computes_in_float32() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let output = project.run(&["train.t", "--set", "train.t.precision=tf32"]).exit(3);
    let message = output.failure();
    assert!(message.contains("`precision = \"tf32\"` cannot be used here: only GPUs have TF32"), "{message}");
    assert!(message.contains("precision-fallback"), "{message}");
    project.run(&["evaluate.e"]).exit(0);
    let exact = fs::read(out(&project, "evaluate.e/predictions.csv")).unwrap();
    let fallback = [
        "evaluate.e",
        "--set",
        "evaluate.e.precision=tf32",
        "--set",
        "evaluate.e.run.precision-fallback=true",
    ];
    let output = project.run(&fallback).exit(0);
    let warnings = output.events_of("warning");
    let said = |event: &Value| {
        event.to_string().contains("computed in float32 instead of tf32: only GPUs have TF32")
    };
    assert!(warnings.iter().any(said), "{warnings:?}");
    assert!(fs::read(out(&project, "evaluate.e/predictions.csv")).unwrap() == exact);
    let unknown = project.pcamflow(&["run", "p.toml", "--set", "train.t.precision=fp16"]).exit(2);
    unknown.complains("unknown value `fp16`").complains("did you mean `bf16`?");
}
