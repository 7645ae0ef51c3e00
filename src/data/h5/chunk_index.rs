//! Where the chunks of a dataset are in the file, how they are compressed, and which were never written.
//!
//! Chunks that are uncompressed or compressed with gzip can be read without the HDF5 library, and so in parallel.

use anyhow::{Result, anyhow};
use hdf5::{Dataset, filters::Filter};

use super::{geometry::Grid, library::reason};
use crate::data::Source;

/// A chunk that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    number: u64,
    /// Its first byte in the file.
    pub(super) address: u64,
    /// Its size there in bytes.
    pub(super) size: u64,
    /// How it is compressed.
    pub(super) packing: Packing,
}

/// How a chunk is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    None,
    /// With zlib: HDF5's `gzip` filter.
    Deflate,
    /// In a way that only the library can undo.
    Other,
}

/// The chunks of a dataset, by their number in the grid.
#[derive(Debug)]
pub(super) struct ChunkIndex(Vec<Chunk>);

impl ChunkIndex {
    /// The chunks of a dataset of bytes.
    pub(super) fn of(dataset: &Dataset, grid: &Grid, source: &Source, name: &str) -> Result<Self> {
        let failed = |error: hdf5::Error| {
            anyhow!(
                "{source}: dataset `{name}`: its chunks cannot be listed, the file may be damaged: {}",
                reason(&error)
            )
        };
        let filters = dataset.dcpl().and_then(|plist| plist.get_filters()).map_err(failed)?;
        // Shuffling bytes within one-byte numbers changes nothing.
        let known = filters.iter().all(|filter| matches!(filter, Filter::Deflate(_) | Filter::Shuffle));
        let deflate = filters.iter().position(|filter| matches!(filter, Filter::Deflate(_)));
        let mut chunks = Vec::new();
        dataset
            .chunks_visit(|chunk| {
                // A set bit means that the filter was skipped for this chunk.
                let packed = deflate.is_some_and(|position| chunk.filter_mask & (1 << position) == 0);
                chunks.push(Chunk {
                    number: grid.number(chunk.offset),
                    address: chunk.addr,
                    size: chunk.size,
                    packing: match packed {
                        _ if !known => Packing::Other,
                        true => Packing::Deflate,
                        false => Packing::None,
                    },
                });
                0
            })
            .map_err(failed)?;
        chunks.sort_unstable_by_key(|chunk| chunk.number);
        Ok(Self(chunks))
    }

    /// The layers with a chunk that was never written. A layer is all chunks with the same rows.
    pub(super) fn layers_with_gaps(&self, grid: &Grid) -> Vec<usize> {
        let (abreast, layers) = (grid.blocks_abreast(), grid.shape[0].div_ceil(grid.block[0]));
        let mut written = vec![0; layers];
        for chunk in &self.0 {
            if let Some(count) = written.get_mut(chunk.number as usize / abreast) {
                *count += 1;
            }
        }
        (0..layers).filter(|&layer| written[layer] < abreast).collect()
    }

    /// The chunk with a number; `None` if it was never written.
    pub(super) fn get(&self, number: u64) -> Option<Chunk> {
        self.0.binary_search_by_key(&number, |chunk| chunk.number).ok().map(|at| self.0[at])
    }
}
