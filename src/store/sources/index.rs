//! The file that remembers the digests of source files.
//!
//! It is sealed, and rewritten under a short lock after adding the entries of other processes. If an entry gets lost
//! (without working locks) or the index is damaged, the files are hashed again.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::super::{Result, layout::Layout, seal};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

/// A digest, and the stat tuple that the file had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) stat: StatTuple,
    /// Whether a later edit may leave the stat tuple unchanged. Such entries are not saved.
    #[serde(skip)]
    pub(super) unsettled: bool,
}

/// By [`name_of`] the path.
pub(super) type Index = BTreeMap<String, Known>;

/// An absolute path as a unique text. One that is not UTF-8 is escaped and begins with a quote.
pub(super) fn name_of(path: &Path) -> String {
    path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned)
}

pub(super) fn load(layout: &Layout) -> Index {
    let path = &layout.sources;
    let bytes = match fsx::read_if_there(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Index::new(),
        Err(error) => {
            tracing::warn!("{error}; source files are hashed again");
            return Index::new();
        }
    };
    let index = seal::open(&bytes).and_then(|text| serde_json::from_str(text).ok());
    index.unwrap_or_else(|| {
        tracing::warn!("{} is damaged: source files are hashed again", path.display());
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
    layout.write(&layout.sources, seal::close(&json).as_bytes())
}
