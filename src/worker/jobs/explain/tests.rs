//! The whole stage on files.

use std::{fs, path::Path};

use hdf5::types::VarLenUnicode;
use pcamflow::{
    protocol::{InputFile, Outcome, Resources},
    stages::{AnyStage, Kind},
    testing::shared,
};
use tch::Tensor;

use crate::{
    jobs::testing::{Recorder, computed, dataset, part, resources, stage},
    model::testing::{difference, get, noisy_patches, reference, saved, tiny_network},
};

fn explain(text: &str) -> AnyStage {
    stage(Kind::Explain, &format!("model = 'train.a'\nimages = 'split.pcam/test'\n{text}"))
}

fn noise(count: i64) -> Vec<u8> {
    let pixels = (noisy_patches(count, 5) * 255.0).permute([0, 2, 3, 1]).contiguous().view(-1);
    Vec::<u8>::try_from(pixels.to_kind(tch::Kind::Uint8)).unwrap()
}

fn run(
    folder: &Path,
    text: &str,
    labels: &[u8],
    masks: Option<&[u8]>,
) -> (anyhow::Result<Outcome>, Recorder) {
    let model = saved(&tiny_network(4), folder);
    let images = part(&folder.join("test.h5"), &noise(labels.len() as i64), labels, masks);
    let inputs = [("model", &model), ("images", &images)];
    computed(explain(text), &inputs, &folder.join("out"), resources(2, 3))
}

fn attribute(path: &Path, name: &str) -> String {
    let file = hdf5::File::open(path).unwrap();
    file.attr(name).unwrap().read_scalar::<VarLenUnicode>().unwrap().to_string()
}

fn count(path: &Path, name: &str) -> i64 {
    hdf5::File::open(path).unwrap().attr(name).unwrap().read_scalar().unwrap()
}

#[test]
fn an_imported_model_and_real_patches_give_pytorchs_maps() {
    let Some(reference) = reference("explain.safetensors") else { return };
    let folder = tempfile::tempdir().unwrap();
    let weights = crate::model::testing::weights(&reference, "model.");
    let network = crate::model::Network::new(
        &crate::model::testing::architecture_of(&weights).unwrap(),
        crate::model::Source::File(weights),
        tch::Device::Cpu,
    );
    let model = saved(&network.unwrap(), folder.path());
    let pixels = Vec::<u8>::try_from(get(&reference, "images").view(-1)).unwrap();
    let labels: Vec<u8> =
        Vec::<i64>::try_from(get(&reference, "labels")).unwrap().iter().map(|&label| label as u8).collect();
    let images = part(&folder.path().join("test.h5"), &pixels, &labels, None);
    let inputs = [("model", &model), ("images", &images)];
    let out = folder.path().join("out");
    let (outcome, recorder) = computed(explain("method.grad-cam = {}"), &inputs, &out, resources(2, 3));
    let numbers = outcome.unwrap().numbers;
    assert_eq!(recorder.progress(), (8, 8));
    let maps = out.join("maps.h5");
    for (name, wanted) in [("map", "grad-cam.relu4.upsampled"), ("native", "grad-cam.relu4")] {
        let wanted = get(&reference, wanted).contiguous().view(-1);
        let deviation = difference(&Tensor::from_slice(&dataset::<f32>(&maps, name)), &wanted);
        println!("{name}: {deviation:.1e} of {}", wanted.max().double_value(&[]));
        assert!(deviation <= 1e-3 * wanted.max().double_value(&[]), "{name}: {deviation}");
    }
    assert_eq!(dataset::<i64>(&maps, "row"), (100..108).collect::<Vec<_>>());
    assert_eq!(dataset::<u8>(&maps, "label"), labels);
    let logits = dataset::<f32>(&maps, "logit");
    assert!(difference(&Tensor::from_slice(&logits), &get(&reference, "logit")) < 1e-5);
    let sigmoids: Vec<f64> = logits.into_iter().map(pcamflow::metrics::sigmoid).collect();
    assert_eq!(dataset::<f64>(&maps, "probability"), sigmoids);
    let number = |name: &str| numbers.iter().find(|number| number.name == name).unwrap().value;
    for name in ["energy", "rank", "pointing"] {
        let values = get(&reference, &format!("localisation.grad-cam.{name}")).to_kind(tch::Kind::Double);
        let positive: Vec<f64> = (0..8)
            .filter(|&at| labels[at] == 1)
            .map(|at| values.double_value(&[at as i64]))
            .filter(|value| value.is_finite() && *value >= 0.0)
            .collect();
        let wanted = positive.iter().sum::<f64>() / positive.len() as f64;
        assert!((number(name) - wanted).abs() < 2e-3, "{name}: {} {wanted}", number(name));
    }
    if let Some(folder) = std::env::var_os("PCAMFLOW_GALLERY") {
        fs::copy(out.join("panel.png"), Path::new(&folder).join("explain-panel.png")).unwrap();
    }
}

