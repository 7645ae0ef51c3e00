//! The few functions that drawing needs, from additions and multiplications alone.
//!
//! IEEE 754 rounds those identically everywhere; a platform's own `expf` may differ in the last bit, and
//! then the same recipe would give other bytes, and another cache key downstream, on another machine.

/// e^x, within 2e-7 relative for |x| <= 80 (clamped beyond).
pub(super) fn exp(x: f32) -> f32 {
    const TERMS: [f32; 6] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    let x = x.clamp(-80.0, 80.0);
    // Shifted so that the conversion, which cuts off, rounds to the nearest whole power of two.
    let power = (x * std::f32::consts::LOG2_E + 256.5) as i32 - 256;
    let rest = x - power as f32 * std::f32::consts::LN_2;
    let series = TERMS.iter().fold(0.0, |sum, term| (sum + term) * rest) + 1.0;
    f32::from_bits(((power + 127) as u32) << 23) * series
}

/// 0 below 0, 1 above 1, a smooth step between.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A bump of height 1 at 0 that falls to 0 at 1; takes the squared distance.
pub(super) fn bump(squared: f32) -> f32 {
    let left = (1.0 - squared).max(0.0);
    left * left
}

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_double_precision_one() {
        for step in -800..=800 {
            let x = step as f32 * 0.1;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            // x itself carries half a unit in its last place (up to 4e-6 at 80), which exp amplifies
            // into a relative error; the series adds 2e-7.
            assert!(error < 2e-7 + f64::from(x.abs()) * 1.2e-7, "exp({x}): relative error {error:e}");
        }
    }

    #[test]
    fn steps_and_bumps_end_where_they_should() {
        assert_eq!((smooth(-1.0), smooth(0.5), smooth(2.0)), (0.0, 0.5, 1.0));
        assert_eq!((bump(0.0), bump(1.0), bump(4.0)), (1.0, 0.0, 0.0));
        assert_eq!(mix(2.0, 4.0, 0.25), 2.5);
    }
}
