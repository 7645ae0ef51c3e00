//! Integrated gradients (Sundararajan, Taly & Yan 2017).
//!
//! With y the explained scalar and x' the baseline, the attribution is (x - x') times the integral of dy/dx along
//! the straight line from x' to x, by a quadrature rule. The map is its sum over the channels. The sum over all
//! pixels should be y(x) - y(x') (completeness); `delta` is the difference. `adaptive` chooses the number of steps
//! itself.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::{IntegratedGradients as Settings, Rule, Settings as _, Steps},
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Delta, Display, Explainer, Maps, Query,
    adaptive::Adaptive,
    attributing::{Attributing, Scalars, summed},
    line::Line,
    numbers,
    passes::{ALONE, factors, gradients, logits},
    quadrature::{Node, nodes},
};
use crate::{baseline::Fill, model::Classifier};

/// The number of steps is doubled up to this.
const MOST_STEPS: usize = 800;

/// The attribution of each line, float64 [1, 3, S, S], and how complete it is.
type Attributions = Vec<(Tensor, Delta)>;

pub(super) struct IntegratedGradients {
    integral: Integral,
    fill: Fill,
    title: String,
}

/// How the integral along a line is computed.
enum Integral {
    Plain(Plain),
    Adaptive(Adaptive),
}

impl IntegratedGradients {
    pub(super) fn new(settings: &Settings, fill: Fill) -> Self {
        let &Settings { rule, steps, baseline, tolerance, .. } = settings;
        let least = if tolerance.is_some() { "at least " } else { "" };
        let title = |steps: String| format!("Integrated gradients, {steps} steps from {baseline}");
        match (steps, settings.tolerance()) {
            (Steps::Count(steps), tolerance) => {
                let plain = Plain { rule, steps: steps as usize, tolerance };
                Self { integral: Integral::Plain(plain), fill, title: title(format!("{least}{steps}")) }
            }
            (Steps::Adaptive, tolerance) => {
                let adaptive = Adaptive::new(tolerance.unwrap_or_default());
                Self { integral: Integral::Adaptive(adaptive), fill, title: title("adaptive".to_owned()) }
            }
        }
    }

    /// The attribution [1, 3, S, S] of each line in float64.
    fn along(&self, network: &dyn Classifier, lines: &[Line], at_once: usize) -> Result<Attributions> {
        match &self.integral {
            Integral::Plain(plain) => {
                lines.iter().map(|line| plain.attribute(network, line, at_once)).collect()
            }
            Integral::Adaptive(adaptive) => adaptive.attribute(network, lines, at_once),
        }
    }
}

impl IntegratedGradients {
    /// The logits of images, and the attribution of each.
    fn of_images(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        at_once: usize,
    ) -> Result<(Vec<f32>, Attributions)> {
        let baselines = self.fill.of(images);
        let (of_images, of_baselines) =
            (logits(network, images, ALONE)?, logits(network, &baselines, ALONE)?);
        let line = |(index, &logit): (usize, &f32)| {
            let one = |images: &Tensor| images.narrow(0, index as i64, 1);
            let scalar = scalars(index, logit);
            let change = scalar.value(logit) - scalar.value(of_baselines[index]);
            Line::new(&one(images), &one(&baselines), scalar, change)
        };
        let lines: Vec<Line> = of_images.iter().enumerate().map(line).collect();
        let attributions = self.along(network, &lines, at_once)?;
        Ok((of_images, attributions))
    }
}

impl Explainer for IntegratedGradients {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let scalars = |index: usize, logit: f32| query.question.scalar(logit, query.labels[index]);
        let (logits, attributions) = self.of_images(network, query.images, &scalars, query.at_once)?;
        let mut maps = Maps { logits, ..Maps::default() };
        for (attribution, delta) in attributions {
            maps.map.extend(numbers(&summed(&attribution))?);
            maps.attribution.extend(numbers(&attribution.to_kind(Kind::Float))?);
            maps.deltas.push(delta);
        }
        Ok(maps)
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, delta: true, ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        match &self.integral {
            Integral::Plain(plain) => plain.steps,
            // It is asked for many images, and has as many of them on their way as fit in a batch.
            Integral::Adaptive(_) => 1,
        }
    }

    fn is_uneven(&self) -> bool {
        matches!(self.integral, Integral::Adaptive(_))
    }

    fn display(&self) -> Display {
        Display { title: self.title.clone(), sign: Sign::Magnitude, full: FullColor::Percentile99 }
    }
}

/// For noisy copies, one after another.
impl Attributing for IntegratedGradients {
    fn attribute(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        scalars: Scalars<'_>,
        at_once: usize,
    ) -> Result<(Vec<f32>, Tensor)> {
        let (logits, attributions) = self.of_images(network, images, scalars, at_once)?;
        let attributions: Vec<Tensor> =
            attributions.into_iter().map(|(attribution, _)| attribution.to_kind(Kind::Float)).collect();
        Ok((logits, Tensor::cat(&attributions, 0)))
    }

    fn maps(&self, attribution: &Tensor) -> Tensor {
        summed(attribution)
    }

    fn copies(&self, _at_once: usize) -> usize {
        1
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn sign(&self) -> Sign {
        Sign::Magnitude
    }
}

/// A rule with the same number of steps for every image.
struct Plain {
    rule: Rule,
    steps: usize,
    tolerance: Option<f64>,
}

impl Plain {
    /// The attribution of one image. The number of steps is doubled until the tolerance is met.
    fn attribute(&self, network: &dyn Classifier, line: &Line, at_once: usize) -> Result<(Tensor, Delta)> {
        let mut steps = self.steps;
        loop {
            let (attribution, delta) = integrate(network, line, &nodes(self.rule, steps)?, at_once)?;
            let enough = self.tolerance.is_none_or(|tolerance| delta.relative <= tolerance);
            if enough || steps >= MOST_STEPS {
                return Ok((attribution, delta));
            }
            steps = (2 * steps).min(MOST_STEPS);
        }
    }
}

/// The attribution [1, 3, S, S]. Sums are float64, so that they do not depend on `at_once`.
fn integrate(
    network: &dyn Classifier,
    line: &Line,
    nodes: &[Node],
    at_once: usize,
) -> Result<(Tensor, Delta)> {
    let mut integral = line.zeros();
    for nodes in nodes.chunks(at_once) {
        let at: Vec<f64> = nodes.iter().map(|node| node.at).collect();
        let (logits, gradient) = gradients(network, &line.images(&at).permute([0, 3, 1, 2]))?;
        let weights = nodes.iter().zip(&logits).map(|(node, &logit)| node.weight * line.slope(logit));
        let gradient = gradient.to_kind(Kind::Double);
        let weighted = &gradient * factors(&weights.collect::<Vec<_>>(), &gradient);
        integral += weighted.sum_dim_intlist([0].as_slice(), true, Kind::Double);
    }
    Ok(line.attribution(&integral, nodes.len()))
}
