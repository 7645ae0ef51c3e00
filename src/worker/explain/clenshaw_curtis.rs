//! The Clenshaw-Curtis rules for integrals over [0, 1], which are nested.
//!
//! Knows numbers only.

use std::f64::consts::PI;

use super::quadrature::Node;

/// The Clenshaw-Curtis rule with an even number of intervals between its nodes, in ascending order. With n nodes it
/// is exact for polynomials up to degree n - 1. Its nodes are every second one of the rule with twice the intervals,
/// to the last bit.
pub(super) fn clenshaw_curtis(intervals: usize) -> Vec<Node> {
    let quarter = PI / (2 * intervals) as f64;
    // (1 - cos t) / 2 without cancellation.
    let at = |index: usize| (quarter * index as f64).sin().powi(2);
    (0..=intervals).map(|index| Node { at: at(index), weight: weight(index, intervals) }).collect()
}

/// The integral over [0, 1] of the polynomial that is 1 at this node and 0 at all others: the integrals of Chebyshev
/// polynomials of even degree, 1 / (1 - 4 k^2), by a cosine transform (Waldvogel 2006).
fn weight(index: usize, intervals: usize) -> f64 {
    let term = |k: usize| {
        // The index of the cosine is reduced first, which keeps its last digits.
        let turn = 2.0 * PI * (k * index % intervals) as f64 / intervals as f64;
        let twice = if 2 * k == intervals { 1.0 } else { 2.0 };
        twice * turn.cos() / (4 * k * k - 1) as f64
    };
    let sum: f64 = (1..=intervals / 2).map(term).sum();
    let is_end = index == 0 || index == intervals;
    (1.0 - sum) / intervals as f64 / if is_end { 2.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_rules_have_their_closed_weights() {
        let nodes = |intervals| -> Vec<(f64, f64)> {
            clenshaw_curtis(intervals).into_iter().map(|node| (node.at, node.weight)).collect()
        };
        let low = (1.0 - 0.5_f64.sqrt()) / 2.0;
        for (got, wanted) in [
            (nodes(2), vec![(0.0, 1.0 / 6.0), (0.5, 2.0 / 3.0), (1.0, 1.0 / 6.0)]),
            (
                nodes(4),
                vec![
                    (0.0, 1.0 / 30.0),
                    (low, 4.0 / 15.0),
                    (0.5, 2.0 / 5.0),
                    (1.0 - low, 4.0 / 15.0),
                    (1.0, 1.0 / 30.0),
                ],
            ),
        ] {
            assert_eq!(got.len(), wanted.len());
            for (got, wanted) in got.iter().zip(&wanted) {
                assert!((got.0 - wanted.0).abs() < 1e-15 && (got.1 - wanted.1).abs() < 1e-15, "{got:?}");
            }
        }
    }

    #[test]
    fn it_is_exact_up_to_its_degree_and_not_beyond() {
        for intervals in (2..=32).step_by(2) {
            let power = |degree: usize| -> f64 {
                clenshaw_curtis(intervals).iter().map(|node| node.weight * node.at.powi(degree as i32)).sum()
            };
            // With an odd number of nodes, one more degree is exact, by symmetry.
            for degree in 0..=intervals + 1 {
                assert!((power(degree) * (degree + 1) as f64 - 1.0).abs() < 1e-13, "{intervals} {degree}");
            }
            if intervals <= 8 {
                let off = power(intervals + 2) * (intervals + 3) as f64 - 1.0;
                assert!(off.abs() > 1e-9, "{intervals}: {off}");
            }
        }
    }

    #[test]
    fn rules_are_nested_and_their_weights_sum_to_one() {
        for intervals in [2, 8, 16, 64, 256, 512] {
            let nodes = clenshaw_curtis(intervals);
            let ends = (nodes[0].at, nodes[intervals].at);
            assert_eq!((nodes.len(), ends), (intervals + 1, (0.0, 1.0)));
            assert!(nodes.windows(2).all(|pair| pair[0].at < pair[1].at), "{intervals}");
            assert!(nodes.iter().all(|node| node.weight > 0.0));
            let sum: f64 = nodes.iter().map(|node| node.weight).sum();
            assert!((sum - 1.0).abs() < 1e-13, "{intervals}: {sum}");
            let finer = clenshaw_curtis(2 * intervals);
            assert!(nodes.iter().zip(finer.iter().step_by(2)).all(|(node, finer)| node.at == finer.at));
        }
    }
}
