//! The official files of PatchCamelyon, by their names: which of them lie in a folder.
//!
//! Knows names and sizes; opens none of them.

use std::path::Path;

/// Bytes of one patch in a file of images.
const PATCH: u64 = 96 * 96 * 3;

/// What lies in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Official files, by name.
    pub(super) files: Vec<String>,
    /// Official files that are still packed.
    pub(super) packed: Vec<String>,
    /// About how many patches the training images hold: their size says so where they are not compressed,
    /// and else too few.
    pub(super) patches: u64,
}

/// The name of an official file: `name("train", "x.h5")`.
pub(super) fn name(part: &str, what: &str) -> String {
    format!("camelyonpatch_level_2_split_{part}_{what}")
}

/// The official files in a folder; none where it is not there.
pub(super) fn found(folder: &Path) -> Found {
    let parts = ["train", "valid", "test"];
    let whats = ["x.h5", "y.h5", "mask.h5", "meta.csv"];
    let names = || parts.iter().flat_map(|part| whats.iter().map(|what| name(part, what)));
    let is_file = |name: &String| folder.join(name).is_file();
    let images = folder.join(name("train", "x.h5")).metadata();
    Found {
        files: names().filter(is_file).collect(),
        packed: names().map(|name| name + ".gz").filter(is_file).collect(),
        patches: images.map_or(0, |images| images.len() / PATCH),
    }
}

impl Found {
    /// Whether a file is there.
    pub(super) fn has(&self, part: &str, what: &str) -> bool {
        self.files.contains(&name(part, what))
    }

    /// Whether images and labels of a part are there.
    pub(super) fn has_pair(&self, part: &str) -> bool {
        self.has(part, "x.h5") && self.has(part, "y.h5")
    }
}
