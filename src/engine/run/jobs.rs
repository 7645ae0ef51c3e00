//! Stages that are computed as jobs of a cluster: which, how many at once, and whether the cluster takes them.

use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::Planner,
    },
    run::{attempt::Place, run_loop::Run, states::State},
    tell::{
        event::{Event, Planned},
        job::SubmittedStage,
    },
};
use crate::{
    slurm::{Commands, JobId, Trouble},
    stages::{Slurm, SlurmChoice},
};

/// How many jobs of one run may be pending or running at once by default.
const MOST_JOBS: u32 = 100;

impl Engine<'_> {
    /// The job that a stage becomes; `None` if it is computed here.
    pub(in crate::engine) fn job(&self, stage: usize) -> Option<Slurm> {
        let stage = &self.pipeline.stages[stage].stage;
        self.pipeline.run.job_of(stage.runner(), stage.run_settings())
    }

    /// How many jobs may be pending or running at once.
    pub(super) fn most_jobs(&self) -> usize {
        let most = match &self.pipeline.run.slurm {
            Some(SlurmChoice::Job(settings)) => settings.max_jobs,
            Some(SlurmChoice::Here) | None => None,
        };
        most.unwrap_or(MOST_JOBS) as usize
    }

    /// Asks Slurm whether it would take the jobs of the stages that will run, or may run. Submits nothing.
    pub(super) fn check_jobs(&self, planner: &Planner<'_>, forecast: &Forecast) -> Result<(), Refused> {
        let (mut checked, mut problems): (Vec<Slurm>, Vec<String>) = Default::default();
        let runs = |state| matches!(state, Planned::Run | Planned::Maybe);
        for outlook in forecast.stages.iter().filter(|outlook| runs(outlook.state)) {
            let Some(job) = self.job(outlook.stage).filter(|job| !checked.contains(job)) else { continue };
            match Commands.test(&job) {
                Ok(()) | Err(Trouble::Full(_)) => {}
                Err(refused @ Trouble::Refused(_)) => {
                    let name = &self.pipeline.stages[outlook.stage].name;
                    let place = planner.written().setting(name, "slurm");
                    problems.push(format!("{place}: {name}: {refused}"));
                }
                Err(trouble @ (Trouble::Missing(_) | Trouble::Silent(_))) => return Err(trouble.into()),
            }
            checked.push(job);
        }
        if problems.is_empty() { Ok(()) } else { Err(Refused::Wrong(problems)) }
    }
}

impl Run<'_, '_, '_> {
    /// Where a stage is computed; `None` if it has to wait for another run, or fails.
    pub(super) fn place(&mut self, stage: usize) -> Option<Place> {
        match self.engine.job(stage) {
            Some(job) => Some(Place::Job(Box::new(job))),
            None => self.lock(stage).map(Place::Here),
        }
    }

    /// A stage's job goes on; what reads it waits for a later run.
    pub(super) fn leave(&mut self, stage: usize, job: JobId) {
        if let State::Running(grant) = &self.states[stage] {
            self.resources.give_back(grant);
        }
        self.states.set(stage, State::Left);
        let submitted = SubmittedStage { stage: self.name(stage), job: job.0 };
        self.observer.event(&Event::Submitted(submitted.clone()));
        self.left.push(submitted);
    }
}
