//! The engine: decides what has to run, runs it, keeps what it made.
//!
//! Knows stages, graph and store; knows neither libtorch nor who listens to its events. One planner
//! serves the dry run and the real run; one traversal makes keys and explains them.

pub mod exec;
pub mod plan;
pub mod run;
pub mod tell;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use crate::{digest::Digest, pipeline::Pipeline, stages::RunSettings, store::Store};
use exec::Executor;
use plan::{
    forecast::Forecast,
    known::Known,
    leaks::{self, Leak},
    planner::Planner,
    select,
};
pub use plan::{keys::NamedStage, status::StageStatus};
use run::{attempt, questions, resources::Resources, run_loop::Run, states::States, task};
use tell::{
    event::{Event, Observer, PlannedStage, Summary, SweepRun},
    given::{Given, quoted},
    require::{self, Demand, Requirement},
    show::Show,
    trials,
};

/// This machine's name.
#[must_use]
pub fn host() -> String {
    attempt::host()
}

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

fn warn(warnings: impl IntoIterator<Item = (String, String)>, observer: &mut dyn Observer) {
    for (stage, text) in warnings {
        observer.event(&Event::Warning { stage: Some(stage), text });
    }
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
    pipeline: &'a Pipeline,
    store: &'a Store,
    options: Options,
    order: Vec<usize>,
    forced: Vec<bool>,
    demands: Vec<Demand>,
}

impl<'a> Engine<'a> {
    /// Selects the stages of a run.
    ///
    /// # Errors
    /// A target or a forced stage that the pipeline does not have; a required one that the run does not.
    pub fn new(pipeline: &'a Pipeline, store: &'a Store, options: Options) -> Result<Self, Refused> {
        let order = scope(pipeline, &options.targets)?;
        let forced = select::forced(pipeline, &options.force).map_err(Refused::Wrong)?;
        let demands = require::demands(pipeline, &order, &options.require).map_err(Refused::Wrong)?;
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

    /// Patches that are learnt from and measured on, by stage.
    ///
    /// # Errors
    /// Where nobody can mean it.
    fn leaks(&self, known: &Known) -> Result<Vec<(String, String)>, Refused> {
        let (mut warnings, mut errors) = (Vec::new(), Vec::new());
        for leak in leaks::leaks(self.pipeline, &self.order, known) {
            match leak {
                Leak::Error(text) => errors.push(text),
                Leak::Warning(stage, text) => warnings.push((stage, text)),
            }
        }
        if errors.is_empty() { Ok(warnings) } else { Err(Refused::Wrong(errors)) }
    }

    /// Runs what has to run. Shows artifacts below `out`. Ends early, with everything that was
    /// computed kept, when `stopped` is set.
    ///
    /// # Errors
    /// Only what keeps a run from beginning: what fails later is in the summary.
    pub fn run(
        &self,
        out: &Path,
        executor: &dyn Executor,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Summary, Refused> {
        let started = Instant::now();
        crate::fsx::create_folder(&self.out(out))?;
        self.begin(false, observer);
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        let lease = self.store.lease();
        // A result that is being collected must look neither whole nor damaged; and what is found stays found
        // until the run has claimed it.
        let hold = lease.hold();
        let forecast = planner.forecast(&self.order);
        self.requirable(&planner, &forecast)?;
        let leaks = self.leaks(&known)?;
        let checked = questions::ask(&planner, &forecast, executor, stopped);
        if !checked.errors.is_empty() {
            return Err(Refused::Wrong(checked.errors));
        }
        let stages = planner.told(&forecast);
        planner.remember(forecast);
        observer.event(&Event::Planned { pipeline: self.pipeline.name.clone(), stages });
        warn(leaks.into_iter().chain(checked.warnings), observer);
        let shared = attempt::Shared {
            store: self.store,
            lease: &lease,
            executor,
            stopped,
            goes_on: self.options.goes_on.as_deref(),
        };
        let show = Show::new(self.store, self.out(out), self.pipeline);
        Ok(self.prepared(&planner, &shared, &show, observer).run(started, hold))
    }

    fn begin(&self, frozen: bool, observer: &mut dyn Observer) {
        let (pcamflow, pipeline) = (env!("CARGO_PKG_VERSION").to_owned(), self.pipeline.name.clone());
        observer.event(&Event::Began { pcamflow, pipeline, frozen });
        if !self.pipeline.trials.is_empty() {
            let (id, trials) = (self.options.sweep.clone().map(String::from), trials::planned(self.pipeline));
            observer.event(&Event::Sweep { id, trials });
        }
    }

    /// Whether the results that are taken from the store have the numbers that are required of them.
    fn requirable(&self, planner: &Planner<'_>, forecast: &Forecast) -> Result<(), Refused> {
        let problems: Vec<String> =
            self.demands.iter().filter_map(|demand| demand.refused(planner, forecast)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Refused::Wrong(problems)) }
    }

    fn prepared<'r, 'o>(
        &'r self,
        planner: &'r Planner<'r>,
        shared: &'r attempt::Shared<'r>,
        show: &'r Show<'r>,
        observer: &'o mut dyn Observer,
    ) -> Run<'r, 'o> {
        let count = self.pipeline.stages.len();
        Run {
            planner,
            shared,
            show,
            demands: &self.demands,
            settings: task::Settings {
                command_line: self.options.settings.clone(),
                pipeline: self.pipeline.run.clone(),
            },
            observer,
            resources: Resources::of(shared.executor.capacity(), self.options.jobs),
            keep_going: self.options.keep_going,
            sweep: self.options.sweep.clone(),
            order: self.order.clone(),
            states: States::new(count, &self.order),
            made: vec![None; count],
            before: vec![None; count],
            bytes_needed: vec![false; count],
            taken: vec![false; count],
            finished: Vec::with_capacity(self.order.len()),
            failed: Vec::new(),
            told_to_wait: vec![false; count],
            to_show: Default::default(),
            showing: 0,
        }
    }

    /// The stages that were asked for; all where none was.
    fn asked_for(&self) -> Result<Vec<usize>, Refused> {
        select::asked_for(self.pipeline, &self.options.targets).map_err(Refused::Wrong)
    }

    fn known(&self, observer: &mut dyn Observer) -> Result<Known, Refused> {
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

    fn planner<'p>(&'p self, known: &'p Known) -> Planner<'p> {
        let forced = self.forced.clone();
        Planner {
            pipeline: self.pipeline,
            store: self.store,
            known,
            forced,
            damaged: Default::default(),
            hits: Default::default(),
            places: Default::default(),
            past: Default::default(),
        }
    }

    fn out(&self, out: &Path) -> PathBuf {
        out.join(&self.pipeline.name)
    }
}
