//! A training as the bytes of a safetensors file, and back.
//!
//! The tensors are named `last.model.*`, `last.optimizer.*`, `best.model.*` and `best.optimizer.*`. Everything
//! else is JSON in one metadata entry. Equal states have equal bytes.

use anyhow::{Context as _, Result, anyhow, ensure};
use pcamflow::metrics::History;
use serde::{Deserialize, Serialize};
use tch::Device;

use super::{Recipe, State, state::Best};
use crate::{
    model::Source,
    tensors::{Named, TensorFile, to_bytes},
};

/// The version of the layout.
const FORMAT: u32 = 1;

/// The metadata entry with the description.
const ENTRY: &str = "pcamflow";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Description {
    format: u32,
    recipe: Recipe,
    last: Last,
    best: Option<BestEpoch>,
    epochs_since_best: u32,
    history: History,
    /// Left out if empty: older versions could not resume trainings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resumed_after: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Last {
    epoch: u32,
    steps: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BestEpoch {
    epoch: u32,
    steps: u64,
    validation_loss: f64,
}

/// The bytes of a state.
///
/// # Errors
/// None in practice: all tensors are float32.
pub(crate) fn encode(state: &State) -> Result<Vec<u8>> {
    let mut tensors = Named::new();
    let mut add = |prefix: &str, named: &Named| {
        let named = named.iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor.shallow_clone()));
        tensors.extend(named);
    };
    add("last.model", &state.network.state());
    add("last.optimizer", &state.optimizer.state());
    if let Some(best) = &state.best {
        add("best.model", &best.model);
        add("best.optimizer", &best.optimizer);
    }
    to_bytes(&tensors, Some((ENTRY, serde_json::to_string(&describe(state))?)))
}

fn describe(state: &State) -> Description {
    let best = state.best.as_ref().map(|&Best { epoch, steps, validation_loss, .. }| BestEpoch {
        epoch,
        steps,
        validation_loss,
    });
    Description {
        format: FORMAT,
        recipe: state.recipe.clone(),
        last: Last { epoch: state.epoch, steps: state.optimizer.steps() },
        best,
        epochs_since_best: state.epochs_since_best,
        history: state.history.clone(),
        resumed_after: state.resumed_after.clone(),
    }
}

/// The state in a checkpoint.
///
/// # Errors
/// The file is not a checkpoint of pcamflow, or its tensors do not fit its description.
pub(crate) fn decode(mut file: TensorFile, device: Device) -> Result<State> {
    let name = file.name().to_owned();
    // A file of weights has an entry of this name, too, with the description of its network.
    let text = file.metadata(ENTRY).filter(|_| file.is_checkpoint()).ok_or_else(|| {
        anyhow!(
            "{name} is not a checkpoint of pcamflow: weights alone are not enough to continue a training, but \
             `train` can start from them (`weights`)"
        )
    })?;
    let description: Description =
        serde_json::from_str(text).with_context(|| format!("{name}: its description"))?;
    let Description { format, recipe, last, best, epochs_since_best, history, resumed_after } = description;
    ensure!(format == FORMAT, "{name} has the format {format}, but this pcamflow reads the format {FORMAT}");
    let mut state = State::new(recipe, Source::File(file.take_all("last.model.")), device)?;
    state.optimizer.load(&take_like(&mut file, "last.optimizer.", &state.optimizer.state())?, last.steps)?;
    if let Some(BestEpoch { epoch, steps, validation_loss }) = best {
        let model = take_like(&mut file, "best.model.", &state.network.state())?;
        let optimizer = take_like(&mut file, "best.optimizer.", &state.optimizer.state())?;
        state.best = Some(Best { epoch, validation_loss, steps, model, optimizer });
    }
    file.finish()?;
    Ok(State { epoch: last.epoch, epochs_since_best, history, resumed_after, ..state })
}

/// Takes the tensors below a prefix, which must have the names and shapes of `pattern`.
fn take_like(file: &mut TensorFile, prefix: &str, pattern: &Named) -> Result<Named> {
    let mut file = file.take_all(prefix);
    let take = |(name, tensor): (&String, &tch::Tensor)| {
        Ok((name.clone(), file.take(name, &tensor.size())?.to_device(tensor.device())))
    };
    let tensors = pattern.iter().map(take).collect::<Result<_>>()?;
    file.finish()?;
    Ok(tensors)
}
