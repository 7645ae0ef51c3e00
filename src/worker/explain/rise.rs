//! RISE (Petsiuk et al. 2018).
//!
//! With y the explained scalar and m_1, ..., m_N random masks that show a pixel with probability p, the map is
//! sum_i y(x m_i) m_i / (N p). Hidden pixels are black. All images of a stage have the same masks. y is not compared with
//! anything, so a score that is large everywhere adds to all pixels alike: what matters is the difference of pixels.

use anyhow::{Result, ensure};
use pcamflow::{
    report::{FullColor, Sign},
    side::Side,
    stages::explain::Rise as Settings,
};
use tch::{Kind, Tensor};

use super::{
    Display, Explainer, Maps, Query,
    masks::Masks,
    numbers,
    passes::{ALONE, factors, logits},
    question::Scalar,
};
use crate::model::Classifier;

pub(super) struct Rise {
    masks: Masks,
    probability: f64,
    title: String,
}

impl Rise {
    /// # Errors
    /// There are more cells than pixels.
    pub(super) fn new(settings: &Settings, seed: u64, side: Side) -> Result<Self> {
        let &Settings { masks, cells, probability } = settings;
        ensure!(cells as usize <= side.get(), "`cells` is {cells}, but the patches have only {side} pixels");
        let title = format!("RISE, {masks} masks of {cells} x {cells} cells, probability {probability}");
        let masks = Masks::new(seed, side.get(), cells as usize, masks as usize, probability);
        Ok(Self { masks, probability, title })
    }

    /// The map of one image, [1, 1, S, S].
    fn image(
        &self,
        network: &dyn Classifier,
        image: &Tensor,
        scalar: Scalar,
        at_once: usize,
    ) -> Result<Tensor> {
        let side = image.size()[2];
        let mut sum = Tensor::zeros([1, 1, side, side], (Kind::Double, image.device()));
        for first in (0..self.masks.len()).step_by(at_once) {
            let masks = self.masks.images(first..(first + at_once).min(self.masks.len()), image.device());
            let scores = logits(network, &(image * &masks), at_once)?.into_iter();
            let masks = masks.to_kind(Kind::Double);
            let scores: Vec<f64> = scores.map(|logit| scalar.value(logit)).collect();
            sum += (&masks * factors(&scores, &masks)).sum_dim_intlist([0].as_slice(), true, Kind::Double);
        }
        Ok((sum / (self.masks.len() as f64 * self.probability)).to_kind(Kind::Float))
    }
}

impl Explainer for Rise {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let mut maps = Maps { logits: logits(network, query.images, ALONE)?, ..Maps::default() };
        let scalars: Vec<_> = query.scalars(&maps.logits).collect();
        for (index, scalar) in scalars.into_iter().enumerate() {
            let image = query.images.narrow(0, index as i64, 1);
            maps.map.extend(numbers(&self.image(network, &image, scalar, query.at_once)?)?);
        }
        Ok(maps)
    }

    fn passes(&self) -> usize {
        self.masks.len()
    }

    fn display(&self) -> Display {
        Display { title: self.title.clone(), sign: Sign::Both, full: FullColor::Maximum }
    }
}
