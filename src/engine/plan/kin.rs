//! Fingerprints as far as they are known, and which of them may turn out to be the same.
//!
//! Two stages can have the same key only if they agree in everything except their inputs, and in every input that
//! is known for both. Knows lines; knows neither stages nor the store.

use std::collections::{BTreeMap, HashMap};

use crate::digest::Digest;

/// The value of an input that does not exist yet.
pub(in crate::engine) const OPEN: &str = "?";

/// A fingerprint as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Sketch {
    /// Everything except the contents of the inputs.
    shape: Digest,
    /// The inputs in the order of their slots; `None` if one does not exist yet.
    inputs: Vec<Option<Digest>>,
}

impl Sketch {
    /// From the lines of a fingerprint, in which [`OPEN`] is the value of what is not known.
    pub(in crate::engine) fn of(lines: &BTreeMap<String, String>) -> Self {
        let (mut shape, mut inputs) = (String::new(), Vec::new());
        for (path, value) in lines {
            shape.push_str(path);
            if path.starts_with("input ") {
                inputs.push(value.parse().ok());
            } else {
                shape.push_str(" = ");
                shape.push_str(value);
            }
            shape.push('\n');
        }
        Self { shape: Digest::of(shape.as_bytes()), inputs }
    }

    /// Everything except the contents of the inputs.
    pub(in crate::engine) fn shape(&self) -> &Digest {
        &self.shape
    }

    /// Whether both may turn out to be the same.
    pub(in crate::engine) fn agrees(&self, other: &Self) -> bool {
        let alike = |(a, b): (&Option<Digest>, &Option<Digest>)| a.is_none() || b.is_none() || a == b;
        self.shape == other.shape && self.inputs.iter().zip(&other.inputs).all(alike)
    }
}

/// Sketches, each with a tag, by their shapes.
#[derive(Debug, Default)]
pub(in crate::engine) struct Kin<T>(HashMap<Digest, Vec<(Sketch, T)>>);

impl<T: Copy> Kin<T> {
    pub(in crate::engine) fn add(&mut self, sketch: Sketch, tag: T) {
        self.0.entry(sketch.shape).or_default().push((sketch, tag));
    }

    /// The first one that may turn out to be the same as this one.
    pub(in crate::engine) fn of(&self, sketch: &Sketch) -> Option<T> {
        let mut kin = self.0.get(&sketch.shape)?.iter();
        kin.find(|(other, _)| other.agrees(sketch)).map(|(_, tag)| *tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a shape, with inputs of these contents.
    fn sketch(shape: u8, inputs: &[Option<u8>]) -> Sketch {
        let text = |input: &Option<u8>| input.map_or(OPEN.to_owned(), |byte| Digest::of(&[byte]).hex());
        let inputs = inputs.iter().enumerate().map(|(slot, input)| (format!("input {slot}"), text(input)));
        let lines = std::iter::once(("parameter a".to_owned(), shape.to_string())).chain(inputs);
        Sketch::of(&lines.collect())
    }

    #[test]
    fn sketches_agree_unless_something_known_of_both_differs() {
        let two = |a, b| sketch(1, &[a, b]);
        assert!(two(Some(1), None).agrees(&two(None, Some(2))));
        assert!(two(Some(1), None).agrees(&two(Some(1), Some(2))));
        assert!(!two(Some(1), None).agrees(&two(Some(2), None)));
        assert!(!two(None, None).agrees(&sketch(2, &[None, None])), "another shape");
        assert!(!two(None, None).agrees(&sketch(1, &[None])), "other inputs");
    }

    #[test]
    fn the_first_that_agrees_is_found() {
        let mut kin = Kin::default();
        for (place, input) in [Some(1), Some(2), None].into_iter().enumerate() {
            kin.add(sketch(1, &[input]), place);
        }
        let found = [Some(2), Some(3), None].map(|input| kin.of(&sketch(1, &[input])));
        assert_eq!(found, [Some(1), Some(2), Some(0)]);
        assert_eq!(kin.of(&sketch(2, &[None])), None);
    }
}
