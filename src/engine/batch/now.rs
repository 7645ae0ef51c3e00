//! The present state of every stage: cached, computed by a job or by another run, or failed.

use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    events::last_progress,
    folder::{JobFolder, mark},
    state::state_of,
};
use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Outlook,
    },
    tell::{
        event::{Event, Observer, Planned, PlannedStage},
        job::JobState,
    },
};
use crate::{
    protocol::Progress,
    slurm::{Queue, Snapshot, lost},
    stages::RunSettings,
    store::TryKey,
};

/// A stage and its present state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StageNow {
    /// The plan for the stage.
    #[serde(flatten)]
    pub planned: PlannedStage,
    /// Its job, if it has one that is still to end.
    pub job: Option<JobState>,
    /// How far the job is.
    pub progress: Option<Progress>,
    /// The run that computes it here: `host:pid`.
    pub holder: Option<String>,
    /// Why the last attempt failed, if that is what is known of it last.
    pub failure: Option<String>,
}

impl Engine<'_> {
    /// The present states of the stages in scope, in the order of the plan. Slurm is asked once, if there are stages that are
    /// computed as jobs. If it does not answer, that is a warning.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn now(&self, observer: &mut dyn Observer) -> Result<Vec<StageNow>, Refused> {
        let planner = self.planner(observer)?;
        let forecast = self.forecast(&planner, observer);
        let settings: &RunSettings = &self.pipeline.run;
        let is_job = |outlook: &Outlook| {
            let stage = &self.pipeline.stages[outlook.stage].stage;
            settings.job_of(stage.runner(), stage.run_settings()).is_some()
        };
        let open = |outlook: &&Outlook| outlook.state != Planned::Cached;
        let queue = match forecast.stages.iter().filter(open).any(is_job) {
            true => Queue::default().after(Instant::now()),
            false => return Ok(self.each(planner.told(&forecast), &forecast.stages, None)),
        };
        if let Err(trouble) = &queue {
            let text = format!("the states of jobs are not known: {trouble}");
            observer.event(&Event::Warning { stage: None, text });
        }
        Ok(self.each(planner.told(&forecast), &forecast.stages, queue.ok().as_deref()))
    }

    fn each(
        &self,
        planned: Vec<PlannedStage>,
        outlooks: &[Outlook],
        queue: Option<&Snapshot>,
    ) -> Vec<StageNow> {
        planned
            .into_iter()
            .zip(outlooks)
            .map(|(planned, outlook)| self.one(planned, outlook, queue))
            .collect()
    }

    fn one(&self, planned: PlannedStage, outlook: &Outlook, queue: Option<&Snapshot>) -> StageNow {
        let mut now = StageNow { planned, job: None, progress: None, holder: None, failure: None };
        let Some(key) = outlook.key.filter(|_| outlook.state != Planned::Cached) else { return now };
        let job = queue.and_then(|queue| queue.alive(&mark(self.store, &key)));
        now.job = job.and_then(state_of);
        if now.job.is_some() {
            now.progress = last_progress(JobFolder::of(self.store, &key).events());
            return now;
        }
        // In a store that cannot be written, nothing runs. A free lock is released at once.
        if self.store.root().exists()
            && let Ok(TryKey::Held(by)) = self.store.try_lock(&key, "")
        {
            now.holder = Some(by);
            return now;
        }
        now.failure = self.store.failure(&key).ok().flatten();
        // A job of whose end nobody was told.
        let folder = JobFolder::of(self.store, &key);
        if let (None, Some(one), Some(queue)) = (&now.failure, folder.submitted(), queue) {
            now.failure = Some(match folder.ended(one.job) {
                Some(ended) => ended.failure.map(|failure| failure.message).unwrap_or_default(),
                None => lost(one.job, queue.job(one.job), &folder.last_output()).message,
            });
            now.failure = now.failure.filter(|message| !message.is_empty());
        }
        now
    }
}
