//! How two files of one format differ: the first byte, or by how much their numbers differ, and where.
//!
//! Trusts neither file. Callers decide what may differ.

mod csv;
mod folder;
mod hdf5;
mod json;
mod safetensors;
mod tally;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result};
use tally::Findings;
pub use tally::{Comparison, Nature, Part};

/// Compares two files with a name that says their format (`metrics.json`), or two folders file by file.
///
/// # Errors
/// A file that cannot be read, or does not have the format that its name says.
pub fn compare(old: &Path, new: &Path, name: &str) -> Result<Comparison> {
    if old.is_dir() && new.is_dir() { folders(old, new) } else { files(old, new, name) }
}

fn folders(old: &Path, new: &Path) -> Result<Comparison> {
    let (old, new) = (folder::files(old)?, folder::files(new)?);
    let bytes = [&old, &new].map(|files| files.values().map(|(_, size)| size).sum());
    let mut findings = Findings::default();
    let mut identical = old.keys().eq(new.keys());
    for (name, (old, _), (new, _)) in findings.pairs(&old, &new, |name| format!("`{name}`")) {
        let file = files(old, new, name)?;
        identical &= file.identical;
        findings.add_file(name, file);
    }
    Ok(findings.finish(Comparison { identical, bytes, ..Comparison::default() }))
}

fn files(old: &Path, new: &Path, name: &str) -> Result<Comparison> {
    let bytes = [old.metadata()?.len(), new.metadata()?.len()];
    let first_difference = first_difference(old, new)?;
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let nature = match ending.as_str() {
        "json" | "csv" | "safetensors" | "h5" | "hdf5" => Nature::Data,
        "png" | "svg" | "txt" | "md" => Nature::Picture,
        _ => Nature::Bytes,
    };
    let mut findings = Findings::default();
    if first_difference.is_some() {
        let compared = match ending.as_str() {
            "json" => json::compare(old, new, &mut findings),
            "csv" => csv::compare(old, new, &mut findings),
            "safetensors" => safetensors::compare(old, new, &mut findings),
            "h5" | "hdf5" => hdf5::compare(old, new, name, &mut findings),
            _ => Ok(()),
        };
        compared.with_context(|| format!("cannot compare {name}"))?;
    }
    let identical = first_difference.is_none();
    Ok(findings.finish(Comparison { identical, bytes, first_difference, nature, ..Comparison::default() }))
}

/// The first byte in which two files differ.
fn first_difference(old: &Path, new: &Path) -> Result<Option<u64>> {
    let open = |path: &Path| File::open(path).map(|file| BufReader::with_capacity(1 << 16, file));
    let (mut old, mut new) = (open(old)?, open(new)?);
    let mut at = 0;
    loop {
        let (a, b) = (old.fill_buf()?, new.fill_buf()?);
        let length = a.len().min(b.len());
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        if same < length || a.is_empty() != b.is_empty() {
            return Ok(Some(at + same as u64));
        }
        if length == 0 {
            return Ok(None);
        }
        at += length as u64;
        old.consume(length);
        new.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares two contents under a name.
    pub(super) fn contents(old: &[u8], new: &[u8], name: &str) -> Result<Comparison> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["old", "new"].map(|part| folder.path().join(part));
        std::fs::write(&paths[0], old).unwrap();
        std::fs::write(&paths[1], new).unwrap();
        compare(&paths[0], &paths[1], name)
    }

    #[test]
    fn the_first_byte_that_differs_is_found_wherever_it_is() {
        let old = vec![7_u8; 200_000];
        for at in [0, 65_535, 65_536, 131_072, 199_999] {
            let mut new = old.clone();
            new[at] = 8;
            let compared = contents(&old, &new, "x.bin").unwrap();
            assert_eq!(compared.first_difference, Some(at as u64));
            assert_eq!((compared.nature, compared.parts.len()), (Nature::Bytes, 0));
        }
        let shorter = contents(&old, &old[..65_536], "x.bin").unwrap();
        assert_eq!((shorter.first_difference, shorter.bytes), (Some(65_536), [200_000, 65_536]));
        assert!(contents(&old, &old, "x.bin").unwrap().identical);
        assert!(contents(b"", b"", "x.json").unwrap().identical);
    }

    #[test]
    fn a_file_that_is_not_what_its_name_says_is_an_error() {
        for name in ["a.json", "a.safetensors", "a.h5"] {
            let error = contents(b"no such thing", b"nor that", name).unwrap_err();
            assert!(format!("{error:#}").starts_with(&format!("cannot compare {name}: ")), "{error:#}");
        }
    }
}
