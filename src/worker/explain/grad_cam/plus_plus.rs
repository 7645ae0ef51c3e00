//! Grad-CAM++ (Chattopadhay et al. 2018).
//!
//! With G = dy/dA, a position has the coefficient G^2 / (2 G^2 + S_k G^3 + 1e-6), where S_k is the sum of A_k (equation 19
//! of the paper), and the weight of channel k is the sum of its coefficients times max(G, 0).

use tch::{Kind, Tensor};

use super::weighed::sums;

/// Keeps quotients of tiny gradients finite.
const EPSILON: f64 = 1e-6;

/// The weights of the channels, float32 [N, K, 1, 1], from activation and gradient [N, K, h, w].
pub(super) fn weights(activation: &Tensor, gradient: &Tensor) -> Tensor {
    // Cubes of small gradients.
    let gradient = gradient.to_kind(Kind::Double);
    let square = gradient.square();
    let coefficient = &square / (2.0 * &square + sums(activation) * &square * &gradient + EPSILON);
    // Where a gradient is not positive, a quotient by 0 must not count.
    let counts = gradient.gt(0.0);
    let products: Tensor = coefficient * &gradient;
    let products = products.where_self(&counts, &gradient.zeros_like());
    sums(&products).to_kind(Kind::Float)
}
