//! The outline of a mask: closed lines along the edges of its pixels.

use std::collections::BTreeMap;

use super::scene::Point;

/// A corner of pixels: column and row.
type Corner = (i32, i32);

/// The outlines of the pixels of a mask that are not 0 (row-major, `side` pixels a row), in pixels from its
/// upper left corner. Holes have their own outlines. Areas that touch only at a corner are separate.
pub(super) fn outlines(mask: &[u8], side: usize) -> Vec<Vec<Point>> {
    let mut edges = edges(mask, side);
    let mut lines = Vec::new();
    while let Some((&start, _)) = edges.first_key_value() {
        lines.push(follow(&mut edges, start));
    }
    lines
}

/// The outlines as the points of an SVG path; empty for an empty mask.
#[must_use]
pub fn mask_path(mask: &[u8], side: usize) -> String {
    let line = |points: &Vec<Point>| {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x} {y}")).collect();
        format!("M{}Z", points.join("L"))
    };
    outlines(mask, side).iter().map(line).collect()
}

/// The edges between inside and outside, by their start, with the inside on their right. At most two start at
/// a corner.
fn edges(mask: &[u8], side: usize) -> BTreeMap<Corner, Vec<Corner>> {
    let mut edges: BTreeMap<Corner, Vec<Corner>> = BTreeMap::new();
    let inside = |x: i32, y: i32| {
        let within = |at: i32| usize::try_from(at).ok().filter(|&at| at < side);
        within(x).zip(within(y)).and_then(|(x, y)| mask.get(y * side + x)).is_some_and(|&value| value != 0)
    };
    let side = side as i32;
    for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).filter(|&(x, y)| inside(x, y)) {
        for (outside, from, to) in [
            ((x, y - 1), (x, y), (x + 1, y)),
            ((x + 1, y), (x + 1, y), (x + 1, y + 1)),
            ((x, y + 1), (x + 1, y + 1), (x, y + 1)),
            ((x - 1, y), (x, y + 1), (x, y)),
        ] {
            if !inside(outside.0, outside.1) {
                edges.entry(from).or_default().push(to);
            }
        }
    }
    edges
}

/// Removes one closed line from the edges, and returns its corners, without those on straight stretches.
fn follow(edges: &mut BTreeMap<Corner, Vec<Corner>>, start: Corner) -> Vec<Point> {
    let (mut line, mut at, mut came) = (Vec::new(), start, None);
    while let Some(next) = take(edges, at, came) {
        let step = (next.0 - at.0, next.1 - at.1);
        if came != Some(step) {
            line.push((f64::from(at.0), f64::from(at.1)));
        }
        (at, came) = (next, Some(step));
        if at == start {
            break;
        }
    }
    line
}

/// Removes the edge that continues from a corner. Of two, it is the right turn, which stays with the same area.
fn take(edges: &mut BTreeMap<Corner, Vec<Corner>>, at: Corner, came: Option<Corner>) -> Option<Corner> {
    let ends = edges.get_mut(&at)?;
    let right = came.map(|(x, y)| (at.0 - y, at.1 + x));
    let index = ends.iter().position(|&end| Some(end) == right).unwrap_or(0);
    let next = ends.swap_remove(index);
    if ends.is_empty() {
        edges.remove(&at);
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rectangle_has_four_corners() {
        let lines = outlines(&[0, 0, 0, 0, 1, 1, 0, 0, 0], 3);
        assert_eq!(lines, [[(1.0, 1.0), (3.0, 1.0), (3.0, 2.0), (1.0, 2.0)]]);
        assert!(outlines(&[0; 9], 3).is_empty());
    }

    #[test]
    fn holes_and_diagonal_neighbours_have_separate_lines() {
        assert_eq!(outlines(&[1, 1, 1, 1, 0, 1, 1, 1, 1], 3).len(), 2);
        let diagonal = outlines(&[1, 0, 0, 1], 2);
        assert_eq!(diagonal.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4]);
    }

    proptest! {
        #[test]
        fn lines_enclose_as_many_pixels_as_the_mask_has(mask in prop::collection::vec(0..2_u8, 36)) {
            // The shoelace formula; holes run the other way and count against.
            let area = |line: &Vec<Point>| {
                let next = line.iter().cycle().skip(1);
                line.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>() / 2.0
            };
            let total: f64 = outlines(&mask, 6).iter().map(area).sum();
            prop_assert_eq!(total, f64::from(mask.iter().map(|&value| u32::from(value)).sum::<u32>()));
        }
    }
}
