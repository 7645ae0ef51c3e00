//! A pipeline with a store and the options of a command: what plans and runs begin with.
//!
//! `Engine` is the type that commands use. Each file of this room and of `run` adds what it can do.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use crate::engine::{
    plan::{
        demand::demands,
        findings::Findings,
        known::Known,
        leaks::{self, Leak},
        planner::Planner,
        select,
    },
    tell::{
        event::{Observer, PlannedStage, SweepRun, warn},
        given::{Given, quoted},
        require::{Demand, Requirement},
    },
};
use crate::{digest::Digest, pipeline::Pipeline, stages::RunSettings, store::Store};

/// What the command line says about a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these stages and what they need; all where empty.
    pub targets: Vec<String>,
    /// Stages that run whatever the store holds: names, `kind.*` or `*`.
    pub force: Vec<String>,
    /// How to compute, over what the pipeline says.
    pub settings: RunSettings,
    /// At most so many stages at once.
    pub jobs: Option<usize>,
    /// Whether other branches go on when a stage fails.
    pub keep_going: bool,
    /// The sweep, where the pipeline is all trials of one.
    pub sweep: Option<SweepRun>,
    /// What the run has to reach.
    pub require: Vec<Requirement>,
    /// What else the command line said: for messages that name a command.
    pub given: Given,
    /// Given where another run follows at once when a source changes: it is set when one changed under a stage,
    /// which then has not failed but is left to that run.
    pub goes_on: Option<Arc<AtomicBool>>,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The pipeline or the command line names what is not there.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The folder in which artifacts are shown cannot be made.
    #[error(transparent)]
    Out(#[from] crate::fsx::Error),
}

/// The stages that a run is about, each after what it needs: all, or the targets and what they need.
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
    /// The stages in scope, each after what it needs.
    pub(in crate::engine) order: Vec<usize>,
    forced: Vec<bool>,
    pub(in crate::engine) demands: Vec<Demand>,
}

impl<'a> Engine<'a> {
    /// Selects the stages of a run.
    ///
    /// # Errors
    /// A target or a forced stage that the pipeline does not have; a required one that the run does not.
    pub fn new(pipeline: &'a Pipeline, store: &'a Store, options: Options) -> Result<Self, Refused> {
        let order = scope(pipeline, &options.targets)?;
        let forced = select::forced(pipeline, &options.force).map_err(Refused::Wrong)?;
        let demands = demands(pipeline, &order, &options.require).map_err(Refused::Wrong)?;
        Ok(Self { pipeline, store, options, order, forced, demands })
    }

    /// The stages that it is about, each after what it needs.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The digests of the source files that are here, whatever their pins say.
    ///
    /// # Errors
    /// Source files that cannot be read.
    pub fn source_digests(&self, observer: &mut dyn Observer) -> Result<BTreeMap<PathBuf, Digest>, Refused> {
        let known = Known::whatever_pinned(self.pipeline, &self.order, self.store, observer);
        known.map(Known::into_digests).map_err(Refused::Wrong)
    }

    /// What a run would do.
    ///
    /// # Errors
    /// Source files that are missing or not what their pins say.
    pub fn plan(&self, observer: &mut dyn Observer) -> Result<Vec<PlannedStage>, Refused> {
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        warn(self.leaks(&known)?, observer);
        Ok(planner.told(&planner.forecast(&self.order)))
    }

    /// Warnings of patches that a model learns from and is measured on.
    ///
    /// # Errors
    /// A mix-up that is surely a mistake.
    pub(in crate::engine) fn leaks(&self, known: &Known) -> Result<Vec<(String, String)>, Refused> {
        let (mut warnings, mut errors) = (Vec::new(), Vec::new());
        for leak in leaks::leaks(self.pipeline, &self.order, known) {
            match leak {
                Leak::Error(text) => errors.push(text),
                Leak::Warning(stage, text) => warnings.push((stage, text)),
            }
        }
        if errors.is_empty() { Ok(warnings) } else { Err(Refused::Wrong(errors)) }
    }

    /// The stages that were asked for; all where none was.
    pub(in crate::engine) fn asked_for(&self) -> Result<Vec<usize>, Refused> {
        select::asked_for(self.pipeline, &self.options.targets).map_err(Refused::Wrong)
    }

    pub(in crate::engine) fn known(&self, observer: &mut dyn Observer) -> Result<Known, Refused> {
        self.store.recall_for(&self.pipeline.name);
        let pin = format!("pcamflow pin {} --update{}", self.file(), self.options.given.places());
        Known::find(self.pipeline, &self.order, self.store, &pin, observer).map_err(Refused::Wrong)
    }

    /// The pipeline's file as shells read it.
    fn file(&self) -> String {
        quoted(&self.pipeline.file.display().to_string())
    }

    /// The command that runs a stage, as this one was given.
    #[must_use]
    pub fn run_of(&self, stage: &str) -> String {
        format!("pcamflow run {} '{stage}'{}", self.file(), self.options.given.words())
    }

    pub(in crate::engine) fn planner<'p>(&'p self, known: &'p Known) -> Planner<'p> {
        let (pipeline, forced) = (self.pipeline, self.forced.clone());
        let findings = Findings::new(self.store, &pipeline.name);
        Planner { pipeline, known, forced, findings, places: Default::default() }
    }

    pub(in crate::engine) fn out(&self, out: &Path) -> PathBuf {
        out.join(&self.pipeline.name)
    }
}
