//! The whole stage on files: its numbers, and errors in its inputs.

mod truth;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pcamflow::{
    data::{
        arrays::{Array, ArrayFile, Attribute, Element, Notes},
        meta::Groups,
        patches::{Columns, PatchWriter},
    },
    protocol::{InputFile, Outcome, Resources},
    stages::Kind,
};
use serde_json::Value;
use tch::{Tensor, no_grad};

use crate::{
    jobs::testing::{Recorder, computed, dataset, part, resources, stage},
    model::testing::{noisy_patches, saved, tiny_network},
};

const PIXELS: usize = 96 * 96;
const LABELS: [u8; 5] = [0, 1, 1, 0, 1];
/// Seven points a curve.
const COARSE: &str = "pixels-per-step = 1536\nresamples = 200\n";

fn noise(count: usize) -> Vec<u8> {
    let pixels = (noisy_patches(count as i64, 5) * 255.0).permute([0, 2, 3, 1]).contiguous().view(-1);
    Vec::<u8>::try_from(pixels.to_kind(tch::Kind::Uint8)).unwrap()
}

/// The logits of the tests' network for the tests' patches.
fn logits(seed: u64, count: usize) -> Vec<f32> {
    let patches = Tensor::from_slice(&noise(count)).view([-1, 96, 96, 3]).permute([0, 3, 1, 2]);
    let patches = patches.to_kind(tch::Kind::Float) / 255.0;
    Vec::try_from(tiny_network(seed).forward(&patches).unwrap()).unwrap()
}

/// Scattered maps, different for each method.
fn scattered(count: usize, method: f64) -> Vec<f32> {
    (0..count * PIXELS)
        .map(|at| ((at as f64 + method) * 0.618_033_988_749_895).fract() as f32 - 0.2)
        .collect()
}

/// A `maps.h5` that was made by hand.
struct ByHand {
    rows: Vec<i64>,
    labels: Vec<u8>,
    logits: Vec<f32>,
    maps: Vec<f32>,
    target: &'static str,
}

impl ByHand {
    fn new(method: f64) -> Self {
        let maps = scattered(LABELS.len(), method);
        let (rows, labels) = ((100..105).collect(), LABELS.to_vec());
        Self { rows, labels, logits: logits(4, LABELS.len()), maps, target: "tumor" }
    }

    fn write(&self, folder: &Path, name: &str) -> InputFile {
        let path = folder.join(format!("{name}.h5"));
        let count = self.rows.len();
        let arrays = vec![
            Array::new("map", Element::F32, [count, 96, 96]),
            Array::new("row", Element::I64, [count]),
            Array::new("label", Element::U8, [count]),
            Array::new("logit", Element::F32, [count]),
        ];
        let texts = [("method", name), ("target", self.target), ("score", "logit")];
        let text = |(name, text): (&str, &str)| (name.to_owned(), Attribute::Text(text.to_owned()));
        let notes = Notes { attributes: texts.map(text).to_vec(), texts: Vec::new() };
        let mut file = ArrayFile::create(&path, arrays, &notes).unwrap();
        file.write("map", 0, &self.maps).unwrap();
        file.write("row", 0, &self.rows).unwrap();
        file.write("label", 0, &self.labels).unwrap();
        file.write("logit", 0, &self.logits).unwrap();
        file.finish().unwrap();
        InputFile { path, name: format!("explain.{name}/maps") }
    }
}

