//! Square patches of feature maps, put together from one map that all patches share and from squares of their own.
//!
//! Exact recomputation needs this: where a change of the image did not reach, the values of the unchanged image hold,
//! and an altered copy has values of its own only in a small square.

use super::{Number, maps::each_chunk};

/// A feature map [height, width, channels], and the value around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) size: [usize; 3],
    pub(crate) outside: T,
}

/// Squares on a map: their first rows and columns, and their values, [squares, side, side, channels].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Squares<'a, T> {
    pub(crate) corners: &'a [[isize; 2]],
    pub(crate) side: usize,
    pub(crate) values: &'a [T],
}

/// Puts together patches [patches, side, side, channels], which begin at `corners`: each pixel is that of the own
/// square of its patch, where that reaches, else that of the shared map.
pub(crate) fn assemble<T: Number>(
    shared: Shared<'_, T>,
    own: Squares<'_, T>,
    corners: &[[isize; 2]],
    side: usize,
    out: &mut [T],
) {
    let [height, width, channels] = shared.size;
    each_chunk(out, side * side * channels, |patch, out| {
        let [top, left] = corners[patch];
        let [own_top, own_left] = own.corners[patch];
        for (row, out) in (top..).zip(out.chunks_exact_mut(side * channels)) {
            let covered = (0..height as isize).contains(&row) && left >= 0 && left as usize + side <= width;
            if !covered {
                out.fill(shared.outside);
            }
            let of_map = line(shared.values, row, height, width * channels);
            overlay(of_map, 0, channels, left, out);
            let square = &own.values[patch * own.side * own.side * channels..];
            overlay(
                line(square, row - own_top, own.side, own.side * channels),
                own_left,
                channels,
                left,
                out,
            );
        }
    });
}

/// A row of a map; empty if the map has no such row.
fn line<T>(map: &[T], row: isize, rows: usize, length: usize) -> &[T] {
    match usize::try_from(row) {
        Ok(row) if row < rows => &map[row * length..][..length],
        _ => &[],
    }
}

/// Copies pixels that begin at column `from` over pixels that begin at column `to`, where both have columns.
fn overlay<T: Copy>(pixels: &[T], from: isize, channels: usize, to: isize, out: &mut [T]) {
    let columns = |pixels: &[T]| (pixels.len() / channels) as isize;
    let first = from.max(to);
    let last = (from + columns(pixels)).min(to + columns(out));
    let part = |start: isize| (first - start) as usize * channels..(last - start) as usize * channels;
    if first < last {
        out[part(to)].copy_from_slice(&pixels[part(from)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_takes_its_own_square_then_the_map_then_the_value_outside() {
        let map: Vec<f32> = (0..12).map(|value| value as f32).collect(); // 3 rows, 4 columns
        let shared = Shared { values: &map, size: [3, 4, 1], outside: -1.0 };
        let corners = [[0, 2], [1, 0]];
        let own =
            Squares { corners: &corners, side: 2, values: &[50.0, 51.0, 52.0, 53.0, 60.0, 61.0, 62.0, 63.0] };
        let mut out = [0.0; 18];
        assemble(shared, own, &[[-1, 1], [1, 2]], 3, &mut out);
        #[rustfmt::skip]
        let wanted = [
            -1.0, -1.0, -1.0,   1.0, 50.0, 51.0,   5.0, 52.0, 53.0,
            6.0, 7.0, -1.0,   10.0, 11.0, -1.0,   -1.0, -1.0, -1.0,
        ];
        assert_eq!(out, wanted);
        let two = Squares { values: &own.values[4..], corners: &corners[1..], side: 2 };
        assemble(shared, two, &[[0, 0]], 3, &mut out[..9]);
        assert_eq!(out[..9], [0.0, 1.0, 2.0, 60.0, 61.0, 6.0, 62.0, 63.0, 10.0]);
    }
}
