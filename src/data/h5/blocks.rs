//! Datasets in blocks: chunks, or blocks of rows that only the HDF5 library can read.
//!
//! Every block that a read needs is unpacked once, in parallel. Only the wanted rows of it are kept. A damaged
//! block is an error that names its rows: chunks are read to the end, so that zlib checks them.

use std::{
    fs::File,
    io::{BufReader, Read},
    ops::Range,
    os::unix::fs::FileExt,
};

use anyhow::{Context, Result, anyhow, ensure};
use hdf5::{Dataset, Hyperslab, SliceOrIndex};
use ndarray::IxDyn;
use rayon::prelude::*;

use super::{
    chunk_index::{Chunk, ChunkIndex, Packing},
    geometry::{Grid, Run},
    library::reason,
    open::H5File,
    threads,
};
use crate::data::Source;

/// How much the library reads at a time, in bytes.
const LIBRARY_BLOCK_BYTES: usize = 1 << 20;
/// How much of a chunk is unpacked at a time, in bytes.
const UNPACKED_BYTES: usize = 1 << 16;

/// A dataset of bytes in blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    source: Source,
    name: String,
    dataset: Dataset,
    file: File,
    grid: Grid,
    /// `None` without chunks: the library reads every block.
    chunks: Option<ChunkIndex>,
    /// Layers with a chunk that was never written, ascending.
    gaps: Vec<usize>,
}

/// The wanted rows of one block. `wanted` is a range of the list of rows.
struct Task {
    place: Vec<usize>,
    first_row: usize,
    wanted: Range<usize>,
}

/// The wanted rows of one block, each as the bytes of its runs.
struct Unpacked {
    runs: Vec<Run>,
    bytes: Vec<u8>,
}

impl Blocks {
    pub(super) fn new(file: &H5File, dataset: Dataset, name: &str) -> Result<Self> {
        let source = file.source().clone();
        let shape = dataset.shape();
        let chunk = dataset.chunk();
        let block = chunk.clone().unwrap_or_else(|| library_block(&shape));
        let grid = Grid { shape, block };
        let chunks = chunk.map(|_| ChunkIndex::of(&dataset, &grid, &source, name)).transpose()?;
        let gaps = chunks.as_ref().map(|chunks| chunks.layers_with_gaps(&grid)).unwrap_or_default();
        let file = File::open(&source.path).with_context(|| format!("{source} cannot be read"))?;
        Ok(Self { source, name: name.to_owned(), dataset, file, grid, chunks, gaps })
    }

    pub(super) fn rows_per_block(&self) -> usize {
        self.grid.block[0]
    }

    /// Whether a row or a part of it was never written.
    pub(super) fn is_unwritten(&self, row: u64) -> bool {
        self.gaps.binary_search(&(row as usize / self.grid.block[0])).is_ok()
    }

