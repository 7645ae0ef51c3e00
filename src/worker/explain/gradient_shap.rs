//! GradientSHAP (Lundberg & Lee 2017; expected gradients, Erion et al. 2021), with one baseline.
//!
//! With y the explained scalar and x' the baseline, the attribution is the mean of (x + e - x') dy/dx at
//! x' + a (x + e - x') over random e ~ N(0, s^2) and a ~ U(0, 1); s is a share of the range of the image. The map is its
//! sum over the channels. Without noise its expected value is that of integrated gradients.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::GradientShap as Settings,
};
use rand_chacha::ChaCha20Rng;
use tch::{Kind, Tensor};

use super::{
    Arrays, Display, Explainer, Maps, Query,
    attributing::summed,
    noise::Noise,
    numbers,
    passes::{ALONE, factors, logits},
    question::Scalar,
    saliency::by_gradient,
};
use crate::{
    baseline::Fill,
    model::Classifier,
    random::{generator, unit},
};

pub(super) struct GradientShap {
    settings: Settings,
    seed: u64,
    fill: Fill,
}

impl GradientShap {
    pub(super) fn new(settings: &Settings, seed: u64, fill: Fill) -> Self {
        Self { settings: settings.clone(), seed, fill }
    }

    /// The attribution of one image, [1, 3, S, S] in float32.
    fn image(
        &self,
        network: &dyn Classifier,
        image: &Tensor,
        (row, scalar): (i64, Scalar),
        at_once: usize,
    ) -> Result<Tensor> {
        let baseline = self.fill.of(image);
        let mut random = Points::new(self, image, row);
        let mut sum = image.to_kind(Kind::Double).zeros_like();
        let mut left = self.settings.samples as usize;
        while left > 0 {
            let count = left.min(at_once);
            let (copies, shares) = random.next(image, count);
            let way = copies - &baseline;
            let points = &baseline + &way * factors(&shares, &way);
            let (_, gradient) = by_gradient(network, &points, &|_, _| scalar)?;
            let attribution = way.to_kind(Kind::Double) * gradient.to_kind(Kind::Double);
            sum += attribution.sum_dim_intlist([0].as_slice(), true, Kind::Double);
            left -= count;
        }
        Ok((sum / f64::from(self.settings.samples)).to_kind(Kind::Float))
    }
}

impl Explainer for GradientShap {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let mut maps = Maps { logits: logits(network, query.images, ALONE)?, ..Maps::default() };
        let scalars: Vec<_> = query.scalars(&maps.logits).collect();
        for (index, scalar) in scalars.into_iter().enumerate() {
            let image = query.images.narrow(0, index as i64, 1);
            let attribution = self.image(network, &image, (query.rows[index], scalar), query.at_once)?;
            maps.map.extend(numbers(&summed(&attribution))?);
            maps.attribution.extend(numbers(&attribution)?);
        }
        Ok(maps)
    }

    fn arrays(&self) -> Arrays {
        Arrays { attribution: true, ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        self.settings.samples as usize
    }

    fn display(&self) -> Display {
        let Settings { samples, noise, baseline } = &self.settings;
        let title = format!("GradientSHAP, {samples} samples from {baseline}, noise {noise}");
        Display { title, sign: Sign::Magnitude, full: FullColor::Percentile99 }
    }
}

/// The random numbers of one image. They depend only on the seed and its row.
struct Points {
    /// None without noise.
    noise: Option<Noise>,
    shares: ChaCha20Rng,
}

impl Points {
    fn new(method: &GradientShap, image: &Tensor, row: i64) -> Self {
        let range = (image.max() - image.min()).double_value(&[]);
        let deviation = method.settings.noise * range;
        let noise = (deviation > 0.0).then(|| Noise::new(method.seed, row, deviation, image.size()[2]));
        let shares = generator(&[&method.seed.to_le_bytes(), &row.to_le_bytes(), b"share"]);
        Self { noise, shares }
    }

    /// The next copies of the image, [count, 3, S, S] or [1, 3, S, S] if all are alike, and how far each point is on its
    /// way from the baseline.
    fn next(&mut self, image: &Tensor, count: usize) -> (Tensor, Vec<f64>) {
        let copies = match &mut self.noise {
            Some(noise) => image + noise.images(count, image.device()),
            None => image.shallow_clone(),
        };
        (copies, (0..count).map(|_| unit(&mut self.shares)).collect())
    }
}
