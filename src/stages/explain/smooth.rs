//! Noisy copies of an image, and what is told of their maps: the settings of SmoothGrad and its relatives.

use crate::stages::{
    Check,
    declare::{choice, settings},
};

settings! {
    /// SmoothGrad, with the defaults of its authors' code.
    pub struct Smooth {
        /// Noisy copies of each image.
        samples: u32 = 25;
        /// Standard deviation of the noise, as a share of the image's largest minus its smallest value.
        noise: f64 = 0.15;
        /// What is told of the maps of the copies.
        #[serde(skip_serializing_if = "Statistic::is_mean")]
        statistic: Statistic = Statistic::Mean;
    }
}

choice! {
    /// What is told of the maps of noisy copies.
    pub enum Statistic {
        /// Their mean (SmoothGrad, Smilkov et al. 2017).
        Mean = "mean",
        /// The mean of their squares (Hooker et al. 2019).
        Square = "square",
        /// Their variance (VarGrad, Adebayo et al. 2018).
        Variance = "variance",
    }
}

impl Statistic {
    fn is_mean(&self) -> bool {
        matches!(self, Self::Mean)
    }
}

impl Smooth {
    /// `method` is the name of the method with these settings.
    pub(super) fn check(&self, method: &str, check: &mut Check<'_>) {
        let least = if self.statistic == Statistic::Variance { 2.0 } else { 1.0 };
        let at = |field: &str| format!("method.{method}.smooth.{field}");
        check.within(&at("samples"), self.samples.into(), least, 10_000.0);
        check.within(&at("noise"), self.noise, 0.0, 10.0);
    }
}
