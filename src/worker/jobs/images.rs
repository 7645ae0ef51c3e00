//! The labelled patches that a stage reads, and which of them it takes.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    data::{maps::MapSet, patch_set::PatchSet},
    metrics::{Region, faithfulness::Truth},
    stages::CentreBox,
};

use crate::{batches, job::Job, patches};

/// An open set of labelled patches, and the chosen ones.
#[derive(Debug)]
pub(crate) struct Images {
    /// All patches of the files.
    pub(crate) set: PatchSet,
    /// The name of the patches in messages.
    pub(crate) name: String,
    /// The positions of the chosen patches, in the order of computation.
    pub(crate) positions: Vec<usize>,
    /// The side of the centre box that labels describe; `None` if they describe whole patches.
    pub(crate) centre_box: Option<usize>,
}

impl Images {
    /// Opens `slot`, or `slot.x` and `slot.y`. `take` limits the number of patches: from a part of a split,
    /// which is already shuffled, the first ones; from source files, whose neighbours are similar, patches
    /// drawn by `seed`.
    ///
    /// # Errors
    /// The files are invalid, or have fewer patches than `take`.
    pub(crate) fn open(job: &Job<'_>, slot: &str, take: Option<u32>, seed: u64) -> Result<Self> {
        let part = job.task.inputs.contains_key(slot);
        let name = job.input(&if part { slot.to_owned() } else { format!("{slot}.x") })?.name.clone();
        let set = patches::open(job, slot)?;
        let positions = choose(set.len(), take, (!part).then_some(seed), &name)?;
        Ok(Self { set, name, positions, centre_box: None })
    }

    /// The same, with the box that labels describe.
    ///
    /// # Errors
    /// The box is larger than the patches.
    pub(crate) fn with_box(mut self, centre_box: CentreBox) -> Result<Self> {
        let side = self.set.side();
        self.centre_box = centre_box.of(side);
        let length = self.centre_box.unwrap_or_default();
        ensure!(
            length <= side.get(),
            "`centre-box` is {length}, but the patches of {} have only {side} pixels",
            self.name
        );
        Ok(self)
    }

    /// Opens the slot `images` and chooses the patches of the first `count` maps, in the order of the maps.
    ///
    /// # Errors
    /// The files are invalid, or the maps are of other patches.
    pub(crate) fn of_maps(job: &Job<'_>, maps: &MapSet, count: usize) -> Result<Self> {
        let mut images = Self::open(job, "images", None, 0)?;
        let (source, name) = (maps.source(), &images.name);
        let places: HashMap<i64, usize> = images.set.rows().iter().copied().zip(0..).collect();
        let repeated = images.set.len() - places.len();
        ensure!(repeated == 0, "{name}: {repeated} rows occur more than once, so maps cannot be matched");
        let (side, there) = (maps.side(), images.set.side());
        ensure!(side == there, "{source} has maps of {side} pixels, but the patches of {name} have {there}");
        let place = |(&row, &label): (&i64, &u8)| {
            let missing = || format!("{source} has a map of row {row}, but {name} has no such row");
            let place = *places.get(&row).with_context(missing)?;
            let found = images.set.labels()[place];
            ensure!(found == label, "{source}: row {row} has the label {label}, but {found} in {name}");
            Ok(place)
        };
        images.positions =
            maps.rows().iter().zip(maps.labels()).take(count).map(place).collect::<Result<_>>()?;
        Ok(images)
    }

    /// Notes the number of patches in the log.
    pub(crate) fn note(&self, job: &Job<'_>) {
        let (chosen, all) = (self.positions.len(), self.set.len());
        let of = if chosen == all { String::new() } else { format!(" of the {all}") };
        job.reporter.info(&format!("{chosen}{of} patches of {}", self.name));
    }

    /// Warns of blank patches among the chosen ones. Call it after reading them.
    pub(crate) fn warn_of_blank(&self, job: &Job<'_>) {
        patches::warn_of_blank(job, &self.name, &self.set, &self.positions);
    }

