//! The explanations that are compared. They must be of the same class and score, the same patches and the
//! same model.

use anyhow::{Result, bail, ensure};
use pcamflow::{
    data::{Source, maps::MapSet},
    stages::metrics::Metrics,
};

use crate::{explain::Question, job::Job, jobs::making::question};

/// How much two logits of one model for one image may differ in float32, relative to logits above 1.
const SAME_LOGIT: f32 = 1e-3;
/// The same if one of them comes from a lower precision: bfloat16 moved logits of real patches by up to 0.05.
const SAME_ROUNDED_LOGIT: f32 = 0.1;

/// Explanations by label.
#[derive(Debug)]
pub(super) struct Explanations {
    /// In the order of the labels; at least one.
    pub(super) sets: Vec<(String, MapSet)>,
    /// What all of them explain.
    pub(super) question: Question,
    /// How much their logits, and those of the stage itself, may differ.
    tolerance: f32,
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
        let rounded = |(_, set): &(_, MapSet)| set.making().precision.is_some();
        let tolerance = match stage.precision.unusual().is_some() || sets.iter().any(rounded) {
            true => SAME_ROUNDED_LOGIT,
            false => SAME_LOGIT,
        };
        others.iter().try_for_each(|(_, other)| check_match(first, other, tolerance))?;
        let question = question(first)?;
        Ok(Self { sets, question, tolerance })
    }

    /// Whether the model of the explanations can have given both logits for one image.
    pub(super) fn is_same_logit(&self, a: f32, b: f32) -> bool {
        is_same_logit(a, b, self.tolerance)
    }

    /// The first explanation. The others have the same patches, in the same order.
    pub(super) fn first(&self) -> &MapSet {
        let (_, first) = &self.sets[0];
        first
    }
}

fn check_match(one: &MapSet, other: &MapSet, tolerance: f32) -> Result<()> {
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
        let same = is_same_logit(one.logits()[at], other.logits()[at], tolerance);
        ensure!(same, differ("models", &|maps| format!("row {row} has the logit {}", maps.logits()[at])));
    }
    Ok(())
}

fn is_same_logit(a: f32, b: f32, tolerance: f32) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}
