//! Finds the job that computes a key, or submits one.
//!
//! The key's lock is held from the look at what there is until the job is submitted and noted, so two runs never submit
//! two jobs for one key. The job itself locks the key while it computes.

use std::time::{Duration, Instant};

use super::{
    ear::Ear,
    folder::{JobFolder, Spec, mark},
    jobs::Batch,
};
use crate::engine::compute::{Site, Work, slept};
use crate::{
    digest::Digest,
    place::host,
    protocol::{Failure, Level},
    slurm::{JobId, Submission, Trouble, is_plain},
    stages::Slurm,
    store::{ActionRecord, Existing, KeyLock, TryKey},
};

/// How often to look whether another run has submitted the job.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long Slurm may be silent before a submission fails.
const SILENT: Duration = Duration::from_secs(300);
/// The longest time between two attempts to submit.
const PAUSE: Duration = Duration::from_secs(60);

/// One stage that is computed as a job.
pub(super) struct Case<'a> {
    pub(super) batch: &'a Batch,
    pub(super) site: Site<'a>,
    pub(super) work: &'a Work,
    pub(super) settings: &'a Slurm,
    pub(super) ear: &'a dyn Ear,
    pub(super) key: Digest,
    pub(super) folder: JobFolder,
}

/// What there is for a key.
pub(super) enum Found {
    /// Its result.
    Made(Box<ActionRecord>),
    /// A job.
    Job(JobId),
}

impl Case<'_> {
    /// The job that computes the key: one that Slurm has, as it said after `since`, or a new one.
    pub(super) fn job(&self, failed: u32, since: Instant) -> Result<Found, Failure> {
        let mark = mark(self.site.store, &self.key);
        let mut queue = self.batch.queue.after(since).map_err(Failure::environment)?;
        let mut told = false;
        while !self.is_stopped() {
            if let Some(id) = queue.alive(&mark) {
                self.batch.queue.wait_for(id);
                return Ok(Found::Job(id));
            }
            match self.site.store.try_lock(&self.key, &owner()).map_err(Failure::environment)? {
                TryKey::Acquired(lock) => return self.with_lock(&mark, failed, lock),
                TryKey::Held(by) => {
                    if !by.is_empty() && !std::mem::replace(&mut told, true) {
                        self.ear.waiting(by);
                    }
                    slept(INTERVAL, || self.is_stopped());
                    queue = self.batch.queue.look();
                }
            }
        }
        Err(Failure::process("the run was stopped"))
    }

    fn with_lock(&self, mark: &str, failed: u32, lock: KeyLock) -> Result<Found, Failure> {
        if let Some(record) = self.result() {
            return Ok(Found::Made(Box::new(record)));
        }
        if let Some(id) = self.folder.submitted() {
            // Another run may have submitted it after the question.
            let queue = self.batch.queue.after(Instant::now()).map_err(Failure::environment)?;
            if queue.job(id).is_some_and(|job| job.is_alive()) {
                self.batch.queue.wait_for(id);
                return Ok(Found::Job(id));
            }
        }
        let id = self.submit(mark, failed)?;
        drop(lock);
        Ok(Found::Job(id))
    }

    /// The result of the key, if a job or another run has made one, and the stage is not forced.
    pub(super) fn result(&self) -> Option<ActionRecord> {
        let record = || self.site.store.record(&self.key).ok()?.found();
        (self.work.existing == Existing::Keep).then(record).flatten()
    }

    fn submit(&self, mark: &str, failed: u32) -> Result<JobId, Failure> {
        let inputs = self.work.fingerprint.lines().iter().filter(|(line, _)| line.starts_with("input "));
        let needs = inputs.filter_map(|(_, digest)| digest.parse::<Digest>().ok());
        self.site.store.new_job(&self.key, needs).map_err(Failure::environment)?;
        self.folder.write_spec(&Spec::new(self.site.store, self.batch.options.offline, failed, self.work))?;
        if !is_plain(self.folder.path()) {
            let path = self.folder.path().display();
            return Err(Failure::environment(format!(
                "{path}: Slurm cannot write to such a path: choose another --store"
            )));
        }
        let mut program = self.batch.options.program.clone();
        program.push(self.folder.path().display().to_string());
        let submission = Submission {
            settings: self.settings,
            name: &self.work.task.name,
            mark,
            output: self.folder.output(),
            program,
        };
        let id = self.patiently(&submission)?;
        self.folder.write_submitted(id)?;
        Ok(id)
    }

    /// Submits, and tries again while Slurm takes no more jobs or does not answer.
    fn patiently(&self, submission: &Submission<'_>) -> Result<JobId, Failure> {
        let (mut pause, mut told, began) = (Duration::from_secs(2), false, Instant::now());
        loop {
            let trouble = match self.batch.queue.submit(submission) {
                Ok(id) => return Ok(id),
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Full(_) => {}
                Trouble::Silent(_) if began.elapsed() < SILENT => {}
                Trouble::Silent(_) | Trouble::Missing(_) | Trouble::Refused(_) => {
                    return Err(Failure::environment(trouble));
                }
            }
            if !std::mem::replace(&mut told, true) {
                self.ear.log(Level::Warning, &format!("{trouble}: it is tried again"));
            }
            if !slept(pause, || self.is_stopped()) {
                return Err(Failure::process("the run was stopped"));
            }
            pause = (pause * 2).min(PAUSE);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.site.stopped.load(std::sync::atomic::Ordering::SeqCst)
    }
}

fn owner() -> String {
    format!("{}:{}", host(), std::process::id())
}
