//! Which patches to make: the recipe, the plan of labels and slides that follows from it, and one patch.

use super::{
    canvas::SIDE,
    random::{Draw, Purpose},
    scene::{self, Request},
    stain::Stain,
};

/// What to make. The same recipe gives the same bytes on every machine and with any number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Number of patches, 1 to 10 million.
    pub patches: u32,
    /// Number of slides, each with a stain of its own; 1 to 100,000.
    pub slides: u32,
    /// Share of patches with tumour in the centre, 0..=1.
    pub positive_share: f64,
    /// Places outside the centre that get something resembling tumour, the same number for both classes;
    /// fewer where there is no room. At most 8.
    pub decoys: u32,
    /// How much the slides differ: 0 not at all, 1 as a mixed collection does, at most 3.
    pub stain_variation: f64,
    /// Share of patches of either class with tumour outside the centre too (instead of one decoy), 0..=1.
    pub tumor_outside: f64,
    /// Another seed, other patches.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            patches: 1200,
            slides: 12,
            positive_share: 0.5,
            decoys: 2,
            stain_variation: 1.0,
            tumor_outside: 0.1,
            seed: 42,
        }
    }
}

/// A value of a recipe that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("synthesize: {field} is {value}, but must be {allowed}")]
pub struct BadRecipe {
    /// The field of [`Recipe`].
    pub field: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}

/// One patch with its truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// [96, 96, 3] uint8: rows, columns, channels.
    pub rgb: Vec<u8>,
    /// [96, 96] uint8: 1 where a tumour cell lies, in the centre or outside.
    pub mask: Vec<u8>,
    /// 1 if and only if the mask touches the centre 32x32.
    pub label: u8,
    /// The slide that it comes from, 0-based.
    pub slide: u32,
}

impl Patch {
    /// True if tumour lies anywhere in the patch.
    #[must_use]
    pub fn has_tumor(&self) -> bool {
        self.mask.contains(&1)
    }
}

/// Label and slide of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    label: u8,
    slide: u32,
}

/// A recipe with its labels, slides and stains worked out: gives the patches, in any order.
#[derive(Debug)]
pub struct Dataset {
    recipe: Recipe,
    entries: Vec<Entry>,
    stains: Vec<Stain>,
}

impl Recipe {
    /// Works out labels and slides.
    ///
    /// # Errors
    /// A field outside its range.
    pub fn plan(self) -> Result<Dataset, BadRecipe> {
        self.check()?;
        let entries = entries(&self);
        let stain = |slide| Stain::of_slide(self.seed, slide, self.stain_variation as f32);
        let stains = (0..self.slides).map(stain).collect();
        Ok(Dataset { recipe: self, entries, stains })
    }

    fn check(&self) -> Result<(), BadRecipe> {
        let whole = |field, value: u32, allowed, good: bool| {
            if good { Ok(()) } else { Err(BadRecipe { field, value: value.to_string(), allowed }) }
        };
        let real = |field, value: f64, allowed, most: f64| {
            let good = (0.0..=most).contains(&value);
            if good { Ok(()) } else { Err(BadRecipe { field, value: value.to_string(), allowed }) }
        };
        whole("patches", self.patches, "between 1 and 10000000", (1..=10_000_000).contains(&self.patches))?;
        whole("slides", self.slides, "between 1 and 100000", (1..=100_000).contains(&self.slides))?;
        whole("decoys", self.decoys, "between 0 and 8", self.decoys <= 8)?;
        real("positive-share", self.positive_share, "between 0 and 1", 1.0)?;
        real("tumor-outside", self.tumor_outside, "between 0 and 1", 1.0)?;
        real("stain-variation", self.stain_variation, "between 0 and 3", 3.0)
    }

    /// How many patches are positive: the share, rounded.
    #[must_use]
    pub fn positives(&self) -> u32 {
        (f64::from(self.patches) * self.positive_share).round() as u32
    }
}

/// Both classes are dealt out to the slides like cards, so that every slide has its share of each (as far
/// as there are enough); then the order is shuffled.
fn entries(recipe: &Recipe) -> Vec<Entry> {
    let positives = recipe.positives();
    let deal = |label: u8, count: u32| (0..count).map(move |n| Entry { label, slide: n % recipe.slides });
    let mut entries: Vec<Entry> = deal(1, positives).chain(deal(0, recipe.patches - positives)).collect();
    Draw::new(recipe.seed, Purpose::Plan, 0).shuffle(&mut entries);
    entries
}

impl Dataset {
    /// The recipe that it follows.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Patch number `index`, `None` beyond the last. Costs about a millisecond.
    #[must_use]
    pub fn patch(&self, index: u32) -> Option<Patch> {
        let entry = *self.entries.get(index as usize)?;
        Some(self.patch_as(index, entry))
    }

    /// The patch as if its label and slide were these.
    fn patch_as(&self, index: u32, Entry { label, slide }: Entry) -> Patch {
        let (rgb, mask) = scene::render(&Request {
            seed: self.recipe.seed,
            index: index.into(),
            positive: label == 1,
            decoys: self.recipe.decoys,
            tumor_outside: self.recipe.tumor_outside as f32,
            stain: &self.stains[slide as usize],
        });
        debug_assert_eq!((rgb.len(), mask.len()), (SIDE * SIDE * 3, SIDE * SIDE));
        Patch { rgb, mask, label, slide }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_balanced_exactly_and_every_slide_has_both() {
        let recipe = Recipe { patches: 1001, slides: 7, positive_share: 0.3, ..Recipe::default() };
        let entries = entries(&recipe);
        assert_eq!(entries.iter().filter(|entry| entry.label == 1).count(), 300);
        for slide in 0..7 {
            let count = |label| entries.iter().filter(|e| e.slide == slide && e.label == label).count();
            assert!((42..=43).contains(&count(1)) && (100..=101).contains(&count(0)), "slide {slide}");
        }
        // Shuffled: the expected number of positives in the first 300 is 90, SD 7.
        let early = entries[..300].iter().filter(|entry| entry.label == 1).count();
        assert!((55..=125).contains(&early), "{early}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let refused = |recipe: Recipe| recipe.plan().unwrap_err().to_string();
        let base = Recipe::default;
        assert_eq!(
            refused(Recipe { positive_share: 1.5, ..base() }),
            "synthesize: positive-share is 1.5, but must be between 0 and 1"
        );
        assert!(refused(Recipe { patches: 0, ..base() }).contains("patches is 0"));
        assert!(refused(Recipe { slides: 0, ..base() }).contains("slides is 0"));
        assert!(refused(Recipe { decoys: 9, ..base() }).contains("decoys is 9"));
        assert!(refused(Recipe { tumor_outside: f64::NAN, ..base() }).contains("tumor-outside is NaN"));
        assert!(refused(Recipe { stain_variation: -1.0, ..base() }).contains("stain-variation is -1"));
    }

    #[test]
    fn beyond_the_last_patch_there_is_none() {
        let dataset = Recipe { patches: 3, ..Recipe::default() }.plan().unwrap();
        assert!(dataset.patch(2).is_some() && dataset.patch(3).is_none());
    }
}
