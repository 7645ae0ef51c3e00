//! What a network says at every point of a course.
//!
//! The images of a curve are made on the device, from the image, the baseline and the step of every
//! pixel. Logits, not probabilities: whose probability is meant is decided where the curve is read.

use anyhow::{Result, ensure};
use tch::{Device, Kind, Tensor, no_grad};

use crate::{
    baseline::Fill,
    model::{Mode, Network},
};

const SIDE: i64 = 96;

/// Walks from an image to nothing, and from nothing to the image.
#[derive(Debug)]
pub(crate) struct Walker {
    /// What stands where pixels have gone.
    pub(crate) deletion: Fill,
    /// What stands where pixels have not come yet.
    pub(crate) insertion: Fill,
    /// The points at which the network is asked: see [`super::Course`].
    pub(crate) points: Vec<i16>,
    /// Images at once.
    pub(crate) chunk: usize,
}

/// The logits at the ends of all curves of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ends {
    /// Of the image.
    pub(crate) image: f32,
    /// Of the deletion's baseline.
    pub(crate) deletion: f32,
    /// Of the insertion's baseline.
    pub(crate) insertion: f32,
}

/// The logits of one method's curves, one per point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Walked {
    pub(crate) deletion: Vec<f32>,
    pub(crate) insertion: Vec<f32>,
}

/// One image and its baselines, each [1, 96, 96, 3].
struct Stages {
    image: Tensor,
    deletion: Tensor,
    insertion: Tensor,
}

/// A walk from one image to another.
struct Way<'a> {
    from: (&'a Tensor, f32),
    to: (&'a Tensor, f32),
}

impl Walker {
    /// The logits of an image [96, 96, 3] in bytes and of its baselines. They are those of every method.
    ///
    /// # Errors
    /// A logit that is not finite.
    pub(crate) fn ends(&self, network: &Network, pixels: &[u8]) -> Result<Ends> {
        no_grad(|| {
            let Stages { image, deletion, insertion } = self.stages(pixels, network.device())?;
            let logits = self.logits(network, &Tensor::cat(&[image, deletion, insertion], 0))?;
            Ok(Ends { image: logits[0], deletion: logits[1], insertion: logits[2] })
        })
    }

    /// The logits while pixels go and come, each at its step.
    ///
    /// # Errors
    /// A logit that is not finite.
    pub(crate) fn walk(&self, network: &Network, pixels: &[u8], steps: &[i16], ends: Ends) -> Result<Walked> {
        no_grad(|| {
            let stages = self.stages(pixels, network.device())?;
            let image = (&stages.image, ends.image);
            let deletion = Way { from: image, to: (&stages.deletion, ends.deletion) };
            let insertion = Way { from: (&stages.insertion, ends.insertion), to: image };
            Ok(Walked {
                deletion: self.along(network, &deletion, steps)?,
                insertion: self.along(network, &insertion, steps)?,
            })
        })
    }

    fn stages(&self, pixels: &[u8], device: Device) -> Result<Stages> {
        let bytes = Tensor::f_from_data_size(pixels, &[1, SIDE, SIDE, 3], Kind::Uint8)?;
        let image = bytes.to_device(device).to_kind(Kind::Float) / 255.0;
        let of = |fill: &Fill| {
            let baseline = fill.of(&image.permute([0, 3, 1, 2]));
            baseline.permute([0, 2, 3, 1]).contiguous()
        };
        Ok(Stages { deletion: of(&self.deletion), insertion: of(&self.insertion), image })
    }

    /// The logits at all points of one way. Where all pixels stand on one side, it is an end, and known.
    fn along(&self, network: &Network, way: &Way<'_>, steps: &[i16]) -> Result<Vec<f32>> {
        let first = steps.iter().copied().min().unwrap_or(0);
        let last = steps.iter().copied().max().unwrap_or(0);
        let between = |point: &i16| (first..last).contains(point);
        let asked: Vec<i16> = self.points.iter().copied().filter(between).collect();
        let steps = Tensor::from_slice(steps).to_device(network.device()).view([1, SIDE, SIDE, 1]);
        let mut found = Vec::with_capacity(asked.len());
        for points in asked.chunks(self.chunk) {
            let points = Tensor::from_slice(points).to_device(network.device()).view([-1, 1, 1, 1]);
            let images = way.to.0.where_self(&steps.le_tensor(&points), way.from.0);
            found.extend(self.logits(network, &images)?);
        }
        let mut found = found.into_iter();
        let logit = |point: &i16| match *point {
            point if point < first => Some(way.from.1),
            point if point >= last => Some(way.to.1),
            _ => found.next(),
        };
        Ok(self.points.iter().filter_map(logit).collect())
    }

    /// The logits of images [N, 96, 96, 3].
    fn logits(&self, network: &Network, images: &Tensor) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        for images in images.split(self.chunk as i64, 0) {
            // Stored channels last: the order in which a CPU pools and normalises fastest.
            let images = images.contiguous().permute([0, 3, 1, 2]);
            all.extend(Vec::<f32>::try_from(network.forward(&images, Mode::Inference))?);
        }
        let odd = all.iter().find(|logit| !logit.is_finite());
        ensure!(
            odd.is_none(),
            "the model gives the logit {}: its weights are too large to compute with; train it anew with a \
             smaller learning rate",
            odd.copied().unwrap_or_default()
        );
        Ok(all)
    }
}
