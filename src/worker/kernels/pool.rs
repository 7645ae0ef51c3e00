//! Max-pooling and its backward pass. The gradient goes to the first largest pixel in row-major order, as in PyTorch.

use super::{maps::each_chunk, widest};

/// A square window, its stride, and the border of minus infinity around the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaxPool {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

impl MaxPool {
    /// Rows of the output for rows of the input; the same for columns.
    pub(crate) fn outputs(self, inputs: usize) -> usize {
        (inputs + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// The inputs in the window of an output.
    fn window(self, output: usize, inputs: usize) -> std::ops::Range<usize> {
        let start = (output * self.stride) as isize - self.padding as isize;
        let end = start + self.kernel as isize;
        start.max(0) as usize..(end.max(0) as usize).min(inputs)
    }
}

/// Pools maps [N, h, w, C] into `out`, [N, h', w', C].
pub(crate) fn max_pool(pool: MaxPool, input: &[f32], [h, w, c]: [usize; 3], out: &mut [f32]) {
    let (rows, columns) = (pool.outputs(h), pool.outputs(w));
    each_chunk(out, columns * c, |index, out| {
        let image = &input[index / rows * h * w * c..][..h * w * c];
        let window = pool.window(index % rows, h);
        for (column, out) in out.chunks_exact_mut(c).enumerate() {
            let span = pool.window(column, w);
            out.fill(f32::NEG_INFINITY);
            for row in window.clone() {
                raise(out, &image[(row * w + span.start) * c..(row * w + span.end) * c]);
            }
        }
    });
}

widest! {
    /// Raises numbers to those of each pixel, if these are larger.
    fn raise(out: &mut [f32], pixels: &[f32]) {
        for pixel in pixels.chunks_exact(out.len()) {
            for (out, &value) in out.iter_mut().zip(pixel) {
                // What is not a number stays so, as in PyTorch.
                *out = if value > *out || value.is_nan() { value } else { *out };
            }
        }
    }
}

/// The maps of a pooling: its input [N, h, w, C], its output, and the gradient by the output.
pub(crate) struct Pooled<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) output: &'a [f32],
    pub(crate) gradient: &'a [f32],
    /// h, w and C of the input.
    pub(crate) size: [usize; 3],
    /// Whether the input is the output of a ReLU, whose backward pass is made here, too: no gradient where it is 0.
    pub(crate) after_relu: bool,
}

/// Computes the gradient by the input.
pub(crate) fn max_pool_backward(pool: MaxPool, pooled: &Pooled<'_>, gradient: &mut [f32]) {
    let [h, w, c] = pooled.size;
    let (rows, columns) = (pool.outputs(h), pool.outputs(w));
    each_chunk(gradient, h * w * c, |index, gradient| {
        let input = &pooled.input[index * h * w * c..][..h * w * c];
        let least = if pooled.after_relu { 0.0 } else { f32::NEG_INFINITY };
        let mut left = vec![0.0; c];
        gradient.fill(0.0);
        for cell in 0..rows * columns {
            let at = (index * rows * columns + cell) * c;
            left.copy_from_slice(&pooled.gradient[at..at + c]);
            let best = &pooled.output[at..at + c];
            let span = pool.window(cell % columns, w);
            for row in pool.window(cell / columns, h) {
                let pixels = (row * w + span.start) * c..(row * w + span.end) * c;
                give(&mut left, best, least, &input[pixels.clone()], &mut gradient[pixels]);
            }
        }
    });
}

widest! {
    /// Gives what is left of the gradient of a window to the first pixel that has the largest value, per channel, if it
    /// is above the least one.
    fn give(left: &mut [f32], best: &[f32], least: f32, pixels: &[f32], gradient: &mut [f32]) {
        let c = best.len();
        let left = &mut left[..c];
        for (pixel, gradient) in pixels.chunks_exact(c).zip(gradient.chunks_exact_mut(c)) {
            for (((gradient, left), value), best) in gradient.iter_mut().zip(&mut *left).zip(pixel).zip(best) {
                let given = if value == best && *best > least { *left } else { 0.0 };
                *gradient += given;
                *left -= given;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;
    use crate::kernels::{empty_like, numbers, numbers_mut};

    const POOLS: [MaxPool; 3] = [
        MaxPool { kernel: 2, stride: 2, padding: 0 },
        MaxPool { kernel: 3, stride: 2, padding: 1 },
        MaxPool { kernel: 3, stride: 1, padding: 0 },
    ];

    /// Small whole numbers, so that many tie.
    fn map(size: [i64; 4]) -> Tensor {
        let [n, c, h, w] = size;
        let index = Tensor::arange(n * c * h * w, (Kind::Int64, tch::Device::Cpu));
        let values = (index * 7919).remainder(5).to_kind(Kind::Float);
        values.view([n, h, w, c]).permute([0, 3, 1, 2])
    }

    #[test]
    fn pooling_and_its_gradient_are_libtorchs() {
        for pool in POOLS {
            let input = map([2, 5, 9, 7]).set_requires_grad(true);
            let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|n| n as i64);
            let wanted = input.max_pool2d([kernel; 2], [stride; 2], [padding; 2], [1, 1], false);
            let weight = map([2, 5, wanted.size()[2], wanted.size()[3]]) + 1.0;
            let by_input =
                Tensor::run_backward(&[(&wanted * &weight).sum(Kind::Float)], &[&input], false, false);

            let (input, size) = (input.detach(), [9, 7, 5]);
            let mut output = empty_like(wanted.size().try_into().unwrap());
            max_pool(pool, numbers(&input).unwrap(), size, numbers_mut(&mut output).unwrap());
            assert_eq!(output, wanted.detach());
            let mut broken = vec![0.0; output.numel() / 2];
            let mut pixels = vec![1.0; 5 * 9 * 7];
            pixels[0] = f32::NAN;
            max_pool(pool, &pixels, size, &mut broken);
            assert!(broken[0].is_nan() && broken[1] == 1.0);
            let mut gradient = empty_like([2, 5, 9, 7]);
            let weight = weight.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
            let [input, output, weight] = [&input, &output, &weight].map(|map| numbers(map).unwrap());
            let mut pooled = Pooled { input, output, gradient: weight, size, after_relu: false };
            max_pool_backward(pool, &pooled, numbers_mut(&mut gradient).unwrap());
            assert_eq!(gradient, by_input[0]);

            pooled.after_relu = true;
            max_pool_backward(pool, &pooled, numbers_mut(&mut gradient).unwrap());
            let open = map([2, 5, 9, 7]).gt(0.0).to_kind(Kind::Float);
            assert_eq!(gradient, &by_input[0] * open);
        }
    }
}
