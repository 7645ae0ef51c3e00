//! Checks that HDF5 files which a program reads or writes contain all of their data. Such files are recognised by
//! their signature, whatever their name.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    data::{Source, h5},
    fsx::{self, Links, What},
};

/// Checks a file, or all files below a folder.
///
/// # Errors
/// An object is stored in another file. The message names the file and the object.
pub(super) fn check(path: &Path, name: &str, links: Links) -> Result<()> {
    if !path.is_dir() {
        return file(path, name);
    }
    for entry in fsx::walk(path, links)? {
        if let What::File { .. } = entry.what {
            file(&path.join(&entry.path), &format!("{name}{}", entry.path))?;
        }
    }
    Ok(())
}

fn file(path: &Path, name: &str) -> Result<()> {
    match h5::elsewhere(&Source::new(path, name))? {
        Some(found) => bail!("{name}: {found}"),
        None => Ok(()),
    }
}
