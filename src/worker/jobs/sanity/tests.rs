//! The whole stage on files.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Result;
use pcamflow::{
    metrics::sigmoid,
    protocol::{InputFile, Outcome, Task},
    stages::{
        AnyStage, Kind,
        explain::{Score, Target},
    },
};
use serde_json::Value;
use tch::{Device, Kind as Number};

use super::original::Original;
use crate::{
    explain::Question,
    job::Job,
    jobs::testing::{Recorder, computed, dataset, part, resources, stage},
    model::testing::{noisy_patches, saved, tiny_network},
};

const LABELS: [u8; 5] = [1, 0, 1, 1, 0];
const LAYERS: [&str; 10] = ["fc2", "fc1", "bn4", "conv4", "bn3", "conv3", "bn2", "conv2", "bn1", "conv1"];

/// A network, patches, and an explanation made with them.
struct Explained {
    folder: tempfile::TempDir,
    model: InputFile,
    images: InputFile,
    maps: InputFile,
}

impl Explained {
    fn new(text: &str) -> Self {
        Self::of(&tiny_network(4), text)
    }

    fn of(network: &crate::model::Network, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = saved(network, folder.path());
        let pixels = (noisy_patches(5, 5) * 255.0).permute([0, 2, 3, 1]).contiguous().view(-1);
        let pixels = Vec::<u8>::try_from(pixels.to_kind(Number::Uint8)).unwrap();
        let images = part(&folder.path().join("test.h5"), &pixels, &LABELS, None);
        let explain = stage(
            Kind::Explain,
            &format!("model = 'train.a'\nimages = 'split.pcam/test'\npanel = 0\n{text}"),
        );
        let inputs = [("model", &model), ("images", &images)];
        computed(explain, &inputs, &folder.path().join("explain"), resources(1, 8)).0.unwrap();
        let path = folder.path().join("explain/maps.h5");
        Self { model, images, maps: InputFile { path, name: "explain.a/maps".to_owned() }, folder }
    }

    fn inputs(&self) -> [(&str, &InputFile); 3] {
        [("explanation", &self.maps), ("model", &self.model), ("images", &self.images)]
    }

    fn run(&self, text: &str, threads: usize, batch: usize) -> (Result<Outcome>, Recorder) {
        computed(sanity(text), &self.inputs(), &self.out(), resources(threads, batch))
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("sanity")
    }
}

fn sanity(text: &str) -> AnyStage {
    stage(Kind::Sanity, &format!("explanation = 'explain.a'\nresamples = 200\n{text}"))
}

fn json(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("sanity.json")).unwrap()).unwrap()
}

/// A column of `per-image.csv`.
fn column(folder: &Path, name: &str) -> Vec<String> {
    let mut table = csv::Reader::from_path(folder.join("per-image.csv")).unwrap();
    let at = table.headers().unwrap().iter().position(|header| header == name).unwrap();
    table.records().map(|record| record.unwrap()[at].to_owned()).collect()
}

#[test]
fn the_untouched_model_gives_the_same_maps_and_every_layer_is_one_depth() {
    let explained = Explained::new("method.grad-cam = {}");
    let (outcome, recorder) = explained.run("take = 4\npanel = 2", 2, 3);
    let numbers = outcome.unwrap().numbers;
    assert!(recorder.warnings().is_empty(), "{:?}", recorder.warnings());
    assert_eq!(recorder.progress(), (44, 44));
    let json = json(&explained.out());
    // Other batches than the explanation's: sums in another order.
    for name in ["spearman", "absolute-spearman"] {
        let mean = json["depths"][0][name]["mean"].as_f64().unwrap();
        assert!((mean - 1.0).abs() < 1e-6, "{name}: {mean}");
    }
    let layers: Vec<&str> = json["depths"].as_array().unwrap()[1..]
        .iter()
        .map(|depth| depth["layer"].as_str().unwrap())
        .collect();
    assert_eq!(layers, LAYERS);
    assert_eq!(
        (&json["images"], &json["truth"], &json["method"]),
        (&4.into(), &"centre-box".into(), &"grad-cam".into())
    );
    assert_eq!(json["parameters"]["layer"], "relu4");
    assert_eq!(json["depths"][3]["localisation"]["images"], 3);
    let value = |name: &str| numbers.iter().find(|number| number.name == name).map(|number| number.value);
    assert_eq!(value("spearman-all"), json["depths"][10]["spearman"]["mean"].as_f64());
    assert_eq!(value("spearman-first"), json["depths"][1]["spearman"]["mean"].as_f64());
    assert_eq!(column(&explained.out(), "row").len(), 44);
    // fc2 has one output, so new weights only scale the output of fc1 or change its sign.
    assert_ne!(value("spearman-all"), Some(1.0));
    if let Some(folder) = std::env::var_os("PCAMFLOW_GALLERY") {
        for name in ["panel.png", "sanity.png"] {
            fs::copy(explained.out().join(name), Path::new(&folder).join(format!("job-{name}"))).unwrap();
        }
    }
}

