//! Batch normalisation in training, with the ReLU and the shortcut that follow it, and its backward pass.
//!
//! With x [R, C] (R pixels of all images): y = x^ g + b, x^ = (x - mean) / sqrt(variance + eps), per channel, and the
//! output is max(0, y + shortcut). Ioffe & Szegedy 2015; formulas as in PyTorch.
//!
//! Sums are float64, over blocks of a fixed size that are added in order: they are exact to 1e-12, and no bit depends
//! on the number of threads. libtorch adds float32 numbers one after the other, which is off by 4e-4.

use super::{
    Number,
    maps::{each_chunk, each_pair},
    widest,
};

/// Numbers per block.
const BLOCK: usize = 1 << 15;

/// Mean and (biased) variance of each channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
}

impl Moments {
    /// The moments of x.
    pub(crate) fn of<T: Number>(x: &[T], channels: usize) -> Self {
        let block = block(channels);
        let mut parts = vec![0.0; x.len().div_ceil(block) * 2 * channels];
        each_chunk(&mut parts, 2 * channels, |index, sums| {
            let start = index * block;
            add_powers(&x[start..(start + block).min(x.len())], sums);
        });
        let count = (x.len() / channels) as f64;
        let [sum, square] = added(&parts, channels);
        let mean: Vec<f64> = sum.iter().map(|sum| sum / count).collect();
        let variance = square.iter().zip(&mean).map(|(square, mean)| (square / count - mean * mean).max(0.0));
        Self { variance: variance.collect(), mean }
    }
}

/// The affine map of each channel, y = (x - centre) scale + shift, and whether a ReLU follows.
#[derive(Debug)]
pub(crate) struct Affine {
    pub(crate) centre: Vec<f32>,
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) relu: bool,
}

impl Affine {
    /// Computes the output for x. A shortcut is added before the ReLU.
    pub(crate) fn apply<T: Number>(&self, x: &[T], shortcut: Option<&[T]>, out: &mut [T]) {
        let Self { centre, scale, shift, relu } = self;
        let block = block(centre.len());
        each_chunk(out, block, |index, out| {
            let range = index * block..index * block + out.len();
            let least = if *relu { 0.0 } else { f32::NEG_INFINITY };
            match shortcut {
                None => map_affinely(&x[range], centre, scale, shift, least, out),
                Some(shortcut) => {
                    map_affinely(&x[range.clone()], centre, scale, shift, f32::NEG_INFINITY, out);
                    add(&shortcut[range], least, out);
                }
            }
        });
    }

    /// Sets the gradient by the output to 0 where the output of a ReLU is 0: then it is that by y and by the shortcut.
    /// Returns the sums over the pixels of it, and of it times (x - centre).
    pub(crate) fn gate<T: Number>(&self, x: &[T], output: Option<&[T]>, gradient: &mut [T]) -> [Vec<f64>; 2] {
        let channels = self.centre.len();
        let block = block(channels);
        let mut parts = vec![0.0; gradient.len().div_ceil(block) * 2 * channels];
        each_pair((gradient, block), (&mut parts, 2 * channels), |index, gradient, sums| {
            let range = index * block..index * block + gradient.len();
            match output {
                None => add_products(gradient, &x[range], &self.centre, sums),
                Some(output) => {
                    close_and_add(gradient, &output[range.clone()], &x[range], &self.centre, sums);
                }
            }
        });
        added(&parts, channels)
    }

    /// Turns the gradient by y into that by x, given the two sums of [`gate`](Self::gate) and 1 / (variance + eps).
    pub(crate) fn backward<T: Number>(
        &self,
        x: &[T],
        gradient: &mut [T],
        sums: &[Vec<f64>; 2],
        precision: &[f64],
    ) {
        let pixels = (x.len() / self.centre.len()) as f64;
        let each = |of: &dyn Fn(usize) -> f64| -> Vec<f32> {
            (0..self.centre.len()).map(|at| (f64::from(self.scale[at]) * of(at) / pixels) as f32).collect()
        };
        let offset = each(&|at| sums[0][at]);
        let slope = each(&|at| sums[1][at] * precision[at]);
        let block = block(self.centre.len());
        each_chunk(gradient, block, |index, gradient| {
            let x = &x[index * block..index * block + gradient.len()];
            centre_gradient(x, &self.centre, &self.scale, &offset, &slope, gradient);
        });
    }
}

