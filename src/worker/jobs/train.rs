//! Stage kind `train`, and what all trainings share: they open patches, start or continue, and write their
//! artifacts.

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::{
    data::patch_set::PatchSet,
    protocol::{Number, Outcome},
    report::training_curves,
    side::Side,
    stages::{Precision, train::Train},
};

use crate::{
    device,
    job::Job,
    model::{Source, Want, metadata},
    numbers::defined,
    patches,
    tensors::to_bytes,
    train::{self, Data, Plan, Recipe, State, checkpoint, partial::Partial},
};

/// Trains, or continues an earlier attempt.
///
/// # Errors
/// Patches or start weights are invalid, a loss is not finite, or the disk is full.
pub(crate) fn run(job: &Job<'_>, stage: &Train) -> Result<Outcome> {
    let patience = stage.early_stopping.as_ref().map(|stopping| stopping.patience);
    train_on(job, stage.epochs, patience, || begin(job, stage))
}

/// Trains for some epochs, from the state of `begin` or from the last checkpoint of an earlier attempt.
///
/// # Errors
/// `begin` fails, the patches are invalid, a loss is not finite, or the disk is full.
pub(super) fn train_on(
    job: &Job<'_>,
    epochs: u32,
    patience: Option<u32>,
    begin: impl FnOnce() -> Result<State>,
) -> Result<Outcome> {
    let mut learning = patches::open(job, "data.train")?;
    let validation = patches::open(job, "data.validation")?;
    check_classes(job, &learning, &validation)?;
    let (side, other) = (learning.side(), validation.side());
    ensure!(side == other, "the training patches have {side} pixels, and the validation patches {other}");
    let partial = Partial::new(&job.task.work, made_with(job));
    let earlier = partial.newest(job.device, job.reporter)?;
    let resumed = earlier.as_ref().map(|(state, with)| format!("epoch {}, made with {with}", state.epoch));
    let mut state = match earlier {
        Some((state, _)) => state,
        None => begin()?,
    };
    state.network.compute_in(job.numbers(state.recipe.precision.unwrap_or(Precision::Float32))?);
    let plan = Plan {
        last_epoch: state.first_epoch().saturating_add(epochs),
        patience,
        checkpoint_interval: job.task.resources.checkpoint_interval,
    };
    if state.recipe.shuffle {
        patches::unpack(job, &mut learning)?;
    }
    let (train, best) = (learning.len(), validation.len());
    job.reporter.info(&format!("{train} patches to learn from, {best} to choose the best epoch by"));
    let data = Data { train: &learning, validation: &validation };
    train::train(&mut state, &plan, &data, &partial, job.reporter)?;
    for (set, name) in [(&learning, "the training patches"), (&validation, "the validation patches")] {
        patches::warn_of_blank(job, name, set, &(0..set.len()).collect::<Vec<_>>());
    }
    let numbers = write(job, &state, side)?;
    Ok(Outcome { numbers, resumed, ..Outcome::default() })
}

/// Patches of one class teach nothing, and cannot tell well which epoch is best.
fn check_classes(job: &Job<'_>, learning: &PatchSet, validation: &PatchSet) -> Result<()> {
    if let Some(class) = learning.only_class() {
        bail!("all {} training patches are of class {class}: a classifier needs both", learning.len());
    }
    if let Some(class) = validation.only_class() {
        let count = validation.len();
        job.reporter.warn(&format!(
            "all {count} validation patches are of class {class}: the best epoch is chosen by that class alone"
        ));
    }
    Ok(())
}

fn begin(job: &Job<'_>, stage: &Train) -> Result<State> {
    let source = match stage.weights {
        Some(_) => {
            let Train { architecture, replace_head, .. } = stage;
            let want = Want::Start { architecture, replace_head: *replace_head };
            Source::Start { file: job.weights("weights", want)?.tensors, seed: stage.seed }
        }
        None => Source::Seed(stage.seed),
    };
    State::new(Recipe::from(stage), source, job.device)
}

fn made_with(job: &Job<'_>) -> String {
    let threads = job.task.resources.threads;
    format!("{threads} thread{} on {}", if threads == 1 { "" } else { "s" }, device::name(job.device))
}

