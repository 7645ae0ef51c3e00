//! Rules for integrals over [0, 1].

use std::f64::consts::PI;

use anyhow::Result;
use pcamflow::stages::explain::Rule;
use tch::{Device, Kind, Tensor};

/// A node of a rule. The weights of a rule sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub(super) at: f64,
    pub(super) weight: f64,
}

/// The nodes of a rule in ascending order; `n` is at least 2.
///
/// # Errors
/// `n` is too large for libtorch.
pub(super) fn nodes(rule: Rule, n: usize) -> Result<Vec<Node>> {
    let part = 1.0 / n as f64;
    match rule {
        Rule::GaussLegendre => Ok((0..n).map(|index| gauss_legendre(index, n)).collect()),
        Rule::Midpoint => {
            Ok(even(part / 2.0, 1.0 - part / 2.0, n)?.map(|at| Node { at, weight: part }).collect())
        }
        Rule::Trapezoid => {
            let part = 1.0 / (n - 1) as f64;
            let ends = [0, n - 1];
            let weigh =
                |(index, at)| Node { at, weight: if ends.contains(&index) { part / 2.0 } else { part } };
            Ok(even(0.0, 1.0, n)?.enumerate().map(weigh).collect())
        }
    }
}

/// Evenly spaced numbers, rounded to float32 by libtorch as in Captum. If pixels tie (a max-pool over white glass),
/// the last bit of a node decides which pixel gets the gradient: with other rounding maps differ by up to 0.4 %.
fn even(first: f64, last: f64, n: usize) -> Result<impl Iterator<Item = f64>> {
    let numbers = Tensor::linspace(first, last, i64::try_from(n)?, (Kind::Float, Device::Cpu));
    Ok(Vec::<f32>::try_from(&numbers)?.into_iter().map(f64::from))
}

/// A node of the Gauss-Legendre rule: a root of the Legendre polynomial of degree `n`, by Newton's method. Tricomi's
/// approximation is close enough to converge to the right root.
fn gauss_legendre(index: usize, n: usize) -> Node {
    let degree = n as f64;
    let angle = PI * (4 * index + 3) as f64 / (4 * n + 2) as f64;
    let mut root = (1.0 - (degree - 1.0) / (8.0 * degree.powi(3))) * angle.cos();
    // Convergence is quadratic: three steps already reach the precision of float64.
    for _ in 0..6 {
        let (value, slope) = legendre(n, root);
        root -= value / slope;
    }
    let (_, slope) = legendre(n, root);
    // On [-1, 1] the weight is 2 / ((1 - x^2) P'(x)^2). Roots descend with the index.
    Node { at: (1.0 - root) / 2.0, weight: 1.0 / ((1.0 - root * root) * slope * slope) }
}

/// The Legendre polynomial of a degree, and its derivative, inside (-1, 1).
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, degree as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{explained_references, get};

    const RULES: [Rule; 3] = [Rule::GaussLegendre, Rule::Midpoint, Rule::Trapezoid];

    fn integral(rule: Rule, n: usize, of: impl Fn(f64) -> f64) -> f64 {
        nodes(rule, n).unwrap().into_iter().map(|node| node.weight * of(node.at)).sum()
    }

    #[test]
    fn nodes_and_weights_equal_numpys() {
        let reference = &explained_references()[0];
        let wanted = |name: &str| Vec::<f64>::try_from(get(reference, name)).unwrap();
        let (at, weight) = (wanted("ig.nodes"), wanted("ig.weights"));
        for (node, (at, weight)) in nodes(Rule::GaussLegendre, 50).unwrap().iter().zip(at.iter().zip(&weight))
        {
            assert!((node.at - at).abs() < 1e-14 && (node.weight - weight).abs() < 1e-14, "{node:?} {at}");
        }
        assert_eq!(at.len(), 50);
    }

    #[test]
    fn gauss_legendre_is_exact_up_to_its_degree_and_not_beyond() {
        for n in 2..=20 {
            let power = |degree: usize| integral(Rule::GaussLegendre, n, |x| x.powi(degree as i32));
            for degree in 0..2 * n {
                assert!((power(degree) * (degree + 1) as f64 - 1.0).abs() < 1e-13, "{n} {degree}");
            }
            if n < 8 {
                assert!((power(2 * n) * (2 * n + 1) as f64 - 1.0).abs() > 1e-9, "{n}");
            }
        }
    }

    #[test]
    fn all_rules_ascend_within_the_unit_interval_and_their_weights_sum_to_one() {
        for rule in RULES {
            for n in [2, 3, 50, 51, 100, 800, 2000] {
                let nodes = nodes(rule, n).unwrap();
                assert_eq!(nodes.len(), n);
                assert!(nodes.windows(2).all(|pair| pair[0].at < pair[1].at), "{rule:?} {n}");
                assert!(nodes.iter().all(|node| (0.0..=1.0).contains(&node.at) && node.weight > 0.0));
                let sum: f64 = nodes.iter().map(|node| node.weight).sum();
                assert!((sum - 1.0).abs() < 1e-11, "{rule:?} {n}: {sum}");
            }
        }
    }

    #[test]
    fn the_simple_rules_have_their_textbook_errors() {
        // x^2: 1/3 - 1/(12 n^2) and 1/3 + 1/(6 (n - 1)^2), at float32 nodes.
        let square = |rule, n| integral(rule, n, |x| x * x) - 1.0 / 3.0;
        assert!((square(Rule::Midpoint, 10) + 1.0 / 1200.0).abs() < 1e-7);
        assert!((square(Rule::Trapezoid, 11) - 1.0 / 600.0).abs() < 1e-7);
        assert_eq!(
            nodes(Rule::Trapezoid, 2).unwrap(),
            [(0.0, 0.5), (1.0, 0.5)].map(|(at, weight)| Node { at, weight })
        );
    }
}
