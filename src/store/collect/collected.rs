//! What a collection removed.

use serde::Serialize;

use super::super::Result;

/// Removed things of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// How many.
    pub count: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Collected {
    /// Whether this was a dry run, which removes nothing.
    pub dry_run: bool,
    /// Results (the bytes of their records).
    pub results: Removed,
    /// Objects.
    pub objects: Removed,
    /// Partial work of stages that have their result, or that was not continued for too long.
    pub partial_work: Removed,
    /// Quarantined files.
    pub quarantine: Removed,
    /// Staging folders of dead runs.
    pub staging: Removed,
    /// Old run records.
    pub runs: Removed,
    /// What was remembered of the small files of pipelines that are gone.
    pub recall: Removed,
    /// Results that the policy would remove, but that a live run needs.
    pub in_use: usize,
    /// Results that stay.
    pub results_left: usize,
    /// Objects that stay.
    pub objects_left: Removed,
    /// Why some things could not be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_removed: Vec<String>,
}

impl Collected {
    /// The bytes of everything that was removed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.kinds().iter().map(|kind| kind.bytes).sum()
    }

    /// How many things were removed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kinds().iter().map(|kind| kind.count).sum()
    }

    fn kinds(&self) -> [Removed; 7] {
        let Self { results, objects, partial_work, quarantine, staging, runs, recall, .. } = self;
        [*results, *objects, *partial_work, *quarantine, *staging, *runs, *recall]
    }

    /// Removes one thing, unless this is a dry run, and counts it.
    pub(in crate::store) fn remove(
        &mut self,
        kind: fn(&mut Self) -> &mut Removed,
        bytes: u64,
        remove: impl FnOnce() -> Result<()>,
    ) {
        let removed = if self.dry_run { Ok(()) } else { remove() };
        self.count_removed(kind, bytes, removed);
    }

    /// Counts one thing, if it was removed, or notes why it was not.
    pub(in crate::store) fn count_removed(
        &mut self,
        kind: fn(&mut Self) -> &mut Removed,
        bytes: u64,
        removed: Result<()>,
    ) {
        match removed {
            Ok(()) => {
                let kind = kind(self);
                *kind = Removed { count: kind.count + 1, bytes: kind.bytes + bytes };
            }
            Err(error) => self.not_removed.push(error.to_string()),
        }
    }
}
