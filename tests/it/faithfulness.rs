//! `metrics` stages that compare explanations: checks before a run, what runs again, and reference values.

#[cfg(feature = "torch")]
use std::{collections::BTreeMap, fs};

#[cfg(feature = "torch")]
use pcamflow::testing::explanations;
#[cfg(feature = "torch")]
use safetensors::SafeTensors;

use crate::sandbox::Sandbox;
#[cfg(feature = "torch")]
use crate::{
    references::{floats, imported},
    sandbox::Output,
};

/// Small enough to run in a few seconds on one core.
const PIPELINE: &str = "\
[pipeline]
name = 'faith'
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 64
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
masks = 'synthesize.s/masks'
sizes = { train = 40, validation = 12, test = 12 }
[train.t]
data = 'split.d'
architecture.class-cnn = { channels = [4, 4, 8, 8], hidden = 8 }
epochs = 1
[explain.a]
model = 'train.t'
images = 'split.d/test'
take = 6
method.grad-cam = {}
[explain.b]
model = 'train.t'
images = 'split.d/test'
take = 6
method.grad-cam = { variant = 'hires' }
[metrics.m]
pixels-per-step = 1536
resamples = 200
explanations = { b = 'explain.b', a = 'explain.a' }
";

/// Checks that the pipeline with `from` replaced by `to` is refused, with all `parts` in the messages.
#[track_caller]
fn wrong(from: &str, to: &str, parts: &[&str]) {
    assert!(PIPELINE.contains(from), "{from}");
    let project = Sandbox::new().pipeline(&PIPELINE.replacen(from, to, 1));
    let output = project.pcamflow(&["check", "p.toml"]).exit(2);
    parts.iter().fold(output, |output, part| output.complains(part)).never_says("panicked");
}

const BOTH: &str = "{ b = 'explain.b', a = 'explain.a' }";

#[test]
fn the_base_pipeline_is_valid() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.pcamflow(&["check", "p.toml"]).exit(0);
}

#[test]
fn metrics_of_a_repeated_model_are_repeated_per_seed() {
    let repeated = PIPELINE.replace("epochs = 1", "epochs = 1\nseeds = [1, 2]");
    let output = Sandbox::new().pipeline(&repeated).pcamflow(&["check", "p.toml"]).exit(0);
    assert!(output.stdout.contains("metrics.m@{1,2}"), "{}", output.stdout);
}

#[test]
fn explanations_that_cannot_be_compared_are_reported_with_their_position() {
    let second = "[train.u]\ndata = 'split.d'\nepochs = 1\n[explain.b]\nmodel = 'train.u'";
    wrong(
        "[explain.b]\nmodel = 'train.t'",
        second,
        &["p.toml:35", "`model` must be the same throughout: it is train.t/model and train.u/model"],
    );
    wrong(
        "[explain.b]\nmodel = 'train.t'\nimages = 'split.d/test'",
        "[explain.b]\nmodel = 'train.t'\nimages = 'split.d/validation'",
        &["`images` must be the same throughout: it is split.d/test and split.d/validation"],
    );
    wrong(
        "take = 6\nmethod.grad-cam = { variant",
        "take = 5\nmethod.grad-cam = { variant",
        &["`explain.a` and `explain.b` have different rows (`take`)", "p.toml:32:22"],
    );
    wrong("= { variant", "= { variant = 'plain' }\ntarget = 'label'\n#", &["different classes (`target`)"]);
    wrong(
        "= { variant",
        "= { variant = 'plain' }\nscore = 'probability'\n#",
        &["different scores (`score`)"],
    );
}

#[test]
fn explanations_of_files_must_have_one_seed_and_can_have_masks() {
    let pair = "images = { x = 'x.h5', y = 'y.h5' }";
    let files = PIPELINE.replace("images = 'split.d/test'", pair);
    let check = |text: &str| Sandbox::new().pipeline(text).pcamflow(&["check", "p.toml"]);
    check(&files).exit(0);
    let seeds = files.replacen("= { variant", "= { variant = 'plain' }\nseed = 7\n#", 1);
    check(&seeds).exit(2).complains("different rows (`seed`, which draws them)");
    let masks = format!("{files}localisation = 'masks'\n");
    check(&masks).exit(2).complains("masks are missing: the patches of `explain.a` are files");
    check(&format!("{masks}masks = 'masks.h5'\nmeta = 'meta.csv'\n")).exit(0);
}

#[test]
fn missing_or_duplicate_masks_are_reported() {
    wrong(
        "masks = 'synthesize.s/masks'\nsizes = { train = 40, validation = 12, test = 12 }",
        "sizes = { train = 40, validation = 12, test = 12 }\n[metrics.n]\nexplanations = { a = 'explain.a' }\n\
         localisation = 'masks'",
        &["masks are missing: `split.d` has none, give it `masks`", "p.toml:16"],
    );
    wrong("resamples = 200", "masks = 'm.h5'", &["`split.d/test` contains its masks", "p.toml:31"]);
    wrong("resamples = 200", "meta = 'm.csv'", &["`split.d/test` contains its slides", "p.toml:31"]);
    let evaluate = "[evaluate.e]\nmodel = 'train.t'\nimages = 'split.d/test'\nmeta = 'm.csv'\n[explain.a]";
    wrong(
        "[explain.a]",
        evaluate,
        &["`split.d/test` contains its slides: set them in `split.d`", "p.toml:22"],
    );
}

