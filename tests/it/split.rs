//! The `split` stage compared with scikit-learn's indices and with its source files, from HDF5 to artifacts.
//! The four cases of 262,144 rows would write 1.4 GB each; the unit tests of `data::split` cover them.

use std::path::Path;

use ndarray::{Array1, Array4, Axis};
use pcamflow::testing::{references, shared};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    hdf5_files::{labels, unwritten_images},
    sandbox::Sandbox,
};

const PARTS: [&str; 3] = ["train", "validation", "test"];

fn cases_of(reference: &Path, name: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(reference).unwrap()).unwrap();
    all.into_iter().filter(|case| case["name"].as_str().unwrap().contains(name)).collect()
}

/// A pipeline with one stage per case, named by its seed.
fn pipeline(cases: &[Value], x: &str, y: &str) -> String {
    let stage = |case: &Value| {
        let [train, validation, test] = PARTS.map(|part| &case["sizes"][part]);
        format!(
            "[split.seed-{seed}]\nimages = '{x}'\nlabels = '{y}'\nalgorithm = 'scikit-learn'\nseed = {seed}\n\
             sizes = {{ train = {train}, validation = {validation}, test = {test} }}\n",
            seed = case["seed"]
        )
    };
    format!("[pipeline]\nname = 'oracle'\n{}", cases.iter().map(stage).collect::<String>())
}

fn part(project: &Sandbox, case: &Value, part: &str) -> hdf5::File {
    hdf5::File::open(project.path(&format!("out/oracle/split.seed-{}/{part}.h5", case["seed"]))).unwrap()
}

fn rows(file: &hdf5::File) -> Vec<i64> {
    let row = file.dataset("row").unwrap();
    assert_eq!(row.dtype().unwrap().to_descriptor().unwrap().to_string(), "int64");
    row.read_raw().unwrap()
}

/// Compares the rows of each part with the reference, for every case.
fn compare(project: &Sandbox, cases: &[Value]) {
    for case in cases {
        for name in PARTS {
            let rows = rows(&part(project, case, name));
            let first: Vec<i64> = serde_json::from_value(case[name]["first"].clone()).unwrap();
            assert_eq!(rows[..first.len()], first, "{} {name}", case["name"]);
            let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
            let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, case[name]["sha256_i64le"], "{} {name}", case["name"]);
        }
    }
}

#[test]
fn odd_sizes_are_drawn_index_for_index_as_by_scikit_learn() {
    let all = references(&["split.json"], "split.json");
    all.iter().for_each(|path| odd_sizes_are_drawn_as_in(path));
}

fn odd_sizes_are_drawn_as_in(reference: &Path) {
    let cases = cases_of(reference, "odd sizes");
    let [one, other] = cases.as_slice() else { panic!("{} cases", cases.len()) };
    let stages = [one, other].map(|case| format!("split.seed-{}", case["seed"]));
    let label = |row: u32| u8::from(row % 7 < 3);
    let project = Sandbox::new().pipeline(&pipeline(&cases, "x.h5", "y.h5")).with(|root| {
        unwritten_images(&root.join("data/x.h5"), 1001);
        labels(&root.join("data/y.h5"), &(0..1001).map(label).collect::<Vec<_>>());
    });
    project.run(&[]).ran(stages.each_ref().map(String::as_str));
    compare(&project, &cases);
}

#[test]
fn the_real_patches_are_drawn_as_by_scikit_learn_and_copied_byte_for_byte() {
    let (Some(oracle), Some(data)) = (shared("oracle/split.json"), shared("data/pcam-mini")) else { return };
    let cases = cases_of(&oracle, "mini");
    assert_eq!(cases.len(), 2);
    let [x, y] = ["x", "y"].map(|what| format!("camelyonpatch_level_2_split_train_{what}.h5"));
    let project = Sandbox::new().pipeline(&pipeline(&cases, &x, &y));
    project.run(&["--data", data.to_str().unwrap()]).ran(["split.seed-42", "split.seed-43"]);
    compare(&project, &cases);
    let source: Array4<u8> = read(&data.join(&x), "x");
    let official: Array4<u8> = read(&data.join(&y), "y");
    for name in PARTS {
        let part = part(&project, &cases[0], name);
        let copied: Array4<u8> = part.dataset("x").unwrap().read().unwrap();
        let labels: Array1<u8> = part.dataset("y").unwrap().read().unwrap();
        let rows: Vec<usize> = rows(&part).iter().map(|&row| usize::try_from(row).unwrap()).collect();
        assert_eq!(rows.len() as u64, cases[0]["sizes"][name].as_u64().unwrap());
        assert!(copied == source.select(Axis(0), &rows), "{name}: other pixels");
        assert_eq!(labels.to_vec(), official.select(Axis(0), &rows).into_raw_vec_and_offset().0, "{name}");
    }
}

#[test]
fn parts_are_disjoint_stratified_and_have_slides_and_masks_where_the_source_has() {
    let text = "\
[pipeline]
name = 'oracle'
[synthesize.s]
patches = 24
slides = 4
[split.seed-1]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
masks = 'synthesize.s/masks'
sizes = { train = 12, validation = 6, test = 6 }
";
    let project = Sandbox::new().pipeline(text);
    project.run(&[]).ran(["split.seed-1", "synthesize.s"]);
    let case = serde_json::json!({ "seed": 1 });
    let mut all = Vec::new();
    for name in PARTS {
        let part = part(&project, &case, name);
        let rows = rows(&part);
        let labels: Vec<u8> = part.dataset("y").unwrap().read_raw().unwrap();
        assert_eq!(labels.iter().filter(|&&label| label == 1).count() * 2, rows.len(), "{name}");
        assert_eq!(part.dataset("slide").unwrap().shape(), [rows.len()]);
        assert_eq!(part.dataset("mask").unwrap().shape(), [rows.len(), 96, 96]);
        all.extend(rows);
    }
    all.sort_unstable();
    assert_eq!(all, (0..24).collect::<Vec<i64>>());
}

fn read<T: hdf5::H5Type, D: ndarray::Dimension>(path: &Path, dataset: &str) -> ndarray::Array<T, D> {
    hdf5::File::open(path).unwrap().dataset(dataset).unwrap().read().unwrap()
}
