//! The maps that are compared: they have to answer one question about one model and the same patches.

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::{
    data::{Source, maps::MapSet},
    stages::{
        explain::{Score, Target},
        metrics::Metrics,
    },
};
use serde::de::{DeserializeOwned, value::Error};
use serde::de::{IntoDeserializer, value::StrDeserializer};

use super::Job;
use crate::explain::Question;

/// How far the logits of one image may lie apart that one model gave, computed in different ways; a share
/// of the logit where that is above 1.
const SAME_LOGIT: f32 = 1e-3;

/// Maps of one question, by label.
#[derive(Debug)]
pub(super) struct Explanations {
    /// In the order of the labels; at least one.
    pub(super) sets: Vec<(String, MapSet)>,
    /// What they explain.
    pub(super) question: Question,
}

impl Explanations {
    /// Opens the slots `explanations.LABEL`.
    ///
    /// # Errors
    /// What is wrong with a file; explanations of different rows, labels, classes, scores or models.
    pub(super) fn open(job: &Job<'_>, stage: &Metrics) -> Result<Self> {
        let open = |label: String| {
            let file = job.input(&format!("explanations.{label}"))?;
            Ok((label, MapSet::open(&Source::new(&file.path, &file.name))?))
        };
        let labels = stage.explanations.keys().map(ToString::to_string);
        let sets = labels.map(open).collect::<Result<Vec<_>>>()?;
        let Some(((_, first), others)) = sets.split_first() else {
            bail!("there are no explanations to measure");
        };
        others.iter().try_for_each(|(_, other)| agree(first, other))?;
        let question = question(first)?;
        Ok(Self { sets, question })
    }

    /// The first of them: all others are of the same patches.
    pub(super) fn first(&self) -> &MapSet {
        let (_, first) = &self.sets[0];
        first
    }
}

fn question(maps: &MapSet) -> Result<Question> {
    let making = maps.making();
    let target: Target = word(&making.target).with_context(|| format!("{}: `target`", maps.source()))?;
    let score: Score = word(&making.score).with_context(|| format!("{}: `score`", maps.source()))?;
    Ok(Question { target, score })
}

/// Reads a word as a pipeline file would.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let word: StrDeserializer<'_, Error> = text.into_deserializer();
    T::deserialize(word)
}

/// # Errors
/// They are not of the same question: says in what they differ.
fn agree(one: &MapSet, other: &MapSet) -> Result<()> {
    let (a, b) = (one.source(), other.source());
    let (of_a, of_b) = (one.making(), other.making());
    for (what, in_a, in_b) in
        [("classes (`target`)", &of_a.target, &of_b.target), ("scores (`score`)", &of_a.score, &of_b.score)]
    {
        ensure!(
            in_a == in_b,
            "explanations of different {what} cannot be compared: `{in_a}` in {a}, `{in_b}` in {b}"
        );
    }
    ensure!(
        one.len() == other.len(),
        "explanations of different rows cannot be compared: {} maps in {a}, {} in {b}",
        one.len(),
        other.len()
    );
    let wrong = (0..one.len()).find(|&at| one.rows()[at] != other.rows()[at]);
    if let Some(at) = wrong {
        let (in_a, in_b) = (one.rows()[at], other.rows()[at]);
        bail!(
            "explanations of different rows cannot be compared: map {at} is of row {in_a} in {a}, of row \
             {in_b} in {b}"
        );
    }
    let wrong = (0..one.len()).find(|&at| one.labels()[at] != other.labels()[at]);
    if let Some(at) = wrong {
        let (row, in_a, in_b) = (one.rows()[at], one.labels()[at], other.labels()[at]);
        bail!(
            "explanations of different patches cannot be compared: row {row} has the label {in_a} in {a}, \
             {in_b} in {b}"
        );
    }
    let wrong = (0..one.len()).find(|&at| !same_logit(one.logits()[at], other.logits()[at]));
    if let Some(at) = wrong {
        let (row, in_a, in_b) = (one.rows()[at], one.logits()[at], other.logits()[at]);
        bail!(
            "explanations of different models cannot be compared: row {row} has the logit {in_a} in {a}, \
             {in_b} in {b}"
        );
    }
    Ok(())
}

/// Whether one model can have given both logits for one image.
pub(super) fn same_logit(a: f32, b: f32) -> bool {
    (a - b).abs() <= SAME_LOGIT * a.abs().max(b.abs()).max(1.0)
}