    /// Reads rows in the given order.
    pub(super) fn read(&self, rows: &[u64], out: &mut [u8]) -> Result<()> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|&slot| rows[slot]);
        let sorted: Vec<u64> = order.iter().map(|&slot| rows[slot]).collect();
        let row_bytes: usize = self.grid.shape[1..].iter().product();
        let tasks = self.tasks(&sorted);
        let unpack = || tasks.par_iter().map(|task| self.unpack(task, &sorted)).collect();
        let unpacked: Result<Vec<Unpacked>> = threads::install(unpack);
        for (task, Unpacked { runs, bytes }) in tasks.iter().zip(unpacked?) {
            let of_row: usize = runs.iter().map(|run| run.len).sum();
            for (bytes, &slot) in bytes.chunks_exact(of_row).zip(&order[task.wanted.clone()]) {
                scatter(&runs, bytes, &mut out[slot * row_bytes..(slot + 1) * row_bytes]);
            }
        }
        Ok(())
    }

    fn tasks(&self, sorted: &[u64]) -> Vec<Task> {
        let deep = self.grid.block[0];
        let layer_of = |row: &u64| *row as usize / deep;
        let mut tasks = Vec::new();
        let mut start = 0;
        for same in sorted.chunk_by(|a, b| layer_of(a) == layer_of(b)) {
            let wanted = start..start + same.len();
            let layer = layer_of(&same[0]);
            tasks.extend((0..self.grid.blocks_abreast()).map(|index| Task {
                place: self.grid.place(layer, index),
                first_row: layer * deep,
                wanted: wanted.clone(),
            }));
            start += same.len();
        }
        tasks
    }

    fn unpack(&self, task: &Task, sorted: &[u64]) -> Result<Unpacked> {
        let wanted: Vec<usize> =
            sorted[task.wanted.clone()].iter().map(|&row| row as usize - task.first_row).collect();
        let ranges = self.grid.ranges(&task.place);
        let start: Vec<u64> = ranges.iter().map(|range| range.start as u64).collect();
        let chunk = self.chunks.as_ref().and_then(|chunks| chunks.get(self.grid.number(&start)));
        let chunk = chunk.filter(|chunk| chunk.packing != Packing::Other);
        let stored: Vec<usize> = match chunk {
            Some(_) => self.grid.block.clone(),
            None => ranges.iter().map(ExactSizeIterator::len).collect(),
        };
        let runs = self.grid.runs(&task.place, &stored);
        let bytes = match chunk {
            Some(chunk) => self.unpack_chunk(chunk, &stored, &wanted, &runs),
            None => self.ask_library(&ranges).and_then(|block| gather(&block[..], &stored, &wanted, &runs)),
        };
        let bytes = bytes.with_context(|| {
            let Range { start, end } = ranges[0];
            let (source, name, last) = (&self.source, &self.name, end - 1);
            format!("{source}: dataset `{name}`, rows {start} to {last} cannot be read: fetch or make the file again")
        })?;
        Ok(Unpacked { runs, bytes })
    }

    fn unpack_chunk(
        &self,
        chunk: Chunk,
        stored: &[usize],
        wanted: &[usize],
        runs: &[Run],
    ) -> Result<Vec<u8>> {
        let raw = Section { file: &self.file, at: chunk.address, left: chunk.size };
        let raw = BufReader::with_capacity(chunk.size.clamp(1, 1 << 20) as usize, raw);
        if chunk.packing == Packing::Deflate {
            let unpacked = flate2::bufread::ZlibDecoder::new(raw);
            return gather(unpacked, stored, wanted, runs).context("damaged gzip chunk");
        }
        gather(raw, stored, wanted, runs).context("damaged chunk")
    }

    fn ask_library(&self, ranges: &[Range<usize>]) -> Result<Vec<u8>> {
        let slices: Vec<SliceOrIndex> = ranges.iter().map(|range| range.clone().into()).collect();
        let block = self.dataset.read_slice::<u8, _, IxDyn>(Hyperslab::from(slices));
        let block = block.map_err(|error| anyhow!("{}", reason(&error)))?;
        Ok(block.into_raw_vec_and_offset().0)
    }
}

/// The block that the library reads at a time if the file has no chunks: some whole rows.
fn library_block(shape: &[usize]) -> Vec<usize> {
    let row: usize = shape[1..].iter().product();
    let mut block = shape.to_vec();
    block[0] = (LIBRARY_BLOCK_BYTES / row.max(1)).clamp(1, shape[0]);
    block
}

/// Copies the runs of the wanted rows (ascending, maybe repeated) out of a block of `stored` extents. The bytes
/// must end where the block ends.
fn gather(mut block: impl Read, stored: &[usize], wanted: &[usize], runs: &[Run]) -> Result<Vec<u8>> {
    let row: usize = stored[1..].iter().product();
    let kept: usize = runs.iter().map(|run| run.len).sum();
    let mut bytes = Vec::with_capacity(wanted.len() * kept);
    let mut wanted = wanted.iter().copied().peekable();
    let at_once = (UNPACKED_BYTES / row).clamp(1, stored[0]);
    let mut window = vec![0; at_once * row];
    for first in (0..stored[0]).step_by(at_once) {
        let window = &mut window[..at_once.min(stored[0] - first) * row];
        block.read_exact(window)?;
        while let Some(at) = wanted.next_if(|&at| at < first + at_once) {
            let row = &window[(at - first) * row..][..row];
            runs.iter().for_each(|run| bytes.extend_from_slice(&row[run.from..run.from + run.len]));
        }
    }
    ensure!(block.read(&mut [0])? == 0, "it is longer than its {} rows", stored[0]);
    Ok(bytes)
}

fn scatter(runs: &[Run], mut bytes: &[u8], row: &mut [u8]) {
    for run in runs {
        let (now, later) = bytes.split_at(run.len);
        row[run.to..run.to + run.len].copy_from_slice(now);
        bytes = later;
    }
}

/// The bytes of a chunk in the file. They are streamed, so that a large chunk takes no memory.
struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
