//! The network that a stage asks: weights for a network of ours, or a network with its code, tried on its patches.

use anyhow::{Result, ensure};
use pcamflow::stages::{NetworkOutput, Normalise, Precision, SCRIPT_SLOT};
use tch::Tensor;

use super::images::Images;
use crate::{
    batches::Batch,
    job::Job,
    model::{Classifier, Script},
};

/// Patches of a trial run. With fewer than two, nobody sees whether a patch depends on its batch.
const TRIED: usize = 8;

/// How a stage computes its model.
pub(super) struct How<'a> {
    pub(super) precision: Precision,
    pub(super) normalise: Option<&'a Normalise>,
    /// What a network with its code returns, if that is said.
    pub(super) output: Option<NetworkOutput>,
}

/// The model of the stage, noted in the log. Code is executed only if the pipeline file says that there is code: such a
/// file has a slot of its own.
///
/// # Errors
/// The file is not a valid model, or it does not fit the patches or the device.
pub(super) fn open(job: &Job<'_>, how: &How<'_>, images: &Images) -> Result<Box<dyn Classifier>> {
    let Some(file) = job.task.inputs.get(SCRIPT_SLOT) else {
        return Ok(Box::new(job.model(how.precision, how.normalise, images.set.side())?));
    };
    let script = Script::open(file, how.normalise, how.output, &to_try(job, images)?)?;
    let output = script.output().map_or("", NetworkOutput::word);
    job.reporter.info(&format!("the model {} is a TorchScript network that returns `{output}`", file.name));
    Ok(Box::new(script))
}

/// Some of the patches that the network will be asked about, spread over all of them.
fn to_try(job: &Job<'_>, images: &Images) -> Result<Tensor> {
    let all = &images.positions;
    ensure!(!all.is_empty(), "{} has no patches", images.name);
    let positions: Vec<usize> = (0..TRIED).map(|at| all[at * all.len() / TRIED]).collect();
    Ok(Batch::read(&images.set, &positions)?.images(job.device))
}
