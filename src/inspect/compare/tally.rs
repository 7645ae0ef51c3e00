//! Collects the differences of two files: how many numbers differ and by how much, and other differences in words.

use std::collections::BTreeMap;

use serde::Serialize;

/// How two files compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Whether their bytes are the same.
    pub identical: bool,
    /// Their sizes in bytes: of the first, of the second.
    pub bytes: [u64; 2],
    /// The first byte that differs. The length of the shorter file if it is the beginning of the longer one.
    pub first_difference: Option<u64>,
    /// What is in them.
    pub nature: Nature,
    /// The tensors, datasets, columns or values that differ in their numbers, largest differences first.
    pub parts: Vec<Part>,
    /// Other differences in words: shapes, names, texts. The first of them.
    pub otherwise: Vec<String>,
    /// How many more of those there are.
    pub more: u64,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// Numbers in full precision: tables, JSON, tensors, arrays.
    Data,
    /// Pictures and texts for people, made from numbers in other artifacts. Only the bytes are compared.
    Picture,
    /// Bytes of no known format.
    #[default]
    Bytes,
}

/// The numbers of one tensor, dataset, column or value that differ.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// Its name (`conv1.weight`, `x`, `epochs[].train-loss`).
    pub name: String,
    /// How many numbers there are.
    pub elements: u64,
    /// How many of them differ.
    pub different: u64,
    /// The largest absolute difference. Infinite if only one of two numbers is NaN.
    pub absolute: f64,
    /// The largest difference relative to the larger number.
    pub relative: f64,
    /// The largest absolute value in the first file.
    pub scale: f64,
    /// Where the largest absolute difference is.
    pub at: String,
    /// The two values there.
    pub values: [f64; 2],
}

impl Part {
    /// The largest absolute difference in units of the largest value.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.absolute == 0.0 { 0.0 } else { self.absolute / self.scale }
    }

    /// Counts a pair of numbers. True if their difference is the largest so far.
    fn add(&mut self, old: f64, new: f64) -> bool {
        self.elements += 1;
        if old.is_finite() {
            self.scale = self.scale.max(old.abs());
        }
        #[allow(clippy::float_cmp, reason = "the question is whether they are the same")]
        if old == new || (old.is_nan() && new.is_nan()) {
            return false;
        }
        let difference = Some((old - new).abs()).filter(|one| !one.is_nan()).unwrap_or(f64::INFINITY);
        let relative = difference / old.abs().max(new.abs());
        self.relative = self.relative.max(if difference.is_finite() { relative } else { f64::INFINITY });
        self.different += 1;
        let largest = self.different == 1 || difference > self.absolute;
        if largest {
            (self.absolute, self.values) = (difference, [old, new]);
        }
        largest
    }
}

/// The most differences in words that are listed.
const LISTED: usize = 20;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    parts: BTreeMap<String, Part>,
    otherwise: Vec<String>,
    more: u64,
}

impl Findings {
    /// Compares two numbers of a part. NaN equals NaN.
    pub(super) fn number(&mut self, part: &str, old: f64, new: f64, at: impl FnOnce() -> String) {
        self.numbers(part, &[old], &[new], |_| at());
    }

    /// Compares numbers of a part, in order.
    pub(super) fn numbers(&mut self, name: &str, old: &[f64], new: &[f64], at: impl FnOnce(usize) -> String) {
        let part = self.parts.entry(name.to_owned()).or_default();
        let mut largest = None;
        for (place, (&old, &new)) in old.iter().zip(new).enumerate() {
            if part.add(old, new) {
                largest = Some(place);
            }
        }
        if let Some(place) = largest {
            part.at = at(place);
        }
    }

    /// Notes a difference in words.
    pub(super) fn otherwise(&mut self, what: impl FnOnce() -> String) {
        if self.otherwise.len() < LISTED {
            self.otherwise.push(what());
        } else {
            self.more += 1;
        }
    }

    /// Pairs the entries of two files by name. Notes names that only one of them has.
    pub(super) fn pairs<'a, T>(
        &mut self,
        old: &'a BTreeMap<String, T>,
        new: &'a BTreeMap<String, T>,
        in_words: impl Fn(&str) -> String,
    ) -> Vec<(&'a str, &'a T, &'a T)> {
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.otherwise(|| format!("{} is gone", in_words(name)));
        }
        for name in new.keys().filter(|name| !old.contains_key(*name)) {
            self.otherwise(|| format!("{} is new", in_words(name)));
        }
        old.iter().filter_map(|(name, old)| Some((name.as_str(), old, new.get(name)?))).collect()
    }

    /// Adds what was found in one file of a folder.
    pub(super) fn add_file(&mut self, name: &str, file: Comparison) {
        if let (Some(at), true, true) =
            (file.first_difference, file.parts.is_empty(), file.otherwise.is_empty())
        {
            self.otherwise(|| format!("`{name}` has other bytes from byte {at} on"));
        }
        file.otherwise.iter().for_each(|what| self.otherwise(|| format!("`{name}`: {what}")));
        self.more += file.more;
        self.parts.extend(file.parts.into_iter().map(|part| (format!("{name}: {}", part.name), part)));
    }

    /// Completes a comparison with what was found.
    pub(super) fn finish(self, compared: Comparison) -> Comparison {
        let differing = self.parts.into_iter().filter(|(_, part)| part.different > 0);
        let mut parts: Vec<Part> = differing.map(|(name, part)| Part { name, ..part }).collect();
        parts.sort_by(|a, b| b.share().total_cmp(&a.share()));
        Comparison { parts, otherwise: self.otherwise, more: self.more, ..compared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_difference_is_kept_with_its_place_and_values() {
        let mut findings = Findings::default();
        findings.numbers("w", &[1.0, 4.0, f64::NAN], &[1.0, 4.5, f64::NAN], |at| format!("[{at}]"));
        findings.numbers("w", &[-8.0, 0.1], &[-8.25, 0.2], |at| format!("[{}]", at + 3));
        let parts = findings.finish(Comparison::default()).parts;
        let part = &parts[0];
        assert_eq!((part.elements, part.different, part.at.as_str()), (5, 3, "[1]"));
        assert_eq!((part.absolute, part.relative, part.scale), (0.5, 0.5, 8.0));
        assert_eq!((part.values, part.share()), ([4.0, 4.5], 0.0625));
    }

    #[test]
    fn a_number_that_became_nan_differs_without_bound() {
        let mut findings = Findings::default();
        findings.number("a", 1.0, f64::NAN, || "here".to_owned());
        findings.number("b", 1.0, 1.0, String::new);
        let parts = findings.finish(Comparison::default()).parts;
        assert_eq!((parts.len(), parts[0].absolute), (1, f64::INFINITY));
    }

    #[test]
    fn many_other_differences_are_counted() {
        let mut findings = Findings::default();
        (0..25).for_each(|one| findings.otherwise(|| one.to_string()));
        let found = findings.finish(Comparison::default());
        assert_eq!((found.otherwise.len(), found.more), (20, 5));
    }
}
