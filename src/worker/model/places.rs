//! Where a square change of an image alters the maps of a network: the geometry of `local`, along one axis, because
//! images, kernels and windows are square.
//!
//! If rows a to b (exclusive) of a map change, an operation with kernel k, stride s and padding p changes the rows
//! ceil((a + p - k + 1) / s) to floor((b - 1 + p) / s) of its output.

use super::{
    averaging::Halving,
    body::{Body, Unit, Work},
    group::Symmetry,
    layers::Convolution,
};
use crate::kernels::MaxPool;

/// A sliding window: that of a convolution or of a pooling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// What the padding holds.
    pub(super) outside: f32,
}

/// What a square of an output is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reach {
    /// A window that slides over the input.
    Window(Window),
    /// The whole input, to an output of so many rows, because its windows are not all alike.
    Whole(usize),
}

/// Squares of one size on a map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    pub(super) corners: Vec<[isize; 2]>,
    pub(super) side: usize,
}

/// The altered part of a map along one axis, for each place of the change.
#[derive(Debug, Clone, PartialEq)]
struct Along {
    /// Rows of the map.
    rows: usize,
    /// Rows of the altered squares.
    length: usize,
    starts: Vec<usize>,
}

/// Places of a square change, and what they alter on each map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Places {
    /// The side of the change, and its first rows. It may extend beyond the image.
    pub(super) window: usize,
    pub(super) starts: Vec<usize>,
    maps: Vec<Along>,
    /// The multiplications of all convolutions, as a share of those of a whole pass.
    share: f64,
}

impl Places {
    /// A change of `window` rows and columns of an image of `side` rows and columns, which begins at any two of `starts`.
    pub(super) fn new(body: &Body, side: usize, window: usize, starts: &[usize]) -> Self {
        let changed = starts.iter().map(|&start| [start, (start + window).min(side)]).collect();
        let mut changes = vec![Change { rows: side, changed }];
        let (mut local, mut whole) = (0.0, 0.0);
        for operation in &body.operations {
            let from = &changes[operation.from];
            let mut change = from.after(Reach::of(&operation.work, from.rows));
            for map in operation.reads().skip(1) {
                change.join(&changes[map]);
            }
            if let Some(products) = operation.work.products() {
                local += products * change.length().pow(2) as f64;
                whole += products * change.rows.pow(2) as f64;
            }
            changes.push(change);
        }
        let maps = changes.iter().map(Change::along).collect();
        Self { window, starts: starts.to_vec(), maps, share: local / whole }
    }

    /// The multiplications, as a share of those of whole passes; not a number if there are none.
    pub(super) fn share(&self) -> f64 {
        self.share
    }

    /// The altered squares of a map for copies, whose changes begin at two of the starts each.
    pub(super) fn altered(&self, map: usize, copies: &[[usize; 2]]) -> Region {
        let Along { length, starts, .. } = &self.maps[map];
        let corner = |copy: &[usize; 2]| copy.map(|start| starts[start] as isize);
        Region { corners: copies.iter().map(corner).collect(), side: *length }
    }

    /// Rows of a map.
    pub(super) fn rows(&self, map: usize) -> usize {
        self.maps[map].rows
    }

    /// All of a map, for each copy.
    pub(super) fn all(&self, map: usize, copies: usize) -> Region {
        Region { corners: vec![[0, 0]; copies], side: self.maps[map].rows }
    }
}

/// The rows from and to (exclusive) that change, for each place.
struct Change {
    rows: usize,
    changed: Vec<[usize; 2]>,
}

impl Change {
    fn after(&self, reach: Reach) -> Self {
        let Window { kernel, stride, padding, .. } = match reach {
            Reach::Window(window) => window,
            Reach::Whole(rows) => return Self { rows, changed: vec![[0, rows]; self.changed.len()] },
        };
        let rows = (self.rows + 2 * padding - kernel) / stride + 1;
        let after = |&[from, to]: &[usize; 2]| {
            let first = (from + padding).saturating_sub(kernel - 1).div_ceil(stride);
            [first.min(rows - 1), ((to - 1 + padding) / stride + 1).min(rows)]
        };
        Self { rows, changed: self.changed.iter().map(after).collect() }
    }

    fn join(&mut self, other: &Self) {
        for (one, other) in self.changed.iter_mut().zip(&other.changed) {
            *one = [one[0].min(other[0]), one[1].max(other[1])];
        }
    }

    fn length(&self) -> usize {
        self.changed.iter().map(|[from, to]| to.saturating_sub(*from)).max().unwrap_or(0).max(1)
    }

