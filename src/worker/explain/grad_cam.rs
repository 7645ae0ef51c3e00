//! Grad-CAM (Selvaraju et al. 2017) and HiResCAM (Draelos & Carin 2020).
//!
//! With A the output of one layer, [K, h, w], and y the explained scalar:
//! Grad-CAM is ReLU(sum_k alpha_k A_k), alpha_k the mean of dy/dA_k; HiResCAM is
//! ReLU(sum_k dy/dA_k * A_k). Gradient and activation are of the same tensor. Maps are enlarged to
//! 96x96 bilinearly, with half-pixel centres.

use anyhow::{Context as _, Result};
use pcamflow::{
    report::{FullColor, Sign},
    stages::explain::{GradCam as Settings, Variant},
};
use tch::{Kind, Tensor, no_grad};

use super::{Arrays, Asked, Display, Explainer, Maps, SIDE, numbers, passes::accompanied};
use crate::model::{Forward, Network};

pub(super) struct GradCam {
    layer: String,
    variant: Variant,
    native: [usize; 2],
}

impl GradCam {
    /// # Errors
    /// The network has no such layer: names all that it has.
    pub(super) fn new(settings: &Settings, network: &Network) -> Result<Self> {
        let layer = network.architecture().layer(&settings.layer).map_err(anyhow::Error::msg)?;
        let native = size_of(&layer, network)?;
        Ok(Self { layer, variant: settings.variant, native })
    }
}

impl Explainer for GradCam {
    fn explain(&self, network: &Network, asked: &Asked<'_>) -> Result<Maps> {
        let count = asked.images.size()[0];
        let forward = network.forward_with_taps(&accompanied(asked.images), Some(&self.layer));
        let asked_for = forward.logits.narrow(0, 0, count);
        let logits = numbers(&asked_for.detach())?;
        let activation = tap(&forward, &self.layer)?;
        let scalar = explained(&asked_for, &logits, asked);
        let gradients = Tensor::run_backward(&[scalar], &[activation], false, false);
        let gradient = gradients.first().context("libtorch returned no gradient")?;
        let cam = no_grad(|| combine(&activation.detach(), gradient, self.variant)).narrow(0, 0, count);
        let side = [SIDE as i64; 2];
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

/// Rows and columns of a layer's output, from one blank image.
fn size_of(layer: &str, network: &Network) -> Result<[usize; 2]> {
    let blank = Tensor::zeros([1, 3, SIDE as i64, SIDE as i64], (Kind::Float, network.device()));
    let forward = no_grad(|| network.forward_with_taps(&blank, None));
    let (_, _, rows, columns) = tap(&forward, layer)?.size4()?;
    Ok([usize::try_from(rows)?, usize::try_from(columns)?])
}

fn tap<'a>(forward: &'a Forward, layer: &str) -> Result<&'a Tensor> {
    forward.tap(layer).with_context(|| format!("the forward pass did not keep layer `{layer}`"))
}

/// The sum over the images of the scalar that is explained, up to a constant: its gradient at an image's
/// activation is that image's alone.
fn explained(logits: &Tensor, values: &[f32], asked: &Asked<'_>) -> Tensor {
    let slopes = values.iter().zip(asked.labels);
    let slopes: Vec<f32> = slopes.map(|(&logit, &label)| asked.question.slope(logit, label) as f32).collect();
    (logits * Tensor::from_slice(&slopes).to_device(logits.device())).sum(Kind::Float)
}

/// [N, K, h, w] twice to [N, h, w].
fn combine(activation: &Tensor, gradient: &Tensor, variant: Variant) -> Tensor {
    let weight = match variant {
        Variant::Plain => gradient.mean_dim([2, 3].as_slice(), true, Kind::Float),
        Variant::HiRes => gradient.shallow_clone(),
    };
    (weight * activation).sum_dim_intlist([1].as_slice(), false, Kind::Float).relu()
}
