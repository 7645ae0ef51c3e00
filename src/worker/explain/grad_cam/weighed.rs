//! What the variants share: weights for the activations of an image, and sums over a channel.

use tch::{Kind, Tensor};

/// The weights of the channels of an image [1, 3, S, S], float64 [1, K, 1, 1], and the activations [1, K, h, w].
pub(super) type Weighed = (Tensor, Tensor);

/// The sum of each channel in float64: [N, K, h, w] to [N, K, 1, 1].
pub(super) fn sums(maps: &Tensor) -> Tensor {
    maps.sum_dim_intlist([2, 3].as_slice(), true, Kind::Double)
}
