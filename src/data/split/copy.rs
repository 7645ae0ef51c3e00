//! Copying rows from the source to the places that a split gives them, in one pass over the source.
//!
//! Rows are read in the order of the source, a window at a time, and written to their places in the
//! parts: every disk page and every packed chunk is read once, whatever the order of the parts, and
//! memory is a few windows whatever the size of the files. One thread reads while another writes.

use std::{ops::Range, sync::mpsc, thread};

use anyhow::{Context, Result, anyhow};

use crate::data::h5::Rows;

/// A window of rows that can be read alone: small enough to stay in the processor's caches.
const WINDOW_BYTES: usize = 1 << 20;
/// A window of packed rows: large, since a chunk that lies in two windows is unpacked twice.
const PACKED_WINDOW_BYTES: usize = 48 << 20;
/// Windows in memory: one being read, one being written.
const WINDOWS: usize = 2;

/// How many windows ahead the system is told what will be read.
const AHEAD: usize = 16;

/// A row and the place that it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    /// The row in the source.
    pub(super) row: u64,
    /// The part: 0, 1, 2.
    pub(super) part: usize,
    /// Its position in the part.
    pub(super) position: usize,
}

/// Which of the moves, and their rows.
type Window = (Range<usize>, Vec<u8>);

/// The moves that fill three parts with their rows, in the order of the source.
pub(super) fn plan(parts: [&Vec<u64>; 3]) -> Vec<Move> {
    let moves = parts.into_iter().enumerate().flat_map(|(part, rows)| {
        rows.iter().enumerate().map(move |(position, &row)| Move { row, part, position })
    });
    let mut moves: Vec<Move> = moves.collect();
    moves.sort_unstable_by_key(|to| to.row);
    moves
}

/// Carries all moves out. `write` puts one row to its place; `progress` is told how many rows are done.
///
/// # Errors
/// Whatever is wrong with the source or the parts.
pub(super) fn copy(
    source: &Rows,
    moves: &[Move],
    write: &mut dyn FnMut(&Move, &[u8]) -> Result<()>,
    progress: &mut dyn FnMut(usize),
) -> Result<()> {
    let rows: Vec<u64> = moves.iter().map(|to| to.row).collect();
    let budget = if source.is_packed() { PACKED_WINDOW_BYTES } else { WINDOW_BYTES };
    let windows = source.windows(&rows, budget);
    thread::scope(|scope| {
        let (filled_in, filled) = mpsc::sync_channel::<Result<Window>>(1);
        let (empty_in, empty) = mpsc::channel::<Vec<u8>>();
        (0..WINDOWS).try_for_each(|_| empty_in.send(Vec::new())).context("no window was taken yet")?;
        let (rows, windows) = (&rows, &windows);
        let reader = scope.spawn(move || read(source, rows, windows, &empty, &filled_in));
        for window in &filled {
            let (range, bytes) = window?;
            for (to, row) in moves[range.clone()].iter().zip(bytes.chunks_exact(source.row_bytes())) {
                write(to, row)?;
            }
            progress(range.end);
            // The reader may be done: then nobody needs the window.
            let _ = empty_in.send(bytes);
        }
        drop(filled);
        reader.join().map_err(|_| anyhow!("internal error: the reader of {} panicked", source.source()))
    })
}

/// Fills windows until there are no more, or nobody takes them.
fn read(
    source: &Rows,
    rows: &[u64],
    windows: &[Range<usize>],
    empty: &mpsc::Receiver<Vec<u8>>,
    filled: &mpsc::SyncSender<Result<Window>>,
) {
    for (at, range) in windows.iter().enumerate() {
        if let Some(ahead) = windows.get(at + AHEAD) {
            source.will_read(&rows[ahead.clone()]);
        }
        let Ok(mut bytes) = empty.recv() else { return };
        let rows = &rows[range.clone()];
        bytes.resize(rows.len() * source.row_bytes(), 0);
        let window = source.read(rows, &mut bytes).map(|()| (range.clone(), bytes));
        let failed = window.is_err();
        if filled.send(window).is_err() || failed {
            return;
        }
    }
}