/// A folder with a model, patches and maps.
struct Case {
    folder: tempfile::TempDir,
    inputs: BTreeMap<String, InputFile>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = part(&folder.path().join("test.h5"), &noise(LABELS.len()), &LABELS, None);
        let model = saved(&tiny_network(4), folder.path());
        let inputs = [("model", model), ("images", images)].map(|(slot, file)| (slot.to_owned(), file));
        Self { folder, inputs: inputs.into() }
    }

    fn with(mut self, slot: &str, file: InputFile) -> Self {
        self.inputs.insert(slot.to_owned(), file);
        self
    }

    fn maps(self, label: &str, maps: &ByHand) -> Self {
        let file = maps.write(self.folder.path(), label);
        self.with(&format!("explanations.{label}"), file)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn run(&self, text: &str, resources: Resources) -> (anyhow::Result<Outcome>, Recorder) {
        let labels = self.inputs.keys().filter_map(|slot| slot.strip_prefix("explanations."));
        let named: Vec<String> = labels.map(|label| format!("{label} = 'explain.{label}'")).collect();
        let stage = stage(Kind::Metrics, &format!("explanations = {{ {} }}\n{text}", named.join(", ")));
        let inputs: Vec<(&str, &InputFile)> =
            self.inputs.iter().map(|(slot, file)| (slot.as_str(), file)).collect();
        computed(stage, &inputs, &self.folder.path().join("out"), resources)
    }

    fn summary(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("summary.json")).unwrap()).unwrap()
    }

    fn curve(&self, name: &str) -> Vec<u64> {
        dataset::<f64>(&self.path("curves.h5"), name).into_iter().map(f64::to_bits).collect()
    }

    /// The results of one method: summary, lines of the table, curves.
    fn results_of(&self, label: &str) -> (Value, Vec<String>, [Vec<u64>; 2]) {
        let summary = self.summary();
        let mut methods = summary["methods"].as_array().unwrap().iter();
        let method = methods.find(|method| method["label"] == label).unwrap().clone();
        let table = fs::read_to_string(self.path("per-image.csv")).unwrap();
        let begin = format!("{label},");
        let lines = table.lines().filter(|line| line.starts_with(&begin)).map(str::to_owned).collect();
        (method, lines, ["deletion", "insertion"].map(|curve| self.curve(&format!("{label}/{curve}"))))
    }
}

fn error(case: &Case, text: &str) -> String {
    let (outcome, recorder) = case.run(&format!("{COARSE}{text}"), resources(1, 8));
    assert_eq!(recorder.progress(), (0, 0), "something was computed before the error");
    let error = format!("{:#}", outcome.unwrap_err());
    assert_eq!(fs::read_dir(case.folder.path().join("out")).unwrap().count(), 0, "{error}");
    error
}

