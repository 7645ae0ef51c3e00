//! Records every trial of a sweep as a run of its own.
//!
//! All trials are one run to the engine: each has a recorder, and all recorders hear all events. A sweep that
//! finds everything in the store, just as the last time, is not recorded again.

use std::collections::HashMap;

use super::super::record::{About, Recorder};
use crate::{
    digest::Digest,
    engine::tell::event::{Event, Observer, Summary},
    pipeline::{Pipeline, Trial},
    store::{ReadRun, RunRecord, Store, SweepTrial},
};

/// What a trial's values are, as its record has them.
fn of_sweep(id: &str, place: usize, trial: &Trial) -> SweepTrial {
    let values = trial.values.iter().map(|value| (value.key.clone(), value.value.clone()));
    SweepTrial { id: id.to_owned(), trial: trial.name.clone(), place: Some(place), values: values.collect() }
}

/// A sweep's id: the same when it is started again, so that its trials stay together.
pub(in crate::cli) fn id_of(pipeline: &Pipeline) -> String {
    let trial = |trial: &Trial| format!("{}\n{}\n", trial.name, trial.set.join("\n"));
    let trials: String = pipeline.trials.iter().map(trial).collect();
    let text = format!("{}\n{}\n{trials}", pipeline.name, pipeline.file.display());
    Digest::of(text.as_bytes()).hex()[..8].to_owned()
}

/// Listens to a sweep, records its trials, and hands the events on.
pub(in crate::cli) struct Recorders<'a> {
    store: &'a Store,
    pipeline: &'a Pipeline,
    id: String,
    trials: Vec<Recorder<'a>>,
    shown: &'a mut dyn Observer,
}

impl<'a> Recorders<'a> {
    /// For every trial of a pipeline; `about` is what all of them have in common.
    pub(in crate::cli) fn new(
        store: &'a Store,
        pipeline: &'a Pipeline,
        about: &About,
        shown: &'a mut dyn Observer,
    ) -> Self {
        let id = id_of(pipeline);
        let name = |stage: &usize| &pipeline.stages[*stage].name;
        let recorder = |(place, trial): (usize, &Trial)| {
            let names = trial.stages.iter().map(name);
            let names: HashMap<String, String> =
                names.map(|name| (name.to_string(), name.in_its_trial().to_string())).collect();
            let sweep = Some(of_sweep(&id, place, trial));
            let about = About { set: trial.set.clone(), sweep, ..about.clone() };
            Recorder::new(store, pipeline, about, None).only(names)
        };
        let trials = pipeline.trials.iter().enumerate().map(recorder).collect();
        Self { store, pipeline, id, trials, shown }
    }

    /// Whether all was in the store, just as it is in the last records of this sweep.
    fn is_known(&self, summary: &Summary) -> bool {
        let all_cached = summary.trials.iter().all(|trial| trial.cached && trial.failed.is_empty());
        all_cached && !summary.interrupted && self.last_are_the_same(summary).unwrap_or(false)
    }

    /// Whether the last recorded runs of the pipeline are the trials of this sweep, with the same results.
    fn last_are_the_same(&self, summary: &Summary) -> Option<bool> {
        let mut files = self.store.runs().ok()?;
        files.retain(|file| file.is_of(&self.pipeline.name));
        let trials = &self.pipeline.trials;
        let last = files.split_off(files.len().checked_sub(trials.len())?);
        let keys: HashMap<&str, &str> =
            summary.finished.iter().map(|stage| (stage.stage.as_str(), stage.key.as_str())).collect();
        for (place, (trial, file)) in trials.iter().zip(last).enumerate() {
            let ReadRun::Record(record) = self.store.run(&file).ok()? else { return None };
            let is_it = record.sweep.as_ref() == Some(&of_sweep(&self.id, place, trial));
            if !is_it || !self.is_the_same(trial, &record, &keys) {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether the stages of a trial have the keys that a record says; `keys` are by their names in the run.
    fn is_the_same(&self, trial: &Trial, record: &RunRecord, keys: &HashMap<&str, &str>) -> bool {
        let names = trial.stages.iter().map(|stage| &self.pipeline.stages[*stage].name);
        let now: HashMap<String, Option<&str>> = names
            .map(|name| (name.in_its_trial().to_string(), keys.get(name.to_string().as_str()).copied()))
            .collect();
        record.stages.iter().all(|stage| {
            let key = stage.key.map(|key| key.hex());
            now.get(&stage.name).is_some_and(|now| *now == key.as_deref())
        })
    }
}

impl Observer for Recorders<'_> {
    fn event(&mut self, event: &Event) {
        let known = matches!(event, Event::Ended(summary) if self.is_known(summary));
        if !known {
            // What git says of the project is asked once.
            let mut dirty = None;
            for recorder in &mut self.trials {
                recorder.share_git(dirty);
                recorder.event(event);
                dirty = dirty.or(recorder.shared_git());
            }
        }
        self.shown.event(event);
    }
}