#[test]
fn the_file_says_how_it_was_made_and_is_the_same_every_time() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let text = "take = 4\npanel = 3\nscore = 'probability'\ntarget = 'label'\n\
                method.grad-cam = { layer = 'pool2', variant = 'hires' }";
    let bytes = folders.map(|folder| {
        let (outcome, _) = run(folder.path(), text, &[0, 1, 1, 0, 1], None);
        outcome.unwrap();
        let maps = folder.path().join("out/maps.h5");
        assert_eq!(attribute(&maps, "method"), "grad-cam");
        assert_eq!(attribute(&maps, "parameters"), r#"{"layer":"pool2","variant":"hires"}"#);
        assert_eq!(
            (attribute(&maps, "target"), attribute(&maps, "score")),
            ("label".into(), "probability".into())
        );
        assert_eq!(dataset::<f32>(&maps, "map").len(), 4 * 96 * 96);
        assert_eq!(dataset::<f32>(&maps, "native").len(), 4 * 24 * 24);
        let names: Vec<_> =
            fs::read_dir(folder.path().join("out")).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        fs::read(maps).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn odd_maps_are_counted_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let network = tiny_network(4);
    // The logit does not depend on the image.
    let _ = tch::no_grad(|| network.state()["fc2.weight"].shallow_clone().zero_());
    let model = saved(&network, folder.path());
    let images = part(&folder.path().join("test.h5"), &noise(3), &[1, 0, 0], None);
    let out = folder.path().join("out");
    let inputs = [("model", &model), ("images", &images)];
    let (outcome, recorder) =
        computed(explain("panel = 0\nmethod.grad-cam = {}"), &inputs, &out, resources(1, 2));
    let numbers = outcome.unwrap().numbers;
    assert!(recorder.warnings()[0].starts_with("3 of 3 maps are 0 everywhere"), "{:?}", recorder.warnings());
    assert!(recorder.warnings()[0].ends_with("(rows 100, 101, 102)"));
    assert_eq!(count(&out.join("maps.h5"), "zero-maps"), 3);
    assert_eq!(count(&out.join("maps.h5"), "non-finite-maps"), 0);
    assert!(!numbers.iter().any(|number| number.name == "energy"));
    assert!(fs::metadata(out.join("panel.png")).unwrap().len() > 0);
}

#[test]
fn true_masks_count_if_there_are_any() {
    let folder = tempfile::tempdir().unwrap();
    let mut masks = vec![0; 3 * 9216];
    masks[..96].fill(255);
    let (outcome, recorder) = run(folder.path(), "method.grad-cam = {}", &[1, 0, 1], Some(&masks));
    let numbers = outcome.unwrap().numbers;
    let value = |name: &str| numbers.iter().find(|number| number.name == name).map(|number| number.value);
    assert_eq!(value("chance"), Some(1.0 / 96.0));
    assert_eq!(value("centre-pointing"), Some(0.0));
    let warned = recorder.warnings();
    assert!(
        warned.iter().any(|text| text.starts_with("1 positives of split.pcam/test have an empty mask")),
        "{warned:?}"
    );
}

#[test]
fn rows_of_a_source_pair_are_drawn() {
    let Some(x) = shared("data/pcam-mini/camelyonpatch_level_2_split_test_x.h5") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |path: std::path::PathBuf| InputFile { name: path.display().to_string(), path };
    let y = x.with_file_name("camelyonpatch_level_2_split_test_y.h5");
    let (x, y, model) = (file(x), file(y), saved(&tiny_network(4), folder.path()));
    let inputs = [("model", &model), ("images.x", &x), ("images.y", &y)];
    let out = folder.path().join("out");
    let run = |take: u32| {
        let text = format!("take = {take}\nmethod.grad-cam = {{ layer = 'pool3' }}");
        computed(explain(&text), &inputs, &out, resources(2, 16)).0
    };
    run(20).unwrap();
    let rows: Vec<i64> = dataset(&out.join("maps.h5"), "row");
    assert_eq!(rows.len(), 20);
    assert!(rows.is_sorted() && rows[19] > 128, "{rows:?}");
    let error = format!("{:#}", run(257).unwrap_err());
    assert!(error.contains("`take` is 257") && error.contains("256 patches"), "{error}");
}

#[test]
fn integrated_gradients_write_attributions_and_deltas() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "method.integrated-gradients = { steps = 800, tolerance = 1e-9, rule = 'trapezoid', baseline = 0.5 }";
    let (outcome, recorder) = run(folder.path(), text, &[1], None);
    let maps = folder.path().join("out/maps.h5");
    let (map, attribution) = (dataset::<f32>(&maps, "map"), dataset::<f32>(&maps, "attribution"));
    assert_eq!((map.len(), attribution.len()), (9216, 3 * 9216));
    for (at, value) in map.iter().enumerate() {
        let channels: f32 = (0..3).map(|channel| attribution[channel * 9216 + at]).sum();
        assert!((channels - value).abs() <= 1e-6 * value.abs() + 1e-9);
    }
    assert_eq!(dataset::<i64>(&maps, "steps"), [800]);
    assert!(dataset::<f32>(&maps, "delta")[0] != 0.0);
    assert_eq!(count(&maps, "tolerance-failures"), 1);
    let told = "1 of 1 maps miss the tolerance 0.000000001 for completeness with 800 steps (row 100)";
    assert!(recorder.warnings().iter().any(|text| text.starts_with(told)), "{:?}", recorder.warnings());
    let settings = r#"{"rule":"trapezoid","steps":800,"baseline":0.5,"tolerance":1e-9}"#;
    assert_eq!(attribute(&maps, "parameters"), settings);
    assert!(outcome.unwrap().numbers.iter().any(|number| number.name == "largest-relative-delta"));
    assert!(!hdf5::File::open(&maps).unwrap().link_exists("native"));
}

#[test]
fn a_mean_baseline_is_the_colour_of_the_training_patches() {
    let folder = tempfile::tempdir().unwrap();
    let model = saved(&tiny_network(4), folder.path());
    let images = part(&folder.path().join("test.h5"), &noise(2), &[1, 0], None);
    let grey: Vec<u8> = [51_u8, 102, 204].repeat(3 * 9216);
    let train = part(&folder.path().join("train.h5"), &grey, &[0, 1, 1], None);
    let of = |baseline: &str| {
        let text = format!("method.occlusion = {{ window = 48, stride = 48, baseline = {baseline} }}");
        let inputs = [("model", &model), ("images", &images), ("data.train", &train)];
        let out = folder.path().join(baseline.trim_matches('\''));
        let (outcome, recorder) = computed(explain(&text), &inputs, &out, resources(2, 3));
        outcome.unwrap();
        assert_eq!(recorder.progress(), (2, 2));
        dataset::<f32>(&out.join("maps.h5"), "map")
    };
    let (mean, black) = (of("'mean'"), of("'black'"));
    assert_ne!(mean, black);
    assert_eq!(count(&folder.path().join("mean/maps.h5"), "constant-maps"), 0);
}

#[test]
fn a_small_memory_changes_nothing_but_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let model = saved(&tiny_network(4), folder.path());
    let images = part(&folder.path().join("test.h5"), &noise(3), &[1, 0, 1], None);
    let of = |memory: Option<u64>, name: &str| {
        let stage = explain("method.occlusion = { window = 48, stride = 24 }");
        let inputs = [("model", &model), ("images", &images)];
        let resources = Resources { memory, inference_batch: None, ..resources(2, 1) };
        let out = folder.path().join(name);
        computed(stage, &inputs, &out, resources).0.unwrap();
        dataset::<f32>(&out.join("maps.h5"), "map")
    };
    let (little, much) = (Tensor::from_slice(&of(Some(1), "little")), Tensor::from_slice(&of(None, "much")));
    assert!(difference(&little, &much) <= 1e-4 * much.abs().max().double_value(&[]));
}

#[test]
fn an_unknown_layer_is_an_error_before_anything_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, recorder) = run(folder.path(), "method.grad-cam = { layer = 'rellu4' }", &[1], None);
    let error = format!("{:#}", outcome.unwrap_err());
    assert!(error.contains("did you mean `relu4`"), "{error}");
    assert_eq!(recorder.progress(), (0, 0));
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 0);
}

#[test]
fn blank_patches_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let model = saved(&tiny_network(4), folder.path());
    let mut pixels = noise(4);
    pixels[..96 * 96 * 3].fill(0);
    let images = part(&folder.path().join("test.h5"), &pixels, &[0, 1, 0, 1], None);
    let inputs = [("model", &model), ("images", &images)];
    let out = folder.path().join("out");
    let (outcome, recorder) = computed(explain("method.saliency = {}"), &inputs, &out, resources(1, 3));
    outcome.unwrap();
    let expected = "split.pcam/test: 1 of 4 patches are of a single colour (first: row 100)";
    assert!(recorder.warnings().iter().any(|text| text == expected), "{:?}", recorder.warnings());
}
