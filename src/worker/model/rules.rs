//! Backward passes by rules that are no derivative: what a network hands back from its logit to the image.
//!
//! In float64, because such rules divide by sums and differences that can be small. A batch normalisation is part of the
//! convolution before it, as in `folded`, or a linear part of its own if there is none. The rules themselves are in files of their own; this one knows the order of the operations.

mod differences;
mod guided;
mod linear;
mod relevance;
mod rule;
mod trace;

use anyhow::{Context as _, Result};
use tch::{Kind, Tensor, no_grad};

pub(crate) use differences::Differences;
pub(crate) use guided::Guided;
pub(super) use linear::Linear;
pub(crate) use relevance::Relevance;
pub(crate) use rule::Rules;
pub(crate) use trace::Trace;

use super::{
    Network,
    body::{Body, Map, Work},
    group::parted,
};
use trace::Inside;

impl Network {
    /// What a network computes for images [n, 3, S, S] in [0, 1], as rules need it.
    ///
    /// # Errors
    /// libtorch reports an error.
    pub(crate) fn trace(&self, images: &Tensor) -> Result<Trace> {
        no_grad(|| Trace::new(&self.body, &self.input(images).to_kind(Kind::Double)))
    }

    /// What arrives at the images, float64 [n, 3, S, S], if these values start at their logits.
    ///
    /// # Errors
    /// libtorch reports an error.
    pub(crate) fn hand_back(&self, trace: &Trace, rules: &dyn Rules, starts: &[f64]) -> Result<Tensor> {
        let starts = Tensor::from_slice(starts).to_device(self.device).view([-1, 1]);
        let arrived = no_grad(|| self.body.hand_back(trace, rules, starts))?;
        Ok(match &self.normalised {
            Some(normalised) if rules.is_by_values() => normalised.gradient(&arrived),
            _ => arrived,
        })
    }
}

impl Body {
    fn hand_back(&self, trace: &Trace, rules: &dyn Rules, starts: Tensor) -> Result<Tensor> {
        let mut signals: Vec<Option<Tensor>> = trace.maps.iter().map(|_| None).collect();
        signals[self.operations.len()] = Some(trace.head_back(rules, starts)?);
        for at in (0..self.operations.len()).rev() {
            if let Some(signal) = signals[at + 1].take() {
                for (map, signal) in self.operation_back(trace, at, rules, signal)? {
                    add(&mut signals[map], signal);
                }
            }
        }
        signals[0].take().context("the logit does not depend on the image")
    }

    /// What the maps that an operation reads get.
    fn operation_back(
        &self,
        trace: &Trace,
        at: usize,
        rules: &dyn Rules,
        signal: Tensor,
    ) -> Result<Vec<(Map, Tensor)>> {
        let operation = &self.operations[at];
        let (x, output) = (&trace.maps[operation.from], &trace.maps[at + 1]);
        let mut parts = Vec::new();
        let by_x = match (&operation.work, &trace.inside[at]) {
            (Work::Unit(unit), Inside::Unit { linear, own, sum }) => {
                let signal = if unit.relu { rules.relu(sum, signal) } else { signal };
                let signal = match unit.shortcut {
                    None => signal,
                    Some(map) => {
                        let [to_own, other] = rules.sum([own, &trace.maps[map]], signal);
                        parts.push((map, other));
                        to_own
                    }
                };
                match operation.from {
                    0 => rules.first(linear, x, own, &signal)?,
                    _ => rules.linear(linear, x, own, &signal)?,
                }
            }
            (Work::MaxPool(pool), _) => rules.max_pool(*pool, x, &signal),
            (Work::AveragePool(to), _) => rules.linear(&Linear::AveragePool(*to), x, output, &signal)?,
            (Work::Halve(halving), _) => rules.linear(&Linear::Halve(*halving), x, output, &signal)?,
            (Work::Norm(_), Inside::Norm { linear, before }) => {
                rules.linear(linear, x, before, &rules.relu(before, signal))?
            }
            (Work::Convolution(_), Inside::Convolution(linear)) => match operation.from {
                0 => rules.first(linear, x, output, &signal)?,
                _ => rules.linear(linear, x, output, &signal)?,
            },
            (Work::Join { other, order }, _) => {
                let [own, others] = parted(*order, &signal, x.size()[1]);
                parts.push((*other, others));
                own
            }
            (Work::Unit(_) | Work::Norm(_) | Work::Convolution(_), _) => {
                anyhow::bail!("a trace of another network")
            }
        };
        parts.push((operation.from, by_x));
        Ok(parts)
    }
}

/// Adds a signal to that of a map. Not in place: another map may have the same tensor.
fn add(sum: &mut Option<Tensor>, signal: Tensor) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + signal,
        None => signal,
    });
}

#[cfg(test)]
mod tests;
