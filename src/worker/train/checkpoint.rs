//! A training as the bytes of a safetensors file, and back.
//!
//! `last.model.*`, `last.optimizer.*`, `best.model.*` and `best.optimizer.*` hold the tensors; all the
//! rest is JSON in one metadata entry. The same state gives the same bytes.

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
    last: At,
    best: Option<BestAt>,
    epochs_since_best: u32,
    history: History,
    /// Left out where there are none, as before trainings could be resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resumed_after: Vec<u32>,
}

/// Where an epoch stood.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    epoch: u32,
    steps: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BestAt {
    epoch: u32,
    steps: u64,
    validation_loss: f64,
}

/// The bytes of a state.
///
/// # Errors
/// None in practice: all its tensors are float32.
pub(crate) fn encode(state: &State) -> Result<Vec<u8>> {
    let mut tensors = Named::new();
    let mut add = |prefix: &str, named: Named| {
        tensors.extend(named.into_iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor)));
    };
    add("last.model", state.network.state());
    add("last.optimizer", state.optimizer.state());
    if let Some(best) = &state.best {
        add("best.model", shared(&best.model));
        add("best.optimizer", shared(&best.optimizer));
    }
    to_bytes(&tensors, Some((ENTRY, serde_json::to_string(&describe(state))?)))
}

fn shared(tensors: &Named) -> Named {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

fn describe(state: &State) -> Description {
    let best = state.best.as_ref();
    Description {
        format: FORMAT,
        recipe: state.recipe.clone(),
        last: At { epoch: state.epoch, steps: state.optimizer.steps() },
        best: best.map(|best| BestAt {
            epoch: best.epoch,
            steps: best.steps,
            validation_loss: best.validation_loss,
        }),
        epochs_since_best: state.epochs_since_best,
        history: state.history.clone(),
        resumed_after: state.resumed_after.clone(),
    }
}

/// The state in a checkpoint.
///
/// # Errors
/// A file that is no checkpoint of ours, or whose tensors do not fit its description.
pub(crate) fn decode(mut file: TensorFile, device: Device) -> Result<State> {
    let name = file.name().to_owned();
    let text = file.metadata(ENTRY).map_err(|_| {
        anyhow!(
            "{name} is no checkpoint of pcamflow: weights alone cannot be trained further as if they had never \
             stopped, but `train` can start from them (`weights`)"
        )
    })?;
    let description: Description =
        serde_json::from_str(text).with_context(|| format!("{name}: its description"))?;
    let format = description.format;
    ensure!(format == FORMAT, "{name} has the format {format}, and this pcamflow reads {FORMAT}");
    let source = Source::File(file.take_all("last.model."));
    let mut state = State::new(description.recipe, source, device)?;
    state.optimizer.restore(file.take_all("last.optimizer."), description.last.steps)?;
    state.best = description.best.map(|best| decode_best(&best, &state, &mut file)).transpose()?;
    state.epoch = description.last.epoch;
    state.epochs_since_best = description.epochs_since_best;
    state.history = description.history;
    state.resumed_after = description.resumed_after;
    file.finish()?;
    Ok(state)
}

fn decode_best(best: &BestAt, state: &State, file: &mut TensorFile) -> Result<Best> {
    let model = like(&state.network.state(), file.take_all("best.model."))?;
    let optimizer = like(&state.optimizer.state(), file.take_all("best.optimizer."))?;
    let &BestAt { epoch, steps, validation_loss } = best;
    Ok(Best { epoch, validation_loss, steps, model, optimizer })
}

/// The tensors of a file, which have to be of the names and shapes of `pattern`.
fn like(pattern: &Named, mut file: TensorFile) -> Result<Named> {
    let take = |(name, tensor): (&String, &tch::Tensor)| {
        Ok((name.clone(), file.take(name, &tensor.size())?.to_device(tensor.device())))
    };
    let tensors = pattern.iter().map(take).collect::<Result<_>>()?;
    file.finish()?;
    Ok(tensors)
}
