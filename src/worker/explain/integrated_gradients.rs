//! Integrated gradients (Sundararajan, Taly & Yan 2017).
//!
//! With y the explained scalar and x' the baseline, the attribution is (x - x') times the integral of dy/dx along
//! the straight line from x' to x, by a quadrature rule. The map is its sum over the channels. The sum over all
//! pixels should be y(x) - y(x') (completeness); `delta` is the difference.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::{IntegratedGradients as Settings, Rule},
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Delta, Display, Explainer, Maps, Query, numbers,
    passes::{ALONE, factors, gradients, logits},
    quadrature::{Node, nodes},
    question::Scalar,
};
use crate::{baseline::Fill, model::Network};

/// The number of steps is doubled up to this.
const MOST_STEPS: usize = 800;

/// Smaller changes of the score are replaced by this for the relative delta.
const LEAST_CHANGE: f64 = 1e-6;

pub(super) struct IntegratedGradients {
    rule: Rule,
    steps: usize,
    tolerance: Option<f64>,
    fill: Fill,
    title: String,
}

impl IntegratedGradients {
    pub(super) fn new(settings: &Settings, fill: Fill) -> Self {
        let Settings { rule, steps, baseline, tolerance } = settings;
        let least = if tolerance.is_some() { "at least " } else { "" };
        let title = format!("Integrated gradients, {least}{steps} steps from {baseline}");
        Self { rule: *rule, steps: *steps as usize, tolerance: *tolerance, fill, title }
    }

    /// The attribution of one image. The number of steps is doubled until the tolerance is met.
    fn attribute(&self, network: &Network, line: &Line, at_once: usize) -> Result<(Tensor, Delta)> {
        let mut steps = self.steps;
        loop {
            let (attribution, delta) = line.integrate(network, &nodes(self.rule, steps)?, at_once)?;
            let enough = self.tolerance.is_none_or(|tolerance| delta.relative <= tolerance);
            if enough || steps >= MOST_STEPS {
                return Ok((attribution, delta));
            }
            steps = (2 * steps).min(MOST_STEPS);
        }
    }
}

impl Explainer for IntegratedGradients {
    fn explain(&self, network: &Network, query: &Query<'_>) -> Result<Maps> {
        let baselines = self.fill.of(query.images);
        let mut maps = Maps { logits: logits(network, query.images, ALONE)?, ..Maps::default() };
        let of_baselines = logits(network, &baselines, ALONE)?;
        for (index, scalar) in query.scalars(&maps.logits).enumerate() {
            let one = |images: &Tensor| images.narrow(0, index as i64, 1);
            let change = scalar.value(maps.logits[index]) - scalar.value(of_baselines[index]);
            let line = Line::new(&one(query.images), &one(&baselines), scalar, change);
            let (attribution, delta) = self.attribute(network, &line, query.at_once)?;
            let map = attribution.sum_dim_intlist([1].as_slice(), false, Kind::Double);
            maps.map.extend(numbers(&map.to_kind(Kind::Float))?);
            maps.attribution.extend(numbers(&attribution.to_kind(Kind::Float))?);
            maps.deltas.push(delta);
        }
        Ok(maps)
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, delta: true, ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        self.steps
    }

    fn display(&self) -> Display {
        Display { title: self.title.clone(), sign: Sign::Magnitude, full: FullColor::Percentile99 }
    }
}

/// The straight line from a baseline to an image, channels last: [1, 96, 96, 3].
struct Line {
    from: Tensor,
    step: Tensor,
    scalar: Scalar,
    /// y(x) - y(x').
    change: f64,
}

impl Line {
    /// The line from a baseline to an image, [1, 3, 96, 96] each.
    fn new(image: &Tensor, baseline: &Tensor, scalar: Scalar, change: f64) -> Self {
        let from = baseline.permute([0, 2, 3, 1]);
        Self { step: image.permute([0, 2, 3, 1]) - &from, from, scalar, change }
    }

    /// The attribution [1, 3, 96, 96] in float64, so that sums are precise and do not depend on `at_once`.
    fn integrate(&self, network: &Network, nodes: &[Node], at_once: usize) -> Result<(Tensor, Delta)> {
        let step = self.step.permute([0, 3, 1, 2]).to_kind(Kind::Double);
        let mut integral = step.zeros_like();
        for nodes in nodes.chunks(at_once) {
            let at: Vec<f64> = nodes.iter().map(|node| node.at).collect();
            let images = &self.from + &self.step * factors(&at, &self.step);
            let (logits, gradient) = gradients(network, &images.permute([0, 3, 1, 2]))?;
            let weights =
                nodes.iter().zip(&logits).map(|(node, &logit)| node.weight * self.scalar.slope(logit));
            let gradient = gradient.to_kind(Kind::Double);
            let weighted = &gradient * factors(&weights.collect::<Vec<_>>(), &gradient);
            integral += weighted.sum_dim_intlist([0].as_slice(), true, Kind::Double);
        }
        let attribution = step * integral;
        let delta = attribution.sum(Kind::Double).double_value(&[]) - self.change;
        let relative = delta.abs() / self.change.abs().max(LEAST_CHANGE);
        Ok((attribution, Delta { delta, relative, steps: nodes.len() }))
    }
}