#[test]
fn threads_and_other_explanations_change_no_bit_of_the_results_of_a_method() {
    let case = Case::new().maps("b", &ByHand::new(0.1)).maps("c", &ByHand::new(0.2));
    let (outcome, recorder) = case.run(COARSE, resources(1, 64));
    let names: Vec<String> = outcome.unwrap().numbers.into_iter().map(|number| number.name).collect();
    assert_eq!(names, ["b/insertion", "b/deletion", "c/insertion", "c/deletion"]);
    assert_eq!(recorder.progress(), (20, 20));
    let before = ["b", "random", "centre"].map(|label| case.results_of(label));
    assert_eq!((before[0].1.len(), before[0].2[0].len()), (5, 5 * 7));
    let others = [
        (Case::new().maps("b", &ByHand::new(0.1)).maps("c", &ByHand::new(0.3)), 2),
        (Case::new().maps("a", &ByHand::new(0.7)).maps("b", &ByHand::new(0.1)), 3),
        (Case::new().maps("b", &ByHand::new(0.1)), 1),
    ];
    for (other, threads) in others {
        other.run(COARSE, resources(threads, 64)).0.unwrap();
        assert_eq!(
            ["b", "random", "centre"].map(|label| other.results_of(label)),
            before,
            "{threads} threads"
        );
    }
    for batch in [1, 7] {
        case.run(COARSE, resources(2, batch)).0.unwrap();
        for (label, (_, _, curves)) in ["b", "random", "centre"].into_iter().zip(&before) {
            let pairs = case.results_of(label).2.concat().into_iter().zip(curves.concat());
            // Another chunk is another order of summation.
            assert!(pairs.into_iter().all(|(a, b)| (f64::from_bits(a) - f64::from_bits(b)).abs() < 1e-6));
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_a_seed_another_random() {
    let case = Case::new().maps("b", &ByHand::new(0.1));
    let bytes = |text: &str| {
        case.run(&format!("{COARSE}{text}"), resources(2, 8)).0.unwrap();
        let names = ["summary.json", "per-image.csv", "curves.h5", "report.txt", "curves.png", "curves.svg"];
        (names.map(|name| fs::read(case.path(name)).unwrap()), case.curve("random/deletion"))
    };
    let (first, second, other) = (bytes(""), bytes(""), bytes("seed = 7"));
    assert!(first.0 == second.0);
    assert_ne!(first.1, other.1);
}

#[test]
fn a_baseline_that_scores_as_the_class_is_a_warning_at_the_start_of_the_report() {
    // The same network with low or high scores.
    let run = |shift: f32| {
        let network = tiny_network(4);
        let _ = no_grad(|| network.state()["fc2.bias"].shallow_clone().g_add_scalar_(f64::from(shift)));
        let case = Case::new();
        let model = saved(&network, case.folder.path());
        let maps = ByHand::new(0.1);
        let logits = maps.logits.iter().map(|logit| logit + shift).collect();
        let case = case.with("model", model).maps("b", &ByHand { logits, ..maps });
        let (outcome, recorder) = case.run(COARSE, resources(1, 8));
        outcome.unwrap();
        (case, recorder)
    };
    let (_, recorder) = run(-5.0);
    assert!(recorder.warnings().is_empty(), "{:?}", recorder.warnings());
    let (case, recorder) = run(5.0);
    let (warned, report) = (recorder.warnings(), fs::read_to_string(case.path("report.txt")).unwrap());
    assert_eq!(warned.len(), 2, "{warned:?}");
    for (warning, name) in warned.iter().zip(["black", "blur"]) {
        let start =
            format!("The baseline `{name}` alone scores as the explained class (above 0.5) for 5 of the 5");
        assert!(warning.starts_with(&start), "{warning}");
    }
    assert!(report.lines().take(6).any(|line| line.starts_with("! The baseline `black`")), "{report}");
    assert!(fs::read_to_string(case.path("curves.svg")).unwrap().contains("alone scores"));
}

#[test]
fn curves_begin_and_end_at_the_image_and_its_baselines() {
    let case = Case::new().maps("b", &ByHand::new(0.1));
    case.run(&format!("{COARSE}insertion-baseline = 'white'"), resources(1, 8)).0.unwrap();
    let probability = case.curve("probability");
    for label in ["b", "random", "centre"] {
        let [deletion, insertion] = case.results_of(label).2;
        let at =
            |curve: &[u64], point: usize| -> Vec<u64> { curve.chunks(7).map(|curve| curve[point]).collect() };
        assert_eq!((at(&deletion, 0), at(&insertion, 6)), (probability.clone(), probability.clone()));
        let summary = case.summary();
        for (name, ends) in [("black", at(&deletion, 6)), ("white", at(&insertion, 0))] {
            let baselines = summary["baselines"].as_array().unwrap();
            let baseline = baselines.iter().find(|baseline| baseline["name"] == name).unwrap();
            let mean = ends.iter().map(|&bits| f64::from_bits(bits)).sum::<f64>() / 5.0;
            assert!((baseline["score"]["mean"].as_f64().unwrap() - mean).abs() < 1e-12, "{name}");
        }
    }
    let rows: Vec<i64> = dataset(&case.path("curves.h5"), "row");
    assert_eq!(rows, [100, 101, 102, 103, 104]);
    assert_eq!(dataset::<f64>(&case.path("curves.h5"), "fraction")[3], 0.5);
}

#[test]
fn curves_show_the_probability_of_the_explained_class() {
    let case = |target| {
        let case = Case::new().maps("b", &ByHand { target, ..ByHand::new(0.1) });
        case.run(COARSE, resources(1, 8)).0.unwrap();
        let curve = dataset::<f64>(&case.path("curves.h5"), "b/deletion");
        (curve, dataset::<u8>(&case.path("curves.h5"), "explained"))
    };
    let ((tumor, _), (label, explained)) = (case("tumor"), case("label"));
    assert_eq!(explained, LABELS);
    for (at, (tumor, label)) in tumor.iter().zip(&label).enumerate() {
        let wanted = if LABELS[at / 7] == 1 { *tumor } else { 1.0 - tumor };
        assert!((label - wanted).abs() < 1e-12, "{at}");
    }
}

#[test]
fn odd_maps_are_measured_counted_and_named() {
    let mut odd = ByHand::new(0.1);
    odd.maps[..PIXELS].fill(0.0);
    odd.maps[PIXELS..2 * PIXELS].fill(-2.5);
    odd.maps[3 * PIXELS + 17] = f32::NAN;
    let case = Case::new().maps("odd", &odd).maps("plain", &ByHand::new(0.1));
    let (outcome, recorder) = case.run(COARSE, resources(2, 8));
    outcome.unwrap();
    let warned = recorder.warnings();
    assert!(warned[0].starts_with("odd: 1 of 5 maps are 0 everywhere"), "{warned:?}");
    assert!(warned[1].contains("constant") && warned[1].ends_with("(row 101)"), "{warned:?}");
    assert!(warned[2].contains("no curve") && warned[2].ends_with("(row 103)"), "{warned:?}");
    let summary = case.summary();
    assert_eq!(summary["methods"][0]["odd-maps"]["not-finite"], serde_json::json!([103]));
    assert_eq!(summary["methods"][0]["deletion"]["images"], 4);
    assert_eq!(summary["methods"][1]["deletion"]["images"], 5);
    let curves: Vec<f64> = dataset(&case.path("curves.h5"), "odd/insertion");
    assert!(
        curves[21..28].iter().all(|score| score.is_nan()) && curves[..21].iter().all(|it| it.is_finite())
    );
    // Ties go in row-major order, whatever the value.
    let [zero, constant] = [0, 1].map(|image| &curves[image * 7..][..7]);
    assert!(zero.iter().chain(constant).all(|score| (0.0..=1.0).contains(score)));
}

#[test]
fn maps_that_do_not_belong_together_are_refused_before_anything_is_computed() {
    let beside = |other: ByHand| error(&Case::new().maps("a", &ByHand::new(0.1)).maps("b", &other), "");
    let mut fewer = ByHand::new(0.2);
    (fewer.rows, fewer.labels) = (vec![100, 101], vec![0, 1]);
    fewer.logits.truncate(2);
    fewer.maps.truncate(2 * PIXELS);
    let error = beside(fewer);
    assert!(
        error.contains("explanations of different rows") && error.contains("5 maps in explain.a"),
        "{error}"
    );
    let mut moved = ByHand::new(0.2);
    moved.rows.swap(0, 3);
    let error = beside(moved);
    assert!(
        error.contains("map 0 is of row 100 in explain.a") && error.contains("of row 103 in explain.b"),
        "{error}"
    );
    let error = beside(ByHand { labels: vec![0, 1, 0, 0, 1], ..ByHand::new(0.2) });
    assert!(error.contains("row 102 has the label 1 in explain.a"), "{error}");
    let error = beside(ByHand { logits: logits(5, 5), ..ByHand::new(0.2) });
    assert!(error.starts_with("explanations of different models") && error.contains("row 100"), "{error}");
    let error = beside(ByHand { target: "label", ..ByHand::new(0.2) });
    assert!(error.starts_with("explanations of different classes (`target`)"), "{error}");
}

#[test]
fn maps_of_other_patches_or_words_or_another_model_are_refused() {
    let alone = |maps: ByHand| error(&Case::new().maps("a", &maps), "");
    let error = alone(ByHand { rows: vec![100, 101, 102, 103, 999], ..ByHand::new(0.1) });
    assert!(error.contains("has a map of row 999, but split.pcam/test has no such row"), "{error}");
    let error = alone(ByHand { labels: vec![1, 1, 1, 0, 1], ..ByHand::new(0.1) });
    assert!(error.contains("row 100 has the label 1, but 0 in split.pcam/test"), "{error}");
    let error = alone(ByHand { logits: logits(5, 5), ..ByHand::new(0.1) });
    assert!(
        error.contains("row 100 of split.pcam/test") && error.contains("the models or the patches differ"),
        "{error}"
    );
    let error = alone(ByHand { target: "tumour", ..ByHand::new(0.1) });
    assert!(error.contains("`target`") && error.contains("`tumour`"), "{error}");
}

#[test]
fn thresholds_have_fifty_one_points_and_black_alone() {
    let case = Case::new().maps("a", &ByHand::new(0.1));
    case.run("protocol = 'threshold'\nresamples = 0", resources(2, 8)).0.unwrap();
    assert_eq!(dataset::<f64>(&case.path("curves.h5"), "a/deletion").len(), 5 * 51);
    let summary = case.summary();
    assert_eq!(summary["baselines"].as_array().unwrap().len(), 1);
    assert_eq!((&summary["insertion-baseline"], &summary["points"]), (&"black".into(), &51.into()));
}
