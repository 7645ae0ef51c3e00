//! The content-addressed store: results under the key of everything that they were computed from.
//!
//! Knows digests, files and records. Does not know stages, pipelines, tensors or screens.
//!
//! ```text
//! .pcamflow/
//!   format                  version of this layout; any other version is refused
//!   home                    identity of the folder `objects`, new whenever that is created anew
//!   objects/ab/<digest>     artifacts by the BLAKE3 digest of their bytes, read-only; folders packed (tar)
//!   actions/ab/<key>.json   action records: key -> artifacts, written last
//!   latest/<digest>         the latest key of a stage of a pipeline, for "why does it run?"
//!   names/<pipeline>        the file that the name of a pipeline belongs to
//!   sources                 digests of source files, with their stat tuples
//!   recall/<digest>         for each pipeline, the contents of records and other small files, with their stat tuples
//!   work/<key>/             partial work (checkpoints), kept until the key has a result
//!   staging/<attempt>/      where one attempt writes; removed after it
//!   locks/<key>             one kernel lock for each executing key; locks/view-<digest> for each folder being shown
//!   gate                    held by runs that look up or publish results, shut by garbage collection
//!   runs/<n>.<pipeline>.json  run records; beside one, <n>.<pipeline>.again counts its repetitions; lock, live/<n>:
//!                           locks for new numbers and of live runs
//!   leases/<run>            what a live run needs, locked while it lives
//!   quarantine/             damaged objects and records, kept for inspection
//!   tmp/                    files being written
//!   incoming/<digest>       objects of which a part has been fetched from a remote store
//!   jobs/<key>/             a job that computes a key on a cluster: its task, its events, what it needs
//! ```
//!
//! Invariants:
//! - An object or record is visible whole or not at all, and a record only after its objects: after a crash at any
//!   moment the next run can use the store. (After a power loss, the size and stat tuple reveal a torn object, and the
//!   seal a torn record; [`Options::durable`] flushes instead.)
//! - Names and modes prove nothing. Objects are trusted for their stat tuple or digest ([`Check`]), records for their
//!   seal.
//! - Opening costs one read. A lookup lists no folder and takes no lock. Nothing is created before the first write, so
//!   a dry run leaves no trace and a read-only store serves hits.
//! - Nothing that a live run needs is removed ([`Lease`]). Records are removed before their objects.

mod brief;
mod bytes;
mod check;
mod collect;
mod error;
mod forget;
mod format;
mod home;
mod job;
mod latest;
mod layout;
mod lease;
mod locks;
mod measure;
mod meter;
mod names;
mod objects;
mod quarantine;
mod read;
mod recall;
mod receive;
mod record;
mod records;
mod runs;
mod seal;
mod search;
mod small;
mod sources;
mod survey;
#[cfg(test)]
mod testing;
mod usage;
mod users;
mod verify;
mod view;
mod work;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Once},
};

pub use crate::{
    finite::Number,
    fsx::{FileLock as KeyLock, TryLock as TryKey},
};
pub use bytes::LocalFile;
pub use check::Check;
pub use collect::{Collected, Keep, Policy, Removed};
pub use error::{Damage, Error, Result};
pub use forget::Forgotten;
pub use lease::{Hold, Lease};
pub use meter::Progress;
pub use receive::{Incoming, Receive, Received};
pub use record::{ActionRecord, Artifacts, Provenance, RECORD_FORMAT, StoredArtifact, key_of};
pub use records::{Committed, Existing, Lookup};
pub use runs::{
    Asked, Ended, Git, LiveRun, Outcome, RUN_FORMAT, ReadRun, Requirement, RunFile, RunRecord, RunStage,
    RunState, SweepTrial, Text,
};
pub use sources::Sources;
pub use usage::{Share, Usage};
pub use verify::{Flaw, Verified};
pub use view::Shown;
pub use work::Attempt;

use crate::fsx::Durability;
use layout::Layout;

/// Options of a store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Flush every object and record to the disk, for machines that lose power.
    pub durable: bool,
}

/// An opened store. Cheap to open, and safe to share between threads and processes.
#[derive(Debug)]
pub struct Store {
    layout: Arc<Layout>,
    sources: Sources,
    recall: recall::Recall,
    leftovers: Once,
    warned_about_locks: Once,
    /// Folders of shown folders in which the leftovers of crashes were cleared up.
    tidied: Mutex<BTreeSet<PathBuf>>,
}

impl Store {
    /// Opens the store at `root`, which need not exist yet: the first write creates it.
    ///
    /// # Errors
    /// Where it has another format, is not a store, or cannot be read.
    pub fn open(root: &Path, options: Options) -> Result<Self> {
        let durability = if options.durable { Durability::Durable } else { Durability::Relaxed };
        let layout = Arc::new(Layout::open(root, durability)?);
        Ok(Self {
            sources: Sources::new(Arc::clone(&layout)),
            recall: recall::Recall::new(Arc::clone(&layout)),
            layout,
            leftovers: Once::new(),
            warned_about_locks: Once::new(),
            tidied: Default::default(),
        })
    }

    /// The absolute path of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.layout.root
    }

    /// From now on remembers the contents of small files from run to run of this pipeline.
    pub fn recall_for(&self, pipeline: &str) {
        self.recall.open_for(pipeline);
    }

    /// Saves what was remembered, for the next run.
    pub fn remember(&self) {
        if let Err(error) = self.recall.save() {
            tracing::debug!("cannot remember the contents of small files: {error}");
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
