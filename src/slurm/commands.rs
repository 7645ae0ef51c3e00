//! Calls Slurm's commands, and tells what they say from what went wrong with them.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    job::{FORMAT, Job, JobId},
    options::options,
};
use crate::stages::Slurm;

/// Slurm's commands on the PATH.
#[derive(Debug, Default)]
pub struct Commands;

/// A job to submit.
#[derive(Debug)]
pub struct Submission<'a> {
    /// What it needs.
    pub settings: &'a Slurm,
    /// Its name, for people.
    pub name: &'a str,
    /// Its comment, by which it is found again.
    pub mark: &'a str,
    /// The file for what it prints.
    pub output: PathBuf,
    /// The words of the program that it runs.
    pub program: Vec<String>,
}

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is not installed here.
    #[error("`{0}` is not on the PATH: Slurm's commands are needed where pcamflow runs")]
    Missing(&'static str),
    /// Slurm refuses, in its own words.
    #[error("Slurm refuses the job: {0}")]
    Refused(String),
    /// As many jobs are submitted as may be.
    #[error("Slurm takes no more jobs now: {0}")]
    Full(String),
    /// Slurm does not answer, in the words of its command.
    #[error("Slurm does not answer: {0}")]
    Silent(String),
}

impl Commands {
    /// Submits a job. It is put back into the queue if its node fails or another job takes its place.
    ///
    /// # Errors
    /// See [`Trouble`]. After [`Trouble::Silent`] the job may be there.
    pub fn submit(&self, job: &Submission<'_>) -> Result<JobId, Trouble> {
        let own = [
            "--parsable".to_owned(),
            "--requeue".to_owned(),
            "--open-mode=append".to_owned(),
            format!("--job-name={}", job.name),
            format!("--comment={}", job.mark),
            // Slurm replaces `%` and a letter in the name.
            format!("--output={}", job.output.display().to_string().replace('%', "%%")),
        ];
        let words: Vec<String> = job.program.iter().map(|word| quoted(word)).collect();
        let script = format!("#!/bin/sh\nexec {}\n", words.join(" "));
        let said = call("sbatch", own.into_iter().chain(options(job.settings)), script.as_bytes())?;
        let id = said.lines().last().and_then(|line| line.split(';').next()?.trim().parse().ok());
        id.map(JobId).ok_or_else(|| Trouble::Silent(format!("sbatch printed no job number: {}", said.trim())))
    }

    /// Whether Slurm would take a job with these settings. Submits nothing.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn test(&self, settings: &Slurm) -> Result<(), Trouble> {
        let words = ["--test-only".to_owned()].into_iter().chain(options(settings));
        call("sbatch", words, b"#!/bin/sh\n").map(drop)
    }

    /// All jobs of these users that Slurm knows, also those that ended a short time ago.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn jobs(&self, users: &BTreeSet<u32>) -> Result<Vec<Job>, Trouble> {
        let users: Vec<String> = users.iter().map(u32::to_string).collect();
        let words = [
            format!("--user={}", users.join(",")),
            "--states=all".to_owned(),
            "--noheader".to_owned(),
            format!("--format={FORMAT}"),
        ];
        let said = call("squeue", words.into_iter(), b"")?;
        Ok(said.lines().filter_map(Job::read).collect())
    }

    /// Cancels jobs. Those that have ended are no trouble.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn cancel(&self, jobs: &[JobId]) -> Result<(), Trouble> {
        // A command line has a limit.
        for jobs in jobs.chunks(1000) {
            call(
                "scancel",
                std::iter::once("--quiet".to_owned()).chain(jobs.iter().map(JobId::to_string)),
                b"",
            )?;
        }
        Ok(())
    }

    /// Whether some nodes cannot take jobs now. Then a refusal of a test may only mean that the job would have to wait.
    #[must_use]
    pub fn has_nodes_out(&self) -> bool {
        let words = ["--noheader".to_owned(), "--format=%T".to_owned()];
        let out = |state: &str| {
            ["down", "drain", "maint", "reserved", "fail"].iter().any(|word| state.contains(word))
        };
        call("sinfo", words.into_iter(), b"").is_ok_and(|said| said.lines().any(out))
    }

    /// The version of Slurm, and what its partitions are.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn cluster(&self) -> Result<(String, Vec<String>), Trouble> {
        let version = call("sinfo", ["--version".to_owned()].into_iter(), b"")?;
        let partitions = call("sinfo", ["--noheader".to_owned(), "--format=%R".to_owned()].into_iter(), b"")?;
        Ok((version.trim().to_owned(), partitions.lines().map(|name| name.trim().to_owned()).collect()))
    }
}

