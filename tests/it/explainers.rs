//! Every method of `explain` through the binaries, in one pipeline, with its measures and its sanity check; and settings
//! that do not fit.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::sandbox::Sandbox;

/// A pipeline without explanations, small enough for one core.
const PIPELINE: &str = "\
[pipeline]
name = 'all'
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 48
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 32, validation = 8, test = 8 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [2, 2, 3, 4], hidden = 4 }
epochs = 1
batch-size = 8
normalise = { mean = [0.7, 0.5, 0.6], std = [0.2, 0.25, 0.2] }
[train.r]
data = 'split.d'
architecture.resnet = { stages = [1, 1], width = 3 }
epochs = 1
batch-size = 8
";

/// The explanations by name, each with its method and whether it has values by channel.
const METHODS: [(&str, &str, bool); 15] = [
    ("plus-plus", "grad-cam = { variant = 'plus-plus' }", false),
    ("layer", "grad-cam = { variant = 'layer', layer = 'bn4' }", false),
    ("xgrad", "grad-cam = { variant = 'xgrad' }", false),
    ("score-cam", "grad-cam = { variant = 'score-cam' }", false),
    ("ablation-cam", "grad-cam = { variant = 'ablation-cam', layer = 'relu3' }", false),
    ("times", "input-x-gradient = {}", true),
    ("times-smooth", "input-x-gradient = { smooth = { samples = 3 } }", true),
    ("vargrad", "saliency = { smooth = { samples = 3, statistic = 'variance' } }", true),
    (
        "ig-square",
        "integrated-gradients = { steps = 4, smooth = { samples = 2, statistic = 'square' } }",
        true,
    ),
    ("shap", "gradient-shap = { samples = 4, noise = 0.1, baseline = 'mean' }", true),
    ("rise", "rise = { masks = 12, cells = 5 }", false),
    ("guided", "guided-backprop = {}", true),
    ("lrp", "lrp = { rule = 'gamma', gamma = 0.5 }", true),
    ("lift", "deep-lift = { baseline = 'blur' }", true),
    ("plain", "saliency = {}", true),
];

/// The methods on both networks: those of one layer only on the first, whose layers they name.
fn pipeline() -> String {
    let mut text = PIPELINE.to_owned();
    let mut add = |name: &str, model: &str, method: &str| {
        text += &format!(
            "[explain.{name}]\nmodel = 'train.{model}'\nimages = 'split.d/test'\ntake = 3\npanel = 2\ntarget = 'predicted'\nmethod.{method}\n\
             [sanity.{name}]\nexplanation = 'explain.{name}'\ntake = 2\nresamples = 20\npanel = 0\n"
        );
    };
    for (name, method, _) in METHODS {
        add(name, "t", method);
    }
    for (name, method) in
        [("lrp-r", "lrp = {}"), ("lift-r", "deep-lift = {}"), ("guided-r", "guided-backprop = {}")]
    {
        add(name, "r", method);
    }
    let labels = METHODS.map(|(name, ..)| format!("{name} = 'explain.{name}'")).join(", ");
    text + &format!("[metrics.m]\nexplanations = {{ {labels} }}\npixels-per-step = 1000\nresamples = 20\n")
}

#[test]
fn every_method_is_computed_measured_and_repeated() {
    let project = Sandbox::new().pipeline(&pipeline());
    project.run(&[]).exit(0);
    for (name, method, has_attribution) in METHODS {
        let file = hdf5::File::open(project.path(&format!("out/all/explain.{name}/maps.h5"))).unwrap();
        assert_eq!(file.dataset("map").unwrap().shape(), [3, 96, 96], "{name}");
        let map = file.dataset("map").unwrap().read_raw::<f32>().unwrap();
        assert!(map.iter().all(|value| value.is_finite()), "{name}");
        // Maps of a layer are 0 where nothing speaks for the class.
        assert!(map.iter().any(|&value| value != 0.0) || method.starts_with("grad-cam"), "{name}");
        assert_eq!(file.dataset("attribution").is_ok(), has_attribution, "{name}");
        if has_attribution {
            assert_eq!(file.dataset("attribution").unwrap().shape(), [3, 3, 96, 96], "{name}");
        }
    }
    let mut repeated = Vec::new();
    // What was written about the method is enough to make the same maps again.
    for name in METHODS.map(|(name, ..)| name).into_iter().chain(["lrp-r", "lift-r", "guided-r"]) {
        let path = project.path(&format!("out/all/sanity.{name}/sanity.json"));
        let sanity: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        // Undefined if all maps are 0.
        if let Some(same) = sanity["depths"][0]["spearman"]["mean"].as_f64() {
            assert!((same - 1.0).abs() < 1e-3, "{name}: {same}");
            repeated.push(name);
        }
    }
    assert!(repeated.len() >= METHODS.len(), "{repeated:?}");
    let path = project.path("out/all/metrics.m/summary.json");
    let summary: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let measured: BTreeMap<&str, bool> = summary["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| (method["label"].as_str().unwrap(), method["deletion"]["mean"].is_number()))
        .collect();
    assert!(METHODS.iter().all(|(name, ..)| measured[name]), "{measured:?}");
    project.run(&[]).cached_all();
}

#[test]
fn settings_that_do_not_fit_are_reported_before_anything_runs() {
    let refuse = |method: &str, parts: &[&str]| {
        let text = format!("{PIPELINE}[explain.x]\nmodel = 'train.r'\nimages = 'split.d/test'\n{method}\n");
        let output = Sandbox::new().pipeline(&text).run(&[]).exit(2);
        for part in parts.iter().chain(&["--> p.toml:"]) {
            assert!(output.stderr.contains(part), "{part:?} in {}", output.stderr);
        }
    };
    refuse(
        "method.grad-cam = { variant = 'xgrad', layer = 'layer1.0.bn1' }",
        &["`variant = \"xgrad\"` needs activations that are not negative", "such as `layer2`"],
    );
    refuse("method.grad-cam = { variant = 'xcam' }", &["unknown value `xcam`"]);
    refuse(
        "precision = 'bf16'\nmethod.lrp = {}",
        &["`lrp` is only for networks in float32: set `precision = \"float32\"` for this stage"],
    );
    refuse("method.lrp = { gamma = 0.5 }", &["`gamma` belongs to `rule = \"gamma\"`"]);
    refuse(
        "method.integrated-gradients = { steps = 'adaptive', smooth = {} }",
        &["with `smooth`, all noisy copies have the same number of steps"],
    );
    refuse("method.rise = { probability = 1.0 }", &["`probability` must lie between 0.01 and 0.99"]);
}
