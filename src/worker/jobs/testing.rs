//! Runs jobs in tests, with real files and a reporter that remembers its calls.

use std::{collections::BTreeMap, path::Path, sync::Mutex};

use anyhow::Result;
use pcamflow::{
    data::{
        Source,
        arrays::{Array, ArrayFile, Element, Notes},
    },
    protocol::{EpochEnd, InputFile, Outcome, Resources, Task},
    serve::Reporter,
    stages::{AnyStage, DeviceChoice},
};

/// Remembers warnings and progress.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    warnings: Mutex<Vec<String>>,
    progress: Mutex<(u64, u64)>,
}

impl Recorder {
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }

    /// The last progress: done and total.
    pub(crate) fn progress(&self) -> (u64, u64) {
        *self.progress.lock().unwrap()
    }
}

impl Reporter for Recorder {
    fn progress(&self, done: u64, total: u64, _: &str, _: &str) {
        *self.progress.lock().unwrap() = (done, total);
    }

    fn epoch(&self, _: EpochEnd, _: Vec<f32>) {}

    fn info(&self, _: &str) {}

    fn warn(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

/// The resources of a task on the CPU.
pub(crate) fn resources(threads: usize, batch: usize) -> Resources {
    let (device, inference_batch) = (DeviceChoice::Cpu, Some(batch));
    Resources {
        device,
        threads,
        inference_batch,
        memory: None,
        precision_fallback: false,
        checkpoint_interval: 1,
        timeout: None,
    }
}

/// Computes a stage with files by slot. Its artifacts are written to `staging`.
pub(crate) fn computed(
    stage: AnyStage,
    inputs: &[(&str, &InputFile)],
    staging: &Path,
    resources: Resources,
) -> (Result<Outcome>, Recorder) {
    std::fs::create_dir_all(staging).unwrap();
    let inputs: BTreeMap<_, _> =
        inputs.iter().map(|(slot, file)| ((*slot).to_owned(), (*file).clone())).collect();
    let (staging, work) = (staging.to_owned(), staging.join("work"));
    let task = Task {
        name: "test.stage".to_owned(),
        stage,
        inputs,
        staging,
        work,
        resources,
        data: None,
        launcher: None,
        token: None,
    };
    let recorder = Recorder::default();
    (super::run(&task, &recorder), recorder)
}

/// A stage from its TOML text.
pub(crate) fn stage(kind: pcamflow::stages::Kind, text: &str) -> AnyStage {
    let text = format!("[table]\n{text}");
    let document = toml::de::DeTable::parse(&text).unwrap();
    let table = document.get_ref().get("table").unwrap();
    let toml::de::DeValue::Table(fields) = table.get_ref() else { panic!("no table") };
    kind.read(&toml::Spanned::new(table.span(), fields.clone())).unwrap()
}

/// A part of a split with these patches [N, 96, 96, 3]. Rows start at 100.
pub(crate) fn part(path: &Path, patches: &[u8], labels: &[u8], masks: Option<&[u8]>) -> InputFile {
    let count = labels.len();
    let mut arrays = vec![
        Array::new("x", Element::U8, [count, 96, 96, 3]),
        Array::new("y", Element::U8, [count]),
        Array::new("row", Element::I64, [count]),
    ];
    arrays.extend(masks.map(|_| Array::new("mask", Element::U8, [count, 96, 96])));
    let mut file = ArrayFile::create(path, arrays, &Notes::default()).unwrap();
    file.write("x", 0, patches).unwrap();
    file.write("y", 0, labels).unwrap();
    file.write("row", 0, &(100..100 + count as i64).collect::<Vec<_>>()).unwrap();
    if let Some(masks) = masks {
        file.write("mask", 0, masks).unwrap();
    }
    file.finish().unwrap();
    let source = Source::at(path);
    InputFile { path: source.path, name: "split.pcam/test".to_owned() }
}

/// The values of a dataset.
pub(crate) fn dataset<T: hdf5::H5Type>(path: &Path, name: &str) -> Vec<T> {
    hdf5::File::open(path).unwrap().dataset(name).unwrap().read_raw().unwrap()
}