/// Runs a command with some input; returns what it printed.
fn call(program: &'static str, words: impl Iterator<Item = String>, input: &[u8]) -> Result<String, Trouble> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C is for pcamflow: a submission that is under way ends, so that its job can be cancelled.
    command.process_group(0);
    // A user's own defaults could hide jobs, or make something else of a submission.
    let hiding = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in hiding.filter(|name| is_default(name)) {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing(program),
        _ => Trouble::Silent(format!("{program} cannot be started: {error}")),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read has failed, which its exit code says.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(|error| Trouble::Silent(format!("{program}: {error}")))?;
    match output.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Some(_) => Err(trouble(program, &String::from_utf8_lossy(&output.stderr))),
        None => Err(Trouble::Silent(format!("{program} was killed"))),
    }
}

/// Whether a variable is a default of Slurm's commands that must not count here.
fn is_default(name: &str) -> bool {
    const OF_SBATCH: [&str; 5] =
        ["SBATCH_ARRAY_INX", "SBATCH_CLUSTERS", "SBATCH_ERROR", "SBATCH_OUTPUT", "SBATCH_WAIT"];
    name.starts_with("SQUEUE_") || name == "SLURM_CLUSTERS" || OF_SBATCH.contains(&name)
}

/// What a command that failed means. These are the words of Slurm's library (`slurm_errno.c`).
fn trouble(program: &'static str, said: &str) -> Trouble {
    const SILENT: [&str; 11] = [
        "Unable to contact",
        "timed out",
        "Transport endpoint",
        "Zero Bytes",
        "Connection refused",
        "Socket",
        "DNS SRV",
        "temporarily",
        "is in standby",
        "cannot stat file",
        "configuration file",
    ];
    // `AssocMaxSubmitJobLimit`, `QOSGrpSubmitJobsLimit` and others.
    const FULL: [&str; 2] = ["SubmitJob", "slurm is accepting no more"];
    let lines = said.lines().map(|line| plain(program, line)).filter(|line| !line.is_empty());
    let mut text = lines.collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        text = format!("{program} failed and said nothing");
    }
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // Only a submission can be refused.
    if program != "sbatch" || has(&SILENT) {
        Trouble::Silent(text)
    } else if has(&FULL) {
        Trouble::Full(text)
    } else {
        Trouble::Refused(text)
    }
}

/// A line without the words that every line of a command begins with.
fn plain(program: &str, line: &str) -> String {
    let mut rest = line.trim();
    for word in [program, ":", "error:", "fatal:", "Batch job submission failed:", "allocation failure:"] {
        rest = rest.strip_prefix(word).unwrap_or(rest).trim_start();
    }
    rest.to_owned()
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether a path can be the path of a job's file: Slurm writes it into a script and into its own files.
#[must_use]
pub fn is_plain(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains(['\n', '\\']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_slurm_are_told_without_their_heads() {
        let said = "sbatch: error: invalid partition specified: nope\n\
                    sbatch: error: Batch job submission failed: Invalid partition name specified\n";
        let expected = "invalid partition specified: nope; Invalid partition name specified";
        assert_eq!(trouble("sbatch", said), Trouble::Refused(expected.to_owned()));
        let said = "allocation failure: Requested node configuration is not available";
        assert_eq!(
            trouble("sbatch", said),
            Trouble::Refused("Requested node configuration is not available".to_owned())
        );
    }

    #[test]
    fn a_full_queue_and_a_silent_controller_are_not_refusals() {
        let said = "squeue: error: Unable to contact slurm controller (connect failure)";
        assert!(matches!(trouble("squeue", said), Trouble::Silent(_)));
        let said = "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job \
                    violates accounting/QOS policy (job submit limit, user's size and/or time limits)";
        assert!(matches!(trouble("sbatch", said), Trouble::Full(_)));
        // The generic line names every limit.
        let said = said.replace("QOSMaxSubmitJobPerUserLimit", "QOSMaxWallDurationPerJobLimit");
        assert!(matches!(trouble("sbatch", &said), Trouble::Refused(_)));
        assert_eq!(trouble("scancel", ""), Trouble::Silent("scancel failed and said nothing".to_owned()));
    }

    #[test]
    fn a_word_stays_one_word_in_the_script() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
