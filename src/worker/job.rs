//! A task as its computation sees it: inputs by slot, the model, where artifacts go, whom to tell.
//!
//! Knows no kind of stage.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use pcamflow::{
    fsx::{self, Durability},
    protocol::{InputFile, Task},
    report::Picture,
    serve::Reporter,
};
use serde::Serialize;
use tch::Device;

use crate::{
    model::{Network, network_of, read_weights},
    tensors::TensorFile,
};

/// A task, and where to compute it.
pub(crate) struct Job<'a> {
    /// What to compute.
    pub(crate) task: &'a Task,
    /// Whom to tell how far it is.
    pub(crate) reporter: &'a dyn Reporter,
    /// Where its tensors live.
    pub(crate) device: Device,
}

impl Job<'_> {
    /// The file behind a slot.
    ///
    /// # Errors
    /// The engine sent no such slot.
    pub(crate) fn input(&self, slot: &str) -> Result<&InputFile> {
        let message = || format!("the task for {} came without the input `{slot}`", self.task.name);
        self.task.inputs.get(slot).with_context(message)
    }

    /// The model that the stage asks, noted in its log.
    ///
    /// # Errors
    /// The file is no model, or its tensors are not one's.
    pub(crate) fn model(&self) -> Result<Network> {
        let input = self.input("model")?;
        let network = network_of(self.weights("model")?, self.device)?;
        let architecture = serde_json::to_string(network.architecture())?;
        self.reporter.info(&format!("the model {} is {architecture}", input.name));
        Ok(network)
    }

    /// The tensors of a network behind a slot, under the names that they have without wrappers.
    ///
    /// # Errors
    /// The file holds no weights.
    pub(crate) fn weights(&self, slot: &str) -> Result<TensorFile> {
        let input = self.input(slot)?;
        let (file, prefix) = read_weights(input)?;
        if !prefix.is_empty() {
            self.reporter.warn(&format!(
                "{}: all names of tensors begin with `{prefix}`, as a wrapper writes them: they are read without it",
                input.name
            ));
        }
        Ok(file)
    }

    /// Where an artifact goes, by its declared file name.
    pub(crate) fn artifact(&self, file: &str) -> PathBuf {
        self.task.staging.join(file)
    }

    /// Writes an artifact under its declared file name.
    ///
    /// # Errors
    /// A full disk.
    pub(crate) fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        Ok(fsx::write_atomic(&self.artifact(file), bytes, Durability::Relaxed)?)
    }

    /// Writes an artifact as JSON.
    ///
    /// # Errors
    /// A full disk.
    pub(crate) fn write_json(&self, file: &str, value: &impl Serialize) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(value)?;
        json.push(b'\n');
        self.write(file, &json)
    }

    /// Writes an artifact as CSV, floats in the shortest form that reads back as the same number.
    ///
    /// # Errors
    /// A full disk.
    pub(crate) fn write_table<L: Serialize>(&self, file: &str, lines: &[L]) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        lines.iter().try_for_each(|line| writer.serialize(line))?;
        self.write(file, &writer.into_inner().with_context(|| format!("cannot finish {file}"))?)
    }

    /// Writes the two artifacts of a picture.
    ///
    /// # Errors
    /// A full disk.
    pub(crate) fn write_picture(&self, name: &str, picture: &Picture) -> Result<()> {
        self.write(&format!("{name}.png"), &picture.png()?)?;
        self.write(&format!("{name}.svg"), picture.svg()?.as_bytes())
    }

    /// As many threads as the stage may use, for what needs no libtorch.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn threads(&self) -> Result<rayon::ThreadPool> {
        let threads = self.task.resources.threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.with_context(|| format!("cannot start {threads} threads"))
    }
}
