//! The labelled patches that a stage reads, and which of them it takes.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use pcamflow::data::patch_set::PatchSet;

use crate::{
    batches::{self, Patches},
    job::Job,
    patches,
};

/// Labelled patches, open, and the chosen among them.
#[derive(Debug)]
pub(crate) struct Images {
    set: PatchSet,
    name: String,
    /// The chosen patches' positions in the file, in the order in which they are computed.
    pub(crate) positions: Vec<usize>,
}

impl Images {
    /// Opens the slot `images`, or `images.x` and `images.y`. With `take` only so many: the first of a
    /// part of a split, which is shuffled already; of a source pair, whose neighbours are alike, ones
    /// drawn by seed, in ascending order.
    ///
    /// # Errors
    /// What is wrong with the files; fewer patches than `take`.
    pub(crate) fn open(job: &Job<'_>, take: Option<u32>, seed: u64) -> Result<Self> {
        Self::open_slot(job, "images", take, seed)
    }

    /// The same of another slot.
    ///
    /// # Errors
    /// As `open`.
    pub(crate) fn open_slot(job: &Job<'_>, slot: &str, take: Option<u32>, seed: u64) -> Result<Self> {
        let part = job.task.inputs.contains_key(slot);
        let name = job.input(&if part { slot.to_owned() } else { format!("{slot}.x") })?.name.clone();
        let set = patches::open(job, slot)?;
        let positions = choose(set.len(), take, (!part).then_some(seed), &name)?;
        Ok(Self { set, name, positions })
    }

    /// Opens the same slots, and chooses the patches with these rows, in their order. `asker` has the rows.
    ///
    /// # Errors
    /// What is wrong with the files; a row that they do not have.
    pub(crate) fn of_rows(job: &Job<'_>, rows: &[i64], asker: &str) -> Result<Self> {
        let mut images = Self::open(job, None, 0)?;
        let places: HashMap<i64, usize> = images.set.rows().iter().copied().zip(0..).collect();
        let twice = images.set.len() - places.len();
        ensure!(
            twice == 0,
            "{}: {twice} rows occur more than once, so whose map is whose cannot be told",
            images.name
        );
        let place = |row: &i64| {
            let place = places.get(row).copied();
            place.with_context(|| format!("{asker} has row {row}, which {} has not", images.name))
        };
        images.positions = rows.iter().map(place).collect::<Result<_>>()?;
        Ok(images)
    }

    /// Notes in the log of a stage which patches it is about.
    pub(crate) fn note(&self, job: &Job<'_>) {
        let (chosen, all) = (self.positions.len(), self.set.len());
        let of = if chosen == all { String::new() } else { format!(" of the {all}") };
        job.reporter.info(&format!("{chosen}{of} patches of {}", self.name));
    }

    /// Warns of the chosen patches that show nothing, once they were read.
    pub(crate) fn warn_of_blank(&self, job: &Job<'_>) {
        patches::warn_of_blank(job, &self.name, &self.set, &self.positions);
    }

    /// What people call the patches.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The chosen patches' rows in the file that they were first in.
    pub(crate) fn chosen_rows(&self) -> Vec<i64> {
        self.rows_at(&self.positions)
    }

    /// The rows of positions, as `chosen_rows` has them.
    pub(crate) fn rows_at(&self, positions: &[usize]) -> Vec<i64> {
        positions.iter().map(|&at| self.set.rows()[at]).collect()
    }

    /// The chosen patches' labels.
    pub(crate) fn chosen_labels(&self) -> Vec<u8> {
        self.labels_at(&self.positions)
    }

    /// 0 or 1 per position.
    pub(crate) fn labels_at(&self, positions: &[usize]) -> Vec<u8> {
        positions.iter().map(|&at| self.set.labels()[at]).collect()
    }

    /// The row of a position, for messages.
    pub(crate) fn row(&self, position: usize) -> i64 {
        self.set.rows()[position]
    }

    /// The chosen patches' slides, where they are known: from the slot `meta`, or from their split.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub(crate) fn chosen_slides(&self, job: &Job<'_>) -> Result<Option<Vec<String>>> {
        patches::slides(job, &self.set, &self.positions)
    }

    /// The slide of a position, where that is known.
    pub(crate) fn slide(&self, position: usize) -> Option<&str> {
        let slides = self.set.slides()?;
        slides.names.get(usize::try_from(slides.codes[position]).ok()?).map(String::as_str)
    }

    /// The true mask of a patch, [96, 96], where there are masks.
    ///
    /// # Errors
    /// A damaged file.
    pub(crate) fn mask(&self, position: usize) -> Result<Option<Vec<u8>>> {
        if !self.set.has_masks() {
            return Ok(None);
        }
        let mut mask = vec![0; pcamflow::data::MASK_BYTES];
        self.set.read_masks(&[position], &mut mask)?;
        Ok(Some(mask))
    }

    /// Whether there are true masks.
    pub(crate) fn has_masks(&self) -> bool {
        self.set.has_masks()
    }
}

impl Patches for Images {
    fn labels(&self) -> &[u8] {
        self.set.labels()
    }

    fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
        self.set.read(positions, out)
    }
}

/// All, the first, or, with a seed, some drawn without replacement.
fn choose(length: usize, take: Option<u32>, draw: Option<u64>, name: &str) -> Result<Vec<usize>> {
    let Some(take) = take else { return Ok((0..length).collect()) };
    let take = usize::try_from(take)?;
    ensure!(
        take <= length,
        "`take` is {take}, but {name} has only {length} patches: take at most {length}, or leave `take` out"
    );
    let Some(seed) = draw else { return Ok((0..take).collect()) };
    // Epochs count from 1: no training has the order of epoch 0.
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
    fn more_than_there_are_is_an_error_that_names_both_numbers() {
        let error = choose(5, Some(6), None, "split.pcam/test").unwrap_err().to_string();
        assert!(error.starts_with("`take` is 6, but split.pcam/test has only 5 patches"), "{error}");
    }
}
