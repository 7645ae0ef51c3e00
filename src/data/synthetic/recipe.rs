//! The recipe of a synthetic data set: its parameters, the labels and slides that follow, and single patches.
//!
//! Does not know files or how a patch is painted.

use anyhow::{Result, ensure};

use super::{
    canvas::SIDE,
    random::{Draw, Purpose},
    scene::{self, Request},
    stain::Stain,
};

/// The parameters. The same recipe gives the same bytes on every machine and with any number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Number of patches, 1 to 10 million.
    pub patches: u32,
    /// Number of slides, 1 to 100,000. Each has its own stain.
    pub slides: u32,
    /// Share of patches with tumour in the centre, 0..=1.
    pub positive_share: f64,
    /// Number of decoys outside the centre, 0 to 8. Decoys are benign structures that resemble tumour. Their
    /// number does not depend on the label. There are fewer if there is no room.
    pub decoys: u32,
    /// How much the slides differ, 0 to 3: 0 is not at all, 1 is like a mixed collection.
    pub stain_variation: f64,
    /// Share of patches of each class in which tumour replaces one decoy outside the centre, 0..=1.
    pub tumor_outside: f64,
    /// Seed of all random numbers.
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

/// One patch with its ground truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// [96, 96, 3] uint8: rows, columns, channels.
    pub rgb: Vec<u8>,
    /// [96, 96] uint8: 1 for tumour cells, in the centre or outside.
    pub mask: Vec<u8>,
    /// 1 if and only if the centre 32x32 of the mask contains tumour.
    pub label: u8,
    /// Number of the slide, counted from 0.
    pub slide: u32,
}

impl Patch {
    /// True if there is tumour anywhere in the patch.
    #[must_use]
    pub fn has_tumor(&self) -> bool {
        self.mask.contains(&1)
    }

    /// The name of the slide in `meta.csv`.
    #[must_use]
    pub fn slide_name(&self) -> String {
        format!("synthetic_slide_{:03}", self.slide)
    }
}

/// The label and slide of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    label: u8,
    slide: u32,
}

/// A recipe with the labels, slides and stains of its patches. Patches can be made in any order.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) recipe: Recipe,
    entries: Vec<Entry>,
    stains: Vec<Stain>,
}

impl Recipe {
    /// Assigns labels, slides and stains. Fails if a field is out of range.
    pub(super) fn plan(self) -> Result<Dataset> {
        self.check()?;
        let entries = entries(&self);
        let stain = |slide| Stain::of_slide(self.seed, slide, self.stain_variation as f32);
        let stains = (0..self.slides).map(stain).collect();
        Ok(Dataset { recipe: self, entries, stains })
    }

    fn check(&self) -> Result<()> {
        let whole = |field: &str, value: u32, allowed: &str, good: bool| {
            ensure!(good, "synthesize: {field} is {value}, but must be {allowed}");
            Ok(())
        };
        let real = |field: &str, value: f64, allowed: &str, most: f64| {
            let good = (0.0..=most).contains(&value);
            ensure!(good, "synthesize: {field} is {value}, but must be {allowed}");
            Ok(())
        };
        whole("patches", self.patches, "between 1 and 10000000", (1..=10_000_000).contains(&self.patches))?;
        whole("slides", self.slides, "between 1 and 100000", (1..=100_000).contains(&self.slides))?;
        whole("decoys", self.decoys, "between 0 and 8", self.decoys <= 8)?;
        real("positive-share", self.positive_share, "between 0 and 1", 1.0)?;
        real("tumor-outside", self.tumor_outside, "between 0 and 1", 1.0)?;
        real("stain-variation", self.stain_variation, "between 0 and 3", 3.0)
    }

    fn positives(&self) -> u32 {
        (f64::from(self.patches) * self.positive_share).round() as u32
    }
}

/// Distributes each class evenly over the slides, then shuffles the order.
fn entries(recipe: &Recipe) -> Vec<Entry> {
    let positives = recipe.positives();
    let deal = |label: u8, count: u32| (0..count).map(move |n| Entry { label, slide: n % recipe.slides });
    let mut entries: Vec<Entry> = deal(1, positives).chain(deal(0, recipe.patches - positives)).collect();
    Draw::new(recipe.seed, Purpose::Plan, 0).shuffle(&mut entries);
    entries
}

impl Dataset {
    /// Makes patch number `index` in about a millisecond. `None` if there is no such patch.
    pub(super) fn patch(&self, index: u32) -> Option<Patch> {
        let entry = *self.entries.get(index as usize)?;
        Some(self.patch_as(index, entry))
    }

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
    fn the_positive_share_is_exact_and_classes_are_spread_evenly_over_slides() {
        let recipe = Recipe { patches: 1001, slides: 7, positive_share: 0.3, ..Recipe::default() };
        let entries = entries(&recipe);
        assert_eq!(entries.iter().filter(|entry| entry.label == 1).count(), 300);
        for slide in 0..7 {
            let count = |label| entries.iter().filter(|e| e.slide == slide && e.label == label).count();
            assert!((42..=43).contains(&count(1)) && (100..=101).contains(&count(0)), "slide {slide}");
        }
        // After the shuffle, the expected number of positives in the first 300 is 90, SD 7.
        let early = entries[..300].iter().filter(|entry| entry.label == 1).count();
        assert!((55..=125).contains(&early), "{early}");
    }

    #[test]
    fn errors_name_the_field_that_is_out_of_range() {
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
    fn an_index_after_the_last_patch_gives_none() {
        let dataset = Recipe { patches: 3, ..Recipe::default() }.plan().unwrap();
        assert!(dataset.patch(2).is_some() && dataset.patch(3).is_none());
    }
}
