//! The logits of a network at every point of a course.
//!
//! The images of a curve are made on the device from the image, the baseline and the step of every pixel.

use anyhow::{Result, ensure};
use pcamflow::side::Side;
use tch::{Device, Kind, Tensor, no_grad};

use crate::{baseline::Fill, model::Classifier, predict::TOO_LARGE};

/// Walks from an image to a baseline, and from a baseline to the image.
#[derive(Debug)]
pub(crate) struct Walker {
    /// The baseline of deleted pixels.
    pub(crate) deletion: Fill,
    /// The baseline of pixels that are not yet inserted.
    pub(crate) insertion: Fill,
    /// Rows and columns of an image.
    pub(crate) side: Side,
    /// The points of a curve (see [`super::Course`]).
    pub(crate) points: Vec<i32>,
    /// Images at once.
    pub(crate) chunk: usize,
}

/// The logits at the ends of all curves of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ends {
    /// Of the image.
    pub(crate) image: f32,
    /// Of the baseline of the deletion.
    pub(crate) deletion: f32,
    /// Of the baseline of the insertion.
    pub(crate) insertion: f32,
}

/// The logits of the curves of one map, one per point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Walked {
    pub(crate) deletion: Vec<f32>,
    pub(crate) insertion: Vec<f32>,
}

/// An end of a curve, [1, S, S, 3], and its logit.
type End<'a> = (&'a Tensor, f32);

impl Walker {
    /// The logits of an image [S, S, 3] in bytes and of its baselines. All methods share them.
    ///
    /// # Errors
    /// A logit is not finite.
    pub(crate) fn ends(&self, network: &dyn Classifier, pixels: &[u8]) -> Result<Ends> {
        no_grad(|| {
            let images = self.images(pixels, network.device())?;
            let logits = self.logits(network, &Tensor::cat(&images, 0))?;
            Ok(Ends { image: logits[0], deletion: logits[1], insertion: logits[2] })
        })
    }

    /// The logits while pixels are deleted and inserted, each at its step.
    ///
    /// # Errors
    /// A logit is not finite.
    pub(crate) fn walk(
        &self,
        network: &dyn Classifier,
        pixels: &[u8],
        steps: &[i32],
        ends: Ends,
    ) -> Result<Walked> {
        no_grad(|| {
            let [image, deletion, insertion] = self.images(pixels, network.device())?;
            let image = (&image, ends.image);
            Ok(Walked {
                deletion: self.curve(network, image, (&deletion, ends.deletion), steps)?,
                insertion: self.curve(network, (&insertion, ends.insertion), image, steps)?,
            })
        })
    }

    /// The image and its baselines for deletion and insertion, [1, S, S, 3] each.
    fn images(&self, pixels: &[u8], device: Device) -> Result<[Tensor; 3]> {
        let bytes = Tensor::f_from_data_size(pixels, &self.size(3), Kind::Uint8)?;
        let image = bytes.to_device(device).to_kind(Kind::Float) / 255.0;
        let [deletion, insertion] = [&self.deletion, &self.insertion].map(|fill| {
            let baseline = fill.of(&image.permute([0, 3, 1, 2]));
            baseline.permute([0, 2, 3, 1]).contiguous()
        });
        Ok([image, deletion, insertion])
    }

    /// The size of one image with so many channels.
    fn size(&self, channels: i64) -> [i64; 4] {
        let side = self.side.get() as i64;
        [1, side, side, channels]
    }

    /// The logits at all points between two ends. Points before the first step or after the last one are the ends.
    fn curve(&self, network: &dyn Classifier, from: End<'_>, to: End<'_>, steps: &[i32]) -> Result<Vec<f32>> {
        let first = steps.iter().copied().min().unwrap_or(0);
        let last = steps.iter().copied().max().unwrap_or(0);
        let between = |point: &i32| (first..last).contains(point);
        let asked: Vec<i32> = self.points.iter().copied().filter(between).collect();
        let steps = Tensor::from_slice(steps).to_device(network.device()).view(self.size(1));
        let mut found = Vec::with_capacity(asked.len());
        for points in asked.chunks(self.chunk) {
            let points = Tensor::from_slice(points).to_device(network.device()).view([-1, 1, 1, 1]);
            let images = to.0.where_self(&steps.le_tensor(&points), from.0);
            found.extend(self.logits(network, &images)?);
        }
        let mut found = found.into_iter();
        let logit = |point: &i32| match *point {
            point if point < first => Some(from.1),
            point if point >= last => Some(to.1),
            _ => found.next(),
        };
        Ok(self.points.iter().filter_map(logit).collect())
    }

    /// The logits of images [N, S, S, 3].
    fn logits(&self, network: &dyn Classifier, images: &Tensor) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        for images in images.split(self.chunk as i64, 0) {
            // Channels last: a CPU pools and normalises fastest in this order.
            let images = images.contiguous().permute([0, 3, 1, 2]);
            all.extend(Vec::<f32>::try_from(network.forward(&images)?)?);
        }
        let odd = all.iter().find(|logit| !logit.is_finite()).copied();
        ensure!(odd.is_none(), "the model gives the logit {}: {TOO_LARGE}", odd.unwrap_or_default());
        Ok(all)
    }
}
