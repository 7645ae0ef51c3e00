//! How often a run was repeated that found everything in the store.
//!
//! Counted in a small file beside its record, because the record of many stages is large:
//!
//! ```text
//! runs/000017.full.again   sealed: the digest of what the run did, how often it was repeated, and when last
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Result,
        layout::Layout,
        read::{FileRead, read_file},
        seal,
    },
    RunFile,
};
use crate::digest::Digest;

/// The content of such a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Repeats {
    /// [`super::RunRecord::likeness`] of the record that it is beside.
    pub(super) like: Digest,
    /// How many more runs were the same.
    pub(super) times: u64,
    /// When the last of them started.
    pub(super) last: String,
}

/// What is beside a record.
pub(super) enum Beside {
    Repeats(Repeats),
    Damaged,
    Nothing,
}

pub(super) fn read(file: &RunFile) -> Result<Beside> {
    Ok(match read_file(&path(file))? {
        FileRead::Bytes(_, bytes) => {
            let repeats = seal::open(&bytes).and_then(|text| serde_json::from_str(text).ok());
            repeats.map_or(Beside::Damaged, Beside::Repeats)
        }
        FileRead::Unreadable(_) => Beside::Damaged,
        FileRead::Absent => Beside::Nothing,
    })
}

pub(super) fn write(layout: &Layout, file: &RunFile, repeats: &Repeats) -> Result<()> {
    let json = serde_json::to_string(repeats).expect("only text keys and plain values");
    layout.write(&path(file), seal::close(&(json + "\n")).as_bytes())
}

pub(super) fn path(file: &RunFile) -> PathBuf {
    file.path.with_extension("again")
}
