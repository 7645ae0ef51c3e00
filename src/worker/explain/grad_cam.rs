//! Grad-CAM (Selvaraju et al. 2017) and HiResCAM (Draelos & Carin 2020).
//!
//! With A the output of one layer, [K, h, w], and y the explained scalar: Grad-CAM is ReLU(sum_k alpha_k A_k) with
//! alpha_k the mean of dy/dA_k, and HiResCAM is ReLU(sum_k dy/dA_k * A_k). Maps are enlarged to the size of the image bilinearly,
//! with half-pixel centres.

use anyhow::Result;
use pcamflow::{
    report::{FullColor, Sign},
    side::Side,
    stages::explain::{GradCam as Settings, Variant},
};
use tch::{Kind, Tensor};

use super::{
    Arrays, Display, Explainer, Maps, Query, numbers,
    passes::{accompanied, scaled},
};
use crate::model::{Classifier, Slope};

pub(super) struct GradCam {
    layer: String,
    variant: Variant,
    native: [usize; 2],
}

impl GradCam {
    /// # Errors
    /// The network has no such layer.
    pub(super) fn new(settings: &Settings, network: &dyn Classifier, side: Side) -> Result<Self> {
        let layer = network.layer(&settings.layer)?;
        let native = network.layer_size(&layer, side)?;
        Ok(Self { layer, variant: settings.variant, native })
    }
}

impl Explainer for GradCam {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let count = query.images.size()[0];
        let Slope { logits, map, gradient } = network.slope(&accompanied(query.images), Some(&self.layer))?;
        let own = |tensor: Tensor| tensor.narrow(0, 0, count);
        let logits = numbers(&own(logits))?;
        let gradient = scaled(own(gradient), &query.slopes(&logits));
        let cam = combine(&own(map), &gradient, self.variant);
        let side = &query.images.size()[2..];
        let map = cam.unsqueeze(1).upsample_bilinear2d(side, false, None, None).squeeze_dim(1);
        Ok(Maps { logits, map: numbers(&map)?, native: numbers(&cam)?, ..Maps::default() })
    }

    fn arrays(&self) -> Arrays {
        Arrays { native: Some(self.native), ..Arrays::default() }
    }

    fn display(&self) -> Display {
        let name = match self.variant {
            Variant::Plain => "Grad-CAM",
            Variant::HiRes => "HiResCAM",
        };
        let title = format!("{name}, {}", self.layer);
        Display { title, sign: Sign::Positive, full: FullColor::Maximum }
    }
}

/// Combines activation and gradient, [N, K, h, w] each, to [N, h, w].
fn combine(activation: &Tensor, gradient: &Tensor, variant: Variant) -> Tensor {
    let weight = match variant {
        Variant::Plain => gradient.mean_dim([2, 3].as_slice(), true, Kind::Float),
        Variant::HiRes => gradient.shallow_clone(),
    };
    (weight * activation).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu()
}
