//! Stages that are computed as jobs of a cluster: which, how many at once, and whether the cluster takes them.

use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::Planner,
    },
    run::{run_loop::Run, states::State},
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

    /// The jobs of the stages that will run, or may run.
    fn jobs(&self, forecast: &Forecast) -> impl Iterator<Item = (usize, Slurm)> {
        let runs = forecast.stages.iter().filter(|it| matches!(it.state, Planned::Run | Planned::Maybe));
        runs.filter_map(|outlook| Some((outlook.stage, self.job(outlook.stage)?)))
    }

    /// Whether stages will run, or may run, as jobs.
    pub(super) fn has_jobs(&self, forecast: &Forecast) -> bool {
        self.jobs(forecast).next().is_some()
    }

    /// Asks Slurm whether it would take the jobs of the stages that will run, or may run. Submits nothing.
    pub(super) fn check_jobs(&self, planner: &Planner<'_>, forecast: &Forecast) -> Result<(), Refused> {
        let (mut checked, mut problems): (Vec<Slurm>, Vec<String>) = Default::default();
        for (stage, job) in self.jobs(forecast) {
            if checked.contains(&job) {
                continue;
            }
            match Commands.test(&job) {
                Ok(()) | Err(Trouble::Full(_)) => {}
                // The job may only have to wait for nodes. If not, its submission is refused.
                Err(Trouble::Refused(_)) if Commands.has_nodes_out() => {}
                Err(refused @ Trouble::Refused(_)) => {
                    let name = &self.pipeline.stages[stage].name;
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
    /// A stage's job goes on; what reads it waits for a later run.
    pub(super) fn leave(&mut self, stage: usize, job: JobId) {
        // Its place stays taken: there are not to be more jobs at once.
        self.states.set(stage, State::Left);
        let submitted = SubmittedStage { stage: self.name(stage), job: job.0 };
        self.observer.event(&Event::Submitted(submitted.clone()));
        self.left.push(submitted);
    }
}
