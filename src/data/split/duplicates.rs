//! Counts identical patches within the parts of a split and across them, by digests of their pixels.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Parts;

/// How many patches of a split are identical to another one, pixel for pixel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Duplicates {
    /// For each part, patches with an identical one before them in the same part.
    pub within: Parts<u64>,
    /// Validation patches that are also in the training part.
    pub validation_in_train: u64,
    /// Test patches that are also in the training part.
    pub test_in_train: u64,
    /// Test patches that are also in the validation part.
    pub test_in_validation: u64,
}

impl Duplicates {
    /// Counts above 0 across parts: how many patches, of which part, in which other part.
    pub fn across(&self) -> impl Iterator<Item = (u64, &'static str, &'static str)> {
        let [train, validation, test] = Parts::<u64>::NAMES;
        let all = [
            (self.validation_in_train, validation, train),
            (self.test_in_train, test, train),
            (self.test_in_validation, test, validation),
        ];
        all.into_iter().filter(|(count, ..)| *count > 0)
    }
}

/// What identifies a patch: the first half of the digest of its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity(u128);

impl Identity {
    pub(super) fn of(pixels: &[u8]) -> Self {
        let digest = blake3::hash(pixels);
        Self(digest.as_bytes().first_chunk().map_or(0, |half| u128::from_le_bytes(*half)))
    }
}

/// How often each patch occurs in each part.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<Identity, [u64; 3]>);

impl Seen {
    /// Adds a patch of a part.
    pub(super) fn add(&mut self, part: usize, patch: Identity) {
        self.0.entry(patch).or_default()[part] += 1;
    }

    /// Counts the duplicates.
    pub(super) fn count(&self) -> Duplicates {
        let mut found = Duplicates::default();
        for &[train, validation, test] in self.0.values() {
            found.within.train += train.saturating_sub(1);
            found.within.validation += validation.saturating_sub(1);
            found.within.test += test.saturating_sub(1);
            found.validation_in_train += if train > 0 { validation } else { 0 };
            found.test_in_train += if train > 0 { test } else { 0 };
            found.test_in_validation += if validation > 0 { test } else { 0 };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_counted_within_parts_and_across_them() {
        let mut seen = Seen::default();
        for (part, pixels) in [(0, "a"), (0, "a"), (0, "b"), (1, "a"), (1, "c"), (2, "a"), (2, "a"), (2, "c")]
        {
            seen.add(part, Identity::of(pixels.as_bytes()));
        }
        let within = Parts { train: 1, validation: 0, test: 1 };
        let wanted = Duplicates { within, validation_in_train: 1, test_in_train: 2, test_in_validation: 3 };
        assert_eq!(seen.count(), wanted);
        let found: Vec<_> = wanted.across().collect();
        assert_eq!(found[1], (2, "test", "train"));
        assert_eq!(Duplicates::default().across().count(), 0);
    }
}