    /// With squares of one size, shifted into the map.
    fn along(&self) -> Along {
        let length = self.length();
        let starts = self.changed.iter().map(|[from, _]| (*from).min(self.rows - length)).collect();
        Along { rows: self.rows, length, starts }
    }
}

impl Window {
    fn of(Convolution { weight, step, .. }: &Convolution) -> Self {
        Self {
            kernel: weight.size()[weight.dim() - 1] as usize,
            stride: step.stride as usize,
            padding: step.padding as usize,
            outside: 0.0,
        }
    }
}

impl Work {
    /// The multiplications for a pixel of the output; `None` without a convolution.
    fn products(&self) -> Option<f64> {
        match self {
            Self::Unit(unit) => Some(unit.convolution.weight.numel() as f64),
            Self::Convolution(lone) => {
                let order = lone.symmetry.map_or(1, Symmetry::order);
                Some(lone.learnt.weight.numel() as f64 * order as f64)
            }
            Self::MaxPool(_) | Self::AveragePool(_) | Self::Halve(_) | Self::Norm(_) | Self::Join { .. } => {
                None
            }
        }
    }
}

impl Reach {
    /// A window that changes nothing.
    pub(super) const SAME: Self = Self::Window(Window { kernel: 1, stride: 1, padding: 0, outside: 0.0 });

    /// That of an operation on a map of so many rows.
    pub(super) fn of(work: &Work, rows: usize) -> Self {
        Self::Window(match work {
            Work::Unit(Unit { convolution, .. }) => Window::of(convolution),
            Work::Convolution(lone) => Window::of(&lone.learnt),
            Work::Norm(_) | Work::Join { .. } => return Self::SAME,
            Work::Halve(Halving::Symmetric) if !rows.is_multiple_of(2) => return Self::Whole(rows / 2),
            Work::Halve(_) => Window { kernel: 2, stride: 2, padding: 0, outside: 0.0 },
            &Work::MaxPool(MaxPool { kernel, stride, padding }) => {
                Window { kernel, stride, padding, outside: f32::NEG_INFINITY }
            }
            &Work::AveragePool(to) => {
                let to = to as usize;
                if !rows.is_multiple_of(to) {
                    return Self::Whole(to);
                }
                Window { kernel: rows / to, stride: rows / to, padding: 0, outside: 0.0 }
            }
        })
    }

    /// The squares of the input from which squares of the output are computed; `all` is the whole input.
    pub(super) fn inputs(self, outputs: &Region, all: Region) -> Region {
        let Self::Window(window) = self else { return all };
        let first = |start: isize| start * window.stride as isize - window.padding as isize;
        let corners = outputs.corners.iter().map(|corner| corner.map(first)).collect();
        Region { corners, side: (outputs.side - 1) * window.stride + window.kernel }
    }

    /// What is around the input.
    pub(super) fn outside(self) -> f32 {
        match self {
            Self::Window(window) => window.outside,
            Self::Whole(_) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(rows: usize, changed: &[[usize; 2]]) -> Change {
        Change { rows, changed: changed.to_vec() }
    }

    #[test]
    fn a_change_grows_by_the_kernel_and_shrinks_by_the_stride() {
        let convolution = Window { kernel: 3, stride: 1, padding: 1, outside: 0.0 };
        let wider = change(96, &[[0, 16], [8, 24], [80, 96]]).after(Reach::Window(convolution));
        assert_eq!(wider.changed, [[0, 17], [7, 25], [79, 96]]);
        let halved = wider.after(Reach::Window(Window { kernel: 2, stride: 2, padding: 0, outside: 0.0 }));
        assert_eq!((halved.rows, halved.changed), (48, vec![[0, 9], [3, 13], [39, 48]]));
        let strided = change(9, &[[4, 5]]).after(Reach::Window(Window {
            kernel: 3,
            stride: 2,
            padding: 1,
            outside: 0.0,
        }));
        assert_eq!((strided.rows, strided.changed), (5, vec![[2, 3]]));
        let strided = change(9, &[[3, 4]]).after(Reach::Window(Window {
            kernel: 3,
            stride: 2,
            padding: 1,
            outside: 0.0,
        }));
        assert_eq!(strided.changed, [[1, 3]]);
    }

    #[test]
    fn squares_have_one_size_and_lie_in_the_map() {
        let along = change(48, &[[0, 9], [3, 13], [39, 48]]).along();
        assert_eq!(along, Along { rows: 48, length: 10, starts: vec![0, 3, 38] });
    }
}
