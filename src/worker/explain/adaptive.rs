//! Integrated gradients with as few steps as each image needs.
//!
//! An image gets a rule of 9 nodes, then one of 17, 33, and so on up to 513, until its attributions add up to the
//! change of its score within the tolerance, by two rules in a row: completeness is one number, and a single rule can
//! meet it by chance. Clenshaw-Curtis rules are nested: each has all nodes of the one before, so an image that ends
//! with n nodes has cost n gradients, not 9 + 17 + ... + n.
//!
//! The result is that of the rule with n nodes; only the order of its sum differs. A rule is linear in the
//! gradients, and the weights of a node in every rule are known before its gradient is. So no gradient is kept: each is
//! added, with its weight, to one sum per rule (float64, 1.5 MB per image; 513 gradients would be 57 MB).

use anyhow::{Context as _, Result};
use tch::{Kind, Tensor};

use super::{Delta, clenshaw_curtis::clenshaw_curtis, line::Line, passes::gradients, quadrature::Node};
use crate::model::Network;

/// The intervals between the nodes of the first rule.
const FIRST: usize = 8;
/// The number of rules; each has twice the intervals of the one before.
const RULES: usize = 7;
/// The rules in a row that have to meet the tolerance.
const IN_A_ROW: usize = 2;

/// The rules, and when an image has enough.
pub(super) struct Adaptive {
    levels: Vec<Level>,
    tolerance: f64,
}

/// The nodes that a rule adds to the one before.
struct Level {
    /// The place of the rule among the rules.
    rule: usize,
    /// The number of all nodes of the rule.
    steps: usize,
    /// The new nodes.
    at: Vec<f64>,
    /// The weights of the new nodes, in this rule and in each finer one.
    weights: Vec<Vec<f64>>,
}

/// An image on its way.
struct Course<'a> {
    line: &'a Line,
    /// The sums of all rules so far, channels last: [rules, 96, 96, 3].
    sums: Tensor,
    /// The result of the last rule.
    result: Option<(Tensor, Delta)>,
    /// The last rules in a row that met the tolerance.
    met: usize,
}

impl Adaptive {
    pub(super) fn new(tolerance: f64) -> Self {
        let rules: Vec<Vec<Node>> = (0..RULES).map(|rule| clenshaw_curtis(FIRST << rule)).collect();
        Self { levels: (0..RULES).map(|rule| Level::new(rule, &rules)).collect(), tolerance }
    }

    /// The attribution [1, 3, 96, 96] of each line, with at most `at_once` images on lines at a time.
    pub(super) fn attribute(
        &self,
        network: &Network,
        lines: &[Line],
        at_once: usize,
    ) -> Result<Vec<(Tensor, Delta)>> {
        let mut courses: Vec<Course<'_>> = lines.iter().map(Course::new).collect();
        for level in &self.levels {
            let mut going: Vec<_> = courses.iter_mut().filter(|course| course.goes_on()).collect();
            level.compute(network, &mut going, at_once)?;
            going.iter_mut().for_each(|course| course.judge(self.tolerance));
        }
        courses.into_iter().map(|course| course.result.context("an image without a rule")).collect()
    }
}

impl Level {
    /// The new nodes of one of these rules. A node has twice the index in the next rule.
    fn new(rule: usize, rules: &[Vec<Node>]) -> Self {
        let nodes = &rules[rule];
        let new = (0..nodes.len()).filter(|index| rule == 0 || index % 2 == 1);
        let new: Vec<usize> = new.collect();
        let weights = rules[rule..].iter().enumerate();
        Self {
            rule,
            steps: nodes.len(),
            at: new.iter().map(|&index| nodes[index].at).collect(),
            weights: weights
                .map(|(finer, nodes)| new.iter().map(|index| nodes[index << finer].weight).collect())
                .collect(),
        }
    }

