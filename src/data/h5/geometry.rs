//! How the rows of a dataset are cut into blocks, and where the bytes of a block belong.
//!
//! A block (HDF5: a chunk) is a box: some rows, and a part of each row in every other dimension. h5py's automatic
//! chunks cut patches into pieces such as 12 x 12 x 1, thousands of rows deep. Pure arithmetic: reads no file.

use std::ops::Range;

/// The extents of a dataset and of its blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// Rows, then the extents of a row.
    pub(super) shape: Vec<usize>,
    /// The same of a block.
    pub(super) block: Vec<usize>,
}

/// Bytes that are contiguous both in a row of a block and in the row of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where they start in the block's row.
    pub(super) from: usize,
    /// Where they start in the dataset's row.
    pub(super) to: usize,
    /// Their number.
    pub(super) len: usize,
}

impl Grid {
    /// The number of blocks with the same rows.
    pub(super) fn blocks_abreast(&self) -> usize {
        self.abreast().iter().product()
    }

    /// The place in the grid of a block: the `index`-th in its layer. Layer 0 has the first rows.
    pub(super) fn place(&self, layer: usize, mut index: usize) -> Vec<usize> {
        let mut place = vec![layer; self.shape.len()];
        for (axis, count) in self.abreast().into_iter().enumerate().rev() {
            place[axis + 1] = index % count;
            index /= count;
        }
        place
    }

    /// The number of the block that starts at these elements, counted row by row of the grid.
    pub(super) fn number(&self, start: &[u64]) -> u64 {
        let mut number = start[0] / self.block[0] as u64;
        for (axis, count) in self.abreast().into_iter().enumerate() {
            number = number * count as u64 + start[axis + 1] / self.block[axis + 1] as u64;
        }
        number
    }

    /// The elements that a block covers, up to the end of the dataset.
    pub(super) fn ranges(&self, place: &[usize]) -> Vec<Range<usize>> {
        let axes = place.iter().zip(&self.block).zip(&self.shape);
        axes.map(|((&at, &size), &end)| at * size..((at + 1) * size).min(end)).collect()
    }

    /// Where the bytes of one row of a block go. `extents` are those of the stored block. In the file they are the
    /// full ones, which may reach beyond the dataset.
    pub(super) fn runs(&self, place: &[usize], extents: &[usize]) -> Vec<Run> {
        let ranges = self.ranges(place);
        let whole = |axis: usize| ranges[axis].len() == self.shape[axis] && extents[axis] == self.shape[axis];
        // The last axis that is cut. What it covers is contiguous, with all later axes.
        let cut = (1..self.shape.len()).rev().find(|&axis| !whole(axis)).unwrap_or(1);
        let volume = |sizes: &[usize], from: usize| sizes.iter().skip(from).product::<usize>();
        let len = ranges.iter().skip(cut).map(ExactSizeIterator::len).product();
        let start = ranges.get(cut).map_or(0, |range| range.start) * volume(&self.shape, cut + 1);
        let mut places = vec![(0, 0)];
        for axis in 1..cut {
            let along = |&(from, to): &(usize, usize)| {
                let (extent, size) = (extents[axis], self.shape[axis]);
                ranges[axis].clone().enumerate().map(move |(step, at)| (from * extent + step, to * size + at))
            };
            places = places.iter().flat_map(along).collect();
        }
        let run = |(from, to)| Run {
            from: from * volume(extents, cut),
            to: to * volume(&self.shape, cut) + start,
            len,
        };
        places.into_iter().map(run).collect()
    }

    fn abreast(&self) -> Vec<usize> {
        let axes = self.shape.iter().zip(&self.block).skip(1);
        axes.map(|(&size, &block)| size.div_ceil(block)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_whole_rows_is_one_run() {
        let grid = Grid { shape: vec![100, 96, 96, 3], block: vec![32, 96, 96, 3] };
        assert_eq!(grid.blocks_abreast(), 1);
        let place = grid.place(3, 0);
        assert_eq!(grid.ranges(&place)[0], 96..100);
        assert_eq!(grid.runs(&place, &grid.block), [Run { from: 0, to: 0, len: 27648 }]);
    }

    #[test]
    fn every_byte_of_a_row_is_covered_once_however_blocks_are_cut() {
        for block in [[4, 12, 12, 1], [4, 50, 7, 2], [1, 96, 96, 3], [2, 1, 96, 3], [3, 96, 5, 3]] {
            let grid = Grid { shape: vec![10, 96, 96, 3], block: block.to_vec() };
            for stored_whole in [true, false] {
                let mut covered = vec![0_u8; 27648];
                for index in 0..grid.blocks_abreast() {
                    let place = grid.place(1, index);
                    let lengths: Vec<usize> =
                        grid.ranges(&place).iter().map(ExactSizeIterator::len).collect();
                    let extents = if stored_whole { &grid.block } else { &lengths };
                    for run in grid.runs(&place, extents) {
                        covered[run.to..run.to + run.len].iter_mut().for_each(|count| *count += 1);
                    }
                }
                assert!(covered.iter().all(|&count| count == 1), "{block:?}");
            }
        }
    }

    #[test]
    fn a_row_of_one_value_is_one_run() {
        let grid = Grid { shape: vec![10], block: vec![4] };
        assert_eq!(grid.runs(&grid.place(2, 0), &[4]), [Run { from: 0, to: 0, len: 1 }]);
    }

    #[test]
    fn numbers_follow_the_places() {
        let grid = Grid { shape: vec![10, 96, 96, 3], block: vec![4, 50, 7, 2] };
        let mut expected = 0;
        for layer in 0..3 {
            for index in 0..grid.blocks_abreast() {
                let place = grid.place(layer, index);
                let start: Vec<u64> = grid.ranges(&place).iter().map(|range| range.start as u64).collect();
                assert_eq!(grid.number(&start), expected);
                expected += 1;
            }
        }
    }
}