#[test]
fn batches_and_threads_change_nothing_and_the_seed_changes_all_depths_but_the_first() {
    let explained = Explained::new("method.saliency = {}");
    let values = |text: &str, threads, batch| {
        explained.run(text, threads, batch).0.unwrap();
        // Empty if everything after a layer is 0, which happens in small networks.
        let parse = |cell: String| cell.parse::<f64>().ok();
        column(&explained.out(), "spearman").into_iter().map(parse).collect::<Vec<Option<f64>>>()
    };
    let first = values("", 1, 1);
    let same = fs::read(explained.out().join("sanity.json")).unwrap();
    values("", 1, 1);
    assert!(same == fs::read(explained.out().join("sanity.json")).unwrap(), "the same work, other bytes");
    for (threads, batch) in [(1, 5), (2, 3)] {
        let other = values("", threads, batch);
        // Sums in another order move a map by 1e-7 of its values, and ranks of near-ties by a few places.
        for (a, b) in first.iter().zip(&other) {
            let near = a.zip(*b).map_or(a == b, |(a, b)| (a - b).abs() < 1e-3);
            assert!(near, "{threads} threads, {batch} at once: {a:?} {b:?}");
        }
    }
    let seeded = values("seed = 43", 1, 1);
    assert_eq!(first[..5], seeded[..5]);
    let both = first[5..].iter().zip(&seeded[5..]).filter_map(|(a, b)| a.zip(*b));
    assert!(both.clone().count() > 10 && both.into_iter().all(|(a, b)| a != b));
}

#[test]
fn the_untouched_model_decides_the_class_of_each_image() {
    let explained = Explained::new("method.saliency = {}\ntarget = 'predicted'\nscore = 'probability'");
    let AnyStage::Sanity(stage) = sanity("") else { panic!() };
    let inputs = explained.inputs().map(|(slot, file)| (slot.to_owned(), file.clone()));
    let task = Task {
        name: "sanity.a".to_owned(),
        stage: sanity(""),
        inputs: BTreeMap::from(inputs),
        staging: explained.out(),
        work: explained.out(),
        resources: resources(1, 1),
        data: None,
        launcher: None,
        token: None,
    };
    let job = Job { task: &task, reporter: &Recorder::default(), device: Device::Cpu };
    let original = Original::open(&job, &stage).unwrap();
    assert_eq!(original.question, Question { target: Target::Label, score: Score::Probability });
    let logits = dataset::<f32>(&explained.maps.path, "logit");
    let predicted: Vec<u8> = logits.into_iter().map(|logit| u8::from(sigmoid(logit) > 0.5)).collect();
    assert_eq!(original.labels, predicted);
    assert_ne!(original.labels, LABELS, "the test means nothing");
    assert!(original.explained.words(&["a".into(), "b".into()]).contains("the predicted class"));
}

#[test]
fn constant_maps_are_counted_and_a_warning() {
    let network = tiny_network(4);
    // Nothing depends on the image.
    let _ = tch::no_grad(|| network.state()["fc2.weight"].shallow_clone().zero_());
    let explained = Explained::of(&network, "method.grad-cam = {}");
    let (outcome, recorder) = explained.run("", 1, 8);
    let numbers = outcome.unwrap().numbers;
    let json = json(&explained.out());
    assert!(json["depths"][0]["spearman"]["mean"].is_null());
    assert_eq!(json["depths"][10]["without-correlation"], 5);
    assert_eq!(json["depths"][0]["odd-maps"]["zero"].as_array().unwrap().len(), 5);
    assert!(
        recorder.warnings()[0].starts_with("every map of the explanation is constant"),
        "{:?}",
        recorder.warnings()
    );
    assert!(numbers.iter().all(|number| !number.name.starts_with("spearman")));
    assert!(column(&explained.out(), "spearman").iter().all(String::is_empty));
}

#[test]
fn errors_in_the_explanation_are_named() {
    let explained = Explained::new("method.grad-cam = {}\ntake = 3");
    let told = |text: &str| format!("{:#}", explained.run(text, 1, 1).0.unwrap_err());
    let error = told("take = 4");
    assert!(
        error.contains("`take` is 4, but explain.a/maps explains only 3 patches: take at most 3"),
        "{error}"
    );
    let other = part(&explained.folder.path().join("other.h5"), &[7; 2 * 27_648], &[1, 0], None);
    let inputs = [("explanation", &explained.maps), ("model", &explained.model), ("images", &other)];
    let error = computed(sanity(""), &inputs, &explained.out(), resources(1, 1)).0.unwrap_err();
    assert!(
        format!("{error:#}").contains("has a map of row 102, but split.pcam/test has no such row"),
        "{error:#}"
    );
    let file = hdf5::File::open_rw(&explained.maps.path).unwrap();
    file.delete_attr("method").unwrap();
    let word: hdf5::types::VarLenUnicode = "lime".parse().unwrap();
    file.new_attr::<hdf5::types::VarLenUnicode>().create("method").unwrap().write_scalar(&word).unwrap();
    file.close().unwrap();
    let error = told("");
    assert!(error.contains("this version does not know the `method`") && error.contains("lime"), "{error}");
}
