//! Why a job ended without a word of its own: from its state, and from what Slurm wrote into its output.
//!
//! Slurm forgets the states of ended jobs after some minutes, and without cgroups it reports a job that used too much
//! memory as failed. Its output says it in both cases.

use super::job::{End, Job, JobId, Phase};

/// A job that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Why.
    pub cause: Cause,
    /// The same in words, with what to do.
    pub message: String,
}

/// Why a job was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
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
    /// Its process crashed or was killed, or Slurm no longer says why.
    Unknown,
}

/// What Slurm writes into the output of a job that it puts back into the queue.
const REQUEUED: &str = "DUE TO JOB REQUEUE";
/// How many lines of its output a message repeats.
const LAST_LINES: usize = 5;

/// Why a job was lost. `job` is what Slurm knows of it, if anything; `output` is what it and Slurm have printed.
#[must_use]
pub fn lost(id: JobId, job: Option<&Job>, output: &str) -> Lost {
    let cause = cause(job.map(|job| job.phase), output);
    let node = job.map(|job| job.node.as_str()).filter(|node| !node.is_empty());
    let on = node.map(|node| format!(" on {node}")).unwrap_or_default();
    let message = match cause {
        Cause::TimeLimit => format!(
            "job {id}{on} reached its time limit (`time`): what it has computed is kept; raise `time`, or run again \
             to go on"
        ),
        Cause::Memory => {
            format!(
                "job {id}{on} used more memory than it asked for (`memory`) and was killed: raise `memory`"
            )
        }
        Cause::Node => format!("the node of job {id} failed{on}: run again to go on"),
        Cause::Preempted => format!("job {id}{on} was preempted by another job: run again to go on"),
        Cause::Cancelled => {
            format!("job {id}{on} was cancelled (`scancel`, or by an administrator): run again to go on")
        }
        Cause::Unknown => format!("job {id}{on} ended without a result: run again to go on{}", last(output)),
    };
    Lost { cause, message }
}

fn cause(phase: Option<Phase>, output: &str) -> Cause {
    let of_state = match phase {
        Some(Phase::Ended(End::TimeLimit)) => Some(Cause::TimeLimit),
        Some(Phase::Ended(End::Memory)) => Some(Cause::Memory),
        Some(Phase::Ended(End::Node)) => Some(Cause::Node),
        Some(Phase::Ended(End::Preempted)) => Some(Cause::Preempted),
        Some(Phase::Ended(End::Cancelled)) => Some(Cause::Cancelled),
        Some(
            Phase::Ended(End::Completed | End::Failed) | Phase::Pending | Phase::Running | Phase::Completing,
        )
        | None => None,
    };
    of_state.unwrap_or_else(|| said(output))
}

/// What Slurm's own last words in the output mean. Only lines of the step daemon count, not those of the job, and only
/// those since the job was last put back into the queue.
fn said(output: &str) -> Cause {
    const WORDS: [(&str, Cause); 7] = [
        ("DUE TO TIME LIMIT", Cause::TimeLimit),
        ("memory limit", Cause::Memory),
        ("oom-kill", Cause::Memory),
        ("out of memory", Cause::Memory),
        ("DUE TO NODE FAILURE", Cause::Node),
        ("DUE TO PREEMPTION", Cause::Preempted),
        ("CANCELLED AT", Cause::Cancelled),
    ];
    // Of all its words, the most telling ones: a job that is killed for its memory is also cancelled.
    let mut of_slurm: Vec<&str> =
        output.lines().filter(|line| line.starts_with("slurmstepd") || line.starts_with("srun: ")).collect();
    if let Some(requeue) = of_slurm.iter().rposition(|line| contains(line, REQUEUED)) {
        of_slurm.drain(..=requeue);
    }
    let meant = WORDS.iter().find(|(words, _)| of_slurm.iter().any(|line| contains(line, words)));
    meant.map_or(Cause::Unknown, |(_, cause)| *cause)
}

fn contains(line: &str, words: &str) -> bool {
    line.to_lowercase().contains(&words.to_lowercase())
}

fn last(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &str) -> Job {
        Job::read(line).unwrap()
    }

    #[test]
    fn the_state_says_why() {
        for (state, words) in [
            ("TIMEOUT", "job 7 on n1 reached its time limit"),
            ("OUT_OF_MEMORY", "job 7 on n1 used more memory"),
            ("NODE_FAIL", "the node of job 7 failed on n1"),
            ("PREEMPTED", "preempted"),
            ("CANCELLED", "was cancelled"),
        ] {
            let lost = lost(JobId(7), Some(&job(&format!("7|{state}|None|n1|"))), "");
            assert!(lost.message.contains(words), "{state}: {}", lost.message);
        }
    }

    #[test]
    fn otherwise_its_output_does() {
        let output = "working\n\
            slurmstepd-vm: error: *** JOB 2 ON vm CANCELLED AT 2026-11-30T15:39:26 ***\n\
            slurmstepd-vm: error: StepId=2.batch exceeded memory limit (313647104 > 104857600), being killed\n";
        let failed = job("2|FAILED|JobLaunchFailure|vm|");
        assert_eq!(lost(JobId(2), Some(&failed), output).cause, Cause::Memory);
        let output =
            "slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-11-30T15:39:26 DUE TO TIME LIMIT ***\n";
        assert_eq!(lost(JobId(3), None, output).cause, Cause::TimeLimit);
        let of_the_stage = lost(JobId(4), None, "the step was CANCELLED AT noon\nSegmentation fault\n");
        assert_eq!(of_the_stage.cause, Cause::Unknown);
        assert!(of_the_stage.message.ends_with("\n  Segmentation fault"), "{}", of_the_stage.message);
    }

    #[test]
    fn a_job_that_was_put_back_is_not_cancelled() {
        let requeued =
            "slurmstepd-vm: error: *** JOB 2 ON vm CANCELLED AT 2026-11-30T15:39:26 DUE TO JOB REQUEUE ***\n";
        let failed = job("2|FAILED|NonZeroExitCode|vm|");
        assert_eq!(lost(JobId(2), Some(&failed), requeued).cause, Cause::Unknown);
        let later =
            format!("{requeued}slurmstepd-vm: error: *** JOB 2 ON vm CANCELLED AT 2026-11-30T15:40:00 ***\n");
        assert_eq!(lost(JobId(2), Some(&failed), &later).cause, Cause::Cancelled);
    }
}
