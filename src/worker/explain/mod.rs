//! The explainers: from patches to maps of where a network sees the evidence.
//!
//! One file per method, and the one `match` that chooses among them. To add a method: its settings in
//! `stages::explain`, one file here that implements `Explainer`, one arm in `explainer`. Knows no files
//! and no stage; what is explained is `question`'s, on how many cores is `crew`'s.

mod crew;
mod grad_cam;
mod question;

use anyhow::Result;
use pcamflow::{report, stages::explain::Method};
use tch::Tensor;

use crate::model::Network;

pub(crate) use crew::Crew;
pub(crate) use question::Question;

/// Pixels along each side of a map.
pub(crate) const SIDE: usize = 96;

/// One way of asking a network, ready to be used: its settings fit the network.
pub(crate) trait Explainer: Sync {
    /// Explains a batch. An image's map depends on that image alone, and the network stays as it is.
    ///
    /// # Errors
    /// What libtorch reports in a catchable form.
    fn explain(&self, network: &Network, asked: &Asked<'_>) -> Result<Maps>;

    /// Rows and columns of the maps before they were enlarged, where they were.
    fn native(&self) -> Option<[usize; 2]> {
        None
    }

    /// How its maps are shown.
    fn display(&self) -> Display;
}

/// Some images, and what is asked about them.
pub(crate) struct Asked<'a> {
    /// float32 [N, 3, 96, 96] in [0, 1].
    pub(crate) images: &'a Tensor,
    /// 0 or 1 per image.
    pub(crate) labels: &'a [u8],
    /// Which scalar is explained.
    pub(crate) question: Question,
}

/// What was found out about a batch; arrays are row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Maps {
    /// `[N]`, of "tumour".
    pub(crate) logits: Vec<f32>,
    /// [N, 96, 96], raw.
    pub(crate) map: Vec<f32>,
    /// [N, rows, columns] before enlarging; empty where nothing was enlarged.
    pub(crate) native: Vec<f32>,
}

impl Maps {
    /// Appends another batch's.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.logits.append(&mut other.logits);
        self.map.append(&mut other.map);
        self.native.append(&mut other.native);
    }
}

/// How maps are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Display {
    /// The method in words: `Grad-CAM, relu4`.
    pub(crate) title: String,
    /// Whether the maps are signed.
    pub(crate) sign: report::Sign,
    /// Which value has the strongest colour.
    pub(crate) full: report::FullColor,
}

/// The explainer for a method, checked against the network before anything is computed.
///
/// # Errors
/// Settings that do not fit the network: an unknown layer.
pub(crate) fn explainer(method: &Method, network: &Network) -> Result<Box<dyn Explainer>> {
    Ok(match method {
        Method::GradCam(settings) => Box::new(grad_cam::GradCam::new(settings, network)?),
    })
}

/// The numbers of a tensor, row-major.
///
/// # Errors
/// It is not float32.
fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.contiguous().view(-1))?)
}

#[cfg(test)]
mod tests;
