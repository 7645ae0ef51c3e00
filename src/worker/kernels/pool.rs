//! Max-pooling and its backward pass. The gradient goes to the first largest pixel in row-major order, as in PyTorch.

use super::{Number, maps::each_chunk, widest};

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

    /// Whether every one of so many rows is in exactly one window; the same for columns.
    fn tiles(self, inputs: usize) -> bool {
        self.kernel == self.stride && self.padding == 0 && inputs.is_multiple_of(self.stride)
    }

    /// The inputs in the window of an output.
    fn window(self, output: usize, inputs: usize) -> std::ops::Range<usize> {
        let start = (output * self.stride) as isize - self.padding as isize;
        let end = start + self.kernel as isize;
        start.max(0) as usize..(end.max(0) as usize).min(inputs)
    }
}

/// Pools maps [N, h, w, C] into `out`, [N, h', w', C].
pub(crate) fn max_pool<T: Number>(pool: MaxPool, input: &[T], [h, w, c]: [usize; 3], out: &mut [T]) {
    let (rows, columns) = (pool.outputs(h), pool.outputs(w));
    each_chunk(out, columns * c, |index, out| {
        let image = &input[index / rows * h * w * c..][..h * w * c];
        let window = pool.window(index % rows, h);
        for (column, out) in out.chunks_exact_mut(c).enumerate() {
            let span = pool.window(column, w);
            out.fill(T::nearest(f32::NEG_INFINITY));
            for row in window.clone() {
                raise(out, &image[(row * w + span.start) * c..(row * w + span.end) * c]);
            }
        }
    });
}

widest! {
    /// Raises numbers to those of each pixel, if these are larger.
    fn raise<T: Number>(out: &mut [T], pixels: &[T]) {
        for pixel in pixels.chunks_exact(out.len()) {
            for (out, &value) in out.iter_mut().zip(pixel) {
                // What is not a number stays so, as in PyTorch.
                let (new, old) = (value.wide(), out.wide());
                *out = if new > old || new.is_nan() { value } else { *out };
            }
        }
    }
}

/// The maps of a pooling: its input [N, h, w, C], its output, and the gradient by the output.
pub(crate) struct Pooled<'a, T> {
    pub(crate) input: &'a [T],
    pub(crate) output: &'a [T],
    pub(crate) gradient: &'a [T],
    /// h, w and C of the input.
    pub(crate) size: [usize; 3],
    /// Whether the input is the output of a ReLU, whose backward pass is made here, too: no gradient where it is 0.
    pub(crate) after_relu: bool,
}

/// Computes the gradient by the input.
pub(crate) fn max_pool_backward<T: Number>(pool: MaxPool, pooled: &Pooled<'_, T>, gradient: &mut [T]) {
    let [h, w, c] = pooled.size;
    let (rows, columns) = (pool.outputs(h), pool.outputs(w));
    each_chunk(gradient, h * w * c, |index, gradient| {
        let input = &pooled.input[index * h * w * c..][..h * w * c];
        let least = if pooled.after_relu { 0.0 } else { f32::NEG_INFINITY };
        let mut left = vec![T::nearest(0.0); c];
        let once = pool.tiles(h) && pool.tiles(w);
        if !once {
            gradient.fill(T::nearest(0.0));
        }
        for cell in 0..rows * columns {
            let at = (index * rows * columns + cell) * c;
            left.copy_from_slice(&pooled.gradient[at..at + c]);
            let best = &pooled.output[at..at + c];
            let span = pool.window(cell % columns, w);
            for row in pool.window(cell / columns, h) {
                let pixels = (row * w + span.start) * c..(row * w + span.end) * c;
                give(&mut left, best, least, &input[pixels.clone()], once, &mut gradient[pixels]);
            }
        }
    });
}

