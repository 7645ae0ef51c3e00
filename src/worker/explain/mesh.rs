//! The trapezoid rule for integrals over [0, 1], with nodes where they are needed.
//!
//! The integral of the slope of a function over a part is the change of the function, which is known at the nodes. So
//! the error of the rule is known for every part, and the parts with the largest errors are halved. Knows numbers only.

/// Parts of this width are not halved: float32 hardly tells their ends apart.
const LEAST_WIDTH: f64 = 1.0 / (1 << 20) as f64;

/// A function at a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// The nodes so far.
#[derive(Debug)]
pub(super) struct Mesh {
    /// In the order in which they were added.
    points: Vec<Point>,
    /// Errors below this share of the largest value are rounding. They decide nothing: rounding depends on the batch.
    rounding: f64,
}

/// What lies between two neighbours, each with its index.
struct Part {
    from: (usize, Point),
    to: (usize, Point),
}

impl Mesh {
    pub(super) fn new(rounding: f64) -> Self {
        Self { points: Vec::new(), rounding }
    }

    pub(super) fn add(&mut self, point: Point) {
        self.points.push(point);
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// At most `count` further nodes, in ascending order: evenly spaced ones, including both ends, if there are none
    /// so far; else the middles of the parts with the largest errors. `count` is at least 2.
    pub(super) fn next(&self, count: usize) -> Vec<f64> {
        if self.points.is_empty() {
            return (0..count).map(|index| index as f64 / (count - 1) as f64).collect();
        }
        let largest = self.points.iter().map(|point| point.value.abs()).fold(0.0, f64::max);
        let size = |part: &Part| part.error().abs();
        let error = |part: &Part| if size(part) > self.rounding * largest { size(part) } else { 0.0 };
        let mut parts: Vec<Part> = self.parts().filter(|part| part.width() > LEAST_WIDTH).collect();
        // Of equal errors, the widest part is halved, and of those the first.
        parts.sort_by(|a, b| error(b).total_cmp(&error(a)).then(b.width().total_cmp(&a.width())));
        let mut middles: Vec<f64> = parts.iter().take(count).map(Part::middle).collect();
        middles.sort_by(f64::total_cmp);
        middles
    }

    /// The weight of each node, in the order in which they were added.
    pub(super) fn weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.points.len()];
        for part in self.parts() {
            weights[part.from.0] += part.width() / 2.0;
            weights[part.to.0] += part.width() / 2.0;
        }
        weights
    }

    /// The integral of the slope.
    pub(super) fn integral(&self) -> f64 {
        self.parts().map(|part| part.integral()).sum()
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let mut nodes: Vec<(usize, Point)> = self.points.iter().copied().enumerate().collect();
        nodes.sort_by(|(_, a), (_, b)| a.at.total_cmp(&b.at));
        (1..nodes.len()).map(move |index| Part { from: nodes[index - 1], to: nodes[index] })
    }
}

impl Part {
    fn width(&self) -> f64 {
        self.to.1.at - self.from.1.at
    }

    fn middle(&self) -> f64 {
        f64::midpoint(self.from.1.at, self.to.1.at)
    }

    fn integral(&self) -> f64 {
        self.width() * f64::midpoint(self.from.1.slope, self.to.1.slope)
    }

    fn error(&self) -> f64 {
        self.integral() - (self.to.1.value - self.from.1.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function with a kink at 0.3, like that of a network with one ReLU.
    fn kinked(at: f64) -> Point {
        let above = f64::from(u8::from(at > 0.3));
        Point { at, value: at + 5.0 * above * (at - 0.3), slope: 1.0 + 5.0 * above }
    }

    fn mesh(rounds: usize, function: fn(f64) -> Point) -> Mesh {
        let mut mesh = Mesh::new(1e-5);
        for _ in 0..rounds {
            let next = mesh.next(4);
            next.into_iter().for_each(|at| mesh.add(function(at)));
        }
        mesh
    }

    #[test]
    fn nodes_are_put_where_the_slope_jumps() {
        let mesh = mesh(12, kinked);
        let nearest = mesh.points.iter().map(|point| (point.at - 0.3).abs()).reduce(f64::min);
        assert!(nearest < Some(1e-3), "{nearest:?}");
        let exact = kinked(1.0).value - kinked(0.0).value;
        assert!((mesh.integral() - exact).abs() < 1e-3, "{}", mesh.integral());
    }

    #[test]
    fn weights_are_those_of_the_integral() {
        let mesh = mesh(5, kinked);
        let weights = mesh.weights();
        let sum: f64 = weights.iter().zip(&mesh.points).map(|(weight, point)| weight * point.slope).sum();
        assert!((sum - mesh.integral()).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn it_begins_with_evenly_spaced_nodes_and_halves_parts() {
        assert_eq!(Mesh::new(0.0).next(5), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let mesh = mesh(2, |at| Point { at, value: at * at, slope: 2.5 * at });
        let third = 1.0 / 3.0;
        assert_eq!(mesh.len(), 7);
        let added: Vec<f64> = mesh.points[4..].iter().map(|point| point.at).collect();
        for (added, wanted) in added.iter().zip([0.5 * third, 0.5, 2.5 * third]) {
            assert!((added - wanted).abs() < 1e-15);
        }
    }

    /// Two functions that differ only by rounding.
    #[test]
    fn rounding_does_not_decide_where_the_nodes_are() {
        let rounded = |at: f64| Point { value: kinked(at).value + 1e-7 * (at * 1e5).sin(), ..kinked(at) };
        let places = |mesh: Mesh| mesh.points.iter().map(|point| point.at).collect::<Vec<_>>();
        assert_eq!(places(mesh(9, kinked)), places(mesh(9, rounded)));
    }

    /// Noise in the values must not make it halve the same part for ever.
    #[test]
    fn parts_do_not_become_arbitrarily_narrow() {
        let mut mesh = mesh(400, |at| Point { at, value: if at > 0.5 { 1.0 } else { 0.0 }, slope: 0.0 });
        mesh.points.sort_by(|a, b| a.at.total_cmp(&b.at));
        let narrowest = mesh.points.windows(2).map(|pair| pair[1].at - pair[0].at).reduce(f64::min);
        assert!(narrowest >= Some(LEAST_WIDTH / 2.0), "{narrowest:?}");
    }
}
