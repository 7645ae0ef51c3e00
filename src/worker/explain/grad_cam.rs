//! Grad-CAM (Selvaraju et al. 2017) and its variants: maps of the activations of one layer.
//!
//! With A the output of the layer, [K, h, w], G = dy/dA and y the explained scalar, a map is ReLU(sum_k a_k A_k):
//! - Grad-CAM: a_k is the mean of G_k.
//! - HiResCAM (Draelos & Carin 2020): a_k is G_k itself, position by position.
//! - LayerCAM (Jiang et al. 2021): a_k is max(G_k, 0), position by position.
//! - XGrad-CAM (Fu et al. 2020): a_k is the sum of G_k A_k, divided by the sum of A_k plus 1e-7.
//! - Grad-CAM++, Score-CAM and Ablation-CAM: see `plus_plus`, `score_cam`, `ablation_cam`.
//!
//! Constants are those of the package pytorch-grad-cam. Maps are enlarged to the size of the image bilinearly, with
//! half-pixel centres.

mod ablation_cam;
mod plus_plus;
mod score_cam;
mod weighed;

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    side::Side,
    stages::explain::{GradCam as Settings, Variant},
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Display, Explainer, Maps, Query, numbers,
    passes::{ALONE, accompanied, logits, scaled},
    question::Scalar,
};
use crate::model::{Classifier, Slope};
use weighed::{Weighed, sums};

/// Added to the sum of the activations of a channel.
const XGRAD_EPSILON: f64 = 1e-7;

pub(super) struct GradCam {
    layer: String,
    variant: Variant,
    /// Channels, rows, columns.
    shape: [usize; 3],
}

impl GradCam {
    /// # Errors
    /// The network has no such layer, or the variant does not fit it.
    pub(super) fn new(settings: &Settings, network: &dyn Classifier, side: Side) -> Result<Self> {
        let layer = match network.layers() {
            Some(known) => settings.layer_of(known.architecture()).map_err(anyhow::Error::msg)?,
            None => network.layer(&settings.layer)?,
        };
        let shape = shape_of(&layer, network, side)?;
        Ok(Self { layer, variant: settings.variant, shape })
    }

    /// The maps [N, h, w] of the variants with gradients, and the logits.
    fn by_gradient(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<(Vec<f32>, Tensor)> {
        let count = query.images.size()[0];
        let Slope { logits, map, gradient } = network.slope(&accompanied(query.images), Some(&self.layer))?;
        let own = |tensor: Tensor| tensor.narrow(0, 0, count);
        let logits = numbers(&own(logits))?;
        let gradient = scaled(own(gradient), &query.slopes(&logits));
        Ok((logits, combine(&own(map), &gradient, self.variant)))
    }

    /// The same for those with altered copies, image by image.
    fn by_copies(
        &self,
        query: &Query<'_>,
        network: &dyn Classifier,
        weigh: impl Fn(&Tensor, Scalar) -> Result<Weighed>,
    ) -> Result<(Vec<f32>, Tensor)> {
        let logits = logits(network, query.images, ALONE)?;
        let mut cams = Vec::new();
        for (index, scalar) in query.scalars(&logits).enumerate() {
            let (weights, activation) = weigh(&query.images.narrow(0, index as i64, 1), scalar)?;
            let sum = (weights * activation.to_kind(Kind::Double)).sum_dim_intlist(
                [1].as_slice(),
                false,
                Kind::Double,
            );
            cams.push(sum.relu().to_kind(Kind::Float));
        }
        Ok((logits, Tensor::cat(&cams, 0)))
    }

    fn cams(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<(Vec<f32>, Tensor)> {
        let (layer, at_once) = (self.layer.as_str(), query.at_once);
        match self.variant {
            Variant::Plain | Variant::HiRes | Variant::PlusPlus | Variant::Layer | Variant::XGrad => {
                self.by_gradient(network, query)
            }
            Variant::ScoreCam => self.by_copies(query, network, |image, scalar| {
                score_cam::weigh(network, layer, image, scalar, at_once)
            }),
            Variant::AblationCam => self.by_copies(query, network, |image, scalar| {
                ablation_cam::weigh(network, layer, image, scalar, at_once)
            }),
        }
    }
}

impl Explainer for GradCam {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let (logits, cam) = self.cams(network, query)?;
        let side = &query.images.size()[2..];
        let map = cam.unsqueeze(1).upsample_bilinear2d(side, false, None, None).squeeze_dim(1);
        Ok(Maps { logits, map: numbers(&map)?, native: numbers(&cam)?, ..Maps::default() })
    }

    fn arrays(&self) -> Arrays {
        let [_, rows, columns] = self.shape;
        Arrays { native: Some([rows, columns]), ..Arrays::default() }
    }

    fn passes(&self) -> usize {
        match self.variant {
            Variant::ScoreCam | Variant::AblationCam => self.shape[0],
            Variant::Plain | Variant::HiRes | Variant::PlusPlus | Variant::Layer | Variant::XGrad => 1,
        }
    }

    fn display(&self) -> Display {
        let name = match self.variant {
            Variant::Plain => "Grad-CAM",
            Variant::HiRes => "HiResCAM",
            Variant::PlusPlus => "Grad-CAM++",
            Variant::Layer => "LayerCAM",
            Variant::XGrad => "XGrad-CAM",
            Variant::ScoreCam => "Score-CAM",
            Variant::AblationCam => "Ablation-CAM",
        };
        let title = format!("{name}, {}", self.layer);
        Display { title, sign: Sign::Positive, full: FullColor::Maximum }
    }
}

/// Channels, rows and columns of the output of a layer.
fn shape_of(layer: &str, network: &dyn Classifier, side: Side) -> Result<[usize; 3]> {
    let side = side.get() as i64;
    let blank = Tensor::zeros([1, 3, side, side], (Kind::Float, network.device()));
    let (_, channels, rows, columns) = network.activation(&blank, layer)?.size4()?;
    Ok([usize::try_from(channels)?, usize::try_from(rows)?, usize::try_from(columns)?])
}

/// Combines activation and gradient, [N, K, h, w] each, to [N, h, w].
fn combine(activation: &Tensor, gradient: &Tensor, variant: Variant) -> Tensor {
    let weight = match variant {
        Variant::HiRes => gradient.shallow_clone(),
        Variant::Layer => gradient.relu(),
        Variant::XGrad => {
            let weights = sums(&(gradient * activation)) / (sums(activation) + XGRAD_EPSILON);
            weights.to_kind(Kind::Float)
        }
        Variant::PlusPlus => plus_plus::weights(activation, gradient),
        // The last two have no gradient.
        Variant::Plain | Variant::ScoreCam | Variant::AblationCam => {
            gradient.mean_dim([2, 3].as_slice(), true, Kind::Float)
        }
    };
    (weight * activation).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu()
}
