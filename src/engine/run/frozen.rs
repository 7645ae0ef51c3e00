//! A frozen run: takes everything from the store and computes nothing.
//!
//! Results in the store are shown as after any run. What would have to be computed, or may have to, is listed
//! with its reason, from the same forecast as a plan. The store does not change and may be read-only.

use std::{path::Path, sync::atomic::AtomicBool, time::Instant};

use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::{Made, Planner},
    },
    run::ending::Ending,
    tell::{
        event::{Event, FinishedStage, Observer, Planned, PlannedStage, Summary},
        show::Show,
    },
};

impl Engine<'_> {
    /// Shows the results in the store below `out`, and says what would have to run.
    ///
    /// # Errors
    /// As [`Engine::plan`], and a required number that a result in the store does not have.
    pub fn frozen(
        &self,
        out: &Path,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Summary, Refused> {
        let started = Instant::now();
        self.begin(true, observer);
        let planner = self.planner(observer)?;
        let lease = self.store.lease();
        // Holding the gate would create a store.
        let _hold = self.store.root().exists().then(|| lease.hold());
        let forecast = self.forecast(&planner, observer);
        self.check_requirements(&planner, &forecast)?;
        let show = Show::new(self.store, self.out(out), self.pipeline);
        let stages = planner.told(&forecast);
        observer.event(&Event::Planned { pipeline: self.pipeline.name.clone(), stages: stages.clone() });
        self.fetch_to_show(&self.to_show(&forecast, true), stopped, observer);
        let (finished, made) = take(&planner, &forecast, &show, observer);
        let left = self.order.iter().zip(stages).filter(|(stage, _)| made[**stage].is_none());
        let would_run: Vec<PlannedStage> = left.map(|(_, stage)| stage).collect();
        let not_run = would_run.iter().map(|stage| stage.stage.clone()).collect();
        let unasked = self.options.remote.as_ref().and_then(|remote| remote.trouble());
        let ending = Ending {
            finished,
            failed: Vec::new(),
            made: &made,
            not_run,
            unasked: unasked.filter(|_| !would_run.is_empty()).map(|trouble| trouble.to_string()),
            would_run,
            submitted: Vec::new(),
            interrupted: false,
        };
        Ok(self.end(ending, &show, started, observer))
    }
}

/// Takes the results from the store, and shows them.
fn take(
    planner: &Planner<'_>,
    forecast: &Forecast,
    show: &Show<'_>,
    observer: &mut dyn Observer,
) -> (Vec<FinishedStage>, Vec<Option<Made>>) {
    let (mut all, mut made) = (Vec::new(), vec![None; planner.pipeline.stages.len()]);
    for outlook in forecast.stages.iter().filter(|outlook| outlook.state == Planned::Cached) {
        let Some(record) = planner.present(outlook) else { continue };
        let name = planner.pipeline.stages[outlook.stage].name.to_string();
        let folder = show.stage(outlook.stage, &record, &mut |text| {
            observer.event(&Event::Warning { stage: Some(name.clone()), text });
        });
        let finished = FinishedStage::of(name, &record, true, folder);
        observer.event(&Event::Finished(finished.clone()));
        all.push(finished);
        made[outlook.stage] = Some(record.artifacts);
    }
    (all, made)
}
