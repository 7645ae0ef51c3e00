//! The whole stage on files: artifacts out of a small network and patches of noise.

use std::{fs, path::Path};

use pcamflow::{
    metrics::{ChosenThreshold, ConfusionMatrix, Criterion, Evaluation, Predictions, sigmoid},
    protocol::InputFile,
    stages::{
        AnyStage, Kind,
        architecture::{Architecture, ClassCnn},
    },
};
use tch::{Device, no_grad};

use crate::{
    batches,
    jobs::testing::{Recorder, computed, part, resources, stage},
    model::{
        Network, Source,
        testing::{noisy_patches, saved, tiny_network},
    },
};

const PIXELS: usize = 96 * 96 * 3;

fn evaluate(text: &str) -> AnyStage {
    stage(Kind::Evaluate, &format!("model = 'train.a'\nimages = 'split.pcam/test'\nresamples = 50\n{text}"))
}

fn noise(count: i64) -> Vec<u8> {
    let pixels = (noisy_patches(count, 5) * 255.0).permute([0, 2, 3, 1]).contiguous().view(-1);
    Vec::<u8>::try_from(pixels.to_kind(tch::Kind::Uint8)).unwrap()
}

fn run(
    folder: &Path,
    text: &str,
    labels: &[u8],
    threads: usize,
    batch: usize,
) -> (anyhow::Result<Vec<(String, f64)>>, Recorder) {
    let model = saved(&tiny_network(4), folder);
    let images = part(&folder.join("test.h5"), &noise(labels.len() as i64), labels, None);
    let inputs = [("model", &model), ("images", &images)];
    let (outcome, recorder) =
        computed(evaluate(text), &inputs, &folder.join("out"), resources(threads, batch));
    let numbers =
        outcome.map(|it| it.numbers.into_iter().map(|number| (number.name, number.value)).collect());
    (numbers, recorder)
}

#[test]
fn predictions_and_numbers_agree() {
    let folder = tempfile::tempdir().unwrap();
    let labels = [0, 1, 1, 0, 1, 0, 0, 1];
    let (numbers, recorder) = run(folder.path(), "threshold = 0.4", &labels, 1, 3);
    let numbers = numbers.unwrap();
    assert_eq!(numbers[0].0, "accuracy");
    assert_eq!(recorder.progress(), (8, 8));
    let out = folder.path().join("out");
    let table = fs::read_to_string(out.join("predictions.csv")).unwrap();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["row", "label", "probability", "logit", "predicted"]);
    let network = tiny_network(4);
    let images = tch::Tensor::from_slice(&noise(8)).view([8, 96, 96, 3]).permute([0, 3, 1, 2]);
    let logits = network.forward(&(images.to_kind(tch::Kind::Float) / 255.0)).unwrap();
    let mut right = 0;
    for (index, line) in lines[1..].iter().enumerate() {
        assert_eq!(line[0], (100 + index).to_string());
        assert_eq!(line[1], labels[index].to_string());
        let (probability, logit): (f64, f32) = (line[2].parse().unwrap(), line[3].parse().unwrap());
        assert_eq!(probability, pcamflow::metrics::sigmoid(logit));
        assert!((f64::from(logit) - logits.double_value(&[index as i64])).abs() < 1e-5);
        assert_eq!(line[4], u8::from(probability > 0.4).to_string());
        right += usize::from(line[4] == line[1]);
    }
    assert_eq!(lines.len(), 9);
    let metrics: Evaluation = serde_json::from_slice(&fs::read(out.join("metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics.at.accuracy, right as f64 / 8.0);
    assert_eq!(numbers[0].1, metrics.at.accuracy);
    assert!(fs::read_to_string(out.join("report.txt")).unwrap().contains("precision    recall  f1-score"));
    for artifact in evaluate("").artifacts() {
        assert!(fs::metadata(out.join(artifact.file.as_ref())).unwrap().len() > 0, "{}", artifact.file);
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), evaluate("").artifacts().len());
}

#[test]
fn batches_and_threads_change_no_prediction() {
    let labels: Vec<u8> = (0..20).map(|at| u8::from(at % 3 == 0)).collect();
    let logits = |threads, batch| -> Vec<f64> {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), "", &labels, threads, batch).0.unwrap();
        let table = fs::read_to_string(folder.path().join("out/predictions.csv")).unwrap();
        table.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().parse().unwrap()).collect()
    };
    let one = logits(1, 1);
    for (threads, batch) in [(1, 7), (1, 64), (2, 1), (2, 7), (2, 64)] {
        let other = logits(threads, batch);
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5), "{threads} {batch}");
    }
}