    /// The rows of the chosen patches in their original file.
    pub(crate) fn rows(&self) -> Vec<i64> {
        self.positions.iter().map(|&at| self.set.rows()[at]).collect()
    }

    /// The labels of the chosen patches.
    pub(crate) fn labels(&self) -> Vec<u8> {
        self.positions.iter().map(|&at| self.set.labels()[at]).collect()
    }

    /// The slides of the chosen patches, if known: from the slot `meta`, or from the split.
    ///
    /// # Errors
    /// The table is invalid.
    pub(crate) fn slides(&self, job: &Job<'_>) -> Result<Option<Vec<String>>> {
        patches::slides(job, &self.set, &self.positions)
    }

    /// What tells where the evidence of a positive patch is: true masks, or else the centre box, if there is one.
    pub(crate) fn truth(&self) -> Option<Truth> {
        let centre_box = self.centre_box.map(|_| Truth::CentreBox);
        if self.set.has_masks() { Some(Truth::Mask) } else { centre_box }
    }

    /// The region in which the evidence of a positive patch is, by [`truth`](Self::truth); `None` if its mask is empty.
    ///
    /// # Errors
    /// The file is damaged.
    pub(crate) fn region(&self, position: usize) -> Result<Option<Region>> {
        match self.set.has_masks() {
            true => self.mask_region(position),
            false => Ok(self.box_region()),
        }
    }

    /// The centre box, if labels describe one.
    pub(crate) fn box_region(&self) -> Option<Region> {
        self.centre_box.map(|length| Region::centre(self.set.side(), length))
    }

    /// The true tumour of a patch, if it is known and not empty.
    ///
    /// # Errors
    /// The file is damaged.
    pub(crate) fn mask_region(&self, position: usize) -> Result<Option<Region>> {
        Ok(self.mask(position)?.and_then(|mask| Region::from_mask(&mask).ok()))
    }

    /// The true tumour of a patch, if it is known.
    ///
    /// # Errors
    /// The file is damaged.
    pub(crate) fn mask(&self, position: usize) -> Result<Option<Vec<u8>>> {
        if !self.set.has_masks() {
            return Ok(None);
        }
        let mut mask = vec![0; self.set.side().pixels()];
        self.set.read_masks(&[position], &mut mask)?;
        Ok(Some(mask))
    }
}

/// All positions, the first `take`, or, with a seed, `take` drawn without replacement.
fn choose(length: usize, take: Option<u32>, seed: Option<u64>, name: &str) -> Result<Vec<usize>> {
    let Some(take) = take else { return Ok((0..length).collect()) };
    let take = usize::try_from(take)?;
    ensure!(
        take <= length,
        "`take` is {take}, but {name} has only {length} patches: take at most {length}, or leave `take` out"
    );
    let Some(seed) = seed else { return Ok((0..take).collect()) };
    // Trainings count epochs from 1, so no training uses the order of epoch 0.
    let mut drawn = batches::shuffled(length, seed, 0);
    drawn.truncate(take);
    drawn.sort_unstable();
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_split_the_first_are_taken_and_of_a_pair_some_are_drawn() {
        assert_eq!(choose(5, None, Some(1), "t").unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(choose(5, Some(2), None, "t").unwrap(), [0, 1]);
        let drawn = choose(1000, Some(50), Some(1), "t").unwrap();
        assert_eq!(drawn.len(), 50);
        assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]), "{drawn:?}");
        assert!(drawn[49] > 500);
        assert_eq!(drawn, choose(1000, Some(50), Some(1), "t").unwrap());
        assert_ne!(drawn, choose(1000, Some(50), Some(2), "t").unwrap());
        assert_eq!(choose(5, Some(5), Some(9), "t").unwrap(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn taking_too_many_is_an_error_with_both_numbers() {
        let error = choose(5, Some(6), None, "split.pcam/test").unwrap_err().to_string();
        assert!(error.starts_with("`take` is 6, but split.pcam/test has only 5 patches"), "{error}");
    }
}
