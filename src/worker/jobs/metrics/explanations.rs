//! The maps that are compared: they have to answer one question about one model and the same patches.

use anyhow::{Context as _, Result, bail, ensure};
use pcamflow::{
    data::{Source, maps::MapSet},
    stages::{
        explain::{Score, Target},
        metrics::Metrics,
    },
};
use serde::de::{
    DeserializeOwned, IntoDeserializer,
    value::{Error, StrDeserializer},
};

use crate::{explain::Question, job::Job};

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
/// They are not of the same question, or not of the same patches: says in what they differ.
fn agree(one: &MapSet, other: &MapSet) -> Result<()> {
    let (here, there) = (one.making(), other.making());
    let words = [
        ("classes (`target`)", &here.target, &there.target),
        ("scores (`score`)", &here.score, &there.score),
    ];
    for (what, here, there) in words {
        ensure!(here == there, different(what, (one, format!("`{here}`")), (other, format!("`{there}`"))));
    }
    let [here, there] = [one, other].map(MapSet::len);
    let count = |count: usize| format!("{count} maps");
    ensure!(here == there, different("rows", (one, count(here)), (other, count(there))));
    (0..one.len()).try_for_each(|at| agree_at(at, one, other))
}

fn agree_at(at: usize, one: &MapSet, other: &MapSet) -> Result<()> {
    let told = |what: &str, tell: &dyn Fn(&MapSet) -> String| {
        different(what, (one, tell(one)), (other, tell(other)))
    };
    let row = one.rows()[at];
    let same = row == other.rows()[at];
    ensure!(same, told("rows", &|maps| format!("map {at} is of row {}", maps.rows()[at])));
    let same = one.labels()[at] == other.labels()[at];
    ensure!(same, told("patches", &|maps| format!("row {row} has the label {}", maps.labels()[at])));
    let same = same_logit(one.logits()[at], other.logits()[at]);
    ensure!(same, told("models", &|maps| format!("row {row} has the logit {}", maps.logits()[at])));
    Ok(())
}

fn different(what: &str, one: (&MapSet, String), other: (&MapSet, String)) -> String {
    let [here, there] = [one, other].map(|(maps, says)| format!("{says} in {}", maps.source()));
    format!("explanations of different {what} cannot be compared: {here}, {there}")
}

/// Whether one model can have given both logits for one image.
pub(super) fn same_logit(a: f32, b: f32) -> bool {
    (a - b).abs() <= SAME_LOGIT * a.abs().max(b.abs()).max(1.0)
}
