//! Saliency (Simonyan et al. 2014) and SmoothGrad (Smilkov et al. 2017).
//!
//! With y the explained scalar, the saliency of a pixel is the largest |dy/dx| of its three channels. SmoothGrad is
//! its mean over x + e with e ~ N(0, s^2), where s is a share of the range of the image. `attribution` is the signed
//! gradient, or the mean of the signed gradients.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::{Saliency as Settings, Smooth},
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Display, Explainer, Maps, Query,
    noise::Noise,
    numbers,
    passes::{ALONE, gradients, logits, scaled},
};
use crate::model::Classifier;

pub(super) struct Saliency {
    smooth: Option<Smooth>,
    seed: u64,
}

impl Saliency {
    pub(super) fn new(settings: &Settings, seed: u64) -> Self {
        Self { smooth: settings.smooth.clone(), seed }
    }

    fn plain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let (logits, gradient) = gradients(network, query.images)?;
        let gradient = scaled(gradient, &query.slopes(&logits));
        let map = numbers(&strongest(&gradient))?;
        Ok(Maps { logits, map, attribution: numbers(&gradient)?, ..Maps::default() })
    }

    fn smooth(&self, smooth: &Smooth, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let mut maps = Maps { logits: logits(network, query.images, ALONE)?, ..Maps::default() };
        let scalars: Vec<_> = query.scalars(&maps.logits).collect();
        for (index, scalar) in scalars.into_iter().enumerate() {
            let image = query.images.narrow(0, index as i64, 1);
            let range = (image.max() - image.min()).double_value(&[]);
            let mut noise = Noise::new(self.seed, query.rows[index], smooth.noise * range, image.size()[2]);
            let (mut map, mut attribution) = (zeros(&image, 1), zeros(&image, 3));
            let mut left = smooth.samples as usize;
            while left > 0 {
                let count = left.min(query.at_once);
                let (logits, gradient) = gradients(network, &(&image + noise.images(count, image.device())))?;
                let slopes: Vec<f64> = logits.iter().map(|&logit| scalar.slope(logit)).collect();
                let gradient = scaled(gradient, &slopes);
                map += sum(&strongest(&gradient).unsqueeze(1));
                attribution += sum(&gradient);
                left -= count;
            }
            let samples = f64::from(smooth.samples);
            maps.map.extend(numbers(&(map / samples).to_kind(Kind::Float))?);
            maps.attribution.extend(numbers(&(attribution / samples).to_kind(Kind::Float))?);
        }
        Ok(maps)
    }
}

impl Explainer for Saliency {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        match &self.smooth {
            None => self.plain(network, query),
            Some(smooth) => self.smooth(smooth, network, query),
        }
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        self.smooth.as_ref().map_or(1, |smooth| smooth.samples as usize)
    }

    fn display(&self) -> Display {
        let title = match &self.smooth {
            None => "Saliency".to_owned(),
            Some(Smooth { samples, noise }) => format!("SmoothGrad, {samples} samples, noise {noise}"),
        };
        Display { title, sign: Sign::Positive, full: FullColor::Percentile99 }
    }
}

/// The largest magnitude over the channels: [n, 3, S, S] to [n, S, S].
fn strongest(gradient: &Tensor) -> Tensor {
    gradient.abs().amax([1].as_slice(), false)
}

/// The sum over the images, in float64: [n, c, S, S] to [1, c, S, S].
fn sum(images: &Tensor) -> Tensor {
    images.sum_dim_intlist([0].as_slice(), true, Kind::Double)
}

fn zeros(like: &Tensor, channels: i64) -> Tensor {
    let size = like.size();
    Tensor::zeros([1, channels, size[2], size[3]], (Kind::Double, like.device()))
}
