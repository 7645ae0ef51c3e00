//! Verifies the small files of a store that are part of no result: each has to be a readable file.
//!
//! Losing one costs an explanation or some milliseconds. A bad one is quarantined, and the next run that needs it
//! creates it again.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    Result, Store,
    home::identity_in,
    latest::key_in,
    quarantine::quarantine_unless_changed,
    read::{FileRead, read_file},
    verify::Flaw,
};
use crate::fsx;

impl Store {
    /// Quarantines the small files that cannot be read.
    pub(super) fn verify_small_files(&self, flaws: &mut BTreeMap<PathBuf, Flaw>) -> Result<()> {
        let layout = &self.layout;
        let mut files = vec![
            (layout.home_file.clone(), "identity of the objects"),
            (layout.gate.clone(), "gate"),
            (layout.sources.clone(), "digests of sources"),
            (layout.runs.join("lock"), "lock of run numbers"),
        ];
        for (folder, role) in [
            (&layout.latest, "latest key of a stage"),
            (&layout.recall, "remembered small files"),
            (&layout.locks, "lock"),
            (&layout.leases, "lease"),
        ] {
            files.extend(fsx::list(folder)?.into_iter().map(|name| (folder.join(name), role)));
        }
        for (path, role) in files {
            let what = match read_file(&path)? {
                FileRead::Bytes(_, bytes) if path.starts_with(&layout.latest) && key_in(&bytes).is_none() => {
                    "it contains no key".to_owned()
                }
                FileRead::Bytes(_, bytes) if path == layout.home_file && identity_in(&bytes).is_none() => {
                    "it contains no identity".to_owned()
                }
                FileRead::Bytes(..) | FileRead::Absent => continue,
                FileRead::Unreadable(what) => what,
            };
            let Some(seen) = fsx::stat_there(&path)? else { continue };
            if let Some(damage) = quarantine_unless_changed(layout, &path, &seen, what)? {
                flaws.insert(path, Flaw { made_by: vec![role.to_owned()], ..damage.into() });
            }
        }
        Ok(())
    }
}
