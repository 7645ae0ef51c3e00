//! The rescale rule of DeepLIFT (Shrikumar et al. 2017), as Captum computes it.
//!
//! The trace has images and then their baselines. With d the difference of an image and its baseline, a signal goes back
//! through a ReLU times d(output) / d(input); a max-pooling gives d(output) to the largest inputs of image and baseline,
//! divided by their d(input). Where d(input) is nearly 0, the derivative is taken.

use tch::Tensor;

use super::rule::{Rules, pool_back};
use crate::kernels::MaxPool;

/// Smaller differences count as none.
const NONE: f64 = 1e-10;

/// Signals of differences between the two halves of a batch.
pub(crate) struct Differences;

impl Rules for Differences {
    fn relu(&self, before: &Tensor, signal: Tensor) -> Tensor {
        let (by_input, by_output) = (difference(before), difference(&before.relu()));
        let derivative = &signal * before.gt(0.0).to_kind(before.kind());
        divided(&(signal * by_output), &by_input, &derivative)
    }

    fn max_pool(&self, pool: MaxPool, x: &Tensor, signal: &Tensor) -> Tensor {
        let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|n| [n as i64; 2]);
        let output = x.max_pool2d(kernel, stride, padding, [1, 1], false);
        let [image, baseline] = halves(&output);
        // Which of the two has the larger output decides whose largest input is responsible.
        let larger = image.max_other(&baseline);
        let shares = Tensor::cat(&[&larger - &baseline, &image - &larger], 0);
        let [at_image, at_baseline] = halves(&pool_back(pool, x, &(signal * shares)));
        divided(&twice(&(at_image + at_baseline)), &difference(x), &pool_back(pool, x, signal))
    }
}

/// The two halves of a batch.
fn halves(batch: &Tensor) -> [Tensor; 2] {
    let half = batch.size()[0] / 2;
    [batch.narrow(0, 0, half), batch.narrow(0, half, half)]
}

/// For both halves.
fn twice(half: &Tensor) -> Tensor {
    Tensor::cat(&[half, half], 0)
}

/// The first half minus the second, for both.
fn difference(batch: &Tensor) -> Tensor {
    let [image, baseline] = halves(batch);
    twice(&(image - baseline))
}

/// A quotient; the derivative where there is no difference to divide by.
fn divided(values: &Tensor, by: &Tensor, derivative: &Tensor) -> Tensor {
    derivative.where_self(&by.abs().lt(NONE), &(values / by))
}
