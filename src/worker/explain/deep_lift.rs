//! DeepLIFT (Shrikumar et al. 2017) with the rescale rule.
//!
//! A backward pass of the differences between an image x and a baseline x': at a ReLU, the ratio of the differences of
//! output and input is in the place of the derivative. The attribution is x - x' times what arrives, and the map its sum
//! over the channels. The sum over all pixels is y(x) - y(x') up to rounding (completeness); `delta` is the difference.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::DeepLift as Settings,
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Delta, Display, Explainer, Maps, Query, attributing::summed, by_rules::together, numbers,
    question::Scalar,
};
use crate::{
    baseline::Fill,
    model::{Classifier, Differences, known},
};

/// Smaller changes of the score are replaced by this for the relative delta.
const LEAST_CHANGE: f64 = 1e-6;

pub(super) struct DeepLift {
    fill: Fill,
    title: String,
}

impl DeepLift {
    pub(super) fn new(settings: &Settings, fill: Fill) -> Self {
        Self { fill, title: format!("DeepLIFT from {}", settings.baseline) }
    }

    /// Explains some images, whose labels begin at `first`.
    fn images(
        &self,
        network: &dyn Classifier,
        images: &Tensor,
        query: &Query<'_>,
        first: usize,
    ) -> Result<Maps> {
        let network = known(network)?;
        let (count, baselines) = (images.size()[0], self.fill.of(images));
        let trace = network.trace(&Tensor::cat(&[images, &baselines], 0))?;
        let mut logits = numbers(&trace.logits().to_kind(Kind::Float))?;
        let of_baselines = logits.split_off(count as usize);
        let labels = &query.labels[first..first + logits.len()];
        let scalars = logits.iter().zip(labels).map(|(&logit, &label)| query.question.scalar(logit, label));
        let changes: Vec<Change> = scalars
            .zip(logits.iter().zip(&of_baselines))
            .map(|(scalar, (&to, &from))| Change::of(scalar, from, to))
            .collect();
        let slopes: Vec<f64> = changes.iter().map(|change| change.slope).collect();
        let signal = network.hand_back(&trace, &Differences, &slopes.repeat(2))?.narrow(0, 0, count);
        let attribution = (images - baselines).to_kind(Kind::Double) * signal;
        let sums = attribution.sum_dim_intlist([1, 2, 3].as_slice(), false, Kind::Double);
        let sums = Vec::<f64>::try_from(sums)?;
        let deltas = changes.iter().zip(sums).map(|(change, sum)| change.delta(sum)).collect();
        let attribution = attribution.to_kind(Kind::Float);
        let map = numbers(&summed(&attribution))?;
        Ok(Maps { logits, map, attribution: numbers(&attribution)?, deltas, ..Maps::default() })
    }
}

impl Explainer for DeepLift {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let mut maps = Maps::default();
        // Each image has its baseline beside it.
        for images in query.images.split(together(query.at_once / 2) as i64, 0) {
            let first = maps.logits.len();
            maps.append(self.images(network, &images, query, first)?);
        }
        Ok(maps)
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, delta: true, ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        2
    }

    fn display(&self) -> Display {
        Display { title: self.title.clone(), sign: Sign::Magnitude, full: FullColor::Percentile99 }
    }
}

/// The change of the explained scalar from a baseline to its image.
struct Change {
    change: f64,
    /// By the logit: the rescale rule at the score.
    slope: f64,
}

impl Change {
    fn of(scalar: Scalar, from: f32, to: f32) -> Self {
        let change = scalar.value(to) - scalar.value(from);
        let way = f64::from(to) - f64::from(from);
        let slope = if way.abs() < LEAST_CHANGE { scalar.slope(to) } else { change / way };
        Self { change, slope }
    }

    fn delta(&self, sum: f64) -> Delta {
        let delta = sum - self.change;
        Delta { delta, relative: delta.abs() / self.change.abs().max(LEAST_CHANGE), steps: 1 }
    }
}
