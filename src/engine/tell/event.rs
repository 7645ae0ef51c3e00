//! The events of a run: everything that a user interface sees of the engine.
//!
//! Events come in order from one thread. Knows no listeners.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

pub use crate::engine::tell::ended::{FailedStage, FinishedStage};
use crate::engine::tell::{
    ended::{as_text, maybe_as_text},
    job::{JobState, SubmittedStage},
    repeats::Repeated,
    require::Verdict,
    trial::{PlannedTrial, TrialResult},
};
use crate::protocol::{EpochEnd, FailureClass, Progress};

/// Listens to a run.
pub trait Observer {
    /// Something happened. Must not block for long, because the engine waits.
    fn event(&mut self, event: &Event);
}

/// Reports warnings about stages.
pub(in crate::engine) fn warn(
    warnings: impl IntoIterator<Item = (String, String)>,
    observer: &mut dyn Observer,
) {
    for (stage, text) in warnings {
        observer.event(&Event::Warning { stage: Some(stage), text });
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A run begins: the first event of each.
    Began {
        /// The version of pcamflow.
        pcamflow: String,
        /// The pipeline's name.
        pipeline: String,
        /// Whether nothing may be computed.
        frozen: bool,
    },
    /// The plan is made. Stages in the order of the plan.
    Planned {
        /// The pipeline's name.
        pipeline: String,
        /// Every stage of the run.
        stages: Vec<PlannedStage>,
    },
    /// The trials of a sweep, before the plan. The stages of all trials are one run.
    Sweep {
        /// The sweep's id, under which its trials are recorded; `None` if nothing is to run.
        id: Option<String>,
        /// Every trial, in order.
        trials: Vec<PlannedTrial>,
    },
    /// Source files are read for their digests. Only reported if that takes a while.
    Hashing {
        /// The file, as written in the pipeline.
        file: String,
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Bytes move between this machine and the remote store. Only reported if that takes a while.
    Transfer {
        /// Where to.
        direction: Direction,
        /// What: `results`, `pictures`.
        what: String,
        /// Bytes moved.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A stage waits for another run that is computing the same key.
    Waiting {
        /// The stage.
        stage: String,
        /// The other run: `host:pid`.
        holder: String,
    },
    /// A stage starts to compute.
    Started {
        /// The stage.
        stage: String,
        /// Why it is not cached, in a few words.
        why: String,
    },
    /// The state of the job that computes a stage on a cluster has changed.
    Job {
        /// The stage.
        stage: String,
        /// The state.
        state: JobState,
    },
    /// A stage has made progress.
    Progress {
        /// The stage.
        stage: String,
        /// How far it is.
        progress: Progress,
    },
    /// An epoch of a training has ended. Epochs that an earlier attempt trained are not reported again.
    Epoch {
        /// The stage.
        stage: String,
        /// Its numbers, and the best epoch so far.
        epoch: EpochEnd,
        /// The loss of every step, for TensorBoard; not in JSON.
        #[serde(skip)]
        losses: Vec<f32>,
        /// The first time that the curves so far are shown: the picture. It is replaced while the stage trains, and
        /// removed when the stage ends.
        #[serde(serialize_with = "maybe_as_text")]
        #[schemars(with = "Option<String>")]
        curves: Option<PathBuf>,
    },
    /// Something that the user should know.
    Warning {
        /// The stage that it is about, if it is about one.
        stage: Option<String>,
        /// What it is.
        text: String,
    },
    /// A stage is done: computed, or found in the cache.
    Finished(FinishedStage),
    /// A stage failed.
    Failed(FailedStage),
    /// A stage cannot run, because a stage that it needs failed.
    Blocked {
        /// The stage.
        stage: String,
        /// The stage that failed.
        by: String,
    },
    /// A stage's job goes on after the run, which does not wait for it.
    Submitted(SubmittedStage),
    /// Whether a requirement is met.
    Required(Verdict),
    /// The run is over.
    Ended(Summary),
}

/// Where bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To this machine.
    Fetching,
    /// To the remote store.
    Pushing,
}

/// What is planned for a stage, before anything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Planned {
    /// Its result is in the store.
    Cached,
    /// It runs.
    Run,
    /// It may run: this is decided when its inputs exist.
    Maybe,
    /// It cannot run.
    Blocked,
}

/// A stage in the plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedStage {
    /// The stage.
    pub stage: String,
    /// What is planned.
    pub state: Planned,
    /// Why, in a few words (`never ran`, `epochs 8 -> 9`); empty if cached.
    pub why: String,
    /// How long it took the last time, in seconds.
    pub seconds: Option<f64>,
    /// How long it takes if it runs, in seconds: as the last time, in proportion to its epochs and
    /// patches. Null if it never ran.
    pub expected: Option<f64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// The pipeline's name.
    pub pipeline: String,
    /// Stages that are done, in the order in which they were finished.
    pub finished: Vec<FinishedStage>,
    /// Stages that failed.
    pub failed: Vec<FailedStage>,
    /// Stages that could not run, or were not reached.
    pub not_run: Vec<String>,
    /// Whether the user stopped the run.
    pub interrupted: bool,
    /// How long the run took, in seconds.
    #[schemars(with = "Option<f64>")]
    pub seconds: f64,
    /// The folder in which artifacts are shown.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub out: PathBuf,
    /// The results of stages that are repeated with `seeds`, in the order of the file.
    pub repeats: Vec<Repeated>,
    /// The sweep's id, if the run is a sweep.
    #[schemars(with = "Option<String>")]
    pub sweep: Option<SweepRun>,
    /// The results of the trials, if the run is a sweep.
    pub trials: Vec<TrialResult>,
    /// What a frozen run would have to compute, or may have to, and why; empty in every other run.
    pub would_run: Vec<PlannedStage>,
    /// Stages whose jobs go on after a run that does not wait for them; empty in every other run.
    pub submitted: Vec<SubmittedStage>,
    /// Whether the requirements are met.
    pub required: Vec<Verdict>,
    /// Why the remote store could not be asked, if a frozen run lacks results that it may have.
    pub unasked: Option<String>,
}

/// A sweep. Events have only its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SweepRun {
    /// Its id.
    pub id: String,
    /// The command that compares its trials, to be given in the same folder.
    #[serde(skip)]
    pub compare: String,
}

impl Summary {
    /// The exit code of the process: 0 done, 1 a stage failed, 3 the machine is at fault (of the first failure,
    /// which may have caused others), 4 frozen and not all cached (3 if the
    /// remote store could not be asked), 5 a requirement is not met, 130 interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.failed.first().map(|failed| failed.class) {
            _ if self.interrupted => 130,
            None if !self.would_run.is_empty() && self.unasked.is_some() => 3,
            None if !self.would_run.is_empty() => 4,
            // The user asked for it: a later run takes their results.
            None if !self.submitted.is_empty() => 0,
            // Nothing failed, but results are missing: that is not a success.
            None if !self.not_run.is_empty() => 1,
            None if self.required.iter().any(|verdict| !verdict.met) => 5,
            None => 0,
            Some(FailureClass::Stage | FailureClass::Process | FailureClass::Timeout) => 1,
            Some(FailureClass::Environment) => 3,
        }
    }
}
