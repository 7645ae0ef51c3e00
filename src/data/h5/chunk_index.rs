//! Where the chunks of a dataset lie in the file, and how they were packed.
//!
//! Chunks that were packed with gzip, or not at all, can be read without the HDF5 library, and so
//! by several cores at once. This module says which, and which rows were never written; it reads no data.

use anyhow::{Result, anyhow};
use hdf5::{Dataset, filters::Filter};

use super::{geometry::Grid, library::told};
use crate::data::Source;

/// A chunk that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    number: u64,
    /// Its first byte in the file.
    pub(super) address: u64,
    /// How many bytes it takes there.
    pub(super) size: u64,
    /// How they are packed.
    pub(super) packing: Packing,
}

/// How a chunk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// As it is.
    None,
    /// With zlib: HDF5's `gzip` filter.
    Deflate,
    /// In a way that only the library undoes.
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
                told(&error)
            )
        };
        let filters = dataset.dcpl().and_then(|plist| plist.get_filters()).map_err(failed)?;
        // Shuffling the bytes of one-byte numbers changes nothing.
        let known = filters.iter().all(|filter| matches!(filter, Filter::Deflate(_) | Filter::Shuffle));
        let deflate = filters.iter().position(|filter| matches!(filter, Filter::Deflate(_)));
        let mut chunks = Vec::new();
        dataset
            .chunks_visit(|chunk| {
                // A set bit says that this filter was left out for this chunk.
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

    /// The layers of chunks, counted from the first row, of which a chunk was never written.
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

    /// The chunk with a number; `None` if it was never written and so holds the fill value.
    pub(super) fn get(&self, number: u64) -> Option<Chunk> {
        self.0.binary_search_by_key(&number, |chunk| chunk.number).ok().map(|at| self.0[at])
    }
}