    /// Computes the new nodes of some images, and the results of the rule. The nodes of several images are one batch
    /// if all of them fit in it. Otherwise each image is alone, so that its bits do not depend on the others.
    fn compute(&self, network: &Network, going: &mut [&mut Course<'_>], at_once: usize) -> Result<()> {
        let count = self.at.len();
        let part = count.div_ceil(count.div_ceil(at_once.max(1)));
        for courses in going.chunks_mut((at_once / count).max(1)) {
            for (index, at) in self.at.chunks(part).enumerate() {
                self.pass(network, courses, index * part, at)?;
            }
            courses.iter_mut().for_each(|course| course.close(self));
        }
        Ok(())
    }

    /// Adds the gradients at some of the new nodes, the first of which has this index.
    fn pass(
        &self,
        network: &Network,
        courses: &mut [&mut Course<'_>],
        first: usize,
        at: &[f64],
    ) -> Result<()> {
        let images: Vec<Tensor> = courses.iter().map(|course| course.line.images(at)).collect();
        let (logits, gradient) = gradients(network, &Tensor::cat(&images, 0).permute([0, 3, 1, 2]))?;
        let own = logits.chunks(at.len()).zip(gradient.split(at.len() as i64, 0));
        for (course, (logits, gradient)) in courses.iter_mut().zip(own) {
            course.add(self, first, logits, &gradient);
        }
        Ok(())
    }

    /// The weights of some nodes in this rule and each finer one, times a factor per node.
    fn weights(&self, first: usize, factors: &[f64]) -> Tensor {
        let of_rule =
            |weights: &Vec<f64>| factors.iter().zip(&weights[first..]).map(|(a, b)| a * b).collect();
        let all: Vec<Vec<f64>> = self.weights.iter().map(of_rule).collect();
        Tensor::from_slice(&all.concat()).view([all.len() as i64, factors.len() as i64])
    }
}

impl<'a> Course<'a> {
    fn new(line: &'a Line) -> Self {
        let sums = line.zeros().permute([0, 2, 3, 1]).repeat([RULES as i64, 1, 1, 1]);
        Self { line, sums, result: None, met: 0 }
    }

    /// Whether the results are not yet good enough. What is not finite stays so.
    fn goes_on(&self) -> bool {
        let finite = self.result.as_ref().is_none_or(|(_, delta)| delta.relative.is_finite());
        finite && self.met < IN_A_ROW
    }

    /// Counts the last result, if it meets the tolerance; else the count starts again.
    fn judge(&mut self, tolerance: f64) {
        let met = self.result.as_ref().is_some_and(|(_, delta)| delta.relative <= tolerance);
        self.met = if met { self.met + 1 } else { 0 };
    }

    /// Adds gradients [n, 3, 96, 96] to the sums of their rule and each finer one.
    fn add(&mut self, level: &Level, first: usize, logits: &[f32], gradient: &Tensor) {
        let slopes: Vec<f64> = logits.iter().map(|&logit| self.line.slope(logit)).collect();
        let gradient = gradient.permute([0, 2, 3, 1]).to_kind(Kind::Double);
        let gradient = gradient.reshape([logits.len() as i64, -1]);
        let weights = level.weights(first, &slopes).to_device(gradient.device());
        let mut sums = self.sums.narrow(0, level.rule as i64, level.weights.len() as i64);
        sums += weights.matmul(&gradient).view_as(&sums);
    }

    /// The result of a rule that is complete.
    fn close(&mut self, level: &Level) {
        let integral = self.sums.narrow(0, level.rule as i64, 1);
        let integral = integral.permute([0, 3, 1, 2]);
        self.result = Some(self.line.attribution(&integral, level.steps));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every node of a rule is new in exactly one level, and has its weight in every rule.
    #[test]
    fn the_levels_are_the_rules() {
        let levels = Adaptive::new(0.1).levels;
        let steps: Vec<usize> = levels.iter().map(|level| level.steps).collect();
        assert_eq!(steps, [9, 17, 33, 65, 129, 257, 513]);
        for (rule, steps) in steps.into_iter().enumerate() {
            let of = |level: &Level| {
                let weights = &level.weights[rule - level.rule];
                level.at.iter().copied().zip(weights.iter().copied()).collect::<Vec<_>>()
            };
            let mut nodes: Vec<(f64, f64)> = levels[..=rule].iter().flat_map(of).collect();
            nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
            let wanted = clenshaw_curtis(steps - 1).into_iter().map(|node| (node.at, node.weight));
            assert!(nodes.into_iter().eq(wanted), "{steps}");
        }
    }
}
