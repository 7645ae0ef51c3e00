//! The start of a run: makes and reports the plan, has the source files checked, then starts the loop.

use std::{path::Path, sync::atomic::AtomicBool, time::Instant};

use crate::engine::{
    batch::Batch,
    exec::Executor,
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::Planner,
        remarks::Remarks,
    },
    run::{attempt::Shared, questions, run_loop::run},
    tell::{
        event::{Event, Observer, Summary, warn},
        show::Show,
        trials,
    },
};

impl Engine<'_> {
    /// Runs what has to run, and shows artifacts below `out`. Ends early when `stopped` is set; everything that
    /// was computed is kept.
    ///
    /// # Errors
    /// Only what keeps the run from beginning. Later failures are in the summary.
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
        let planner = self.planner(observer)?;
        let lease = self.store.lease();
        // While the gate is held nothing is collected: what the plan finds stays until the run claims it.
        let mut hold = lease.hold();
        let mut forecast = self.forecast(&planner, observer);
        self.check_requirements(&planner, &forecast)?;
        let leaks = self.leaks(&planner)?;
        let questions = questions::of(&planner, &forecast);
        let to_show = self.to_show(&forecast, false);
        let mut checked = Remarks::default();
        let has_jobs = self.has_jobs(&forecast);
        if !questions.is_empty() || !to_show.is_empty() || has_jobs {
            // Asking a cluster, opening the files or fetching may take a minute, and a collection must not wait for that. What the plan
            // found may be gone afterwards, so it is made again.
            drop(hold);
            self.check_jobs(&planner, &forecast)?;
            checked = questions::ask(&planner, &questions, executor, stopped);
            self.fetch_to_show(&to_show, stopped, observer);
            hold = lease.hold();
            forecast = planner.forecast(&self.order);
        }
        let warnings = checked.warnings().map_err(Refused::Wrong)?;
        let stages = planner.told(&forecast);
        planner.remember(forecast);
        observer.event(&Event::Planned { pipeline: self.pipeline.name.clone(), stages });
        warn(leaks.into_iter().chain(warnings), observer);
        let show = Show::new(self.store, self.out(out), self.pipeline);
        let goes_on = self.options.goes_on.as_deref();
        let remote = self.options.remote.as_deref();
        let batch = Batch::new(self.options.batch.clone());
        let shared = Shared {
            store: self.store,
            remote,
            lease: &lease,
            executor,
            batch: &batch,
            show: &show,
            stopped,
            goes_on,
        };
        Ok(run(self, &planner, &shared, observer, started, hold))
    }

    pub(in crate::engine) fn begin(&self, frozen: bool, observer: &mut dyn Observer) {
        let (pcamflow, pipeline) = (env!("CARGO_PKG_VERSION").to_owned(), self.pipeline.name.clone());
        observer.event(&Event::Began { pcamflow, pipeline, frozen });
        if !self.pipeline.trials.is_empty() {
            let (id, trials) =
                (self.options.sweep.clone().map(|sweep| sweep.id), trials::planned(self.pipeline));
            observer.event(&Event::Sweep { id, trials });
        }
    }

    /// Refuses requirements on numbers that results in the store do not have.
    pub(in crate::engine) fn check_requirements(
        &self,
        planner: &Planner<'_>,
        forecast: &Forecast,
    ) -> Result<(), Refused> {
        let problems: Vec<String> =
            self.demands.iter().filter_map(|demand| demand.refused(planner, forecast)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Refused::Wrong(problems)) }
    }
}
