//! Statistics of the maps of noisy copies of an image: SmoothGrad (Smilkov et al. 2017), the mean of squares
//! (SmoothGrad squared, Hooker et al. 2019) and the variance (VarGrad, Adebayo et al. 2018).
//!
//! A copy is x + e with e ~ N(0, s^2), where s is a share of the range of the image. With a the attribution of a copy and
//! M its map, `attribution` is the mean of a, the mean of a^2, or the mean of a^2 minus the square of the mean of a; the
//! map is the same of M. Knows no method.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::{Smooth, Statistic},
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Display, Explainer, Maps, Query,
    attributing::Attributing,
    noise::Noise,
    numbers,
    passes::{ALONE, logits},
    question::Scalar,
};
use crate::model::Classifier;

/// A method, and the noise that it gets.
pub(super) struct NoiseTunnel<M> {
    pub(super) method: M,
    pub(super) smooth: Smooth,
    pub(super) seed: u64,
}

impl<M: Attributing> NoiseTunnel<M> {
    /// The statistics of the maps and of the attributions of one image [1, 3, S, S].
    fn image(
        &self,
        network: &dyn Classifier,
        image: &Tensor,
        (row, scalar): (i64, Scalar),
        at_once: usize,
    ) -> Result<[Tensor; 2]> {
        let range = (image.max() - image.min()).double_value(&[]);
        let mut noise = Noise::new(self.seed, row, self.smooth.noise * range, image.size()[2]);
        let (mut map, mut attribution) = (Sums::default(), Sums::default());
        let mut left = self.smooth.samples as usize;
        while left > 0 {
            let count = left.min(self.method.copies(at_once));
            let copies = image + noise.images(count, image.device());
            let (_, values) = self.method.attribute(network, &copies, &|_, _| scalar, at_once)?;
            map.add(&self.method.maps(&values).unsqueeze(1), self.smooth.statistic);
            attribution.add(&values, self.smooth.statistic);
            left -= count;
        }
        let samples = f64::from(self.smooth.samples);
        Ok([map, attribution].map(|sums| sums.result(samples)))
    }
}

impl<M: Attributing> Explainer for NoiseTunnel<M> {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let mut maps = Maps { logits: logits(network, query.images, ALONE)?, ..Maps::default() };
        let scalars: Vec<_> = query.scalars(&maps.logits).collect();
        for (index, scalar) in scalars.into_iter().enumerate() {
            let image = query.images.narrow(0, index as i64, 1);
            let [map, attribution] =
                self.image(network, &image, (query.rows[index], scalar), query.at_once)?;
            maps.map.extend(numbers(&map)?);
            maps.attribution.extend(numbers(&attribution)?);
        }
        Ok(maps)
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        self.smooth.samples as usize
    }

    fn display(&self) -> Display {
        let Smooth { samples, noise, statistic } = &self.smooth;
        let (name, sign) = match statistic {
            Statistic::Mean => ("SmoothGrad", self.method.sign()),
            Statistic::Square => ("SmoothGrad squared", Sign::Positive),
            Statistic::Variance => ("VarGrad", Sign::Positive),
        };
        let title = format!("{}, {samples} samples, noise {noise}", self.method.noisy_title(name));
        Display { title, sign, full: FullColor::Percentile99 }
    }
}

/// Sums over copies in float64, [1, c, S, S]: of the values, of their squares, or of both.
#[derive(Default)]
struct Sums {
    values: Option<Tensor>,
    squares: Option<Tensor>,
}

impl Sums {
    /// Adds the values of some copies, [n, c, S, S].
    fn add(&mut self, values: &Tensor, statistic: Statistic) {
        if statistic != Statistic::Square {
            add(&mut self.values, values);
        }
        if statistic != Statistic::Mean {
            add(&mut self.squares, &values.to_kind(Kind::Double).square());
        }
    }

    /// The statistic of so many copies, in float32.
    fn result(self, samples: f64) -> Tensor {
        let result = match (self.values, self.squares) {
            (Some(values), Some(squares)) => {
                let mean = values / samples;
                // Rounding could make it negative.
                (squares / samples - &mean * &mean).clamp_min(0.0)
            }
            (Some(sum), None) | (None, Some(sum)) => sum / samples,
            (None, None) => Tensor::zeros([0], (Kind::Double, tch::Device::Cpu)),
        };
        result.to_kind(Kind::Float)
    }
}

fn add(sum: &mut Option<Tensor>, values: &Tensor) {
    let more = values.sum_dim_intlist([0].as_slice(), true, Kind::Double);
    *sum = Some(match sum.take() {
        Some(sum) => sum + more,
        // Not -0, which would be another bit.
        None => more + 0.0,
    });
}
