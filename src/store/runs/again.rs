//! How often a run was repeated that found everything in the store: counted in a small file beside its
//! record, which of many stages is a large one and stays as it is.
//!
//! ```text
//! runs/000017.full.again   sealed: what the run came to, as a digest, how often, and when last
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    super::{Result, layout::Layout, seal},
    RunFile, RunRecord,
};
use crate::{digest::Digest, fsx};

/// What stands in such a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Again {
    /// [`RunRecord::likeness`] of the record that it lies beside.
    pub(super) like: Digest,
    /// How many more runs were the same.
    pub(super) times: u64,
    /// When the last of them started.
    pub(super) last: String,
}

/// What is in the file beside a record.
pub(super) enum Beside {
    /// A count.
    Again(Again),
    /// No sound count.
    Damaged,
    /// Nothing.
    Nothing,
}

/// Reads the file beside a record.
pub(super) fn read(file: &RunFile) -> Result<Beside> {
    let path = path(file);
    match fsx::read_if_there(&path) {
        Ok(Some(bytes)) => {
            let read = seal::open(&bytes).and_then(|text| serde_json::from_str(text).ok());
            Ok(read.map_or(Beside::Damaged, Beside::Again))
        }
        Ok(None) => Ok(fsx::oddity(&path).map_or(Beside::Nothing, |_| Beside::Damaged)),
        Err(error) if error.kind().is_the_files_own() => Ok(Beside::Damaged),
        Err(error) => Err(error.into()),
    }
}

/// Writes the file beside a record.
pub(super) fn write(layout: &Layout, file: &RunFile, again: &Again) -> Result<()> {
    let json = serde_json::to_string(again).expect("only text keys and plain values");
    layout.write(&path(file), seal::close(&(json + "\n")).as_bytes())
}

/// Removes the file beside a record.
pub(super) fn remove(file: &RunFile) -> Result<()> {
    Ok(fsx::remove_tree(&path(file)).map(drop)?)
}

/// Adds to a record what is counted beside it; a count that is not sound is none.
pub(super) fn add(file: &RunFile, record: &mut RunRecord) -> Result<()> {
    if let Beside::Again(again) = read(file)? {
        record.repeated += again.times;
        record.repeated_last = Some(again.last);
    }
    Ok(())
}

/// Where it lies.
pub(super) fn path(file: &RunFile) -> PathBuf {
    file.path.with_extension("again")
}
