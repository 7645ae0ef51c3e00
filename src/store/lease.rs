//! What a live run needs, so that garbage collection spares it.
//!
//! There are two kernel locks. While a run looks up or publishes results, it *holds the gate*, together with other
//! runs; garbage collection shuts the gate while it removes. While stages compute, a run leaves the gate open, so
//! collections never wait for a training. Before a run releases the gate, it writes the keys and objects that it still
//! needs into its *lease*, a file that it keeps locked. Garbage collection spares what is in a locked lease.
//!
//! A run that computes nothing holds the gate to its end and writes no lease. If the store cannot be written, there is
//! neither gate nor lease, and nothing can be removed.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{ActionRecord, Result, Store, job, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, FileLock, Gate, TryLock},
};

/// What one run needs while it lives.
#[derive(Debug)]
pub struct Lease {
    layout: Arc<Layout>,
    claims: Mutex<Claims>,
}

#[derive(Debug, Default)]
struct Claims {
    /// Not written yet.
    pending: Vec<Digest>,
    file: Option<(PathBuf, FileLock)>,
}

/// The gate, held: nothing is removed from the store meanwhile.
#[derive(Debug)]
pub struct Hold<'a> {
    lease: &'a Lease,
    _gate: Option<Gate>,
}

impl Store {
    /// The lease of a new run. Nothing is written before it is used.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { layout: Arc::clone(&self.layout), claims: Mutex::default() }
    }
}

impl Lease {
    /// Holds the gate: everything that is looked up from now on stays until the release. Waits while garbage is being
    /// removed.
    #[must_use]
    pub fn hold(&self) -> Hold<'_> {
        Hold { lease: self, _gate: hold_gate(&self.layout) }
    }

    /// This run needs a key: the record that it has or will get.
    pub fn claim_key(&self, key: &Digest) {
        self.claims().pending.push(*key);
    }

    /// This run needs a record and its objects, even if another record replaces it.
    pub fn claim(&self, record: &ActionRecord) {
        self.claims().pending.extend(std::iter::once(record.key).chain(record.digests()));
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the pending claims. Only for a holder of the gate.
    fn write(&self) -> Result<()> {
        let mut claims = self.claims();
        if claims.pending.is_empty() {
            return Ok(());
        }
        let text: String = claims.pending.iter().map(|digest| format!("{digest}\n")).collect();
        if claims.file.is_none() {
            claims.file = Some(create(&self.layout)?);
        }
        if let Some((path, _)) = &claims.file {
            fsx::append_to(path, text.as_bytes())?;
        }
        claims.pending.clear();
        Ok(())
    }
}

impl Hold<'_> {
    /// Writes down what the run still needs, then releases the gate. (Dropping a hold writes nothing: for a run that
    /// ends.)
    pub fn release(self) {
        // At worst, the run computes again what was removed.
        if let Err(error) = self.lease.write() {
            tracing::debug!("cannot write down what this run needs: {error}");
        }
    }
}

fn hold_gate(layout: &Layout) -> Option<Gate> {
    if !layout.exists().ok()? {
        layout.create().ok()?;
    }
    layout.healing(&layout.gate, || Ok(Gate::beside_others(&layout.gate)?)).ok()
}

fn create(layout: &Layout) -> Result<(PathBuf, FileLock)> {
    layout.prepare(&layout.leases)?;
    loop {
        let path = layout.leases.join(fsx::unique_name());
        // It may be held by a collection, which is about to remove it as the lease of a dead run.
        if let TryLock::Acquired(lock) = FileLock::try_acquire(&path, "")? {
            return Ok((path, lock));
        }
    }
}

/// What live runs and jobs need: keys and digests of objects. Removes the leases of dead runs.
pub(super) fn claimed(layout: &Layout) -> Result<HashSet<Digest>> {
    let mut claimed: HashSet<Digest> = job::needed(layout)?.into_iter().collect();
    for name in fsx::list(&layout.leases)? {
        let path = layout.leases.join(name);
        let lock = layout.healing(&path, || Ok(FileLock::try_acquire(&path, "")?))?;
        if let TryLock::Held(_) = lock {
            let bytes = fsx::read_if_there(&path)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            claimed.extend(text.lines().filter_map(|line| line.parse::<Digest>().ok()));
        }
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Case;

    #[test]
    fn what_is_claimed_counts_while_the_run_lives_and_not_before_it_is_written() {
        let case = Case::new();
        let record = case.record(&["content", "other"]);
        let lease = case.store.lease();
        let hold = lease.hold();
        lease.claim(&record);
        assert!(Gate::try_alone(&case.store.layout.gate).unwrap().is_none(), "the gate is held");
        assert!(claimed(&case.store.layout).unwrap().is_empty());
        hold.release();
        assert!(Gate::try_alone(&case.store.layout.gate).unwrap().is_some());
        let expected: HashSet<Digest> =
            record.artifacts.values().map(|artifact| artifact.digest).chain([record.key]).collect();
        assert_eq!(claimed(&case.store.layout).unwrap(), expected);
        drop(lease);
        assert!(claimed(&case.store.layout).unwrap().is_empty());
        assert!(fsx::list(&case.store.layout.leases).unwrap().is_empty());
    }

    #[test]
    fn a_gate_is_never_created_without_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(folder.path(), crate::store::Options::default());
        drop(open().unwrap().lease().hold());
        assert!(folder.path().join("gate").exists() && folder.path().join("format").exists());
        // An interrupted creation is completed.
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
        assert!(!case.store.layout.leases.exists());
    }
}
