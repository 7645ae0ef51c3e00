//! From dye to colour: Beer-Lambert's law with the stain of one slide.
//!
//! Light through an amount a of a dye that absorbs s per channel leaves I0 exp(-a s). The two sets of s are those
//! of Ruifrok & Johnston (2001) and of warmer slides in the Camelyon set.

use super::{
    canvas::{Canvas, Dyes, pixels},
    math::{exp, mix},
    recipe::{Purpose, Recipe},
};
use crate::data::{PATCH_BYTES, draw::Draw};

/// Absorption of hematoxylin and eosin in red, green and blue.
const COOL: [[f32; 3]; 2] = [[0.62, 0.72, 0.29], [0.12, 0.97, 0.16]];
const WARM: [[f32; 3]; 2] = [[0.50, 0.71, 0.50], [0.15, 0.84, 0.52]];

/// The look of one slide.
#[derive(Debug)]
pub(super) struct Stain {
    absorption: [[f32; 3]; 2],
    /// Colour of the empty glass, 0..255.
    glass: [f32; 3],
}

impl Stain {
    pub(super) fn of_slide(recipe: &Recipe, slide: u32) -> Self {
        let mut draw = recipe.stream(Purpose::Slide, slide);
        let mut vary = |mean: f32, by: f32| mean + recipe.stain_variation as f32 * draw.between(-by, by);
        let warmth = vary(0.6, 0.5).clamp(-0.1, 1.1);
        let strength = [vary(1.0, 0.22).max(0.3), vary(0.95, 0.27).max(0.3)];
        let absorption = [0, 1].map(|dye| {
            let pure = [0, 1, 2].map(|c| mix(COOL[dye][c], WARM[dye][c], warmth));
            pure.map(|absorbed| strength[dye] * vary(absorbed, 0.04).max(0.01))
        });
        Self { absorption, glass: [245.0, 242.0, 246.0].map(|level| vary(level, 4.0).clamp(200.0, 254.0)) }
    }

    /// The colours of a section, [96, 96, 3]. The section is not equally thick, and the camera adds noise.
    pub(super) fn scan(&self, draw: &mut Draw, canvas: &Canvas) -> Vec<u8> {
        let mean = draw.between(0.9, 1.1);
        let mut rgb = Vec::with_capacity(PATCH_BYTES);
        for (pixel, &dyes) in pixels().zip(&canvas.dyes) {
            let colour = self.colour(dyes, mean + 0.1 * canvas.grain(pixel, 27.0));
            let noise = draw.between(-4.0, 4.0);
            rgb.extend(colour.map(|level| (level + noise + 0.5) as u8));
        }
        rgb
    }

    fn colour(&self, [hematoxylin, eosin]: Dyes, thickness: f32) -> [f32; 3] {
        let absorbed = |c: usize| hematoxylin * self.absorption[0][c] + eosin * self.absorption[1][c];
        [0, 1, 2].map(|c| self.glass[c] * exp(-thickness * absorbed(c)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beer_lambert_holds_for_one_dye() {
        let stain = Stain::of_slide(&Recipe::default(), 0);
        let [clear, once, twice] = [0.0, 0.7, 1.4].map(|amount| stain.colour([amount, 0.0], 1.0));
        for c in 0..3 {
            // Twice the dye squares the transmittance.
            assert!((twice[c] / clear[c] - (once[c] / clear[c]).powi(2)).abs() < 1e-4);
        }
    }

    #[test]
    fn slides_differ_only_as_far_as_the_variation_says() {
        let colours = |stain_variation| {
            let recipe = Recipe { stain_variation, ..Recipe::default() };
            [0, 1].map(|slide| Stain::of_slide(&recipe, slide).colour([1.5, 0.4], 1.0))
        };
        let [a, b] = colours(0.0);
        assert_eq!(a, b);
        let [a, b] = colours(1.0);
        assert!((0..3).any(|c| (a[c] - b[c]).abs() > 2.0), "{a:?} {b:?}");
    }
}
