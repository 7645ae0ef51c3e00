//! The small files of a store that speak for no result: whether each is a file that can be read.
//!
//! Losing one costs an explanation or some milliseconds, never a result: what is wrong is put away, and the next
//! run that misses it makes it anew.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Result, Store, home::identity_in, latest::key_in, quarantine::put_away, verify::Flaw};
use crate::fsx;

impl Store {
    /// Puts away what stands where a small file is due and is none, or cannot be read.
    pub(super) fn verify_small_files(&self, flaws: &mut BTreeMap<PathBuf, Flaw>) -> Result<()> {
        let layout = &self.layout;
        let single = [
            (layout.home_file(), "identity of the objects"),
            (layout.gate(), "gate"),
            (layout.sources(), "digests of sources"),
            (layout.runs().join("lock"), "lock of run numbers"),
        ];
        let folders = [
            (layout.all_latest(), "what a stage had last"),
            (layout.all_recall(), "what small files said"),
            (layout.locks(), "lock"),
            (layout.leases(), "lease"),
        ];
        for (path, role) in single {
            self.verify_small(&path, role, flaws)?;
        }
        for (folder, role) in folders {
            for name in fsx::list(&folder)? {
                self.verify_small(&folder.join(name), role, flaws)?;
            }
        }
        Ok(())
    }

    fn verify_small(&self, path: &Path, role: &str, flaws: &mut BTreeMap<PathBuf, Flaw>) -> Result<()> {
        let Some(what) = self.wrong_with(path)? else { return Ok(()) };
        let Some(seen) = fsx::stat_there(path)? else { return Ok(()) };
        let damage = put_away(&self.layout, path, &seen, what);
        if damage.moved_to.is_some() || fsx::stat_there(path)? == Some(seen) {
            flaws.insert(path.to_owned(), Flaw { made_by: vec![role.to_owned()], ..damage.into() });
        }
        Ok(())
    }

    fn wrong_with(&self, path: &Path) -> Result<Option<String>> {
        let is_latest = path.parent() == Some(&self.layout.all_latest());
        let is_home = path == self.layout.home_file();
        match fsx::read_if_there(path) {
            Ok(Some(bytes)) if is_latest && key_in(&bytes).is_none() => Ok(Some("it names no key".into())),
            Ok(Some(bytes)) if is_home && identity_in(&bytes).is_none() => {
                Ok(Some("it says no identity".into()))
            }
            Ok(Some(_)) => Ok(None),
            Ok(None) => Ok(fsx::oddity(path).map(str::to_owned)),
            Err(error) if error.kind().is_the_files_own() => Ok(Some(error.words())),
            Err(error) => Err(error.into()),
        }
    }
}
