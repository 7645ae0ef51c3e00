//! Reads files of weights as they are found in the wild: finds the tensors of a network among the names of a file.
//!
//! Names may have anything before them (`module.`, `state_dict.model.`), and other tensors may stand beside the network
//! (`optimizer.`), as long as exactly one way to read the file gives the whole network.

mod notes;
mod reading;
mod refusal;

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::{fsx, protocol::InputFile, stages::architecture::Architecture};

pub(crate) use reading::Want;

use crate::tensors::{TensorFile, are_checkpoint, headers};
use reading::{Reading, Stored, is_inside_network, newer, prefixes, twice};

/// The tensors of a network.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) architecture: Architecture,
    /// All tensors, except those of a head that is replaced.
    pub(crate) tensors: TensorFile,
    /// What was not taken as it is in the file.
    pub(crate) notes: Vec<String>,
}

/// The tensors of a network in a safetensors file.
///
/// # Errors
/// The file is not safetensors, it is a checkpoint, or there is not exactly one way to read it as such a network. Or a
/// tensor of the network has a type or a value that none can have.
pub(crate) fn read_weights(input: &InputFile, want: Want<'_>) -> Result<Weights> {
    let name = &input.name;
    let bytes = fsx::read(&input.path).with_context(|| format!("cannot open {name}"))?;
    let stored = headers(name, &bytes)?;
    ensure!(
        !are_checkpoint(stored.keys()),
        "{name} is the checkpoint of a training, but weights are expected: use the `model.safetensors` beside it, or \
         continue the training in a `resume-train` stage"
    );
    if let Some(tensor) = twice(&stored) {
        bail!("{name} holds `{tensor}` also under its newer name `{}`: leave out one of them", newer(tensor));
    }
    let reading = only(name, &stored, want)?;
    let tensors = TensorFile::parse_as(name, &bytes, |tensor| reading.inside(tensor))?;
    let notes = notes::notes(name, &stored, &reading, want);
    Ok(Weights { architecture: reading.architecture, tensors, notes })
}

/// The only way to read a file.
fn only(name: &str, stored: &Stored, want: Want<'_>) -> Result<Reading> {
    let (mut fitting, mut others) = (Vec::new(), Vec::new());
    for prefix in prefixes(stored) {
        match Reading::new(name, &prefix, stored, want) {
            Ok(reading) if reading.fits(want) => fitting.push(reading),
            // A block of a network is no network of its own.
            _ if is_inside_network(&prefix, stored) => {}
            other => others.push(other),
        }
    }
    match fitting.len() {
        0 => Err(refusal::none(name, stored, others, want)),
        1 => Ok(fitting.swap_remove(0)),
        _ => Err(refusal::several(name, &fitting)),
    }
}

#[cfg(test)]
mod tests;
