//! The plan of a set: which label and which slide each patch has. Gives the patches in any order.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    recipe::{Patch, Purpose, Recipe},
    scene,
    stain::Stain,
};

/// A recipe with its labels, slides and stains worked out.
#[derive(Debug)]
pub(super) struct Dataset<'a> {
    recipe: &'a Recipe,
    /// Label and slide of each patch.
    entries: Vec<(u8, u32)>,
    stains: Vec<Stain>,
}

impl<'a> Dataset<'a> {
    pub(super) fn new(recipe: &'a Recipe) -> Self {
        let stains = (0..recipe.slides).map(|slide| Stain::of_slide(recipe, slide)).collect();
        Self { recipe, entries: entries(recipe), stains }
    }

    /// Makes some patches, in parallel.
    pub(super) fn patches(&self, indices: Range<u32>) -> Vec<Patch> {
        let patch = |index: u32| {
            let (label, slide) = self.entries[index as usize];
            let (rgb, mask) = scene::render(self.recipe, index, label == 1, &self.stains[slide as usize]);
            Patch { rgb, mask, label, slide }
        };
        indices.into_par_iter().map(patch).collect()
    }
}

/// Each class is spread evenly over the slides. Then the order is shuffled.
fn entries(recipe: &Recipe) -> Vec<(u8, u32)> {
    let positives = recipe.positives();
    let class = |label: u8, count: u32| (0..count).map(move |n| (label, n % recipe.slides));
    let mut entries: Vec<_> = class(1, positives).chain(class(0, recipe.patches - positives)).collect();
    recipe.stream(Purpose::Plan, 0).shuffle(&mut entries);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_balanced_exactly_and_every_slide_has_both() {
        let recipe = Recipe { patches: 1001, slides: 7, positive_share: 0.3, ..Recipe::default() };
        let entries = entries(&recipe);
        assert_eq!(entries.iter().filter(|(label, _)| *label == 1).count(), 300);
        for slide in 0..7 {
            let count = |label| entries.iter().filter(|entry| **entry == (label, slide)).count();
            assert!((42..=43).contains(&count(1)) && (100..=101).contains(&count(0)), "slide {slide}");
        }
        // Shuffled: the expected number of positives in the first 300 is 90, SD 7.
        let early = entries[..300].iter().filter(|(label, _)| *label == 1).count();
        assert!((55..=125).contains(&early), "{early}");
    }
}
