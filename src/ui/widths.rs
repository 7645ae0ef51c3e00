//! How wide the cells of a running stage's line are.
//!
//! Knows widths only; `row` fills the cells.

/// The available space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Columns of the longest name.
    pub(super) names: usize,
}

/// The columns between two cells.
pub(super) const GAP: usize = 2;

/// The widths of the cells between the name and what it is doing; 0 for a cell that has no room.
pub(super) struct Widths {
    /// The bar, without the space after it.
    pub(super) bar: usize,
    /// Units in a second.
    pub(super) rate: usize,
    /// The time that is left.
    pub(super) left: usize,
}

/// Only the terminal and the names decide, so that cells do not move. A bar comes after the remaining time and an
/// epoch with its validation (`epoch 12/12, val 0.355 84.1%`), and the rate after the loss of a batch.
#[must_use]
pub(super) fn widths(space: Space) -> Widths {
    const NARROW: usize = 50;
    let names = space.names.min(space.width * 3 / 10);
    if space.width < NARROW {
        return Widths { bar: 0, rate: 0, left: 0 };
    }
    let mut room = space.width.saturating_sub(2 + names + GAP + PERCENT + GAP + LEFT + GAP + EPOCH);
    let mut take = |columns: usize, least: usize| {
        let taken = if room < least { 0 } else { room.min(columns) };
        room -= taken;
        taken
    };
    let bar = take(13, 7);
    take(", loss 0.412".len(), 0);
    let rate = take(RATE + GAP, RATE + GAP);
    let bar = bar + if bar > 0 { take(12, 0) } else { 0 };
    Widths { bar: bar.saturating_sub(1), rate: rate.saturating_sub(GAP), left: LEFT }
}

/// `100%`
pub(super) const PERCENT: usize = 4;
/// `59 min 59 s left`
const LEFT: usize = 16;
/// `epoch 12/12, val 0.355 84.1%`
const EPOCH: usize = 28;
/// `12,345 patches/s`
const RATE: usize = 16;
