//! The `sanity` stage through the binaries: with imported weights and real patches,
//! with a model trained here and true masks, and with a wrong table.

use std::fs;

use pcamflow::testing::shared;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::{references::imported, sandbox::Sandbox};

fn sanity(project: &Sandbox, stage: &str) -> Value {
    let path = project.path(&format!("out/sane/sanity.{stage}/sanity.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The mean correlation at each depth. NaN if all maps are constant.
fn course(sanity: &Value) -> Vec<f64> {
    let depths = sanity["depths"].as_array().unwrap();
    depths.iter().map(|depth| depth["spearman"]["mean"].as_f64().unwrap_or(f64::NAN)).collect()
}

/// Whether maps are equal up to the order of float sums, which depends on the batches.
fn is_same(correlation: f64) -> bool {
    (correlation - 1.0).abs() < 1e-4
}

#[test]
fn real_maps_change_as_the_weights_are_randomised() {
    let Some(path) = shared("oracle/explain.safetensors") else { return };
    let bytes = fs::read(path).unwrap();
    let source = "model = { safetensors = 'model.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }";
    let text = format!(
        "[pipeline]\nname = 'sane'\n[run]\nthreads = 1\ndevice = 'cpu'\n\
         [explain.cam]\n{source}\nmethod.grad-cam = {{}}\n[sanity.cam]\nexplanation = 'explain.cam'\n\
         [explain.gradient]\n{source}\nmethod.saliency = {{}}\n\
         [sanity.gradient]\nexplanation = 'explain.gradient'\ntake = 5\n"
    );
    let project = imported(Sandbox::new(), &SafeTensors::deserialize(&bytes).unwrap()).pipeline(&text);
    project.run(&[]).ran(["explain.cam", "explain.gradient", "sanity.cam", "sanity.gradient"]);
    for (stage, images) in [("cam", 8), ("gradient", 5)] {
        let sanity = sanity(&project, stage);
        let course = course(&sanity);
        println!("{stage}: {course:.2?}");
        assert_eq!((&sanity["images"], course.len()), (&images.into(), 11));
        assert!(is_same(course[0]), "{stage}: the unchanged model");
        assert!(course[1] < 1.0 && course[1] > course[10], "{stage}: {course:?}");
        // The remaining correlation comes from the image: gradients are larger at the edges of tissue.
        assert!(course[10].abs() < 0.3, "{stage}: {course:?}");
        let files = project.names(&format!("out/sane/sanity.{stage}"));
        assert_eq!(
            files,
            ["log.txt", "panel.png", "panel.svg", "per-image.csv", "sanity.json", "sanity.png", "sanity.svg"]
        );
    }
    project.run(&[]).cached_all();
    project.run(&["--set", "sanity.cam.seed=7"]).ran(["sanity.cam"]);
    assert!(is_same(course(&sanity(&project, "cam"))[0]));
}

/// Takes seconds on one core.
const PIPELINE: &str = "\
[pipeline]
name = 'sane'
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
batch-size = 8
[explain.o]
model = 'train.t'
images = 'split.d/test'
take = 6
method.occlusion = { window = 32, stride = 32, baseline = 'mean' }
[sanity.o]
explanation = 'explain.o'
take = 5
panel = 2
";

#[test]
fn an_explanation_is_recomputed_from_its_original_inputs() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&["sanity.o"]).exit(0);
    let sanity = sanity(&project, "o");
    assert!(is_same(course(&sanity)[0]), "the mean colour must come from the training patches");
    assert_eq!((&sanity["truth"], &sanity["images"]), (&"mask".into(), &5.into()));
    assert!(sanity["slides"].as_u64().unwrap() > 1);
    let centre = sanity["centre"]["rank"]["score"]["mean"].as_f64().unwrap();
    assert!(centre > sanity["centre"]["chance"].as_f64().unwrap(), "tumour is near the centre: {centre}");
    // Another training split changes the explanation.
    project.run(&["sanity.o", "--set", "split.d.seed=3"]).ran([
        "explain.o",
        "sanity.o",
        "split.d",
        "train.t",
    ]);
}

#[test]
fn a_wrong_table_is_reported_before_anything_runs() {
    let refuse = |text: String, parts: &[&str]| {
        let output = Sandbox::new().pipeline(&text).run(&[]).exit(2);
        for part in parts {
            assert!(output.stderr.contains(part), "{part:?} in {}", output.stderr);
        }
    };
    let with = |from: &str, to: &str| PIPELINE.replace(from, to);
    refuse(with("take = 5", "take = 7"), &["`take` is 7, but `explain.o` explains only 6 patches"]);
    refuse(
        with("explanation = 'explain.o'", "explanation = 'train.t'"),
        &["`train.t` is a `train` stage", "maps"],
    );
    refuse(
        with("explanation = 'explain.o'", "explanation = 'explain.p'"),
        &["there is no stage `explain.p`", "did you mean `explain.o`?"],
    );
    refuse(with("explanation = 'explain.o'", "explanation = 'explain.o/panel'"), &["is a picture", "maps"]);
    let occlusion = "method.occlusion = { window = 32, stride = 32, baseline = 'mean' }";
    let noisy = with(occlusion, "method.saliency.smooth = {}\nseed = 3");
    refuse(noisy, &["`explain.o` draws noise with seed 3, this stage with 42: give both the same"]);
}

#[test]
fn more_patches_than_were_explained_are_refused() {
    let text = PIPELINE.replace("take = 6\n", "").replace("take = 5", "take = 13");
    let output = Sandbox::new().pipeline(&text).run(&["sanity.o"]).exit(2);
    output.complains("`take` is 13, but `split.d/test` has only 12 patches");
}
