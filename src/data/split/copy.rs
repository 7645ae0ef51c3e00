//! Copies rows from the source to their places in the parts, in one pass over the source.
//!
//! Rows are read in the order of the source, a window at a time. So every page and every chunk is read once, and memory
//! is a few windows. One thread reads the next window, and looks at its rows, while another writes. The memory of a
//! window is used again: new memory would cost as much as reading, because the system fills it with zeros.

use std::{
    ops::Range,
    sync::mpsc::{channel, sync_channel},
    thread,
};

use anyhow::{Result, anyhow};

use crate::data::h5::Rows;

/// A window of rows that can be read alone, in bytes: small enough for the processor's caches.
const WINDOW_BYTES: usize = 1 << 20;
/// A window of packed rows, in bytes: large, because a chunk in two windows is unpacked twice.
const PACKED_WINDOW_BYTES: usize = 48 << 20;

/// A row and its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    /// The row in the source.
    pub(super) row: u64,
    /// The part: 0, 1, 2.
    pub(super) part: usize,
    /// The position in the part.
    pub(super) position: usize,
}

/// The moves that fill three parts with their rows, in the order of the source.
pub(super) fn plan(parts: [&Vec<u64>; 3]) -> Vec<Move> {
    let moves = parts.into_iter().enumerate().flat_map(|(part, rows)| {
        rows.iter().enumerate().map(move |(position, &row)| Move { row, part, position })
    });
    let mut moves: Vec<Move> = moves.collect();
    moves.sort_unstable_by_key(|to| to.row);
    moves
}

/// Rows that were read, and what was seen in each.
struct Window<S> {
    range: Range<usize>,
    bytes: Vec<u8>,
    seen: Vec<S>,
}

/// Carries out all moves. `look` sees each row when it is read, and `write` writes it to its place. `progress` is
/// called with the rows done.
///
/// # Errors
/// Anything wrong with the source or the parts.
pub(super) fn copy<S: Send>(
    source: &Rows,
    moves: &[Move],
    look: impl Fn(&[u8]) -> S + Send,
    mut write: impl FnMut(&Move, &[u8], S) -> Result<()>,
    progress: &mut dyn FnMut(usize),
) -> Result<()> {
    let rows: Vec<u64> = moves.iter().map(|to| to.row).collect();
    let budget = if source.is_packed() { PACKED_WINDOW_BYTES } else { WINDOW_BYTES };
    let windows = source.windows(&rows, budget);
    thread::scope(|scope| {
        let (filled_in, filled) = sync_channel(1);
        let (free_in, free) = channel::<Vec<u8>>();
        let reader = scope.spawn(move || {
            for range in windows {
                let mut memory = free.try_recv().unwrap_or_default();
                let window = read(source, &rows[range.clone()], &mut memory).map(|()| {
                    let rows = memory.chunks_exact(source.row_bytes()).take(range.len());
                    Window { seen: rows.map(&look).collect(), range, bytes: memory }
                });
                // Fails if the writer has failed. Then nothing more has to be read.
                if filled_in.send(window).is_err() {
                    break;
                }
            }
        });
        for window in &filled {
            let Window { range, bytes, seen } = window?;
            let rows = bytes.chunks_exact(source.row_bytes());
            for ((to, row), seen) in moves[range.clone()].iter().zip(rows).zip(seen) {
                write(to, row, seen)?;
            }
            progress(range.end);
            // The reader may be done.
            let _ = free_in.send(bytes);
        }
        reader.join().map_err(|_| anyhow!("internal error: the reader of {} panicked", source.source()))
    })
}

/// Reads rows into the first bytes of some memory, which grows if it is too small.
fn read(source: &Rows, rows: &[u64], memory: &mut Vec<u8>) -> Result<()> {
    let length = rows.len() * source.row_bytes();
    memory.resize(memory.len().max(length), 0);
    source.read(rows, &mut memory[..length])
}
