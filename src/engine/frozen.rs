//! A frozen run: it takes everything from the store, and computes nothing.
//!
//! What is in the store is shown as after any run; what would have to be computed, or may have to, is told
//! with its reason, from the same forecast as a plan. Besides what is shown nothing is written: neither what
//! a stage had last, nor a store where there is none.

use std::{path::Path, time::Instant};

use super::{
    Engine, Refused,
    event::{Event, FinishedStage, Observer, Planned, PlannedStage, Summary},
    forecast::Forecast,
    plan::{Made, Planner},
    repeats::Repeated,
    require::Results,
    run::together,
    show::Show,
    trials::TrialResult,
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
        self.tell_plan(stages.clone(), observer);
        let Taken { finished, made } = take(&planner, &forecast, &show, observer);
        let left = self.order.iter().zip(stages).filter(|(stage, _)| made[**stage].is_none());
        let would_run: Vec<PlannedStage> = left.map(|(_, stage)| not_taken(stage)).collect();
        let results =
            Results { pipeline: self.pipeline, store: self.store, finished: &finished, made: &made };
        let required = results.verdicts(&self.demands);
        let (repeats, trials, told) = self.show_together(&show, &finished);
        for text in told {
            observer.event(&Event::Warning { stage: None, text });
        }
        for verdict in &required {
            observer.event(&Event::Required(verdict.clone()));
        }
        let summary = Summary {
            pipeline: self.pipeline.name.clone(),
            required,
            failed: Vec::new(),
            not_run: would_run.iter().map(|stage| stage.stage.clone()).collect(),
            interrupted: false,
            repeats,
            out: show.shown(),
            sweep: self.options.sweep.clone(),
            trials,
            finished,
            would_run,
            seconds: started.elapsed().as_secs_f64(),
        };
        observer.event(&Event::Ended(summary.clone()));
        Ok(summary)
    }

    /// Shows what repeats and trials say together, where anything is shown at all, and removes what is shown
    /// of others. Returns what the user should know, too.
    fn show_together(
        &self,
        show: &Show<'_>,
        finished: &[FinishedStage],
    ) -> (Vec<Repeated>, Vec<TrialResult>, Vec<String>) {
        let mut troubles: Vec<String> = Vec::new();
        let says_something = !finished.is_empty()
            && (!self.pipeline.trials.is_empty()
                || self.pipeline.stages.iter().any(|node| node.name.repeat.is_some()));
        if says_something && let Err(error) = crate::fsx::create_folder(&show.shown()) {
            troubles.push(error.to_string());
        }
        troubles.extend(show.forget_others().err());
        let (repeats, trials, told) = together(self.pipeline, &self.order, (finished, &[]), show.folder());
        troubles.extend(told);
        (repeats, trials, troubles)
    }
}

/// A stage whose result was not there; one that was there when the run was planned is gone by now.
fn not_taken(stage: PlannedStage) -> PlannedStage {
    match stage.state {
        Planned::Cached => PlannedStage {
            state: Planned::Run,
            why: "its result is no longer in the store".to_owned(),
            ..stage
        },
        Planned::Run | Planned::Maybe | Planned::Blocked => stage,
    }
}

/// Takes what is in the store, and shows it.
fn take(planner: &Planner<'_>, forecast: &Forecast, show: &Show<'_>, observer: &mut dyn Observer) -> Taken {
    let mut taken = Taken { finished: Vec::new(), made: vec![None; planner.pipeline.stages.len()] };
    for outlook in forecast.stages.iter().filter(|outlook| outlook.state == Planned::Cached) {
        let Some(record) = planner.present(outlook) else { continue };
        let finished = show.finished(outlook.stage, &record, true, observer);
        observer.event(&Event::Finished(finished.clone()));
        taken.finished.push(finished);
        taken.made[outlook.stage] = Some(record.artifacts);
    }
    taken
}