/// Whole pixels of about [`BLOCK`] numbers.
fn block(channels: usize) -> usize {
    (BLOCK / channels).max(1) * channels
}

/// The sums of two sums per channel over all blocks.
fn added(parts: &[f64], channels: usize) -> [Vec<f64>; 2] {
    let mut sums = vec![0.0; 2 * channels];
    for part in parts.chunks_exact(2 * channels) {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    let second = sums.split_off(channels);
    [sums, second]
}

widest! {
    /// Adds x and its square to the sums of each channel.
    fn add_powers<T: Number>(x: &[T], sums: &mut [f64]) {
        let channels = sums.len() / 2;
        let (first, second) = sums.split_at_mut(channels);
        for pixel in x.chunks_exact(channels) {
            for ((value, first), second) in pixel.iter().zip(&mut *first).zip(&mut *second) {
                let value = f64::from(value.wide());
                *first += value;
                *second += value * value;
            }
        }
    }
}

widest! {
    /// Adds a gradient, and its product with (x - centre), to the sums of each channel.
    fn add_products<T: Number>(gradient: &[T], x: &[T], centre: &[f32], sums: &mut [f64]) {
        let channels = centre.len();
        let (first, second) = sums.split_at_mut(channels);
        for (gradient, pixel) in gradient.chunks_exact(channels).zip(x.chunks_exact(channels)) {
            let numbers = gradient.iter().zip(pixel).zip(centre);
            for (((gradient, x), centre), (first, second)) in numbers.zip(first.iter_mut().zip(&mut *second)) {
                let gradient = f64::from(gradient.wide());
                *first += gradient;
                *second += gradient * f64::from(x.wide() - centre);
            }
        }
    }
}

widest! {
    /// As `add_products`, after setting the gradient to 0 where the output of a ReLU is 0.
    fn close_and_add<T: Number>(
        gradient: &mut [T],
        output: &[T],
        x: &[T],
        centre: &[f32],
        sums: &mut [f64],
    ) {
        let channels = centre.len();
        let (first, second) = sums.split_at_mut(channels);
        let pixels = gradient.chunks_exact_mut(channels).zip(output.chunks_exact(channels));
        for ((gradient, output), pixel) in pixels.zip(x.chunks_exact(channels)) {
            let numbers = gradient.iter_mut().zip(output).zip(pixel.iter().zip(centre));
            for (((gradient, output), (x, centre)), (first, second)) in
                numbers.zip(first.iter_mut().zip(&mut *second))
            {
                let open = if output.wide() > 0.0 { gradient.wide() } else { 0.0 };
                *gradient = T::nearest(open);
                let open = f64::from(open);
                *first += open;
                *second += open * f64::from(x.wide() - centre);
            }
        }
    }
}

widest! {
    /// x to an affine map of it, or to the least number if that is larger.
    fn map_affinely<T: Number>(
        x: &[T],
        centre: &[f32],
        scale: &[f32],
        shift: &[f32],
        least: f32,
        out: &mut [T],
    ) {
        let channels = centre.len();
        for (pixel, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            let maps = centre.iter().zip(scale).zip(shift);
            for ((out, x), ((centre, scale), shift)) in out.iter_mut().zip(pixel).zip(maps) {
                let value = (x.wide() - centre) * scale + shift;
                // What is not a number stays so.
                *out = T::nearest(if value < least { least } else { value });
            }
        }
    }
}

widest! {
    /// Adds numbers, and raises the sums to the least number if that is larger.
    pub(super) fn add<T: Number>(more: &[T], least: f32, out: &mut [T]) {
        for (out, more) in out.iter_mut().zip(more) {
            let sum = out.wide() + more.wide();
            *out = T::nearest(if sum < least { least } else { sum });
        }
    }
}

widest! {
    fn centre_gradient<T: Number>(
        x: &[T],
        centre: &[f32],
        scale: &[f32],
        offset: &[f32],
        slope: &[f32],
        gradient: &mut [T],
    ) {
        let channels = centre.len();
        for (pixel, gradient) in x.chunks_exact(channels).zip(gradient.chunks_exact_mut(channels)) {
            let maps = centre.iter().zip(scale).zip(offset).zip(slope);
            for ((gradient, x), (((centre, scale), offset), slope)) in gradient.iter_mut().zip(pixel).zip(maps) {
                let by_x = gradient.wide() * scale - (offset + (x.wide() - centre) * slope);
                *gradient = T::nearest(by_x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    const CHANNELS: usize = 3;
    const EPSILON: f64 = 1e-5;

    /// Many pixels around a mean that is large beside their deviation.
    fn pixels(count: i64) -> Tensor {
        let index = Tensor::arange(count * CHANNELS as i64, (Kind::Double, Device::Cpu));
        let noise = ((index * 12.9898).sin() * 43758.5453).frac();
        (noise + 30.0).to_kind(Kind::Float).view([count, CHANNELS as i64])
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.detach().to_kind(Kind::Float).reshape([-1])).unwrap()
    }

    fn off(got: &[f32], wanted: &Tensor) -> f64 {
        let got = Tensor::from_slice(got).to_kind(Kind::Double);
        let wanted = wanted.detach().reshape([-1]);
        ((got - &wanted).abs().max() / wanted.abs().max()).double_value(&[])
    }

    /// Against the definition in float64, with libtorch's graph: forward and backward are within 1e-6.
    #[test]
    fn statistics_and_gradients_are_those_of_float64() {
        let x = pixels(300_000);
        let exact = x.to_kind(Kind::Double).set_requires_grad(true);
        let mean = exact.mean_dim([0].as_slice(), true, Kind::Double);
        let variance = (&exact - &mean).square().mean_dim([0].as_slice(), true, Kind::Double);
        let scale = Tensor::from_slice(&[0.5, 1.0, -2.0]);
        let shortcut = pixels(300_000) - 30.2;
        let y = (&exact - &mean) / (&variance + EPSILON).sqrt() * &scale + 0.1;
        let output = (&y + &shortcut).relu();
        let by_output = pixels(300_000).flip([0]) - 29.9;
        let wanted =
            Tensor::run_backward(&[(&output * &by_output).sum(Kind::Double)], &[&exact], false, false);

        let x = values(&x);
        let moments = Moments::of(&x, CHANNELS);
        let precision: Vec<f64> =
            moments.variance.iter().map(|variance| 1.0 / (variance + EPSILON)).collect();
        let scale = [0.5, 1.0, -2.0].iter().zip(&precision).map(|(scale, one)| (scale * one.sqrt()) as f32);
        let affine = Affine {
            centre: moments.mean.iter().map(|&mean| mean as f32).collect(),
            scale: scale.collect(),
            shift: vec![0.1; CHANNELS],
            relu: true,
        };
        let mut got = vec![0.0; x.len()];
        affine.apply(&x, Some(&values(&shortcut)), &mut got);
        assert!(off(&got, &output) < 1e-6);
        let mut broken = vec![0.0; CHANNELS];
        affine.apply(&[f32::NAN, 30.0, 30.0], None, &mut broken);
        assert!(broken[0].is_nan() && broken[1].is_finite());
        let mut gradient = values(&by_output);
        let sums = affine.gate(&x, Some(&got), &mut gradient);
        affine.backward(&x, &mut gradient, &sums, &precision);
        assert!(off(&gradient, &wanted[0]) < 1e-6, "{}", off(&gradient, &wanted[0]));
    }
}
