//! Batch normalisation in inference, with the ReLU and the shortcut that follow it, in place.
//!
//! Every step rounds as libtorch's own does (x scale + shift is one fused operation), so a map has the same bits, and
//! a gradient meets the same kinks: which of two nearly equal pixels is the largest, and which side of 0 a pixel is on.

use super::{maps::each_chunk, norm::add, widest};

/// Numbers per chunk.
const CHUNK: usize = 1 << 15;

/// The affine map x scale + shift of each channel.
#[derive(Debug)]
pub(crate) struct Scale {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl Scale {
    /// That of a norm with running statistics.
    pub(crate) fn of_norm(
        weight: &[f32],
        bias: &[f32],
        mean: &[f32],
        variance: &[f32],
        epsilon: f32,
    ) -> Self {
        let scale =
            weight.iter().zip(variance).map(|(weight, variance)| 1.0 / (variance + epsilon).sqrt() * weight);
        let scale: Vec<f32> = scale.collect();
        let shift =
            bias.iter().zip(mean).zip(&scale).map(|((bias, mean), scale)| (-mean).mul_add(*scale, *bias));
        Self { shift: shift.collect(), scale }
    }

    /// Maps x [R, C] in place, adds a shortcut, and sets negative numbers to 0 if a ReLU follows.
    pub(crate) fn apply(&self, x: &mut [f32], shortcut: Option<&[f32]>, relu: bool) {
        let channels = self.scale.len();
        let chunk = (CHUNK / channels).max(1) * channels;
        each_chunk(x, chunk, |index, x| {
            let least = if relu { 0.0 } else { f32::NEG_INFINITY };
            match shortcut {
                None => map(x, &self.scale, &self.shift, least),
                Some(shortcut) => {
                    map(x, &self.scale, &self.shift, f32::NEG_INFINITY);
                    add(&shortcut[index * chunk..][..x.len()], least, x);
                }
            }
        });
    }
}

widest! {
    fn map(x: &mut [f32], scale: &[f32], shift: &[f32], least: f32) {
        let channels = scale.len();
        for pixel in x.chunks_exact_mut(channels) {
            for ((x, scale), shift) in pixel.iter_mut().zip(scale).zip(shift) {
                let value = x.mul_add(*scale, *shift);
                // What is not a number stays so.
                *x = if value < least { least } else { value };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::kernels::{empty_map, numbers, numbers_mut};

    #[test]
    fn every_bit_is_libtorchs() {
        let wave = |shape: &[i64], step: f64| {
            let index = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
            (index * step).sin().to_kind(Kind::Float).view(shape)
        };
        for channels in [1, 3, 8, 64] {
            let mut x = empty_map(Kind::Float, [2, channels, 24, 24]);
            x.copy_(&wave(&[2, channels, 24, 24], 1.3));
            let [weight, bias, mean] = [0.7, 1.9, 2.3].map(|step| wave(&[channels], step));
            let variance = wave(&[channels], 0.3).square() + 0.05;
            let wanted = x.batch_norm(
                Some(&weight),
                Some(&bias),
                Some(&mean),
                Some(&variance),
                false,
                0.1,
                1e-5,
                true,
            );
            let values = |tensor: &Tensor| numbers::<f32>(tensor).unwrap().to_vec();
            let [weight, bias, mean, variance] = [weight, bias, mean, variance].map(|tensor| values(&tensor));
            let scale = Scale::of_norm(&weight, &bias, &mean, &variance, 1e-5);
            scale.apply(numbers_mut(&mut x).unwrap(), None, false);
            assert_eq!(x, wanted, "{channels} channels");
        }
    }
}
