//! Average pooling to a number of rows and columns (PyTorch's `adaptive_avg_pool2d`), and its gradient.
//!
//! Output i is the mean of the inputs floor(i n / m) to ceil((i + 1) n / m) (exclusive) of n along each axis. If m divides
//! n, these windows do not overlap, and libtorch's average pooling is fast. Otherwise two products with a small matrix are
//! used: libtorch's own adaptive pooling has a backward pass that is not deterministic on a GPU.

use tch::Tensor;

use crate::kernels::dense;

/// How 2x2 pixels become one: [N, C, h, w] to [N, C, h / 2, w / 2], rounded down. The ways differ if h or w is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halving {
    /// The last row and column are left out, as by PyTorch's `avg_pool2d`.
    LeavingOut,
    /// As by adaptive pooling: all pixels count, and the mean of a turned map is the turned mean.
    Symmetric,
}

impl Halving {
    pub(super) fn of(self, x: &Tensor) -> Tensor {
        match self {
            Self::LeavingOut => dense(&x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)),
            Self::Symmetric => dense(&averaged(x.size()[2] / 2, x)),
        }
    }

    /// The gradient by the input, given the one by the output.
    pub(super) fn gradient(self, x: &Tensor, gradient: &Tensor) -> Tensor {
        match self {
            Self::LeavingOut => {
                dense(&x.avg_pool2d_backward(gradient, [2, 2], [2, 2], [0, 0], false, true, None))
            }
            Self::Symmetric => average_gradient(x.size()[2] / 2, x, gradient),
        }
    }
}

/// [N, C, h, w] to [N, C, to, to].
pub(super) fn averaged(to: i64, x: &Tensor) -> Tensor {
    let size = x.size();
    match window(to, &size) {
        Some(window) => x.avg_pool2d(window, window, [0, 0], false, true, None),
        None => dense(&means(to, size[2], x).matmul(x).matmul(&means(to, size[3], x).tr())),
    }
}

/// The gradient by the input, given the one by the output.
pub(super) fn average_gradient(to: i64, x: &Tensor, gradient: &Tensor) -> Tensor {
    let size = x.size();
    dense(&match window(to, &size) {
        Some(window) => x.avg_pool2d_backward(gradient, window, window, [0, 0], false, true, None),
        None => means(to, size[2], x).tr().matmul(gradient).matmul(&means(to, size[3], x)),
    })
}

/// The rows and columns of the windows, if they do not overlap.
fn window(to: i64, size: &[i64]) -> Option<[i64; 2]> {
    (size[2] % to == 0 && size[3] % to == 0).then(|| [size[2] / to, size[3] / to])
}

/// The matrix [to, from] that averages along an axis.
fn means(to: i64, from: i64, like: &Tensor) -> Tensor {
    let row = |at: i64| {
        let (first, last) = (at * from / to, ((at + 1) * from + to - 1) / to);
        (0..from)
            .map(move |from| if (first..last).contains(&from) { 1.0 / (last - first) as f32 } else { 0.0 })
    };
    let values: Vec<f32> = (0..to).flat_map(row).collect();
    Tensor::from_slice(&values).view([to, from]).to_device(like.device()).to_kind(like.kind())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::model::testing::difference;

    #[test]
    fn it_is_pytorchs_adaptive_pooling_and_so_is_its_gradient() {
        for (to, rows, columns) in [(6, 24, 24), (6, 8, 8), (6, 56, 56), (6, 12, 13), (3, 10, 3), (1, 7, 7)] {
            let index = Tensor::arange(2 * 3 * rows * columns, (Kind::Double, Device::Cpu));
            let x = (index * 12.9898).sin().view([2, 3, rows, columns]).set_requires_grad(true);
            let wanted = x.adaptive_avg_pool2d([to, to]);
            // The matrix is rounded to float32.
            assert!(difference(&averaged(to, &x), &wanted) < 1e-7, "{to} of {rows} x {columns}");
            let weight = (Tensor::arange(wanted.numel() as i64, (Kind::Double, Device::Cpu)) * 0.7).cos();
            let weight = weight.view(wanted.size().as_slice());
            let gradient =
                Tensor::run_backward(&[(&wanted * &weight).sum(Kind::Double)], &[&x], false, false);
            let got = average_gradient(to, &x.detach(), &weight);
            assert!(difference(&got, &gradient[0]) < 1e-7, "{to} of {rows} x {columns}");
        }
    }
}
