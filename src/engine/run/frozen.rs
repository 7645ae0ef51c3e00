//! A frozen run: it takes everything from the store, and computes nothing.
//!
//! What is in the store is shown as after any run. What would have to be computed, or may have to, is listed
//! with its reason, from the same forecast as a plan. Nothing else is written: neither the latest keys of
//! stages, nor a store where there is none.

use std::{path::Path, time::Instant};

use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::{Made, Planner},
        reason::Why,
    },
    tell::{
        event::{Event, FinishedStage, Observer, Planned, PlannedStage, Summary},
        require::Results,
        show::Show,
        together::Together,
    },
};

/// What is in the store of the stages in scope.
struct Taken {
    finished: Vec<FinishedStage>,
    made: Vec<Option<Made>>,
}

impl Engine<'_> {
    /// Shows below `out` what is in the store, and says what would have to run.
    ///
    /// # Errors
    /// As [`Engine::plan`]; a number that is required of a result that does not have it.
    pub fn frozen(&self, out: &Path, observer: &mut dyn Observer) -> Result<Summary, Refused> {
        let started = Instant::now();
        self.begin(true, observer);
        let known = self.known(observer)?;
        let planner = self.planner(&known);
        let lease = self.store.lease();
        // A store that is not there is not made for this.
        let _hold = self.store.root().exists().then(|| lease.hold());
        let forecast = planner.forecast(&self.order);
        self.requirable(&planner, &forecast)?;
        let show = Show::new(self.store, self.out(out), self.pipeline);
        let stages = planner.told(&forecast);
        observer.event(&Event::Planned { pipeline: self.pipeline.name.clone(), stages: stages.clone() });
        let Taken { finished, made } = take(&planner, &forecast, &show, observer);
        let left = self.order.iter().zip(stages).filter(|(stage, _)| made[**stage].is_none());
        let would_run: Vec<PlannedStage> = left.map(|(_, stage)| not_taken(stage)).collect();
        let results =
            Results { pipeline: self.pipeline, store: self.store, finished: &finished, made: &made };
        let placed = self.place_for_repeats(&show, &finished);
        let Together { repeats, trials, mut warnings } =
            Together::of(self.pipeline, &self.order, &finished, &[], show.folder());
        warnings.extend(placed.err().map(|error| error.to_string()));
        let summary = Summary {
            pipeline: self.pipeline.name.clone(),
            required: results.verdicts(&self.demands),
            failed: Vec::new(),
            not_run: would_run.iter().map(|stage| stage.stage.clone()).collect(),
            interrupted: false,
            repeats,
            sweep: self.options.sweep.clone(),
            trials,
            out: show.shown(),
            finished,
            would_run,
            seconds: started.elapsed().as_secs_f64(),
        };
        end(&show, &summary, warnings, observer);
        Ok(summary)
    }

    /// What repeats say together is shown also where the bytes of none of them are here.
    fn place_for_repeats(&self, show: &Show<'_>, finished: &[FinishedStage]) -> crate::fsx::Result<()> {
        let repeated = self.pipeline.stages.iter().any(|node| node.name.repeat.is_some());
        let wanted = repeated && self.pipeline.trials.is_empty() && !finished.is_empty();
        if wanted { crate::fsx::create_folder(show.folder()) } else { Ok(()) }
    }
}

/// A stage whose result was not there; one that was there when the run was planned is gone by now.
fn not_taken(stage: PlannedStage) -> PlannedStage {
    match stage.state {
        Planned::Cached => PlannedStage { state: Planned::Run, why: Why::Removed.to_string(), ..stage },
        Planned::Run | Planned::Maybe | Planned::Blocked => stage,
    }
}

/// Takes what is in the store, and shows it.
fn take(planner: &Planner<'_>, forecast: &Forecast, show: &Show<'_>, observer: &mut dyn Observer) -> Taken {
    let mut taken = Taken { finished: Vec::new(), made: vec![None; planner.pipeline.stages.len()] };
    for outlook in forecast.stages.iter().filter(|outlook| outlook.state == Planned::Cached) {
        let Some(record) = planner.present(outlook) else { continue };
        let name = planner.pipeline.stages[outlook.stage].name.to_string();
        let finished = show.finished(outlook.stage, &name, &record, true, observer);
        observer.event(&Event::Finished(finished.clone()));
        taken.finished.push(finished);
        taken.made[outlook.stage] = Some(record.artifacts);
    }
    taken
}

/// Tells how it ended.
fn end(show: &Show<'_>, summary: &Summary, mut warnings: Vec<String>, observer: &mut dyn Observer) {
    warnings.extend(show.forget_others().err());
    for text in warnings {
        observer.event(&Event::Warning { stage: None, text });
    }
    for verdict in &summary.required {
        observer.event(&Event::Required(verdict.clone()));
    }
    observer.event(&Event::Ended(summary.clone()));
}
