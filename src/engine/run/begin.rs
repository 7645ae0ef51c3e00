//! The start of a run: makes and reports the plan, then starts the loop with what the plan found.

use std::{path::Path, sync::atomic::AtomicBool, time::Instant};

use crate::engine::{
    exec::Executor,
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::Planner,
    },
    run::{attempt, questions, resources::Resources, run_loop::Run, states::States, task},
    tell::{
        event::{Event, Observer, Summary, warn},
        show::Show,
        trials,
    },
};

impl Engine<'_> {
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

    pub(in crate::engine) fn begin(&self, frozen: bool, observer: &mut dyn Observer) {
        let (pcamflow, pipeline) = (env!("CARGO_PKG_VERSION").to_owned(), self.pipeline.name.clone());
        observer.event(&Event::Began { pcamflow, pipeline, frozen });
        if !self.pipeline.trials.is_empty() {
            let (id, trials) = (self.options.sweep.clone().map(String::from), trials::planned(self.pipeline));
            observer.event(&Event::Sweep { id, trials });
        }
    }

    /// Whether the results that are taken from the store have the numbers that are required of them.
    pub(in crate::engine) fn requirable(
        &self,
        planner: &Planner<'_>,
        forecast: &Forecast,
    ) -> Result<(), Refused> {
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
}
