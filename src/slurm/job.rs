//! Jobs as `squeue` lists them: one line each, with fields between bars.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What it is doing.
    pub phase: Phase,
    /// Why it waits, in Slurm's word (`Priority`, `Resources`, `QOSMaxJobsPerUserLimit`).
    pub reason: String,
    /// The node; empty while it waits.
    pub node: String,
    /// What pcamflow wrote into its comment.
    pub mark: String,
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for resources, or was put back into the queue.
    Pending,
    /// It runs.
    Running,
    /// It is over, and Slurm clears up after it. If it was put back into the queue, it becomes pending.
    Completing,
    /// It has ended.
    Ended(End),
}

/// How a job ended, as far as Slurm says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its process ended with 0.
    Completed,
    /// It reached its time limit.
    TimeLimit,
    /// It used more memory than it may.
    Memory,
    /// Its node failed.
    Node,
    /// A job of higher priority took its place.
    Preempted,
    /// Somebody cancelled it.
    Cancelled,
    /// Its process ended with another code, or was lost.
    Failed,
}

impl Phase {
    /// The phase for a state in Slurm's words. Unknown words of later versions count as running: the end of a job is
    /// noticed in other ways, too.
    fn of(state: &str) -> Self {
        Self::Ended(match state {
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "CONFIGURING" => {
                return Self::Pending;
            }
            "COMPLETING" => return Self::Completing,
            "COMPLETED" => End::Completed,
            "TIMEOUT" | "DEADLINE" => End::TimeLimit,
            "OUT_OF_MEMORY" => End::Memory,
            "NODE_FAIL" | "BOOT_FAIL" => End::Node,
            "PREEMPTED" => End::Preempted,
            "CANCELLED" | "REVOKED" => End::Cancelled,
            "FAILED" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => End::Failed,
            _ => return Self::Running,
        })
    }
}

/// What `squeue` is asked to print of each job. The comment is last, because it may contain bars.
pub(super) const FORMAT: &str = "%i|%T|%r|%N|%k";

impl Job {
    /// A line of `squeue`; `None` for jobs that are not pcamflow's, such as parts of arrays.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut fields = line.trim_end().splitn(5, '|');
        let mut next = || fields.next();
        let (id, state, reason, node, mark) = (next()?, next()?, next()?, next()?, next()?);
        let word =
            |word: &str| if matches!(word, "None" | "(null)") { String::new() } else { word.to_owned() };
        Some(Self {
            id: JobId(id.parse().ok()?),
            phase: Phase::of(state),
            reason: word(reason),
            node: word(node),
            mark: word(mark),
        })
    }

    /// Whether it is still to end.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.phase, Phase::Ended(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_job() {
        let job = Job::read("17|PENDING|Priority||pcamflow ab /store|x y\n").unwrap();
        let expected = Job {
            id: JobId(17),
            phase: Phase::Pending,
            reason: "Priority".into(),
            node: String::new(),
            mark: "pcamflow ab /store|x y".into(),
        };
        assert!(job == expected && job.is_alive());
        let job = Job::read("18|TIMEOUT|TimeLimit|n7|(null)").unwrap();
        assert_eq!((job.phase, job.mark.as_str()), (Phase::Ended(End::TimeLimit), ""));
        assert!(!job.is_alive());
    }

    #[test]
    fn other_lines_are_no_jobs_and_new_states_are_no_ends() {
        for line in
            ["", "17_[1-4]|PENDING|Priority||", "JOBID|STATE", "slurm_load_jobs error: Invalid job id"]
        {
            assert_eq!(Job::read(line), None, "{line}");
        }
        assert_eq!(Job::read("1|COMPLETING|None|n1|(null)").unwrap().phase, Phase::Completing);
        assert_eq!(Job::read("1|A_NEW_STATE|None|n1|(null)").unwrap().phase, Phase::Running);
    }
}
