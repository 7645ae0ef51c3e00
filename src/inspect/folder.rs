//! The files in a packed folder with their sizes, as a table.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::Result;

use super::Rows;

/// Reads the first `rows` entries and counts all.
///
/// # Errors
/// A file that cannot be read, or is not a packed folder.
pub(super) fn read(path: &Path, rows: usize) -> Result<Rows> {
    let columns = ["path", "bytes"].map(str::to_owned).to_vec();
    let mut found = Rows { columns, rows: Vec::new(), count: 0 };
    let mut archive = tar::Archive::new(BufReader::new(File::open(path)?));
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        found.count += 1;
        if found.rows.len() < rows {
            let slash = if entry.header().entry_type().is_dir() { "/" } else { "" };
            let path = entry.path()?;
            let path = path.to_string_lossy();
            found.rows.push(vec![format!("{}{slash}", path.trim_end_matches('/')), entry.size().to_string()]);
        }
    }
    Ok(found)
}