widest! {
    /// Gives what is left of the gradient of a window to the first pixel that has the largest value, per channel, if it
    /// is above the least one. It is added to what the pixels have from other windows, unless there is but one.
    fn give<T: Number>(
        left: &mut [T],
        best: &[T],
        least: f32,
        pixels: &[T],
        once: bool,
        gradient: &mut [T],
    ) {
        let c = best.len();
        let left = &mut left[..c];
        for (pixel, gradient) in pixels.chunks_exact(c).zip(gradient.chunks_exact_mut(c)) {
            for (((gradient, left), value), best) in gradient.iter_mut().zip(&mut *left).zip(pixel).zip(best) {
                let (best, own) = (best.wide(), left.wide());
                let given = if value.wide() == best && best > least { own } else { 0.0 };
                let before = if once { 0.0 } else { gradient.wide() };
                *gradient = T::nearest(before + given);
                *left = T::nearest(own - given);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;
    use crate::kernels::{empty_map, numbers, numbers_mut};

    const POOLS: [MaxPool; 5] = [
        MaxPool { kernel: 2, stride: 2, padding: 0 },
        MaxPool { kernel: 1, stride: 1, padding: 0 },
        MaxPool { kernel: 3, stride: 3, padding: 0 },
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
            let input = map([2, 5, 9, 6]).set_requires_grad(true);
            let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|n| n as i64);
            let wanted = input.max_pool2d([kernel; 2], [stride; 2], [padding; 2], [1, 1], false);
            let weight = map([2, 5, wanted.size()[2], wanted.size()[3]]) + 1.0;
            let by_input =
                Tensor::run_backward(&[(&wanted * &weight).sum(Kind::Float)], &[&input], false, false);

            let (input, size) = (input.detach(), [9, 6, 5]);
            let mut output = empty_map(Kind::Float, wanted.size().try_into().unwrap());
            max_pool::<f32>(pool, numbers(&input).unwrap(), size, numbers_mut(&mut output).unwrap());
            assert_eq!(output, wanted.detach());
            let mut broken = vec![0.0; output.numel() / 2];
            let mut pixels = vec![1.0; 5 * 9 * 6];
            pixels[0] = f32::NAN;
            max_pool(pool, &pixels, size, &mut broken);
            assert!(broken[0].is_nan() && broken[1] == 1.0);
            let mut gradient = empty_map(Kind::Float, [2, 5, 9, 6]);
            let weight = weight.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
            let [input, output, weight] = [&input, &output, &weight].map(|map| numbers::<f32>(map).unwrap());
            let mut pooled = Pooled { input, output, gradient: weight, size, after_relu: false };
            max_pool_backward(pool, &pooled, numbers_mut(&mut gradient).unwrap());
            assert_eq!(gradient, by_input[0]);

            pooled.after_relu = true;
            max_pool_backward(pool, &pooled, numbers_mut(&mut gradient).unwrap());
            let open = map([2, 5, 9, 6]).gt(0.0).to_kind(Kind::Float);
            assert_eq!(gradient, &by_input[0] * open);
        }
    }

    /// Small whole numbers are bfloat16 numbers, and so are their sums.
    #[test]
    fn bfloat16_is_pooled_as_float32() {
        let half = |map: &Tensor| map.to_kind(Kind::BFloat16);
        let (n, c, h, w) = (2, 5, 9, 6);
        for pool in POOLS {
            let input = map([n, c, h, w]);
            let [rows, columns] = [h, w].map(|side| pool.outputs(side as usize) as i64);
            let weight = map([n, c, rows, columns]) + 1.0;
            let (size, weight) = ([9, 6, 5], crate::kernels::dense(&weight));
            let both = |kind: Kind| {
                let mut output = empty_map(kind, [n, c, rows, columns]);
                let mut gradient = empty_map(kind, [n, c, h, w]);
                let [input, weight] = [&input, &weight].map(|map| map.to_kind(kind));
                crate::kernels::with_number!(input, T => {
                    max_pool::<T>(pool, numbers(&input).unwrap(), size, numbers_mut(&mut output).unwrap());
                    let pooled = Pooled {
                        input: numbers::<T>(&input).unwrap(),
                        output: numbers(&output).unwrap(),
                        gradient: numbers(&weight).unwrap(),
                        size,
                        after_relu: true,
                    };
                    max_pool_backward(pool, &pooled, numbers_mut(&mut gradient).unwrap());
                });
                [output, gradient]
            };
            assert_eq!(both(Kind::BFloat16), both(Kind::Float).each_ref().map(half));
        }
    }
}
