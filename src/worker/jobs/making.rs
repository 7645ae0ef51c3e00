//! How the maps of a file were made, parsed from the words in its attributes.

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    data::maps::MapSet,
    stages::{NetworkOutput, Normalise, Precision, explain::Method},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::explain::Question;

/// The question that the maps answer.
///
/// # Errors
/// This version does not have the target or the score.
pub(super) fn question(maps: &MapSet) -> Result<Question> {
    let making = maps.making();
    let text = |text: &str| Value::String(text.to_owned());
    let target = read(maps, "target", text(&making.target))?;
    Ok(Question { target, score: read(maps, "score", text(&making.score))? })
}

/// The method of the maps.
///
/// # Errors
/// This version does not have the method or its parameters.
pub(super) fn method(maps: &MapSet) -> Result<Method> {
    let making = maps.making();
    let parameters = Value::Object(making.parameters.clone());
    read(maps, "method", [(making.method.clone(), parameters)].into_iter().collect())
}

/// The precision of the maps.
///
/// # Errors
/// This version does not have it.
pub(super) fn precision(maps: &MapSet) -> Result<Precision> {
    let word = maps.making().precision.clone();
    word.map_or(Ok(Precision::Float32), |word| read(maps, "precision", Value::String(word)))
}

/// What the network of the maps returns, if it came with its code.
///
/// # Errors
/// This version does not have it.
pub(super) fn output(maps: &MapSet) -> Result<Option<NetworkOutput>> {
    let word = maps.making().output.clone();
    word.map(|word| read(maps, "output", Value::String(word))).transpose()
}

/// How images are normalised for the network of the maps: as the maps say, or as a stage does. The model may say it
/// instead.
///
/// # Errors
/// They contradict each other, or this version does not understand the maps.
pub(super) fn normalise(maps: &MapSet, stage: Option<&Normalise>) -> Result<Option<Normalise>> {
    let said = maps.making().normalise.clone();
    let said: Option<Normalise> = said.map(|value| read(maps, "normalise", value)).transpose()?;
    let differ = said.as_ref().zip(stage).is_some_and(|(said, stage)| said != stage);
    ensure!(
        !differ,
        "{} was made with another `normalise` than the stage sets: leave it out there",
        maps.source()
    );
    Ok(said.or_else(|| stage.cloned()))
}

fn read<T: DeserializeOwned>(maps: &MapSet, what: &str, value: Value) -> Result<T> {
    let text = value.to_string();
    let unknown = || format!("{}: this version does not know the `{what}` {text}", maps.source());
    serde_json::from_value(value).with_context(unknown)
}
