//! The network that a stage asks: weights for a network of ours, or a network with its code, tried on its patches.

use anyhow::Result;
use pcamflow::{
    data::maps::MapSet,
    stages::{Model, NetworkOutput, Normalise, Precision},
};
use tch::Tensor;

use super::{images::Images, making};
use crate::{
    batches::Batch,
    job::Job,
    model::{Classifier, Script},
};

/// Patches of a trial run. With fewer than two, nobody sees whether a patch depends on its batch.
const TRIED: usize = 8;

/// How a stage computes its model.
pub(super) struct How<'a> {
    pub(super) form: Form,
    pub(super) precision: Precision,
    pub(super) normalise: Option<&'a Normalise>,
}

/// What the file of a model is. Code is executed only where a pipeline file says that there is code.
pub(super) enum Form {
    Weights,
    /// With what the network returns, if that is said.
    Script(Option<NetworkOutput>),
}

impl Form {
    /// That of a stage's own model.
    pub(super) fn of(model: &Model, output: Option<NetworkOutput>) -> Self {
        match model {
            Model::Artifact(_) | Model::File(_) => Self::Weights,
            Model::Script(_) => Self::Script(output),
        }
    }

    /// That of the model that maps are of.
    ///
    /// # Errors
    /// This version does not know what the maps say.
    pub(super) fn of_maps(maps: &MapSet) -> Result<Self> {
        Ok(making::output(maps)?.map_or(Self::Weights, |output| Self::Script(Some(output))))
    }
}

/// The network in the slot `model`, noted in the log.
///
/// # Errors
/// The file is not a valid model, or it does not fit the patches or the device.
pub(super) fn open(job: &Job<'_>, how: &How<'_>, images: &Images) -> Result<Box<dyn Classifier>> {
    match how.form {
        Form::Weights => {
            let network = job.model(how.precision, how.normalise, images.set.side())?;
            Ok(Box::new(network))
        }
        Form::Script(asked) => {
            let file = job.input("model")?;
            let script = Script::open(file, how.normalise, asked, &to_try(job, images)?)?;
            let output = script.output().map_or("", NetworkOutput::word);
            job.reporter
                .info(&format!("the model {} is a TorchScript network that returns `{output}`", file.name));
            Ok(Box::new(script))
        }
    }
}

/// Some of the patches that the network will be asked about, spread over all of them.
fn to_try(job: &Job<'_>, images: &Images) -> Result<Tensor> {
    let all = &images.positions;
    let positions: Vec<usize> = (0..TRIED).map(|at| all[at * all.len() / TRIED]).collect();
    Ok(Batch::read(&images.set, &positions)?.images(job.device))
}
