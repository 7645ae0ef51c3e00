//! Decodes pictures and writes them as rows of images, a few hundred at a time.

use std::{collections::HashMap, path::Path};

use anyhow::Result;
use rayon::prelude::*;

use super::{archive::Archive, decode::decode, report::Dropped};
use crate::{
    data::arrays::{Array, ArrayFile, Element, Notes},
    side::Side,
};

/// Pictures in memory at a time: 200 MB of the largest.
const AT_ONCE: usize = 256;

/// A picture that will be a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place in the archive.
    pub(super) picture: usize,
    pub(super) label: u8,
    pub(super) group: Option<String>,
}

/// What was seen while pictures were decoded.
#[derive(Default)]
pub(super) struct Seen {
    /// Pictures that cannot be decoded, or have another size: positions among the rows, with the reasons.
    pub(super) bad: Vec<(usize, String)>,
    /// Rows that are identical to one before them, and that one.
    pub(super) twins: Vec<(usize, usize)>,
    /// The first row with these pixels.
    first: HashMap<blake3::Hash, usize>,
}

/// Writes `x` [N, S, S, 3] of all rows. If some are bad, the file is not complete.
///
/// # Errors
/// A path that cannot be written, a full disk.
pub(super) fn write(
    path: &Path,
    archive: &Archive,
    rows: &[Row],
    side: Side,
    progress: &mut dyn FnMut(usize),
) -> Result<Seen> {
    let size = [rows.len(), side.get(), side.get(), 3];
    let mut file = ArrayFile::create(path, vec![Array::new("x", Element::U8, size)], &Notes::default())?;
    let mut seen = Seen::default();
    for (chunk, rows) in rows.chunks(AT_ONCE).enumerate() {
        let decoded: Vec<_> = rows.par_iter().map(|row| pixels(archive, row.picture, side)).collect();
        for (at, pixels) in (chunk * AT_ONCE..).zip(decoded) {
            match pixels {
                Ok((rgb, hash)) => {
                    file.write_bytes("x", at, &rgb)?;
                    seen.look(at, hash);
                }
                Err(reason) => seen.bad.push((at, format!("{reason:#}"))),
            }
        }
        progress(chunk * AT_ONCE + rows.len());
    }
    if seen.bad.is_empty() {
        file.finish()?;
    }
    Ok(seen)
}

fn pixels(archive: &Archive, picture: usize, side: Side) -> Result<(Vec<u8>, blake3::Hash)> {
    let rgb = decode(&archive.read(picture)?, Some(side))?.rgb;
    let hash = blake3::hash(&rgb);
    Ok((rgb, hash))
}

impl Seen {
    fn look(&mut self, at: usize, pixels: blake3::Hash) {
        let first = *self.first.entry(pixels).or_insert(at);
        if first != at {
            self.twins.push((at, first));
        }
    }

    /// The bad rows, by the paths of their pictures.
    pub(super) fn dropped(&self, archive: &Archive, rows: &[Row]) -> Vec<Dropped> {
        let of = |(at, reason): &(usize, String)| Dropped {
            file: archive.names[rows[*at].picture].clone(),
            reason: reason.clone(),
        };
        self.bad.iter().map(of).collect()
    }
}
