//! Records every trial of a sweep as a run.
//!
//! All trials are one run of the engine. Each has a recorder, which gets the events of its stages. A sweep that is
//! cached as a whole, like the last time, is not recorded again.

use std::{collections::HashMap, rc::Rc};

use super::super::{git::Dirty, record::Recorder};
use crate::{
    digest::Digest,
    engine::tell::event::{Event, Observer, Summary},
    pipeline::{Pipeline, Trial},
    store::{ReadRun, RunRecord, Store, SweepTrial},
};

/// A trial and its values, as its record has them.
fn recorded(id: &str, place: usize, trial: &Trial) -> SweepTrial {
    let values = trial.values.iter().map(|value| (value.key.clone(), value.value.clone()));
    SweepTrial { id: id.to_owned(), trial: trial.name.clone(), place: Some(place), values: values.collect() }
}

/// The id of a sweep. It is the same when the sweep is started again, so that its trials stay together.
pub(in crate::cli) fn id_of(pipeline: &Pipeline) -> String {
    let trial = |trial: &Trial| format!("{}\n{}\n", trial.name, trial.set.join("\n"));
    let trials: String = pipeline.trials.iter().map(trial).collect();
    let text = format!("{}\n{}\n{trials}", pipeline.name, pipeline.file.display());
    Digest::of(text.as_bytes()).hex()[..8].to_owned()
}

/// Listens to a sweep, records its trials, and passes the events on.
pub(in crate::cli) struct Recorders<'a> {
    store: &'a Store,
    pipeline: &'a Pipeline,
    id: String,
    trials: Vec<Recorder<'a>>,
    /// The trials that have a stage, by its name in the run.
    of: HashMap<String, Vec<usize>>,
    shown: &'a mut dyn Observer,
}

impl<'a> Recorders<'a> {
    /// Records every trial of a pipeline; `given` has the command line.
    pub(in crate::cli) fn new(
        store: &'a Store,
        pipeline: &'a Pipeline,
        given: &RunRecord,
        shown: &'a mut dyn Observer,
    ) -> Self {
        let id = id_of(pipeline);
        let dirty = Rc::new(Dirty::new(&pipeline.root));
        let name = |stage: &usize| &pipeline.stages[*stage].name;
        let recorder = |(place, trial): (usize, &Trial)| {
            let names = trial.stages.iter().map(name);
            let names = names.map(|name| (name.to_string(), name.in_its_trial().to_string())).collect();
            let sweep = Some(recorded(&id, place, trial));
            let given = RunRecord { set: trial.set.clone(), sweep, ..given.clone() };
            Recorder::new(store, pipeline, given, None).only(names, Rc::clone(&dirty))
        };
        let trials = pipeline.trials.iter().enumerate().map(recorder).collect();
        let mut of: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, trial) in pipeline.trials.iter().enumerate() {
            trial
                .stages
                .iter()
                .map(name)
                .for_each(|name| of.entry(name.to_string()).or_default().push(place));
        }
        Self { store, pipeline, id, trials, of, shown }
    }

    /// Whether everything was cached, and the last records of the pipeline say the same.
    fn is_known(&self, summary: &Summary) -> bool {
        let all_cached = summary.trials.iter().all(|trial| trial.cached && trial.failed.is_empty());
        all_cached && !summary.interrupted && self.is_last(summary).unwrap_or(false)
    }

    /// Whether the last recorded runs of the pipeline are the trials of this sweep, with the same results. `None` if
    /// there are too few records, or one cannot be read.
    fn is_last(&self, summary: &Summary) -> Option<bool> {
        let mut files = self.store.runs().ok()?;
        files.retain(|file| file.is_of(&self.pipeline.name));
        let trials = &self.pipeline.trials;
        let last = files.split_off(files.len().checked_sub(trials.len())?);
        let keys: HashMap<&str, &str> =
            summary.finished.iter().map(|stage| (stage.stage.as_str(), stage.key.as_str())).collect();
        for (place, (trial, file)) in trials.iter().zip(last).enumerate() {
            let ReadRun::Record(record) = self.store.run(&file).ok()? else { return None };
            let is_trial = record.sweep.as_ref() == Some(&recorded(&self.id, place, trial));
            if !is_trial || !self.has_keys(trial, &record, &keys) {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether the stages of a trial have the keys of a record; `keys` is by the stages' names in the run.
    fn has_keys(&self, trial: &Trial, record: &RunRecord, keys: &HashMap<&str, &str>) -> bool {
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
        match event {
            Event::Ended(summary) if self.is_known(summary) => {}
            Event::Planned { .. } | Event::Blocked { .. } | Event::Ended(_) => {
                self.trials.iter_mut().for_each(|recorder| recorder.event(event));
            }
            Event::Started { stage, .. } | Event::Waiting { stage, .. } => {
                let places = self.of.get(stage).into_iter().flatten();
                places.for_each(|place| self.trials[*place].event(event));
            }
            // Nothing of these is recorded.
            _ => {}
        }
        self.shown.event(event);
    }
}
