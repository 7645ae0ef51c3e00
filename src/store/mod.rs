//! The content-addressed store: what was computed, under the key of what it was computed from.
//!
//! Knows digests, files and records; knows nothing of stages, pipelines, tensors or screens.
//!
//! ```text
//! .pcamflow/
//!   format                  version of this layout; an older one is migrated, any other refused
//!   home                    identity of the `objects` folder, renewed whenever that is made anew
//!   objects/ab/<digest>     artifacts by the BLAKE3 digest of their bytes, read-only; folders packed (tar)
//!   actions/ab/<key>.json   action records: key -> artifacts, written last
//!   latest/<digest>         the key that a stage of a pipeline had last: what "why" compares with
//!   names/<pipeline>        the file that the name of a pipeline belongs to
//!   sources                 digests of source files, remembered with their stat tuples
//!   recall/<digest>         of each pipeline, what records and other small files say, with their stat tuples
//!   work/<key>/             partial work (checkpoints), kept for the same key until it succeeds
//!   staging/<attempt>/      where one attempt writes; gone with it
//!   locks/<key>             one kernel lock per executing key; locks/view-<digest> per folder that is being shown
//!   gate                    held by runs that decide or publish, shut by garbage collection
//!   runs/<n>.<pipeline>.json  run records: which runs there were, and what came of them; beside one, in
//!                           <n>.<pipeline>.again, how often it was repeated; lock, live/<n>: for who numbers and lives
//!   leases/<run>            what a live run relies on, locked while it lives
//!   quarantine/             damaged objects and records, kept for whoever wants to know
//!   tmp/                    files being written
//! ```
//!
//! Invariants:
//! - An object or record is seen whole or not at all, and a record only after its objects: any crash of a
//!   process leaves a store that the next run can use. (After a power loss a torn object shows by its size
//!   and stat tuple, a torn record by its seal; [`Options::durable`] flushes instead.)
//! - Nothing here is trusted for its name or mode: objects for their stat tuple or their digest
//!   ([`Check`]), records for their seal.
//! - Opening costs one read; looking up scans no folder and takes no lock. Nothing is created before the
//!   first write, so that a dry run leaves no trace and a read-only store serves hits.
//! - Nothing that a live run relies on is removed ([`Lease`]); whatever else is removed or put aside goes
//!   in an order in which results are there whole or not at all.

mod brief;
mod bytes;
#[cfg(test)]
mod case;
mod check;
mod collect;
mod error;
mod forget;
mod format;
mod home;
mod latest;
mod layout;
mod lease;
mod locks;
mod measure;
mod names;
mod objects;
mod quarantine;
mod recall;
mod record;
mod records;
mod runs;
mod seal;
mod search;
mod small;
mod sources;
mod survey;
mod usage;
mod verify;
mod view;
mod whose;
mod work;

use std::{path::Path, sync::Arc};

pub use crate::finite::Number;
pub use check::Check;
pub use collect::{Collected, Keep, Policy, Removed};
pub use error::{Damage, Error, Result};
pub use forget::Forgotten;
pub use lease::{Hold, Lease};
pub use locks::{KeyLock, TryKey};
pub use record::{ActionRecord, Artifacts, Provenance, RECORD_FORMAT, StoredArtifact};
pub use records::{Committed, Existing, Lookup};
pub use runs::{
    Asked, Ended, Git, LiveRun, Outcome, RUN_FORMAT, ReadRun, Requirement, RunFile, RunRecord, RunStage,
    RunState, SweepTrial, Text,
};
pub use sources::{Progress, Sources};
pub use usage::{Share, Usage};
pub use verify::{Flaw, Verified};
pub use view::Shown;
pub use work::Attempt;

use crate::fsx::Durability;
use layout::Layout;

/// How a store is used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Flush every object and record to the disk before it counts, for machines that lose power.
    pub durable: bool,
}

/// An opened store. Cheap to open, safe to share between threads, and beside other processes.
#[derive(Debug)]
pub struct Store {
    layout: Arc<Layout>,
    sources: Sources,
    recall: recall::Recall,
    leftovers: std::sync::Once,
    told_of_locks: std::sync::Once,
    /// Folders in which everything that a crash left beside shown folders has been cleared up.
    tidied: std::sync::Mutex<std::collections::BTreeSet<std::path::PathBuf>>,
}

impl Store {
    /// Opens the store at `root`, which need not exist yet: the first write creates it.
    ///
    /// # Errors
    /// Where it has another format that cannot be migrated, is no store, or cannot be read.
    pub fn open(root: &Path, options: Options) -> Result<Self> {
        let durability = if options.durable { Durability::Durable } else { Durability::Relaxed };
        let layout = Arc::new(Layout::open(root, durability)?);
        Ok(Self {
            sources: Sources::new(Arc::clone(&layout)),
            recall: recall::Recall::new(Arc::clone(&layout)),
            layout,
            leftovers: std::sync::Once::new(),
            told_of_locks: std::sync::Once::new(),
            tidied: Default::default(),
        })
    }

    /// The absolute path of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// From now on what the store's small files say is remembered from run to run of that pipeline.
    pub fn recall_for(&self, pipeline: &str) {
        self.recall.open_for(pipeline);
    }

    /// Writes down what was learnt, for the next run.
    pub fn remember(&self) {
        if let Err(error) = self.recall.save() {
            tracing::debug!("what small files say is not remembered: {error}");
        }
    }

    /// The digests of source files, remembered from run to run.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

#[cfg(test)]
mod tests;
