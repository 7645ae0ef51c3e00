//! How much a patch of each class counts in the training loss: `"balanced"`, or two numbers.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use crate::stages::{Canonical, Check, Lines};

/// The word for weights that follow from the labels.
const BALANCED: &str = "balanced";

/// The weight of each class, in the order of the labels.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    /// scikit-learn's: n / (2 n_c), with n training patches of which n_c are of the class. The mean
    /// weight of a training patch is 1.
    Balanced,
    /// As given, for the labels 0 and 1.
    Given([f64; 2]),
}

impl ClassWeights {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        match self {
            Self::Balanced => (),
            Self::Given(weights) => {
                let right = weights.iter().all(|weight| weight.is_finite() && *weight > 0.0);
                check.require(right, "class-weights", "`class-weights` must be numbers above 0");
            }
        }
    }
}

impl Canonical for ClassWeights {
    fn write(&self, path: &str, lines: &mut Lines) {
        match self {
            Self::Balanced => lines.put(path, BALANCED),
            Self::Given(weights) => weights.write(path, lines),
        }
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Balanced => BALANCED.serialize(serializer),
            Self::Given(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrNumbers)
    }
}

/// By hand: serde's own `untagged` forgets what was wrong.
struct WordOrNumbers;

impl<'de> Visitor<'de> for WordOrNumbers {
    type Value = ClassWeights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"balanced\", or two numbers such as [1.0, 2.0]")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<ClassWeights, E> {
        if word == BALANCED {
            Ok(ClassWeights::Balanced)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(word), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<ClassWeights, A::Error> {
        let mut found = Vec::new();
        while let Some(number) = numbers.next_element::<f64>()? {
            found.push(number);
        }
        let count = found.len();
        let weights = found.try_into().map_err(|_| A::Error::invalid_length(count, &self))?;
        Ok(ClassWeights::Given(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Table {
        weights: ClassWeights,
    }

    fn read(text: &str) -> Result<ClassWeights, String> {
        let table: Result<Table, _> = toml::from_str(&format!("weights = {text}"));
        table.map(|table| table.weights).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_word_and_two_numbers_are_understood_and_come_back() {
        assert_eq!(read("'balanced'"), Ok(ClassWeights::Balanced));
        assert_eq!(read("[1, 2.5]"), Ok(ClassWeights::Given([1.0, 2.5])));
        for weights in [ClassWeights::Balanced, ClassWeights::Given([0.1, 3.0])] {
            let json = serde_json::to_string(&weights).unwrap();
            assert_eq!(serde_json::from_str::<ClassWeights>(&json).unwrap(), weights);
        }
    }

    #[test]
    fn anything_else_is_told_what_is_due() {
        for text in ["'balance'", "[1.0]", "[1, 2, 3]", "2.0"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("\"balanced\", or two numbers such as [1.0, 2.0]"), "{text}: {error}");
        }
    }
}
