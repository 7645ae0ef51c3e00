//! The digests of source files on the disk.
//!
//! One sealed file, rewritten whole under a short lock after merging what others added.
//! Where locks are not enforced an entry may get lost, and its file is hashed again. A damaged index is
//! ignored and rebuilt. It is an optimisation: failing to write it is no error.

use std::{collections::BTreeMap, os::unix::ffi::OsStrExt, path::Path};

use serde::{Deserialize, Serialize};

use super::super::{Result, layout::Layout, seal};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

/// A digest and the stat tuple for which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) stat: StatTuple,
    /// Whether a later edit may leave the stat tuple as it is. What is on the disk is settled.
    #[serde(skip)]
    pub(super) unsettled: bool,
}

/// By [`name_of`] a path.
pub(super) type Index = BTreeMap<String, Known>;

/// A path as a text, and no two paths as the same one (an absolute path in UTF-8 begins with `/`).
pub(super) fn name_of(path: &Path) -> String {
    use std::fmt::Write;
    let Some(text) = path.to_str() else {
        return path.as_os_str().as_bytes().iter().fold("bytes ".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    };
    text.to_owned()
}

pub(super) fn load(layout: &Layout) -> Index {
    let path = layout.sources();
    let bytes = match fsx::read_if_there(&path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Index::new(),
        Err(error) => {
            tracing::warn!("{error}; source files are hashed anew");
            return Index::new();
        }
    };
    let index = seal::open(&bytes).and_then(|text| serde_json::from_str(text).ok());
    index.unwrap_or_else(|| {
        tracing::warn!("{} is damaged: source files are hashed anew", path.display());
        Index::new()
    })
}

pub(super) fn save(layout: &Layout, settled: Index) -> Result<()> {
    if settled.is_empty() {
        return Ok(());
    }
    let _lock = layout.short_lock("sources")?;
    let mut index = load(layout);
    index.extend(settled);
    let json = serde_json::to_string(&index).expect("an index has text keys and plain values");
    layout.write(&layout.sources(), seal::close(&json).as_bytes())
}
