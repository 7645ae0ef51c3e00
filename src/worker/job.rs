//! A task for its computation: inputs by slot, the model, artifacts, the reporter. The same for all kinds of
//! stages.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    fsx::{self, Durability},
    protocol::{InputFile, Task},
    report::Picture,
    serve::Reporter,
    side::Side,
    stages::{Normalise, Precision},
};
use serde::Serialize;
use tch::{Device, Kind};

use crate::{
    model::{Network, Source, Want, Weights, metadata::Input, read_weights},
    precision,
};

/// A task, and the device that computes it.
pub(crate) struct Job<'a> {
    pub(crate) task: &'a Task,
    pub(crate) reporter: &'a dyn Reporter,
    pub(crate) device: Device,
}

impl Job<'_> {
    /// The file of a slot.
    ///
    /// # Errors
    /// The task has no such slot.
    pub(crate) fn input(&self, slot: &str) -> Result<&InputFile> {
        let message = || format!("the task for {} has no input `{slot}`", self.task.name);
        self.task.inputs.get(slot).with_context(message)
    }

    /// The numbers of a precision on the stage's device.
    ///
    /// # Errors
    /// The device has none, and the stage must not compute in float32 instead.
    pub(crate) fn numbers(&self, precision: Precision) -> Result<Kind> {
        let fallback = self.task.resources.precision_fallback;
        let (kind, warning) = precision::resolve(precision, self.device, fallback)?;
        warning.iter().for_each(|text| self.reporter.warn(text));
        Ok(kind)
    }

    /// The model of the stage for patches of this side, noted in its log.
    ///
    /// # Errors
    /// The file is not a valid model, it was trained on patches of another size or with another normalisation, or the
    /// device lacks the precision.
    pub(crate) fn model(
        &self,
        precision: Precision,
        normalise: Option<&Normalise>,
        side: Side,
    ) -> Result<Network> {
        let input = self.input("model")?;
        let numbers = self.numbers(precision)?;
        let Weights { architecture, tensors, .. } = self.weights("model", Want::Any)?;
        let said = Input::of(&tensors);
        let trained = said.side().unwrap_or(side);
        let name = &input.name;
        ensure!(trained == side, "{name} was trained on patches of {trained} pixels, but these have {side}");
        let mut network = Network::new(&architecture, Source::File(tensors), self.device)?;
        network.compute_in(numbers);
        network.normalise(agreed(name, said.normalise.as_ref(), normalise)?);
        let architecture = serde_json::to_string(network.architecture())?;
        self.reporter.info(&format!("the model {} is {architecture}", input.name));
        Ok(network)
    }

    /// The weights of a slot. The log says what was not taken as it is in the file.
    ///
    /// # Errors
    /// The file holds no such weights.
    pub(crate) fn weights(&self, slot: &str, want: Want<'_>) -> Result<Weights> {
        let weights = read_weights(self.input(slot)?, want)?;
        weights.notes.iter().for_each(|note| self.reporter.warn(note));
        Ok(weights)
    }

    /// The path of an artifact, by its declared file name.
    pub(crate) fn artifact(&self, file: &str) -> PathBuf {
        self.task.staging.join(file)
    }

    /// Writes an artifact.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        Ok(fsx::write_atomic(&self.artifact(file), bytes, Durability::Relaxed)?)
    }

    /// Writes an artifact as JSON.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn write_json(&self, file: &str, value: &impl Serialize) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(value)?;
        json.push(b'\n');
        self.write(file, &json)
    }

    /// Writes an artifact as CSV. Floats have the shortest form that reads back as the same number.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn write_table<L: Serialize>(&self, file: &str, lines: &[L]) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        lines.iter().try_for_each(|line| writer.serialize(line))?;
        self.write(file, &writer.into_inner().with_context(|| format!("cannot finish {file}"))?)
    }

    /// Writes a picture as two artifacts, PNG and SVG.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn write_picture(&self, name: &str, picture: &Picture) -> Result<()> {
        self.write(&format!("{name}.png"), &picture.png()?)?;
        self.write(&format!("{name}.svg"), picture.svg()?.as_bytes())
    }

    /// A pool with the threads of the stage, for work without libtorch.
    ///
    /// # Errors
    /// The system starts no threads.
    pub(crate) fn threads(&self) -> Result<rayon::ThreadPool> {
        let threads = self.task.resources.threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.with_context(|| format!("cannot start {threads} threads"))
    }
}

/// How images are normalised: as the model says, or, if it says nothing, as the stage does.
fn agreed<'a>(
    name: &str,
    model: Option<&'a Normalise>,
    stage: Option<&'a Normalise>,
) -> Result<Option<&'a Normalise>> {
    let differ = model.zip(stage).is_some_and(|(model, stage)| model != stage);
    ensure!(!differ, "{name} was trained with another `normalise` than the stage sets: leave it out there");
    Ok(model.or(stage))
}
