//! The numbers of feature maps: float32 or bfloat16. Arithmetic is float32 in both cases.

use half::bf16;
use tch::Kind;

/// A number of a feature map.
pub(crate) trait Number: Copy + Send + Sync {
    const KIND: Kind;

    /// The same number as float32.
    fn wide(self) -> f32;

    /// The nearest number.
    fn nearest(value: f32) -> Self;
}

impl Number for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }

    #[inline(always)]
    fn nearest(value: f32) -> Self {
        value
    }
}

impl Number for bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn wide(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// Without a branch, so that loops are vectorised.
    #[inline(always)]
    fn nearest(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        // Rounding must not turn what is not a number into infinity.
        let quiet = bits >> 16 | 0x40;
        Self::from_bits(if value.is_nan() { quiet } else { rounded } as u16)
    }
}

/// Evaluates an expression with `$number` as the type of the numbers of a map.
macro_rules! with_number {
    ($map:expr, $number:ident => $computed:expr) => {
        match $map.kind() {
            ::tch::Kind::BFloat16 => {
                type $number = ::half::bf16;
                $computed
            }
            _ => {
                type $number = f32;
                $computed
            }
        }
    };
}

pub(crate) use with_number;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_is_rounded_as_the_library_does() {
        let bits = (0..u32::from(u16::MAX)).map(|high| high << 16);
        let values = bits.flat_map(|bits| [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| bits | low));
        for value in values.map(f32::from_bits) {
            let (own, wanted) = (<bf16 as Number>::nearest(value), bf16::from_f32(value));
            assert_eq!(own.to_bits(), wanted.to_bits(), "{value:e}");
            assert_eq!(own.wide().to_bits(), wanted.to_f32().to_bits(), "{value:e}");
        }
    }
}
