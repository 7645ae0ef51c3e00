//! The state of a job, as people are told.

use crate::{
    engine::tell::job::{JobPhase, JobState},
    slurm::{Job, Phase},
};

/// What people are told of a job; `None` if it has ended.
pub(super) fn state_of(job: &Job) -> Option<JobState> {
    let state = match job.phase {
        Phase::Pending => JobPhase::Pending,
        Phase::Running => JobPhase::Running,
        Phase::Completing | Phase::Ended(_) => return None,
    };
    let word = |word: &str, counts: bool| (counts && !word.is_empty()).then(|| word.to_owned());
    Some(JobState {
        job: job.id.0,
        state,
        reason: word(&job.reason, state == JobPhase::Pending),
        node: word(&job.node, state == JobPhase::Running),
    })
}
