//! A job's side: reads what to compute from its folder, computes it, and says how it ended.
//!
//! Runs on a node of the cluster. A job that is stopped says nothing: Slurm says why, and what it has computed stays.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    events::Writer,
    folder::{Ended, JobFolder, Spec},
};
use crate::engine::{
    compute::{Lost, Site, Work, slept, until_stopped},
    exec::{Executor, Listener, Processes, Programs},
};
use crate::{
    digest::Digest,
    place::host,
    protocol::{Failure, Level},
    slurm::JobId,
    store::{Existing, KeyLock, Options, Store, TryKey},
};

/// How often to look whether another run has released the key.
const INTERVAL: Duration = Duration::from_millis(200);

/// Computes the stage of a job; true if its result is in the store. Blocks until it has ended or is stopped.
///
/// # Errors
/// The folder is not that of a job of this version, or the store cannot be opened.
pub fn compute(folder: &Path, programs: Programs, stopped: &AtomicBool) -> Result<bool, String> {
    let (folder, spec) = read(folder)?;
    let executor = Processes::new(programs, spec.offline);
    run(&folder, &spec, &executor, stopped)
}

/// The same with an executor of the caller.
///
/// # Errors
/// As [`compute`].
pub fn compute_with(folder: &Path, executor: &dyn Executor, stopped: &AtomicBool) -> Result<bool, String> {
    let (folder, spec) = read(folder)?;
    run(&folder, &spec, executor, stopped)
}

fn read(folder: &Path) -> Result<(JobFolder, Spec), String> {
    let folder = JobFolder::at(folder);
    let spec = folder.spec()?;
    folder.begin()?;
    let checked = spec.check();
    if let Err(text) = checked {
        end(&folder, Err(Lost { failure: Failure::environment(&text), attempts: spec.failed, log: None }))?;
        return Err(text);
    }
    Ok((folder, spec))
}

fn run(
    folder: &JobFolder,
    spec: &Spec,
    executor: &dyn Executor,
    stopped: &AtomicBool,
) -> Result<bool, String> {
    let store = Store::open(&spec.store, Options::default()).map_err(|error| error.to_string())?;
    // The engine cleans up. Hundreds of jobs would only be in each other's way.
    store.keep_leftovers();
    let computed = in_store(folder, spec, &store, executor, stopped);
    if stopped.load(Ordering::SeqCst) && computed.is_err() {
        return Ok(false);
    }
    end(folder, computed)
}

fn end(folder: &JobFolder, computed: Result<(), Lost>) -> Result<bool, String> {
    let is_made = computed.is_ok();
    let job = std::env::var("SLURM_JOB_ID").ok().and_then(|id| id.parse().ok()).map(JobId);
    let ended = match computed {
        Ok(()) => Ended { job, failure: None, attempts: 0, log: None },
        Err(Lost { failure, attempts, log }) => {
            eprintln!("error: {}", failure.message);
            Ended { job, failure: Some(failure), attempts, log }
        }
    };
    folder.write_ended(&ended).map_err(|failure| failure.message)?;
    Ok(is_made)
}

fn in_store(
    folder: &JobFolder,
    spec: &Spec,
    store: &Store,
    executor: &dyn Executor,
    stopped: &AtomicBool,
) -> Result<(), Lost> {
    let (work, failed) = (&spec.work, spec.failed);
    let lost = |failure| Lost { failure, attempts: failed, log: None };
    let events = Writer::open(&folder.events());
    let key = work.fingerprint.key();
    let lock = lock(store, &key, &events, stopped).map_err(lost)?;
    if work.existing == Existing::Keep && store.record(&key).is_ok_and(|record| record.found().is_some()) {
        return Ok(());
    }
    let lease = store.lease();
    let hold = lease.hold();
    lease.claim_key(&key);
    inputs(work).for_each(|(_, digest)| lease.claim_key(&digest));
    hold.release();
    check_inputs(work, store).map_err(lost)?;
    let site = Site { store, lease: &lease, executor, stopped };
    let computed = until_stopped(executor, &work.task.name, stopped, || work.compute(&site, failed, &events));
    let noted = match &computed {
        // Without locks, another run may be using this folder.
        Ok(_) if lock.is_enforced() => store.remove_work(&key),
        Err(lost) if !stopped.load(Ordering::SeqCst) => store.note_failure(&key, &lost.failure.message),
        Ok(_) | Err(_) => Ok(()),
    };
    if let Err(error) = noted {
        tracing::debug!("the partial work is not up to date: {error}");
    }
    drop(lock);
    computed.map(drop)
}

/// Waits until no other run computes the key.
fn lock(store: &Store, key: &Digest, events: &Writer, stopped: &AtomicBool) -> Result<KeyLock, Failure> {
    let (job, mut told) = (std::env::var("SLURM_JOB_ID").unwrap_or_default(), false);
    loop {
        match store.try_lock(key, &format!("{}:job {job}", host())).map_err(Failure::environment)? {
            TryKey::Acquired(lock) => return Ok(lock),
            // The run that submits a job holds the lock for a moment.
            TryKey::Held(by) if !told && by.contains(":job ") => {
                events.log(Level::Warning, &format!("the job waits for {by}, which computes the same"));
                told = true;
            }
            TryKey::Held(_) => {}
        }
        if !slept(INTERVAL, || stopped.load(Ordering::SeqCst)) {
            return Err(Failure::process("the job was stopped"));
        }
    }
}

/// The contents of what the stage reads, by slot.
fn inputs(work: &Work) -> impl Iterator<Item = (&str, Digest)> {
    work.fingerprint
        .lines()
        .iter()
        .filter_map(|(line, digest)| Some((line.strip_prefix("input ")?, digest.parse::<Digest>().ok()?)))
}

/// Everything that the stage reads has to be there on this node, and a source has to be as it was.
fn check_inputs(work: &Work, store: &Store) -> Result<(), Failure> {
    for (slot, digest) in inputs(work) {
        let Some(input) = work.task.inputs.get(slot) else { continue };
        if !input.path.exists() {
            return Err(Failure::environment(format!(
                "{} ({}) is not there on {}: the store and the data must have the same paths on the nodes of the cluster",
                input.name,
                input.path.display(),
                host()
            )));
        }
        if work.sources.contains(&input.path) {
            let now = store.sources().digest(&input.path).map_err(Failure::environment)?;
            if now != digest {
                let path = input.path.display();
                return Err(Failure::stage(format!("{path} changed after the job was submitted: run again")));
            }
        }
    }
    Ok(())
}
