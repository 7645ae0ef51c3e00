//! The logits of tumour, from what a network returns.

use anyhow::{Context as _, Result, bail};
use pcamflow::stages::NetworkOutput;
use tch::{Kind, Tensor};

/// A float32 probability is known to half of this near 1, so a logit beyond about 16.6 is not.
const CLOSEST: f64 = f32::EPSILON as f64 / 2.0;

/// The logits `[N]`, float32, of an output `[N]`, [N, 1] or [N, 2]. Gradients pass through.
///
/// # Errors
/// The output has another shape.
pub(super) fn logits(output: NetworkOutput, returned: &Tensor) -> Result<Tensor> {
    let wrong = || format!("the network returns {:?}", returned.size());
    let logits = match output {
        NetworkOutput::Logit => returned.f_reshape([-1]).with_context(wrong)?,
        NetworkOutput::Probability => {
            // ln(p / (1 - p)) in float64.
            let p = returned.f_reshape([-1]).with_context(wrong)?.to_kind(Kind::Double);
            p.clamp(CLOSEST, 1.0 - CLOSEST).f_logit(None)?
        }
        NetworkOutput::TwoLogits => match returned.size()[..] {
            [_, 2] => returned.f_select(1, 1)? - returned.f_select(1, 0)?,
            _ => bail!("the network returns {:?}, not two logits for each patch", returned.size()),
        },
    };
    Ok(logits.to_kind(Kind::Float))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(output: NetworkOutput, values: &[f64], shape: &[i64]) -> Vec<f32> {
        let returned = Tensor::from_slice(values).view(shape);
        Vec::try_from(logits(output, &returned).unwrap()).unwrap()
    }

    #[test]
    fn every_output_becomes_a_logit() {
        assert_eq!(of(NetworkOutput::Logit, &[1.5, -2.0], &[2, 1]), [1.5, -2.0]);
        assert_eq!(of(NetworkOutput::TwoLogits, &[1.0, 3.0, 2.0, -1.0], &[2, 2]), [2.0, -3.0]);
        let [half, quarter] = of(NetworkOutput::Probability, &[0.5, 0.25], &[2])[..] else { panic!() };
        assert!(half.abs() < 1e-7 && (quarter + 3f32.ln()).abs() < 1e-6, "{half} {quarter}");
    }

    #[test]
    fn a_saturated_probability_has_a_finite_logit() {
        let ends = of(NetworkOutput::Probability, &[0.0, 1.0], &[2]);
        assert!((ends[0] + 16.6).abs() < 0.1 && (ends[1] - 16.6).abs() < 0.1, "{ends:?}");
    }

    #[test]
    fn other_shapes_are_refused() {
        let returned = Tensor::zeros([2, 3], (Kind::Float, tch::Device::Cpu));
        assert!(logits(NetworkOutput::TwoLogits, &returned).is_err());
    }
}
