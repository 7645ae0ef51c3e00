//! The results of repeats and of the trials of a sweep: how each trial ended, and the main numbers.
//!
//! Knows the stages of all trials and what a run finished; knows neither tables nor which number is better.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
};

pub use crate::engine::tell::trial::{PlannedTrial, TrialNumber, TrialOutcome, TrialResult};
use crate::engine::tell::{
    ended::{FailedStage, FinishedStage},
    repeats::{Repeated, show as show_repeats, together},
    trial::FOLDER,
};
use crate::{
    pipeline::{Pipeline, Trial, TrialValue, shown},
    protocol::Number,
    stages::StageName,
};

/// The trials of a sweep with their stages; none if the pipeline is not a sweep.
#[must_use]
pub fn planned(pipeline: &Pipeline) -> Vec<PlannedTrial> {
    let name = |stage: &usize| pipeline.stages[*stage].name.to_string();
    let planned = |trial: &Trial| PlannedTrial {
        trial: trial.name.clone(),
        values: values(trial),
        stages: trial.stages.iter().map(name).collect(),
    };
    pipeline.trials.iter().map(planned).collect()
}

fn values(trial: &Trial) -> BTreeMap<String, String> {
    trial.values.iter().map(|value| (value.key.clone(), value.value.clone())).collect()
}

/// How the stages of a run ended.
pub(in crate::engine) struct Ends<'a> {
    pipeline: &'a Pipeline,
    /// By the stages' indices.
    ends: Vec<End<'a>>,
}

/// How a stage ended.
#[derive(Clone, Copy)]
enum End<'a> {
    OutOfScope,
    NotRun,
    Failed,
    Done(&'a FinishedStage),
}

impl<'a> End<'a> {
    fn done(self) -> Option<&'a FinishedStage> {
        match self {
            Self::Done(stage) => Some(stage),
            Self::OutOfScope | Self::NotRun | Self::Failed => None,
        }
    }
}

impl<'a> Ends<'a> {
    pub(in crate::engine) fn new(
        pipeline: &'a Pipeline,
        order: &[usize],
        finished: &'a [FinishedStage],
        failed: &[FailedStage],
    ) -> Self {
        let finished: HashMap<&str, &FinishedStage> =
            finished.iter().map(|stage| (stage.stage.as_str(), stage)).collect();
        let failed: HashSet<&str> = failed.iter().map(|stage| stage.stage.as_str()).collect();
        let mut ends = vec![End::OutOfScope; pipeline.stages.len()];
        for stage in order {
            let name = pipeline.stages[*stage].name.to_string();
            ends[*stage] = match finished.get(name.as_str()) {
                Some(done) => End::Done(done),
                None if failed.contains(name.as_str()) => End::Failed,
                None => End::NotRun,
            };
        }
        Self { pipeline, ends }
    }

    /// The result of every trial, and warnings. Artifacts are shown below `folder`; the tables of repeats are
    /// written to the folder of each trial.
    pub(in crate::engine) fn results(&self, folder: &Path) -> (Vec<TrialResult>, Vec<String>) {
        let mut warnings = Vec::new();
        let result = |trial: &Trial| {
            let folder = folder.join(FOLDER).join(&trial.name);
            let repeats = self.repeats(trial.stages.iter().copied());
            warnings.extend(show_repeats(&folder, &repeats));
            self.result(trial, folder, repeats)
        };
        (self.pipeline.trials.iter().map(result).collect(), warnings)
    }

    fn result(&self, trial: &Trial, folder: PathBuf, repeats: Vec<Repeated>) -> TrialResult {
        let in_scope = |stage: &usize| !matches!(self.ends[*stage], End::OutOfScope);
        let stages: Vec<usize> = trial.stages.iter().copied().filter(in_scope).collect();
        let done: Vec<Option<&FinishedStage>> = stages.iter().map(|stage| self.ends[*stage].done()).collect();
        let failed = stages.iter().filter(|stage| matches!(self.ends[**stage], End::Failed));
        let failed: Vec<String> = failed.map(|stage| self.pipeline.stages[*stage].name.to_string()).collect();
        let outcome = match (done.iter().all(Option::is_some), failed.is_empty()) {
            (true, true) => TrialOutcome::Done,
            (_, false) => TrialOutcome::Failed,
            (false, true) => TrialOutcome::NotRun,
        };
        let short = |value: &TrialValue| (value.short.clone(), shown(&value.value));
        TrialResult {
            trial: trial.name.clone(),
            values: values(trial),
            shorts: trial.values.iter().map(short).collect(),
            outcome,
            cached: done.iter().all(|stage| stage.is_some_and(|stage| stage.cached)),
            seconds: done.iter().flatten().map(|stage| stage.seconds).sum(),
            failed,
            numbers: stages.iter().flat_map(|stage| self.numbers(*stage)).chain(means(&repeats)).collect(),
            repeats,
            folder,
        }
    }

    /// The numbers of a stage, if not all trials have it and it is not repeated.
    fn numbers(&self, stage: usize) -> Vec<TrialNumber> {
        let name = &self.pipeline.stages[stage].name;
        let alone = name.trial.is_some() && name.repeat.is_none();
        let numbers = self.ends[stage].done().filter(|_| alone).map_or(&[][..], |done| &done.numbers);
        let stage = name.written().to_string();
        let number = |number: &Number| TrialNumber {
            stage: stage.clone(),
            name: number.name.clone(),
            value: number.value,
        };
        numbers.iter().map(number).collect()
    }

    /// The repeats among these stages together, without those of which not all are in scope or none is finished.
    pub(in crate::engine) fn repeats(&self, stages: impl Iterator<Item = usize>) -> Vec<Repeated> {
        let mut groups: Vec<(StageName, Vec<(u64, End<'a>)>)> = Vec::new();
        let mut places: HashMap<StageName, usize> = HashMap::new();
        for stage in stages {
            let name = &self.pipeline.stages[stage].name;
            let Some(seed) = name.repeat else { continue };
            let place = *places.entry(name.written()).or_insert_with(|| {
                groups.push((name.written(), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push((seed, self.ends[stage]));
        }
        groups.retain(|(_, each)| !each.iter().any(|(_, end)| matches!(end, End::OutOfScope)));
        let done =
            |each: Vec<(u64, End<'a>)>| each.into_iter().map(|(seed, end)| (seed, end.done())).collect();
        let all = groups.into_iter().map(|(name, each)| together(&name, done(each)));
        all.filter(|repeated| repeated.missing.len() < repeated.seeds.len()).collect()
    }
}

/// The means of repeated stages over the seeds.
fn means(repeats: &[Repeated]) -> impl Iterator<Item = TrialNumber> {
    repeats.iter().flat_map(|repeated| {
        repeated.numbers.iter().filter_map(|number| {
            let (stage, name) = (repeated.stage.clone(), number.name.clone());
            Some(TrialNumber { stage, name, value: number.mean? })
        })
    })
}
