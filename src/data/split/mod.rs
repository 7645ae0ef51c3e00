//! Splits patches into three disjoint parts.
//!
//! The algorithms (`scikit_learn`, `stratified`, `grouped`) are pure: labels, sizes and a seed in, row numbers out.
//! `run` reads and writes the files, `copy` copies the pixels.

pub mod grouped;
pub mod scikit_learn;
pub mod stratified;

mod copy;
mod duplicates;
mod report;
mod run;
mod search;

pub use duplicates::Duplicates;
pub use report::{Algorithm, ClassCounts, GroupReport, PartReport, SplitReport};
pub use run::{GroupBy, SplitRequest, split};

use anyhow::{Result, ensure};

/// A value for each part of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Parts<T> {
    /// For training.
    pub train: T,
    /// For choosing the best epoch.
    pub validation: T,
    /// For measuring.
    pub test: T,
}

impl<T> Parts<T> {
    /// Names of the parts.
    pub const NAMES: [&'static str; 3] = ["train", "validation", "test"];

    /// The values in order.
    pub fn as_array(&self) -> [&T; 3] {
        [&self.train, &self.validation, &self.test]
    }

    /// From the values in order.
    pub fn from_array([train, validation, test]: [T; 3]) -> Self {
        Self { train, validation, test }
    }

    /// Names and values in order.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &T)> {
        Self::NAMES.into_iter().zip(self.as_array())
    }
}

impl Parts<u64> {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.train.saturating_add(self.validation).saturating_add(self.test)
    }
}

/// Refuses what no algorithm can do: empty parts, more rows than there are, a class without patches.
fn check(labels: &[u8], sizes: &Parts<u64>) -> Result<()> {
    for (name, &size) in sizes.named() {
        ensure!(size > 0, "sizes: {name} is 0: every part needs patches");
    }
    let (total, rows) = (sizes.total(), labels.len());
    ensure!(
        total <= rows as u64,
        "sizes: train {} + validation {} + test {} = {total} patches, but the file has {rows}",
        sizes.train,
        sizes.validation,
        sizes.test
    );
    for class in [0, 1] {
        ensure!(
            labels.contains(&class),
            "all {rows} labels are {}: a stratified split needs patches of both classes",
            1 - class
        );
    }
    Ok(())
}

/// How many labels are 1.
fn positives(labels: &[u8]) -> u64 {
    labels.iter().map(|&label| u64::from(label)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_sizes_are_refused() {
        let message = |labels: &[u8], sizes: [u64; 3]| {
            check(labels, &Parts::from_array(sizes)).unwrap_err().to_string()
        };
        let labels = [0, 1, 0, 1, 0, 1];
        assert_eq!(message(&labels, [4, 0, 1]), "sizes: validation is 0: every part needs patches");
        assert!(message(&labels, [5, 1, 1]).contains("= 7 patches, but the file has 6"));
        assert!(message(&labels, [u64::MAX, 1, 1]).contains("but the file has 6"));
        assert!(message(&[1; 6], [2, 2, 2]).contains("all 6 labels are 1"));
        assert!(check(&labels, &Parts::from_array([2, 2, 2])).is_ok());
    }
}
