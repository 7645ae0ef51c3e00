//! Baselines: images without evidence, which replace hidden or missing pixels.

use anyhow::Result;
use pcamflow::stages::Baseline;
use tch::{Tensor, no_grad};

use crate::{batches::Patches, job::Job, patches};

/// Patches that are read at once.
const AT_ONCE: usize = 64;

/// Rows and columns of RISE's blurring kernel.
const KERNEL: usize = 11;
/// Standard deviation of its Gaussian.
const SIGMA: f64 = 5.0;

/// A baseline that can be applied to images.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fill {
    /// One colour: red, green and blue in [0, 1].
    Colour([f32; 3]),
    /// The blurred image (RISE).
    Blur,
}

impl Fill {
    /// The fill of a baseline. The mean is that of the patches in the slot `data.train` (see
    /// [`Baseline::input`]).
    ///
    /// # Errors
    /// The patches cannot be read.
    pub(crate) fn new(job: &Job<'_>, baseline: &Baseline) -> Result<Self> {
        Ok(match baseline {
            Baseline::Black => Self::Colour([0.0; 3]),
            Baseline::White => Self::Colour([1.0; 3]),
            Baseline::Value(value) => Self::Colour([*value as f32; 3]),
            Baseline::Blur => Self::Blur,
            Baseline::Mean => {
                let colour = mean_colour(&patches::open(job, "data.train")?)?;
                job.reporter.info(&format!("the mean colour of the training patches is {colour:?}"));
                Self::Colour(colour)
            }
        })
    }

    /// The baseline of each image: [N, 3, S, S] to [N, 3, S, S], on the same device. A colour is not
    /// copied: its tensor is a view of three values.
    pub(crate) fn of(&self, images: &Tensor) -> Tensor {
        match self {
            Self::Colour(colour) => {
                let colour = Tensor::from_slice(colour).to_device(images.device()).view([1, 3, 1, 1]);
                colour.expand_as(images)
            }
            Self::Blur => {
                let (side, half) = (KERNEL as i64, KERNEL as i64 / 2);
                let kernel = Tensor::from_slice(&rise_kernel()).to_device(images.device());
                let kernel = kernel.view([1, 1, side, side]).expand([3, 1, side, side], false);
                no_grad(|| images.conv2d(&kernel, None::<Tensor>, [1, 1], [half, half], [1, 1], 3))
            }
        }
    }
}

/// The exact mean of each channel over all pixels of all patches, in [0, 1].
///
/// # Errors
/// The patches cannot be read.
fn mean_colour(patches: &dyn Patches) -> Result<[f32; 3]> {
    let (mut sums, side) = ([0_u64; 3], patches.side());
    let positions: Vec<usize> = (0..patches.len()).collect();
    for positions in positions.chunks(AT_ONCE) {
        let mut bytes = vec![0; positions.len() * side.bytes()];
        patches.read(positions, &mut bytes)?;
        for pixel in bytes.chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, &byte)| *sum += u64::from(byte));
        }
    }
    let pixels = (patches.len() * side.pixels()) as f64;
    Ok(sums.map(|sum| (sum as f64 / (255.0 * pixels)) as f32))
}

/// RISE's kernel (Petsiuk et al. 2018): `scipy.ndimage.gaussian_filter(impulse, 5)` of a unit impulse in the
/// middle of an 11 x 11 grid with reflecting borders. The Gaussian is so wide that the kernel is nearly a box.
fn rise_kernel() -> [f32; KERNEL * KERNEL] {
    let line = rise_line();
    std::array::from_fn(|at| (line[at / KERNEL] * line[at % KERNEL]) as f32)
}

/// Its one-dimensional factor: an impulse in the middle of a line, filtered by a Gaussian that is cut off at four
/// standard deviations, as scipy does. The line is reflected at its ends (`d c b a | a b c d | d c b a`).
fn rise_line() -> [f64; KERNEL] {
    let reach = (4.0 * SIGMA + 0.5) as i64;
    let gaussian = |x: i64| (-0.5 * (x as f64 / SIGMA).powi(2)).exp();
    let whole: f64 = (-reach..=reach).map(gaussian).sum();
    let side = KERNEL as i64;
    let sees_impulse = |at: i64| {
        let at = at.rem_euclid(2 * side);
        at.min(2 * side - 1 - at) == side / 2
    };
    std::array::from_fn(|at| {
        let seen = (-reach..=reach).filter(|x| sees_impulse(at as i64 + x));
        seen.map(gaussian).sum::<f64>() / whole
    })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::{
        batches::tests::{InMemory, noise},
        model::testing::{difference, get, noisy_patches, reference},
    };

    #[test]
    fn the_blur_is_that_of_rise() {
        let Some(reference) = reference("explain.safetensors") else { return };
        let kernel = Tensor::from_slice(&rise_kernel()).view([11, 11]);
        // float32 rounding of values below 0.01.
        assert!(difference(&kernel, &get(&reference, "rise.kernel")) < 1e-9);
        let images = get(&reference, "images").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
        let blurred = Fill::Blur.of(&images);
        // 121 products in another order.
        assert!(difference(&blurred, &get(&reference, "rise.blurred")) < 1e-6);
    }

    #[test]
    fn the_kernel_has_the_weights_of_the_definitions_and_dims_the_border() {
        let line = rise_line();
        for (at, weight) in [0.087958, 0.088896, 0.090474, 0.092191, 0.093489, 0.093982].iter().enumerate() {
            assert!((line[at] - weight).abs() < 5e-7 && (line[at] - line[10 - at]).abs() < 1e-15, "{at}");
        }
        assert!((line.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let white = Tensor::ones([1, 3, 96, 96], (Kind::Float, Device::Cpu));
        let blurred = Fill::Blur.of(&white);
        assert!((blurred.double_value(&[0, 1, 50, 50]) - 1.0).abs() < 1e-6);
        // Zeros are outside: in a corner only six weights of each axis count.
        let corner: f64 = line[5..].iter().sum();
        assert!((blurred.double_value(&[0, 2, 0, 0]) - corner * corner).abs() < 1e-6);
    }

    #[test]
    fn colours_are_the_same_everywhere() {
        let images = noisy_patches(2, 1);
        let baseline = Fill::Colour([0.25, 0.5, 0.75]).of(&images);
        assert_eq!(baseline.size(), images.size());
        for (channel, value) in [0.25, 0.5, 0.75].into_iter().enumerate() {
            let channel = baseline.select(1, channel as i64);
            assert_eq!((channel.min().double_value(&[]), channel.max().double_value(&[])), (value, value));
        }
    }

    #[test]
    fn the_mean_counts_every_byte_of_a_channel() {
        let patches = noise(70, 3);
        let mean = mean_colour(&patches).unwrap();
        for (channel, mean) in mean.into_iter().enumerate() {
            let bytes = patches.pixels.iter().skip(channel).step_by(3);
            let wanted = bytes.map(|&byte| f64::from(byte)).sum::<f64>() / (70.0 * 9216.0) / 255.0;
            assert!((f64::from(mean) - wanted).abs() < 1e-7);
        }
        let white = InMemory { pixels: vec![255; 96 * 96 * 3], labels: vec![0] };
        assert_eq!(mean_colour(&white).unwrap(), [1.0; 3]);
    }
}
