//! Fingerprints as far as they are known, and which of them may turn out the same.
//!
//! Two stages can only have one key if they agree in everything but their inputs, and in every input that is
//! known of both. Knows lines; knows neither stages nor the store.

use std::collections::{BTreeMap, HashMap};

use crate::digest::Digest;

/// What stands for an input that is still to be made.
pub(in crate::engine) const OPEN: &str = "?";

/// A fingerprint as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Sketch {
    /// Everything but the contents of the inputs.
    shape: Digest,
    /// The inputs in the order of their slots; `None` where one is still to be made.
    inputs: Vec<Option<Digest>>,
}

impl Sketch {
    /// Of the lines of a fingerprint, in which [`OPEN`] stands for what is not known.
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

    /// Everything but the contents of the inputs.
    pub(in crate::engine) fn shape(&self) -> &Digest {
        &self.shape
    }

    /// Whether both may turn out the same.
    pub(in crate::engine) fn agrees(&self, other: &Self) -> bool {
        let alike = |(a, b): (&Option<Digest>, &Option<Digest>)| a.is_none() || b.is_none() || a == b;
        self.shape == other.shape && self.inputs.iter().zip(&other.inputs).all(alike)
    }
}

/// Many sketches, each with a tag, found by those that agree with them.
#[derive(Debug, Default)]
pub(in crate::engine) struct Kin<T>(HashMap<Digest, Family<T>>);

/// The sketches of one shape.
#[derive(Debug)]
struct Family<T> {
    all: Vec<(Sketch, T)>,
    /// By input and its content, who has that there.
    known: HashMap<(usize, Digest), Vec<usize>>,
    /// By input, of whom it is not known.
    open: HashMap<usize, Vec<usize>>,
}

impl<T: Copy> Kin<T> {
    /// One more.
    pub(in crate::engine) fn add(&mut self, sketch: Sketch, tag: T) {
        let family = self.0.entry(sketch.shape).or_insert_with(|| Family {
            all: Vec::new(),
            known: HashMap::new(),
            open: HashMap::new(),
        });
        let place = family.all.len();
        for (slot, input) in sketch.inputs.iter().enumerate() {
            match input {
                Some(digest) => family.known.entry((slot, *digest)).or_default().push(place),
                None => family.open.entry(slot).or_default().push(place),
            }
        }
        family.all.push((sketch, tag));
    }

    /// The first that may turn out the same as this one.
    pub(in crate::engine) fn of(&self, sketch: &Sketch) -> Option<T> {
        let Family { all, known, open } = self.0.get(&sketch.shape)?;
        // Of the inputs that are known the one that leaves the fewest to look at.
        let none = Vec::new();
        let by_input = sketch.inputs.iter().enumerate().filter_map(|(slot, input)| {
            let known = known.get(&(slot, (*input)?)).unwrap_or(&none);
            Some((known, open.get(&slot).unwrap_or(&none)))
        });
        let fewest = by_input.min_by_key(|(known, open)| known.len() + open.len());
        let agrees = |place: &&usize| all[**place].0.agrees(sketch);
        let place = match fewest {
            None => 0,
            Some((known, open)) => {
                *known.iter().find(agrees).into_iter().chain(open.iter().find(agrees)).min()?
            }
        };
        Some(all[place].1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of a shape, with inputs of these contents.
    fn sketch(shape: u8, inputs: &[Option<u8>]) -> Sketch {
        let text = |input: &Option<u8>| input.map_or(OPEN.to_owned(), |byte| Digest::of(&[byte]).hex());
        let inputs = inputs.iter().enumerate().map(|(slot, input)| (format!("input {slot}"), text(input)));
        let lines = std::iter::once(("parameter a".to_owned(), shape.to_string())).chain(inputs);
        Sketch::of(&lines.collect())
    }

    #[test]
    fn only_what_is_known_of_both_keeps_them_apart() {
        let two = |a, b| sketch(1, &[a, b]);
        assert!(two(Some(1), None).agrees(&two(None, Some(2))));
        assert!(two(Some(1), None).agrees(&two(Some(1), Some(2))));
        assert!(!two(Some(1), None).agrees(&two(Some(2), None)));
        assert!(!two(None, None).agrees(&sketch(2, &[None, None])), "another shape");
        assert!(!two(None, None).agrees(&sketch(1, &[None])), "other inputs");
    }

    proptest! {
        #[test]
        fn the_first_that_agrees_is_found(
            all in prop::collection::vec((0_u8..2, prop::collection::vec(prop::option::of(0_u8..3), 2)), 0..12),
            asked in (0_u8..2, prop::collection::vec(prop::option::of(0_u8..3), 2)),
        ) {
            let sketches: Vec<Sketch> = all.iter().map(|(shape, inputs)| sketch(*shape, inputs)).collect();
            let mut kin = Kin::default();
            for (place, sketch) in sketches.iter().enumerate() {
                kin.add(sketch.clone(), place);
            }
            let asked = sketch(asked.0, &asked.1);
            prop_assert_eq!(kin.of(&asked), sketches.iter().position(|sketch| sketch.agrees(&asked)));
        }
    }
}
