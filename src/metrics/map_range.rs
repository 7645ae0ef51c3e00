//! The kind of a map: most metrics and pictures mean nothing for a constant map.

/// The range of a map's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MapRange {
    /// Every pixel is 0 (or there are no pixels): the explainer found nothing.
    Zero,
    /// Every pixel has this value.
    Constant(f32),
    /// An ordinary map.
    Varied {
        /// Its smallest value.
        low: f32,
        /// Its largest value.
        high: f32,
    },
    /// This number of pixels are NaN or infinite.
    NotFinite(usize),
}

impl MapRange {
    /// Looks at every pixel.
    #[must_use]
    pub fn of(map: &[f32]) -> Self {
        let odd = map.iter().filter(|value| !value.is_finite()).count();
        if odd > 0 {
            return Self::NotFinite(odd);
        }
        let low = map.iter().copied().reduce(f32::min).unwrap_or(0.0);
        let high = map.iter().copied().reduce(f32::max).unwrap_or(0.0);
        match low == high {
            true if low == 0.0 => Self::Zero,
            true => Self::Constant(low),
            false => Self::Varied { low, high },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_maps_apart() {
        assert_eq!(MapRange::of(&[0.0, -0.0]), MapRange::Zero);
        assert_eq!(MapRange::of(&[]), MapRange::Zero);
        assert_eq!(MapRange::of(&[-2.0, -2.0]), MapRange::Constant(-2.0));
        assert_eq!(MapRange::of(&[-2.0, 1.0]), MapRange::Varied { low: -2.0, high: 1.0 });
        assert_eq!(MapRange::of(&[f32::NAN, 1.0, f32::INFINITY]), MapRange::NotFinite(2));
    }
}
