//! HDF5 files that a program gets or makes: each must hold all that it shows.
//!
//! Found by their signature, whatever they are called. Knows files and folders; knows no stage.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    data::{Source, h5},
    fsx::{self, Links, What},
};

/// Checks a file, or all files below a folder.
///
/// # Errors
/// Names the file, by `name` and its path below it, and the object that lies in another file.
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
