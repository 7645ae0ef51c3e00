//! What run records say about stages whose results are gone: that they ran, and how long they took.
//!
//! Used only for stages that the store knows nothing else about. Reads a few records, once.

use std::collections::BTreeMap;

use crate::store::{Outcome, ReadRun, Store};

/// How many runs are read.
const RUNS: usize = 20;

/// How many records are read to find them: those of trials are passed over.
const TRIALS: usize = 200;

/// By stage, what it took the last time.
#[derive(Debug, Default)]
pub(in crate::engine) struct Past(BTreeMap<String, Option<f64>>);

impl Past {
    /// What the latest runs of a pipeline tell; trials of sweeps, which have other values, left out. What cannot
    /// be read tells nothing.
    pub(in crate::engine) fn of(store: &Store, pipeline: &str) -> Self {
        let mut stages = BTreeMap::new();
        let files = store.runs().unwrap_or_default();
        let mut left = RUNS;
        for file in files.iter().rev().filter(|file| file.is_of(pipeline)).take(TRIALS) {
            let Ok(ReadRun::Record(run)) = store.run(file) else { continue };
            if run.pipeline != pipeline || run.sweep.is_some() {
                continue;
            }
            for stage in run.stages {
                if matches!(stage.outcome, Outcome::Cached | Outcome::Computed) {
                    stages.entry(stage.name).or_insert(stage.seconds);
                }
            }
            left -= 1;
            if left == 0 {
                break;
            }
        }
        Self(stages)
    }

    /// Whether a stage once had a result.
    pub(in crate::engine) fn had_result(&self, stage: &str) -> bool {
        self.0.contains_key(stage)
    }

    /// What it took, in seconds.
    pub(in crate::engine) fn seconds(&self, stage: &str) -> Option<f64> {
        *self.0.get(stage)?
    }
}