#[test]
fn wrong_labels_and_references_are_reported_with_their_position() {
    wrong(BOTH, "{}", &["`explanations` is empty: name at least one", "p.toml:32:16"]);
    wrong(BOTH, "{ a = 'explain.a', random = 'explain.b' }", &["`random` cannot be a label", "p.toml:32:35"]);
    wrong(
        BOTH,
        "{ 'a/b' = 'explain.a' }",
        &["`a/b` cannot be a label: use ASCII letters, digits", "p.toml:32:18"],
    );
    wrong(BOTH, "{ a = 'explain.a', b = 'explain.bb' }", &["no stage `explain.bb`", "p.toml:32:39"]);
    wrong(BOTH, "{ a = 'explian.a' }", &["did you mean `explain`", "p.toml:32:22"]);
    wrong(
        BOTH,
        "{ a = 'train.t' }",
        &["`train.t` is a `train` stage, but maps are expected here", "p.toml:32:22"],
    );
    wrong(BOTH, "'explain.a'", &["p.toml:32:16"]);
}

#[test]
fn settings_without_a_meaning_are_reported() {
    wrong("= 1536", "= 0", &["`pixels-per-step` must lie between 1 and 262144", "p.toml:30:19"]);
    wrong("resamples = 200", "protocol = 'threshold'", &["51 thresholds, not steps of pixels"]);
    wrong(
        "pixels-per-step = 1536",
        "protocol = 'threshold'\ndeletion-baseline = 'white'",
        &["pixels that are not shown are black", "p.toml:31:21"],
    );
    wrong(
        "resamples = 200",
        "deletion-baseline = 'blck'",
        &["a baseline is \"black\", \"white\"", "p.toml:31:21"],
    );
    let file = PIPELINE.replace("model = 'train.t'", "model = { safetensors = 'm.safetensors' }");
    let project = Sandbox::new().pipeline(&format!("{file}insertion-baseline = 'mean'\n"));
    let output = project.pcamflow(&["check", "p.toml"]).exit(2);
    output.complains("`model` of `explain.a` is the file").complains("p.toml:33:22");
}

#[cfg(feature = "torch")]
const OUT: &str = "out/faith/metrics.m";

/// The lines of `per-image.csv` for some methods.
#[cfg(feature = "torch")]
fn lines(project: &Sandbox, methods: &[&str]) -> Vec<String> {
    let table = fs::read_to_string(project.path(&format!("{OUT}/per-image.csv"))).unwrap();
    let of = |line: &&str| methods.iter().any(|method| line.starts_with(&format!("{method},")));
    table.lines().filter(of).map(str::to_owned).collect()
}

#[cfg(feature = "torch")]
fn summary(project: &Sandbox) -> serde_json::Value {
    serde_json::from_slice(&fs::read(project.path(&format!("{OUT}/summary.json"))).unwrap()).unwrap()
}

#[cfg(feature = "torch")]
#[test]
fn a_changed_explanation_changes_only_its_own_numbers() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let all = ["explain.a", "explain.b", "metrics.m", "split.d", "synthesize.s", "train.t"];
    let first: Output = project.run(&[]).ran(all);
    let numbers = first.events_of("finished").pop().unwrap();
    assert!(numbers.to_string().contains("a/insertion"), "{numbers}");
    project.run(&[]).cached_all();
    let others = ["a", "random", "centre"];
    let (before, of_b) = (lines(&project, &others), lines(&project, &["b"]));
    assert_eq!((before.len(), of_b.len()), (18, 6));
    let told = summary(&project);
    assert!(told["slides"].as_u64().unwrap() > 1, "{told}");
    // P-values are corrected for the number of comparisons, and the report says so.
    assert!(
        told["differences"][0]["deletion"]["p-corrected"].as_f64()
            >= told["differences"][0]["deletion"]["p-value"].as_f64()
    );
    let report = fs::read_to_string(project.path(&format!("{OUT}/report.txt"))).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&report).contains("by Holm's method for the number of pairs in each measure"), "{report}");
    // After one epoch the network may rate every image and baseline alike. The report repeats each warning.
    let warnings: Vec<&str> =
        told["warnings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let before_areas = words(report.split("\nArea under").next().unwrap());
    assert!(warnings.iter().all(|it| before_areas.contains(it)), "{warnings:?} {before_areas}");
    // Labels are sorted: their order in the pipeline file does not matter.
    let methods: Vec<&str> =
        told["methods"].as_array().unwrap().iter().map(|it| it["label"].as_str().unwrap()).collect();
    assert_eq!(methods, ["a", "b", "random", "centre"]);
    project.rewrite("p.toml", PIPELINE.replace(BOTH, "{ a = 'explain.a', b = 'explain.b' }"));
    project.run(&[]).cached_all();
    project.run(&["--set", "explain.b.method.grad-cam.layer='relu3'"]).ran(["explain.b", "metrics.m"]);
    assert_eq!(lines(&project, &others), before);
    assert_ne!(lines(&project, &["b"]), of_b);
    // Another baseline reruns only the metrics. `mean` is the mean of the training data.
    project.run(&["--set", "metrics.m.deletion-baseline='mean'"]).ran(["metrics.m"]);
    assert_eq!(summary(&project)["deletion-baseline"], "mean");
    // Another label for the same maps gives the same numbers.
    project.rewrite("p.toml", PIPELINE.replace(BOTH, "{ a = 'explain.a', c = 'explain.b' }"));
    project.run(&[]).ran(["metrics.m"]);
    let renamed: Vec<String> =
        lines(&project, &["c"]).iter().map(|line| line.replacen('c', "b", 1)).collect();
    assert_eq!(renamed, of_b);
}

