//! What a live run relies on, told to whoever removes things.
//!
//! Two kernel locks, both gone with their holder. While a run decides what it has, or publishes what it
//! made, it *holds the gate*, beside other runs; garbage collection shuts the gate while it removes. In
//! between, while stages compute, a run leaves the gate open: so collecting never waits for a training,
//! only for decisions and publishing, and they for it. Before a run gives the gate back it writes what it
//! goes on to rely on into its *lease*, a file that it keeps locked: keys, and the digests of the objects
//! behind them. Garbage collection spares what stands in a lease that somebody holds; the lease of a dead
//! run counts for nothing.
//!
//! A run that computes nothing never gives the gate back before its end, and writes no lease. Where the
//! store cannot be written there is no gate and no lease, and nothing that could be removed either.

use std::{
    collections::HashSet,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{ActionRecord, Result, Store, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, FileLock, Gate, TryLock},
};

/// What one run relies on while it lives.
#[derive(Debug)]
pub struct Lease {
    layout: Arc<Layout>,
    claims: Mutex<Claims>,
}

#[derive(Debug, Default)]
struct Claims {
    /// Not written yet.
    pending: Vec<Digest>,
    file: Option<(std::path::PathBuf, FileLock)>,
}

/// The gate, held: nothing is removed from the store meanwhile.
#[derive(Debug)]
pub struct Hold<'a> {
    lease: &'a Lease,
    _gate: Option<Gate>,
}

impl Store {
    /// The lease of a run that begins. Costs nothing before it is used.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { layout: Arc::clone(&self.layout), claims: Mutex::default() }
    }
}

impl Lease {
    /// Holds the gate: whatever is looked up from now on stays until it is released. Sleeps while garbage
    /// is being removed.
    #[must_use]
    pub fn hold(&self) -> Hold<'_> {
        Hold { lease: self, _gate: pass(&self.layout) }
    }

    /// This run relies on a key: on the record that it has, or is about to get.
    pub fn claim_key(&self, key: &Digest) {
        self.claims().pending.push(*key);
    }

    /// This run relies on a record and on the objects behind it, even should another record take its place.
    pub fn claim(&self, record: &ActionRecord) {
        let objects = record.artifacts.values().map(|artifact| artifact.digest);
        self.claims().pending.extend(std::iter::once(record.key).chain(objects).chain(record.log));
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        // A panic elsewhere leaves claims that were true when they were put in.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is not written yet. Only for a holder of the gate.
    fn write(&self) -> Result<()> {
        let mut claims = self.claims();
        if claims.pending.is_empty() {
            return Ok(());
        }
        if claims.file.is_none() {
            claims.file = Some(create(&self.layout)?);
        }
        let text = claims.pending.iter().fold(String::new(), |mut text, digest| {
            let _ = writeln!(text, "{digest}");
            text
        });
        if let Some((path, _)) = &claims.file {
            fsx::append_to(path, text.as_bytes())?;
        }
        claims.pending.clear();
        Ok(())
    }
}

impl Hold<'_> {
    /// Gives the gate back after writing down what the run goes on to rely on. (Dropping a hold writes
    /// nothing: for a run that ends.)
    pub fn release(self) {
        // Where even these few bytes cannot be written, the run cannot go on for long either; at worst it
        // computes again what was removed.
        if let Err(error) = self.lease.write() {
            tracing::debug!("what this run relies on is not written down: {error}");
        }
    }
}

fn pass(layout: &Layout) -> Option<Gate> {
    layout.prepare_store().ok()?;
    let path = layout.gate();
    layout.healing(&path, || Ok(Gate::beside_others(&path)?)).ok()
}

fn create(layout: &Layout) -> Result<(std::path::PathBuf, FileLock)> {
    let folder = layout.leases();
    layout.prepare(&folder)?;
    loop {
        let path = folder.join(fsx::unique_name());
        // Held: by somebody who takes it for a dead one's and is about to remove it.
        if let TryLock::Acquired(lock) = FileLock::try_acquire(&path, "")? {
            return Ok((path, lock));
        }
    }
}

/// What live runs rely on: keys and digests of objects. Removes the leases of dead runs.
pub(super) fn claimed(layout: &Layout) -> Result<HashSet<Digest>> {
    let mut claimed = HashSet::new();
    for name in fsx::list(&layout.leases())? {
        let path = layout.leases().join(name);
        let lock = layout.healing(&path, || Ok(FileLock::try_acquire(&path, "")?))?;
        if let TryLock::Held(_) = lock {
            let bytes = fsx::read_if_there(&path)?.unwrap_or_default();
            claimed.extend(
                String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.parse::<Digest>().ok()),
            );
        }
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::case::Case;

    #[test]
    fn what_is_claimed_counts_while_the_run_lives_and_not_before_it_is_written() {
        let case = Case::new();
        let record = case.record(&["content", "other"]);
        let lease = case.store.lease();
        let hold = lease.hold();
        lease.claim(&record);
        assert!(Gate::try_alone(&case.store.layout.gate()).unwrap().is_none(), "the gate is held");
        assert!(claimed(&case.store.layout).unwrap().is_empty());
        hold.release();
        assert!(Gate::try_alone(&case.store.layout.gate()).unwrap().is_some());
        let expected: HashSet<Digest> =
            record.artifacts.values().map(|artifact| artifact.digest).chain([record.key]).collect();
        assert_eq!(claimed(&case.store.layout).unwrap(), expected);
        drop(lease);
        assert!(claimed(&case.store.layout).unwrap().is_empty());
        assert!(fsx::list(&case.store.layout.leases()).unwrap().is_empty());
    }

    #[test]
    fn a_gate_never_stands_in_a_folder_that_is_no_store_yet() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(folder.path(), crate::store::Options::default());
        drop(open().unwrap().lease().hold());
        assert!(folder.path().join("gate").exists() && folder.path().join("format").exists());
        // One that was cut off between the two is made whole.
        std::fs::remove_file(folder.path().join("format")).unwrap();
        std::fs::remove_dir_all(folder.path().join("tmp")).unwrap();
        drop(open().unwrap().lease().hold());
        assert!(folder.path().join("format").exists());
    }

    #[test]
    fn a_run_that_computes_nothing_writes_no_lease() {
        let case = Case::new();
        let record = case.record(&["content"]);
        let lease = case.store.lease();
        let hold = lease.hold();
        lease.claim(&record);
        drop(hold);
        assert!(!case.store.layout.leases().exists());
    }
}
