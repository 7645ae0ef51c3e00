//! A pipeline with a store and the options of a command.
//!
//! `Engine` is the type that commands use. Other files of `plan` and `run` add its methods.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use crate::engine::{
    plan::{
        batch_options::BatchOptions, demand::demands, findings::Findings, known::Known, leaks::leaks,
        planner::Planner, select,
    },
    tell::{
        event::{Observer, PlannedStage, SweepRun, warn},
        given::{Given, quoted},
        require::{Demand, Requirement},
    },
};
use crate::{digest::Digest, pipeline::Pipeline, remote::Remote, stages::RunSettings, store::Store};

/// The options of a run on the command line.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these stages and what they need; all if empty.
    pub targets: Vec<String>,
    /// Stages that run even if the store has their results: names, `kind.*` or `*`.
    pub force: Vec<String>,
    /// How to compute. These settings override the pipeline's.
    pub settings: RunSettings,
    /// The most stages that run at once.
    pub jobs: Option<usize>,
    /// Whether other branches continue when a stage fails.
    pub keep_going: bool,
    /// The sweep, if the pipeline consists of the trials of one.
    pub sweep: Option<SweepRun>,
    /// Requirements on the results.
    pub require: Vec<Requirement>,
    /// The store that a team shares, if the project has one.
    pub remote: Option<Arc<Remote>>,
    /// How stages become jobs of a cluster.
    pub batch: BatchOptions,
    /// Other options of the command line, for messages that suggest a command.
    pub given: Given,
    /// `Some` if another run follows when a source changes. It is set if a source changes while a stage reads it:
    /// the stage has then not failed, and the next run computes it.
    pub goes_on: Option<Arc<AtomicBool>>,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The pipeline or the command line is wrong.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The cluster does not answer.
    #[error(transparent)]
    Cluster(#[from] crate::slurm::Trouble),
    /// The folder for shown artifacts cannot be created.
    #[error(transparent)]
    Out(#[from] crate::fsx::Error),
}

/// The stages of a run, each after those that it reads: all, or the targets and what they need.
///
/// # Errors
/// A target that the pipeline does not have.
pub fn scope(pipeline: &Pipeline, targets: &[String]) -> Result<Vec<usize>, Refused> {
    select::scope(pipeline, targets).map_err(Refused::Wrong)
}

/// A pipeline with a store, ready to be planned or run.
pub struct Engine<'a> {
    pub(in crate::engine) pipeline: &'a Pipeline,
    pub(in crate::engine) store: &'a Store,
    pub(in crate::engine) options: Options,
    /// The stages in scope, each after those that it reads.
    pub(in crate::engine) order: Vec<usize>,
    forced: Vec<bool>,
    pub(in crate::engine) demands: Vec<Demand>,
}

impl<'a> Engine<'a> {
    /// Selects the stages of a run.
    ///
    /// # Errors
    /// A target or a forced stage that the pipeline does not have, or a required one that the run does not have.
    pub fn new(pipeline: &'a Pipeline, store: &'a Store, options: Options) -> Result<Self, Refused> {
        let order = scope(pipeline, &options.targets)?;
        let forced = select::matching(pipeline, &options.force, "--force: there is no stage");
        let forced = forced.map_err(Refused::Wrong)?;
        let demands = demands(pipeline, &order, &options.require).map_err(Refused::Wrong)?;
        Ok(Self { pipeline, store, options, order, forced, demands })
    }

    /// The stages in scope, each after those that it reads.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The digests of the source files that exist, whatever their pins are.
    ///
    /// # Errors
    /// Source files that cannot be read.
    pub fn source_digests(&self, observer: &mut dyn Observer) -> Result<BTreeMap<PathBuf, Digest>, Refused> {
        let known = Known::find(self.pipeline, &self.order, self.store, None, observer);
        known.map(|known| known.0).map_err(Refused::Wrong)
    }

    /// What a run would do.
    ///
    /// # Errors
    /// Source files that are missing or do not match their pins.
    pub fn plan(&self, observer: &mut dyn Observer) -> Result<Vec<PlannedStage>, Refused> {
        let planner = self.planner(observer)?;
        warn(self.leaks(&planner)?, observer);
        let forecast = self.forecast(&planner, observer);
        Ok(planner.told(&forecast))
    }

    /// Warnings about patches that a model is trained and measured on.
    ///
    /// # Errors
    /// Such a mix-up that must be a mistake.
    pub(in crate::engine) fn leaks(&self, planner: &Planner<'_>) -> Result<Vec<(String, String)>, Refused> {
        leaks(self.pipeline, &self.order, &planner.known).warnings().map_err(Refused::Wrong)
    }

    /// For each stage, whether it is a target; all are if there are no targets.
    pub(in crate::engine) fn named(&self) -> Result<Vec<bool>, Refused> {
        select::named(self.pipeline, &self.options.targets).map_err(Refused::Wrong)
    }

    pub(in crate::engine) fn planner(&self, observer: &mut dyn Observer) -> Result<Planner<'_>, Refused> {
        Ok(self.planner_with(self.known(observer)?))
    }

    pub(in crate::engine) fn planner_with(&self, known: Known) -> Planner<'_> {
        let (pipeline, forced) = (self.pipeline, self.forced.clone());
        let findings = Findings::new(self.store, self.options.remote.as_deref(), &pipeline.name);
        Planner { pipeline, known, forced, findings, places: Default::default() }
    }

    pub(in crate::engine) fn known(&self, observer: &mut dyn Observer) -> Result<Known, Refused> {
        self.store.recall_for(&self.pipeline.name);
        let pin = format!("pcamflow pin {} --update{}", self.file(), self.options.given.places());
        Known::find(self.pipeline, &self.order, self.store, Some(&pin), observer).map_err(Refused::Wrong)
    }

    /// The pipeline's file, quoted for shells.
    fn file(&self) -> String {
        quoted(&self.pipeline.file.display().to_string())
    }

    /// The command that runs the pipeline with the options of this command.
    #[must_use]
    pub fn run_all(&self) -> String {
        format!("pcamflow run {}{}", self.file(), self.options.given.words())
    }

    /// The command that pushes the pipeline's results, with the options of this command.
    #[must_use]
    pub fn push_command(&self) -> String {
        format!("pcamflow push {}{}", self.file(), self.options.given.words())
    }

    /// The command that fetches the result of a stage, with the options of this command.
    #[must_use]
    pub fn pull_of(&self, stage: &str) -> String {
        format!("pcamflow pull {} '{stage}'{}", self.file(), self.options.given.words())
    }

    /// The command that runs a stage with the options of this command.
    #[must_use]
    pub fn run_of(&self, stage: &str) -> String {
        format!("pcamflow run {} '{stage}'{}", self.file(), self.options.given.words())
    }

    pub(in crate::engine) fn out(&self, out: &Path) -> PathBuf {
        out.join(&self.pipeline.name)
    }
}
