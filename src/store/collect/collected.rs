//! What a collection removed. Plain data.

use serde::Serialize;

/// Things of one sort that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// How many.
    pub count: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Removed {
    pub(in crate::store) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Collected {
    /// Whether nothing was removed, because only the question was asked.
    pub dry_run: bool,
    /// Results given up (the bytes of their records).
    pub results: Removed,
    /// Objects.
    pub objects: Removed,
    /// Partial work of stages that have their result, or that nobody went on with.
    pub partial_work: Removed,
    /// Files put aside as damaged.
    pub quarantine: Removed,
    /// Staging folders of dead runs.
    pub staging: Removed,
    /// Records of runs before the latest ones.
    pub runs: Removed,
    /// What was remembered of the small files of pipelines that nobody runs any more.
    pub recall: Removed,
    /// Results that the rules would have given up, but that a live run relies on.
    pub in_use: usize,
    /// Results that stay.
    pub results_left: usize,
    /// Objects that stay.
    pub objects_left: Removed,
    /// What could not be removed, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_removed: Vec<String>,
}

impl Collected {
    /// The bytes of everything that was removed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sorts().iter().map(|one| one.bytes).sum()
    }

    /// How much was removed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorts().iter().map(|one| one.count).sum()
    }

    fn sorts(&self) -> [Removed; 7] {
        let Self { results, objects, partial_work, quarantine, staging, runs, recall, .. } = self;
        [*results, *objects, *partial_work, *quarantine, *staging, *runs, *recall]
    }
}
