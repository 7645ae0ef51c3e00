//! Converts dye to colour by the Beer-Lambert law, with the stain of one slide. Does not know tissue.
//!
//! With an amount a of a dye with the unit vector s, the intensity in each channel is I0 exp(-a s). The
//! vectors are between those of Ruifrok & Johnston (2001) and those of the warmer, browner slides of
//! Camelyon, which were estimated from official patches by the method of Macenko.

use super::{
    canvas::Dye,
    math::{exp, mix, smooth},
    random::{Draw, Purpose},
};

const COOL: Vectors = Vectors { hematoxylin: [0.62, 0.72, 0.29], eosin: [0.12, 0.97, 0.16] };
const WARM: Vectors = Vectors { hematoxylin: [0.50, 0.71, 0.50], eosin: [0.15, 0.84, 0.52] };

/// Unit vectors of the dyes: the relative optical density in red, green and blue.
struct Vectors {
    hematoxylin: [f32; 3],
    eosin: [f32; 3],
}

/// The appearance of one slide.
#[derive(Clone, Debug)]
pub(super) struct Stain {
    /// Absorption per amount of hematoxylin: the unit vector times the strength of the stain.
    hematoxylin: [f32; 3],
    /// Absorption per amount of eosin.
    eosin: [f32; 3],
    /// Colour of empty glass, 0..255.
    glass: [f32; 3],
    /// SD of the optical blur in pixels.
    pub(super) blur: f32,
    /// Strength of the sharpening by the scanner. 0 is none.
    pub(super) sharpening: f32,
    /// SD of the sensor noise in grey levels.
    pub(super) noise: f32,
}

impl Stain {
    /// The stain of slide number `slide`. With a `variation` of 0, all slides look the same. 1 is like a
    /// mixed collection.
    pub(super) fn of_slide(seed: u64, slide: u32, variation: f32) -> Self {
        let mut draw = Draw::new(seed, Purpose::Slide, slide.into());
        // Most slides are near one of the two ends, more of them near the warm end.
        let warmth = (0.6 + (smooth(draw.unit() + 0.1) - 0.6) * variation).clamp(-0.1, 1.1);
        let mut spread = |mean: f32, sd: f32| draw.around(mean, sd * variation);
        let lamp = spread(0.0, 3.0);
        let (strong, pink) = (spread(1.0, 0.13).max(0.3), spread(0.95, 0.16).max(0.3));
        Self {
            hematoxylin: vector(COOL.hematoxylin, WARM.hematoxylin, warmth, || spread(0.0, 0.025))
                .map(|v| v * strong),
            eosin: vector(COOL.eosin, WARM.eosin, warmth, || spread(0.0, 0.02)).map(|v| v * pink),
            glass: [245.0, 242.0, 246.0].map(|level| (level + spread(lamp, 1.5)).clamp(200.0, 254.0)),
            blur: spread(0.45, 0.06).max(0.3),
            sharpening: spread(0.5, 0.15).max(0.0),
            noise: spread(2.0, 0.6).max(0.5),
        }
    }

    /// The colour of a pixel, 0..255 per channel. `thickness` is the relative thickness of the section.
    pub(super) fn colour(&self, dye: Dye, thickness: f32) -> [f32; 3] {
        let absorbed = |c: usize| dye.hematoxylin * self.hematoxylin[c] + dye.eosin * self.eosin[c];
        [0, 1, 2].map(|c| self.glass[c] * exp(-absorbed(c) * thickness))
    }
}

/// Interpolates between two unit vectors and adds `jitter` to each component.
fn vector(cool: [f32; 3], warm: [f32; 3], warmth: f32, mut jitter: impl FnMut() -> f32) -> [f32; 3] {
    let raw = [0, 1, 2].map(|c| (mix(cool[c], warm[c], warmth) + jitter()).max(0.01));
    let length = raw.iter().map(|v| v * v).sum::<f32>().sqrt();
    raw.map(|v| v / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beer_lambert_holds_for_one_dye() {
        let stain = Stain::of_slide(1, 0, 0.0);
        let clear = stain.colour(Dye::default(), 1.0);
        let once = stain.colour(Dye::new(0.7, 0.0), 1.0);
        let twice = stain.colour(Dye::new(1.4, 0.0), 1.0);
        for c in 0..3 {
            // Twice the dye squares the transmittance. The tolerance is for rounding.
            assert!((twice[c] / clear[c] - (once[c] / clear[c]).powi(2)).abs() < 1e-5);
        }
    }

    #[test]
    fn slides_differ_only_with_variation() {
        let dye = Dye::new(1.5, 0.4);
        let colours = |variation| [0, 1].map(|slide| Stain::of_slide(3, slide, variation).colour(dye, 1.0));
        let [a, b] = colours(0.0);
        assert_eq!(a, b);
        let [a, b] = colours(1.0);
        assert!((0..3).any(|c| (a[c] - b[c]).abs() > 2.0), "{a:?} {b:?}");
    }
}
