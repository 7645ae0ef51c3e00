//! The explanations that are compared. They must be of the same class and score, the same patches and the
//! same model.

use anyhow::{Result, bail, ensure};
use pcamflow::{
    data::{Source, maps::MapSet},
    stages::metrics::Metrics,
};

use crate::{explain::Question, job::Job, jobs::making::question};

/// How much two logits of one model for one image may differ, relative to logits above 1.
const SAME_LOGIT: f32 = 1e-3;

/// Explanations by label.
#[derive(Debug)]
pub(super) struct Explanations {
    /// In the order of the labels; at least one.
    pub(super) sets: Vec<(String, MapSet)>,
    /// What all of them explain.
    pub(super) question: Question,
}

impl Explanations {
    /// Opens the slots `explanations.LABEL`.
    ///
    /// # Errors
    /// A file is invalid, or the explanations differ in rows, labels, class, score or model.
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
        others.iter().try_for_each(|(_, other)| check_match(first, other))?;
        let question = question(first)?;
        Ok(Self { sets, question })
    }

    /// The first explanation. The others have the same patches, in the same order.
    pub(super) fn first(&self) -> &MapSet {
        let (_, first) = &self.sets[0];
        first
    }
}

fn check_match(one: &MapSet, other: &MapSet) -> Result<()> {
    let differ = |what: &str, value: &dyn Fn(&MapSet) -> String| {
        let [here, there] = [one, other].map(|maps| format!("{} in {}", value(maps), maps.source()));
        format!("explanations of different {what} cannot be compared: {here}, {there}")
    };
    let target = |maps: &MapSet| format!("`{}`", maps.making().target);
    ensure!(target(one) == target(other), differ("classes (`target`)", &target));
    let score = |maps: &MapSet| format!("`{}`", maps.making().score);
    ensure!(score(one) == score(other), differ("scores (`score`)", &score));
    ensure!(one.len() == other.len(), differ("rows", &|maps| format!("{} maps", maps.len())));
    for (at, row) in one.rows().iter().enumerate() {
        let same = *row == other.rows()[at];
        ensure!(same, differ("rows", &|maps| format!("map {at} is of row {}", maps.rows()[at])));
        let same = one.labels()[at] == other.labels()[at];
        ensure!(same, differ("patches", &|maps| format!("row {row} has the label {}", maps.labels()[at])));
        let same = same_logit(one.logits()[at], other.logits()[at]);
        ensure!(same, differ("models", &|maps| format!("row {row} has the logit {}", maps.logits()[at])));
    }
    Ok(())
}

/// Whether one model can have given both logits for one image.
pub(super) fn same_logit(a: f32, b: f32) -> bool {
    (a - b).abs() <= SAME_LOGIT * a.abs().max(b.abs()).max(1.0)
}