#[test]
fn equal_patches_have_equal_logits_at_any_position() {
    // At full width a last batch of 12 would use other kernels than the batches of 16.
    let network = Network::new(&Architecture::ClassCnn(ClassCnn::default()), Source::Seed(2), Device::Cpu);
    let folder = tempfile::tempdir().unwrap();
    let model = saved(&network.unwrap(), folder.path());
    let labels: Vec<u8> = (0..60).map(|at| u8::from(at % 4 == 0 || at > 52)).collect();
    let images =
        part(&folder.path().join("test.h5"), &batches::tests::noise(1, 3).pixels.repeat(60), &labels, None);
    let inputs = [("model", &model), ("images", &images)];
    let out = folder.path().join("out");
    let (outcome, recorder) = computed(evaluate(""), &inputs, &out, resources(2, 16));
    let numbers = outcome.unwrap().numbers;
    assert_eq!(recorder.progress(), (60, 60));
    let table = fs::read_to_string(out.join("predictions.csv")).unwrap();
    let logits: Vec<&str> = table.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();
    assert!(logits.len() == 60 && logits.iter().all(|logit| *logit == logits[0]), "{logits:?}");
    assert!(numbers.iter().any(|number| number.name == "roc-auc" && number.value == 0.5), "{numbers:?}");
}

#[test]
fn slides_of_a_table_make_intervals_wider() {
    let folder = tempfile::tempdir().unwrap();
    let labels: Vec<u8> = (0..16).map(|at| u8::from(at < 8)).collect();
    let meta = folder.path().join("meta.csv");
    let lines: String = (0..16).map(|at| format!("slide_{}\n", at / 4)).collect();
    fs::write(&meta, format!("wsi\n{lines}")).unwrap();
    let meta = InputFile { path: meta, name: "meta.csv".to_owned() };
    let model = saved(&tiny_network(4), folder.path());
    // The four patches of a slide are equal.
    let pixels: Vec<u8> = noise(4).chunks(PIXELS).flat_map(|patch| patch.repeat(4)).collect();
    let images = part(&folder.path().join("test.h5"), &pixels, &labels, None);
    let of = |text: &str, inputs: &[(&str, &InputFile)]| -> (Evaluation, String) {
        let out = folder.path().join("out");
        computed(evaluate(text), inputs, &out, resources(1, 4)).0.unwrap();
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        (serde_json::from_str(&read("metrics.json")).unwrap(), read("report.txt"))
    };
    let (plain, told) = of("", &[("model", &model), ("images", &images)]);
    assert_eq!(plain.slides, None);
    assert!(told.contains("The slides of the images are not known"), "{told}");
    let (known, told) = of("meta = 'meta.csv'", &[("model", &model), ("images", &images), ("meta", &meta)]);
    assert_eq!((known.slides, known.at.accuracy), (Some(4), plain.at.accuracy));
    assert!(
        told.contains("16 images of 4 slides") && told.contains("the 4 slides are allowed for"),
        "{told}"
    );
    let width = |it: &Evaluation| it.at.accuracy_interval.map(|ends| ends.high - ends.low).unwrap();
    assert!(width(&known) > 1.4 * width(&plain), "{known:?}");
}

#[test]
fn one_class_leaves_the_areas_undefined() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = run(folder.path(), "take = 3", &[1, 1, 1, 0], 1, 4).0.unwrap();
    assert!(numbers.iter().any(|(name, _)| name == "log-loss"));
    assert!(!numbers.iter().any(|(name, _)| name == "roc-auc"));
    let roc = fs::read_to_string(folder.path().join("out/roc.svg")).unwrap();
    assert!(roc.contains("undefined") && !roc.contains("band"));
}

/// Evaluates 12 patches with a threshold chosen on 10 others.
fn beside(folder: &Path, text: &str, validation: &[u8]) -> (anyhow::Result<Vec<(String, f64)>>, Recorder) {
    let model = saved(&tiny_network(4), folder);
    let images = part(&folder.join("test.h5"), &noise(12), &[0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0], None);
    // Other rows of the same noise.
    let pixels = noise(12 + validation.len() as i64)[12 * PIXELS..].to_vec();
    let validation = part(&folder.join("validation.h5"), &pixels, validation, None);
    let inputs = [("model", &model), ("images", &images), ("validation", &validation)];
    let stage = evaluate(&format!("validation = 'split.pcam/validation'\n{text}"));
    let (outcome, recorder) = computed(stage, &inputs, &folder.join("out"), resources(1, 4));
    let numbers =
        outcome.map(|it| it.numbers.into_iter().map(|number| (number.name, number.value)).collect());
    (numbers, recorder)
}

