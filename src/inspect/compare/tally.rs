//! Counts how many numbers differ, and remembers where they differ most.

use std::collections::BTreeMap;

use serde::Serialize;

/// How two files compare.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Whether their bytes are the same.
    pub identical: bool,
    /// Their sizes in bytes: of the first, of the second.
    pub bytes: [u64; 2],
    /// The place of the first byte in which they differ; the length of the shorter where that is all.
    pub first_difference: Option<u64>,
    /// What is in them.
    pub nature: Nature,
    /// The tensors, datasets, columns or values that differ in their numbers, those that differ most first.
    pub parts: Vec<Part>,
    /// What differs otherwise, in words: shapes, names, texts. The first of them.
    pub otherwise: Vec<String>,
    /// How many more of those there are.
    pub more: u64,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// Numbers in full precision: tables, JSON, tensors, arrays.
    Data,
    /// For people to look at, made from numbers in other artifacts: pictures, texts. Only the bytes are compared.
    Picture,
    /// Bytes of no known format.
    Bytes,
}

/// The numbers of one tensor, dataset, column or value that differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// What it is called (`conv1.weight`, `x`, `epochs[].train-loss`).
    pub name: String,
    /// How many numbers there are.
    pub elements: u64,
    /// How many of them differ.
    pub different: u64,
    /// The largest absolute difference; infinite where one of two is no number.
    pub absolute: f64,
    /// The largest difference relative to the larger of the two.
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
}

/// The most differences other than in numbers that are told one by one.
pub(super) const TOLD: usize = 20;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    parts: BTreeMap<String, Part>,
    otherwise: Vec<String>,
    more: u64,
}

impl Findings {
    /// Compares two numbers of a part. NaN is the same as NaN.
    pub(super) fn number(&mut self, part: &str, old: f64, new: f64, at: impl FnOnce() -> String) {
        self.numbers(part, &[old], &[new], |_| at());
    }

    /// Compares numbers of a part, in order.
    pub(super) fn numbers(&mut self, name: &str, old: &[f64], new: &[f64], at: impl FnOnce(usize) -> String) {
        if !self.parts.contains_key(name) {
            self.parts.insert(name.to_owned(), Part::new(name));
        }
        let Some(part) = self.parts.get_mut(name) else { return };
        let mut worst = None;
        for (place, (&old, &new)) in old.iter().zip(new).enumerate() {
            part.elements += 1;
            if old.is_finite() {
                part.scale = part.scale.max(old.abs());
            }
            #[allow(clippy::float_cmp, reason = "the question is whether they are the same")]
            if old == new || (old.is_nan() && new.is_nan()) {
                continue;
            }
            let difference = Some((old - new).abs()).filter(|one| !one.is_nan()).unwrap_or(f64::INFINITY);
            part.relative = part.relative.max(relative(difference, old, new));
            if part.different == 0 || difference > part.absolute {
                (part.absolute, part.values, worst) = (difference, [old, new], Some(place));
            }
            part.different += 1;
        }
        if let Some(place) = worst {
            part.at = at(place);
        }
    }

    /// Notes what differs otherwise.
    pub(super) fn otherwise(&mut self, what: impl FnOnce() -> String) {
        if self.otherwise.len() < TOLD {
            self.otherwise.push(what());
        } else {
            self.more += 1;
        }
    }

    /// The parts that differ, those first that differ most; what differs otherwise, and how much more of that.
    pub(super) fn finish(self) -> (Vec<Part>, Vec<String>, u64) {
        let mut parts: Vec<Part> = self.parts.into_values().filter(|part| part.different > 0).collect();
        parts.sort_by(|a, b| b.share().total_cmp(&a.share()));
        (parts, self.otherwise, self.more)
    }
}

impl Part {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            elements: 0,
            different: 0,
            absolute: 0.0,
            relative: 0.0,
            scale: 0.0,
            at: String::new(),
            values: [0.0; 2],
        }
    }
}

fn relative(difference: f64, old: f64, new: f64) -> f64 {
    if difference.is_finite() { difference / old.abs().max(new.abs()) } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_difference_is_kept_with_its_place_and_values() {
        let mut findings = Findings::default();
        findings.numbers("w", &[1.0, 4.0, f64::NAN], &[1.0, 4.5, f64::NAN], |at| format!("[{at}]"));
        findings.numbers("w", &[-8.0, 0.1], &[-8.25, 0.2], |at| format!("[{}]", at + 3));
        let (parts, ..) = findings.finish();
        let part = &parts[0];
        assert_eq!((part.elements, part.different, part.at.as_str()), (5, 3, "[1]"));
        assert_eq!((part.absolute, part.relative, part.scale), (0.5, 0.5, 8.0));
        assert_eq!((part.values, part.share()), ([4.0, 4.5], 0.0625));
    }

    #[test]
    fn a_number_that_became_none_differs_without_bound() {
        let mut findings = Findings::default();
        findings.number("a", 1.0, f64::NAN, || "here".to_owned());
        findings.number("b", 1.0, 1.0, String::new);
        let (parts, ..) = findings.finish();
        assert_eq!((parts.len(), parts[0].absolute), (1, f64::INFINITY));
    }

    #[test]
    fn many_other_differences_are_counted() {
        let mut findings = Findings::default();
        (0..25).for_each(|one| findings.otherwise(|| one.to_string()));
        let (_, told, more) = findings.finish();
        assert_eq!((told.len(), more), (20, 5));
    }
}