#[cfg(feature = "torch")]
const METHODS: [(&str, &str); 4] = [
    ("grad-cam", "grad-cam = {}"),
    ("saliency", "saliency = {}"),
    ("occlusion", "occlusion = {}"),
    ("ig", "integrated-gradients = {}"),
];

/// Compares every curve, area and localisation with the references. Two nearly equal pixels may swap places,
/// so curves have an absolute tolerance of 1e-3, and ranks, which change by 1/1024 per pixel, of 2e-3.
#[cfg(feature = "torch")]
#[test]
fn curves_areas_and_localisation_equal_the_references() {
    for path in explanations() {
        let bytes = fs::read(path).unwrap();
        curves_equal(&SafeTensors::deserialize(&bytes).unwrap());
    }
}

#[cfg(feature = "torch")]
fn curves_equal(reference: &SafeTensors<'_>) {
    let source = "model = { safetensors = 'model.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }";
    let explain =
        METHODS.map(|(label, method)| format!("[explain.{label}]\n{source}\npanel = 0\nmethod.{method}\n"));
    let named = METHODS.map(|(label, _)| format!("{label} = 'explain.{label}'"));
    let text = format!(
        "[pipeline]\nname = 'faith'\n[run]\ndevice = 'cpu'\n{}[metrics.m]\nresamples = 100\nexplanations = {{ {} }}\n",
        explain.concat(),
        named.join(", ")
    );
    let project = imported(Sandbox::new(), reference).pipeline(&text);
    project.run(&[]).exit(0);
    let file = hdf5::File::open(project.path(&format!("{OUT}/curves.h5"))).unwrap();
    let mut table = csv::Reader::from_path(project.path(&format!("{OUT}/per-image.csv"))).unwrap();
    let table: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
    let numbers = |name: &str| floats(&reference.tensor(name).unwrap());
    for (label, _) in METHODS {
        let lines: Vec<_> = table.iter().filter(|line| line["method"] == label).collect();
        assert_eq!(lines.len(), reference.tensor("logit").unwrap().shape()[0]);
        for curve in ["deletion", "insertion"] {
            let ours: Vec<f64> = file.dataset(&format!("{label}/{curve}")).unwrap().read_raw().unwrap();
            let theirs = numbers(&format!("{curve}.{label}"));
            let off = ours.iter().zip(&theirs).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
            println!("{label} {curve}: {off:.1e}");
            assert!(ours.len() == theirs.len() && off <= 1e-3, "{label} {curve}: {off}");
            for (line, area) in lines.iter().zip(numbers(&format!("{curve}.{label}.auc"))) {
                let ours: f64 = line[&format!("{curve}-auc")].parse().unwrap();
                assert!((ours - f64::from(area)).abs() <= 1e-3, "{label} {curve}: {ours} {area}");
            }
        }
        for (measure, tolerance) in [("energy", 1e-3), ("rank", 2e-3)] {
            let theirs = numbers(&format!("localisation.{label}.{measure}"));
            for (line, value) in lines.iter().zip(theirs).filter(|(line, _)| line["label"] == "1") {
                let ours: f64 = line[&format!("centre-box-{measure}")].parse().unwrap();
                assert!((ours - f64::from(value)).abs() <= tolerance, "{label} {measure}: {ours} {value}");
            }
        }
        let pointing = reference.tensor(&format!("localisation.{label}.pointing")).unwrap();
        let pointing = pointing.data().chunks_exact(8).map(|bytes| bytes[0].to_string());
        for (line, value) in lines.iter().zip(pointing).filter(|(line, _)| line["label"] == "1") {
            assert_eq!(line["centre-box-pointing"], value, "{label}");
        }
    }
}