#[test]
fn a_threshold_chosen_on_validation_patches_is_reported_beside_the_fixed_one() {
    let validation = [0, 1, 0, 1, 1, 0, 1, 0, 1, 1];
    for (text, criterion) in [("", Criterion::Accuracy), ("choose = 'youden'", Criterion::Youden)] {
        let folder = tempfile::tempdir().unwrap();
        let (numbers, recorder) = beside(folder.path(), text, &validation);
        assert_eq!(recorder.progress(), (22, 22));
        let out = folder.path().join("out");
        let metrics: Evaluation =
            serde_json::from_slice(&fs::read(out.join("metrics.json")).unwrap()).unwrap();
        let at = metrics.chosen_threshold.clone().unwrap();
        // The same, computed in single steps.
        let network = tiny_network(4);
        let pixels = tch::Tensor::from_slice(&noise(22)).view([22, 96, 96, 3]).permute([0, 3, 1, 2]);
        let logits = network.forward(&(pixels.to_kind(tch::Kind::Float) / 255.0)).unwrap();
        let p: Vec<f64> = Vec::<f32>::try_from(logits).unwrap().into_iter().map(sigmoid).collect();
        let wanted =
            ChosenThreshold::of(&Predictions::new(&validation, &p[12..]).unwrap(), criterion).unwrap();
        assert!((at.chosen.threshold - wanted.threshold).abs() < 1e-5, "{at:?}");
        assert_eq!(
            (at.chosen.criterion, at.chosen.validation_value, at.chosen.validation_images),
            (criterion, wanted.validation_value, 10)
        );
        let labels = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0];
        let matrix = ConfusionMatrix::new(&Predictions::new(&labels, &p[..12]).unwrap(), wanted.threshold);
        assert_eq!((at.at.confusion, metrics.images), (matrix, 12));
        let number = |wanted: &str| {
            numbers.as_ref().unwrap().iter().find(|(name, _)| name == wanted).map(|(_, value)| *value)
        };
        assert_eq!(number("accuracy"), Some(metrics.at.accuracy));
        assert_eq!(number("accuracy-at-chosen-threshold"), Some(matrix.accuracy()));
        assert_eq!(number("chosen-threshold"), Some(at.chosen.threshold));
        let report = fs::read_to_string(out.join("report.txt")).unwrap();
        assert!(report.contains(&format!("the highest {} on 10 images", criterion.words())), "{report}");
    }
}

#[test]
fn validation_patches_of_one_class_are_an_error_before_the_rest_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, recorder) = beside(folder.path(), "", &[1, 1, 1]);
    let error = format!("{:#}", outcome.unwrap_err());
    assert!(
        error.starts_with("cannot choose a threshold on split.pcam/test: all images belong to one class")
    );
    assert_eq!(recorder.progress(), (3, 15));
}

#[test]
fn the_error_of_a_logit_that_is_not_finite_names_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let network = tiny_network(4);
    for (name, tensor) in network.state() {
        if name.ends_with("weight") {
            let _ = no_grad(|| tensor.shallow_clone().fill_(1e30));
        }
    }
    let model = saved(&network, folder.path());
    let images = part(&folder.path().join("test.h5"), &vec![200; 2 * PIXELS], &[0, 1], None);
    let inputs = [("model", &model), ("images", &images)];
    let (outcome, _) = computed(evaluate(""), &inputs, &folder.path().join("out"), resources(1, 2));
    let error = format!("{:#}", outcome.unwrap_err());
    assert!(error.contains("for row 100 of split.pcam/test"), "{error}");
    assert_eq!(network.device(), Device::Cpu);
}

#[test]
fn blank_patches_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let model = saved(&tiny_network(4), folder.path());
    let mut pixels = noise(4);
    pixels[2 * PIXELS..3 * PIXELS].fill(240);
    let images = part(&folder.path().join("test.h5"), &pixels, &[0, 1, 0, 1], None);
    let inputs = [("model", &model), ("images", &images)];
    let (outcome, recorder) = computed(evaluate(""), &inputs, &folder.path().join("out"), resources(1, 3));
    outcome.unwrap();
    assert_eq!(
        recorder.warnings(),
        ["split.pcam/test: 1 of 4 patches are of a single colour (first: row 102)"]
    );
}

#[test]
fn chosen_patches_that_were_never_written_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let model = saved(&tiny_network(4), folder.path());
    let path = folder.path().join("x.h5");
    let file = hdf5::File::create(&path).unwrap();
    let x = file.new_dataset_builder().chunk((2, 96, 96, 3)).empty::<u8>().shape((6, 96, 96, 3)).create("x");
    let pixels = ndarray::Array4::from_shape_vec((4, 96, 96, 3), noise(4)).unwrap();
    x.unwrap().write_slice(pixels.view(), ndarray::s![..4, .., .., ..]).unwrap();
    file.new_dataset_builder().with_data(&[0_u8, 1, 0, 1, 0, 1]).create("y").unwrap();
    drop(file);
    let file = |name: &str| pcamflow::protocol::InputFile { path: path.clone(), name: name.to_owned() };
    let inputs = [("model", &model), ("images.x", &file("x.h5")), ("images.y", &file("y.h5"))];
    let stage =
        stage(Kind::Evaluate, "model = 'train.a'\nimages = { x = 'x.h5', y = 'y.h5' }\nresamples = 50");
    let (outcome, recorder) = computed(stage, &inputs, &folder.path().join("out"), resources(1, 3));
    outcome.unwrap();
    let expected =
        "x.h5: 2 of 6 patches were never written, and hold only the file's fill value (first: row 4)";
    assert_eq!(recorder.warnings(), [expected]);
}
