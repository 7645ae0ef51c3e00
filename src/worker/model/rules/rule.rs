//! The interface of rules: what a signal becomes on its way back through each kind of part.

use anyhow::Result;
use tch::Tensor;

use super::linear::Linear;
use crate::kernels::MaxPool;

/// What a signal becomes on its way back through the parts of a network. By default, it is a derivative.
pub(crate) trait Rules {
    /// Through what is linear apart from a bias, from its output back to its input.
    ///
    /// # Errors
    /// libtorch reports an error.
    fn linear(&self, linear: &Linear, x: &Tensor, _output: &Tensor, signal: &Tensor) -> Result<Tensor> {
        linear.back(x, signal)
    }

    /// The same through a convolution that reads the image.
    ///
    /// # Errors
    /// As [`linear`](Self::linear).
    fn first(&self, linear: &Linear, x: &Tensor, output: &Tensor, signal: &Tensor) -> Result<Tensor> {
        self.linear(linear, x, output, signal)
    }

    /// Through a sum of two maps.
    fn sum(&self, _parts: [&Tensor; 2], signal: Tensor) -> [Tensor; 2] {
        [signal.shallow_clone(), signal]
    }

    /// Through a ReLU, given its input.
    fn relu(&self, before: &Tensor, signal: Tensor) -> Tensor;

    /// Through a max-pooling.
    fn max_pool(&self, pool: MaxPool, x: &Tensor, signal: &Tensor) -> Tensor {
        pool_back(pool, x, signal)
    }

    /// Whether what arrives is by the values of the image, like a derivative; else it belongs to them, like relevance.
    fn is_by_values(&self) -> bool {
        true
    }
}

/// The derivative of a max-pooling: the signal of each output at its largest input.
pub(super) fn pool_back(pool: MaxPool, x: &Tensor, signal: &Tensor) -> Tensor {
    let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|n| [n as i64; 2]);
    let (_, indices) = x.max_pool2d_with_indices(kernel, stride, padding, [1, 1], false);
    x.max_pool2d_with_indices_backward(signal, kernel, stride, padding, [1, 1], false, &indices)
}
