//! Decides with which numbers a stage computes: those of its precision, if the device has them.

use pcamflow::{cpu, serve::EnvironmentFault, stages::Precision};
use tch::{Device, Kind};

use crate::cuda;

/// The first generation of GPUs (their compute capability) with TF32 and bfloat16: NVIDIA Ampere.
const AMPERE: i32 = 8;

/// The kind of numbers of feature maps, and a warning if it is another than asked for. Sets whether a GPU uses TF32.
///
/// # Errors
/// An [`EnvironmentFault`] if the device lacks the precision and `fallback` is off.
pub(crate) fn resolve(
    precision: Precision,
    device: Device,
    fallback: bool,
) -> Result<(Kind, Option<String>), EnvironmentFault> {
    let lacking = lacking(precision, device);
    if let Device::Cuda(_) = device {
        cuda::allow_tf32(precision == Precision::Tf32 && lacking.is_none());
    }
    decide(precision, lacking, fallback)
}

fn decide(
    precision: Precision,
    lacking: Option<&str>,
    fallback: bool,
) -> Result<(Kind, Option<String>), EnvironmentFault> {
    let word = precision.word();
    match (lacking, precision) {
        (None, Precision::Bf16) => Ok((Kind::BFloat16, None)),
        (None, Precision::Float32 | Precision::Tf32) => Ok((Kind::Float, None)),
        (Some(why), _) if fallback => {
            Ok((Kind::Float, Some(format!("computed in float32 instead of {word}: {why}"))))
        }
        (Some(why), _) => Err(EnvironmentFault(format!(
            "`precision = \"{word}\"` cannot be used here: {why}; set `precision = \"float32\"`, or \
             `precision-fallback = true` in `[run]`, so that such a machine computes in float32"
        ))),
    }
}

/// Why a device lacks a precision.
fn lacking(precision: Precision, device: Device) -> Option<&'static str> {
    match (precision, device) {
        (Precision::Float32, _) => None,
        (Precision::Tf32 | Precision::Bf16, Device::Cuda(index)) => {
            (cuda::generation(index) < AMPERE).then_some("this GPU is older than NVIDIA Ampere")
        }
        (Precision::Tf32, _) => Some("only GPUs have TF32"),
        (Precision::Bf16, _) => {
            (!cpu::has_bf16()).then_some("this CPU has no instructions for bfloat16 (AVX-512 BF16 or AMX)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_computes_with_the_numbers_of_the_precision() {
        for (precision, kind) in [
            (Precision::Float32, Kind::Float),
            (Precision::Tf32, Kind::Float),
            (Precision::Bf16, Kind::BFloat16),
        ] {
            assert_eq!(decide(precision, None, false).unwrap(), (kind, None));
        }
        assert_eq!(resolve(Precision::Float32, Device::Cpu, false).unwrap(), (Kind::Float, None));
    }

    #[test]
    fn a_device_without_it_is_refused_or_computes_in_float32_as_chosen() {
        let error = resolve(Precision::Tf32, Device::Cpu, false).unwrap_err().to_string();
        assert!(
            error.starts_with("`precision = \"tf32\"` cannot be used here: only GPUs have TF32; set"),
            "{error}"
        );
        let (kind, warning) = decide(Precision::Bf16, Some("this CPU has none"), true).unwrap();
        assert_eq!(kind, Kind::Float);
        assert_eq!(warning.unwrap(), "computed in float32 instead of bf16: this CPU has none");
    }
}
