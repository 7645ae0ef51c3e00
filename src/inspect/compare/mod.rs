//! How two files of one format differ: the first byte, or by how much their numbers differ, and where.
//!
//! Reads formats and trusts neither file. Judges nothing: callers decide what may differ.

mod csv;
mod folder;
mod hdf5;
mod json;
mod safetensors;
mod tally;

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result};
use tally::Findings;
pub use tally::{Comparison, Nature, Part};

/// Compares two files, whose name tells the format (`metrics.json`), or two folders file by file.
///
/// # Errors
/// A file that cannot be read, or is not what its name says.
pub fn compare(old: &Path, new: &Path, name: &str) -> Result<Comparison> {
    if old.is_dir() && new.is_dir() {
        return folder::compare(old, new, &compare);
    }
    let bytes = [old.metadata()?.len(), new.metadata()?.len()];
    let first_difference = first_difference(old, new)?;
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let mut findings = Findings::default();
    let nature = match ending.as_str() {
        "json" | "csv" | "safetensors" | "h5" | "hdf5" => Nature::Data,
        "png" | "svg" | "txt" | "md" => Nature::Picture,
        _ => Nature::Bytes,
    };
    if first_difference.is_some() {
        let compared = match ending.as_str() {
            "json" => json::compare(old, new, &mut findings),
            "csv" => csv::compare(old, new, &mut findings),
            "safetensors" => safetensors::compare(old, new, &mut findings),
            "h5" | "hdf5" => hdf5::compare([old, new], name, &mut findings),
            _ => Ok(()),
        };
        compared.with_context(|| format!("cannot compare {name}"))?;
    }
    let (parts, otherwise, more) = findings.finish();
    Ok(Comparison {
        identical: first_difference.is_none(),
        bytes,
        first_difference,
        nature,
        parts,
        otherwise,
        more,
    })
}

/// Where two files begin to differ.
fn first_difference(old: &Path, new: &Path) -> Result<Option<u64>> {
    const BLOCK: usize = 1 << 16;
    let mut readers = [
        BufReader::with_capacity(BLOCK, File::open(old)?),
        BufReader::with_capacity(BLOCK, File::open(new)?),
    ];
    let mut at = 0;
    loop {
        let [mut a, mut b] = [Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK)];
        let [one, two] = &mut readers;
        one.by_ref().take(BLOCK as u64).read_to_end(&mut a)?;
        two.by_ref().take(BLOCK as u64).read_to_end(&mut b)?;
        let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        if same < a.len() || same < b.len() {
            return Ok(Some(at + same as u64));
        }
        if a.is_empty() {
            return Ok(None);
        }
        at += a.len() as u64;
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