/// Writes the artifacts; returns the main numbers.
fn write(job: &Job<'_>, state: &State, side: Side) -> Result<Vec<Number>> {
    let best = state.best.as_ref().context("the training has no best epoch")?;
    job.write(
        "model.safetensors",
        &to_bytes(
            &best.model,
            Some(metadata::entry(&state.recipe.architecture, side, state.recipe.normalise.as_ref())),
        )?,
    )?;
    job.write("checkpoint.safetensors", &checkpoint::encode(state)?)?;
    job.write("history.json", &serde_json::to_vec_pretty(&state.history)?)?;
    // After a resumption without an epoch nothing joins.
    let joins: Vec<u32> = state.resumed_after.iter().copied().filter(|&epoch| epoch < state.epoch).collect();
    job.write_picture("curves", &training_curves(&state.history, &joins)?)?;
    Ok(defined([
        ("validation-accuracy", state.history.best().map(|epoch| epoch.validation_accuracy)),
        ("validation-loss", Some(best.validation_loss)),
        ("best-epoch", Some(f64::from(best.epoch))),
        ("epochs", Some(f64::from(state.epoch))),
    ]))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        path::{Path, PathBuf},
    };

    use pcamflow::{
        metrics::History,
        protocol::{EpochEnd, InputFile, Resources, Task},
        serve::Reporter,
        stages::{
            AnyStage, DeviceChoice, RunSettings, StageName, TrainingData,
            train::{Adam, Augmentation, Constant, Optimizer, Schedule},
        },
    };
    use tch::Device;

    use super::*;
    use crate::{
        batches::{Patches, tests::noise},
        model::testing::{load_model, tiny},
    };

    struct Silent;

    impl Reporter for Silent {
        fn progress(&self, _: u64, _: u64, _: &str, _: &str) {}
        fn epoch(&self, _: EpochEnd, _: Vec<f32>) {}
        fn info(&self, _: &str) {}
        fn warn(&self, text: &str) {
            panic!("{text}");
        }
    }

    fn stage(epochs: u32) -> Train {
        Train {
            data: TrainingData::Split("split.s".parse::<StageName>().unwrap()),
            weights: None,
            replace_head: false,
            architecture: tiny(),
            epochs,
            batch_size: 8,
            optimizer: Optimizer::Adam(Adam::default()),
            schedule: Schedule::Constant(Constant::default()),
            clip_gradients: None,
            class_weights: None,
            augmentation: Augmentation::default(),
            early_stopping: None,
            shuffle: true,
            precision: Precision::Float32,
            normalise: None,
            seed: 3,
            run: RunSettings::default(),
        }
    }

    /// A part of a split with noise.
    fn part(path: PathBuf, length: usize, seed: u64) -> InputFile {
        let patches = noise(length, seed);
        let file = hdf5::File::create(&path).unwrap();
        let x = file.new_dataset::<u8>().shape([length, 96, 96, 3]).create("x").unwrap();
        x.write_raw(&patches.pixels).unwrap();
        let y = file.new_dataset::<u8>().shape([length]).create("y").unwrap();
        y.write_raw(patches.labels()).unwrap();
        let row = file.new_dataset::<i64>().shape([length]).create("row").unwrap();
        row.write_raw(&(0..length as i64).collect::<Vec<_>>()).unwrap();
        InputFile { name: format!("split.s/{}", path.file_stem().unwrap().display()), path }
    }

    fn task(folder: &Path, stage: Train) -> Task {
        let inputs = BTreeMap::from([
            ("data.train".to_owned(), part(folder.join("train.h5"), 20, 1)),
            ("data.validation".to_owned(), part(folder.join("validation.h5"), 9, 2)),
        ]);
        let (staging, work) = (folder.join("staging"), folder.join("work"));
        std::fs::create_dir_all(&staging).unwrap();
        let resources = Resources {
            device: DeviceChoice::Cpu,
            threads: 1,
            inference_batch: None,
            memory: None,
            precision_fallback: false,
            checkpoint_interval: 1,
            timeout: None,
        };
        Task {
            name: "train.t".to_owned(),
            stage: AnyStage::Train(Box::new(stage)),
            inputs,
            staging,
            work,
            resources,
            data: None,
            launcher: None,
            token: None,
        }
    }

    fn artifact(task: &Task, file: &str) -> Vec<u8> {
        std::fs::read(task.staging.join(file)).unwrap()
    }

    #[test]
    fn every_artifact_is_written_and_the_numbers_are_in_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path(), stage(2));
        let outcome = super::super::run(&task, &Silent).unwrap();
        for declared in task.stage.artifacts() {
            assert!(!artifact(&task, &declared.file).is_empty(), "{}", declared.file);
        }
        let history: History = serde_json::from_slice(&artifact(&task, "history.json")).unwrap();
        assert_eq!(history.epochs.len(), 2);
        let best = history.best().unwrap();
        assert_eq!(outcome.numbers[0].value, best.validation_accuracy);
        assert_eq!(outcome.numbers[1].value, best.validation_loss);
        assert_eq!((outcome.device.as_str(), outcome.resumed), ("cpu", None));
        let model = InputFile { path: task.staging.join("model.safetensors"), name: "m".to_owned() };
        assert_eq!(load_model(&model, Device::Cpu).unwrap().architecture(), &tiny());
    }

    #[test]
    fn a_second_attempt_continues_and_gives_the_same_bytes() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let straight = task(folders[0].path(), stage(3));
        super::super::run(&straight, &Silent).unwrap();
        // The state of an attempt that was killed after its first epoch.
        let stopped = task(folders[1].path(), stage(1));
        super::super::run(&stopped, &Silent).unwrap();
        let second = task(folders[1].path(), stage(3));
        let outcome = super::super::run(&second, &Silent).unwrap();
        assert_eq!(outcome.resumed.unwrap(), "epoch 1, made with 1 thread on cpu");
        for declared in straight.stage.artifacts() {
            let same = artifact(&straight, &declared.file) == artifact(&second, &declared.file);
            assert!(same, "{} differs", declared.file);
        }
    }

    /// Damages a file after its patches were unpacked.
    struct DamagesUnpacked(PathBuf);

    impl Reporter for DamagesUnpacked {
        fn progress(&self, done: u64, total: u64, _: &str, at: &str) {
            if at == "unpacking" && done == total {
                let length = std::fs::metadata(&self.0).unwrap().len();
                std::fs::write(&self.0, vec![0xff; length as usize]).unwrap();
            }
        }
        fn epoch(&self, _: EpochEnd, _: Vec<f32>) {}
        fn info(&self, _: &str) {}
        fn warn(&self, _: &str) {}
    }

    /// If training read the damaged file again, it would fail.
    #[test]
    fn packed_patches_are_unpacked_once_for_all_epochs() {
        let packed = |folder: &Path, deep: Option<usize>| {
            let mut task = task(folder, stage(2));
            let path = folder.join("x.h5");
            let pixels = ndarray::Array4::from_shape_vec((20, 96, 96, 3), noise(20, 1).pixels).unwrap();
            let file = hdf5::File::create(&path).unwrap();
            let plain = file.new_dataset_builder();
            let builder = match deep {
                Some(deep) => plain.chunk((deep, 96, 96, 3)).deflate(1),
                None => plain,
            };
            builder.with_data(&pixels).create("x").unwrap();
            let labels = task.inputs.remove("data.train").unwrap();
            let input = |path: &Path, name: &str| InputFile { path: path.to_owned(), name: name.to_owned() };
            task.inputs.insert("data.train.x".to_owned(), input(&path, "x.h5"));
            task.inputs.insert("data.train.y".to_owned(), input(&labels.path, "y.h5"));
            (task, path)
        };
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (flat, _) = packed(folders[0].path(), None);
        super::super::run(&flat, &Silent).unwrap();
        let (deep, path) = packed(folders[1].path(), Some(7));
        super::super::run(&deep, &DamagesUnpacked(path)).unwrap();
        assert!(artifact(&flat, "model.safetensors") == artifact(&deep, "model.safetensors"));
    }

    #[test]
    fn a_training_can_start_from_weights_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut from = stage(1);
        let network = crate::model::testing::tiny_network(99);
        from.weights = Some(pcamflow::stages::Model::File(pcamflow::stages::ModelFile {
            safetensors: pcamflow::stages::SourceFile { path: "model.safetensors".into(), blake3: None },
        }));
        from.optimizer = Optimizer::Adam(Adam { learning_rate: 1e-12, ..Adam::default() });
        let mut task = task(folder.path(), from);
        task.inputs.insert("weights".to_owned(), crate::model::testing::saved(&network, folder.path()));
        super::super::run(&task, &Silent).unwrap();
        let model = InputFile { path: task.staging.join("model.safetensors"), name: "m".to_owned() };
        let trained = load_model(&model, Device::Cpu).unwrap();
        let name = "conv3.weight";
        let off = (&trained.state()[name] - &network.state()[name]).abs().max().double_value(&[]);
        assert!(off < 1e-9, "{off}");
    }

    #[test]
    fn weights_of_another_width_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut wide = stage(1);
        wide.weights = Some(pcamflow::stages::Model::File(pcamflow::stages::ModelFile {
            safetensors: pcamflow::stages::SourceFile { path: "model.safetensors".into(), blake3: None },
        }));
        wide.architecture = pcamflow::stages::train::Architecture::ClassCnn(Default::default());
        let mut task = task(folder.path(), wide);
        let network = crate::model::testing::tiny_network(99);
        task.inputs.insert("weights".to_owned(), crate::model::testing::saved(&network, folder.path()));
        let error = super::super::run(&task, &Silent).unwrap_err().to_string();
        let part = "`conv1.weight` has the shape [2, 3, 3, 3], and the network needs [32, 3, 3, 3]";
        assert!(
            error.starts_with("model.safetensors does not fit the network: 27 tensors have other shapes"),
            "{error}"
        );
        assert!(error.contains(part), "{error}");
        let found = r#"{"class-cnn":{"channels":[2,3,4,5],"hidden":6}}: set `architecture`"#;
        assert!(error.ends_with(found), "{error}");
    }
}
