//! The weight of each class in the training loss: `"balanced"`, or two numbers.

use serde::{Deserialize, Serialize};

use crate::stages::{Canonical, Check, Lines};

/// The weight of each class, in the order of the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "class weights are \"balanced\", or two numbers such as [1.0, 2.0]")]
pub enum ClassWeights {
    /// As in scikit-learn: n / (2 n_c), where n_c of the n training patches are of the class. The mean weight of a
    /// training patch is 1.
    #[serde(rename = "balanced")]
    Balanced,
    /// As given, for the labels 0 and 1.
    #[serde(untagged)]
    Given([f64; 2]),
}

impl ClassWeights {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        if let Self::Given(weights) = self {
            let right = weights.iter().all(|weight| weight.is_finite() && *weight > 0.0);
            check.require(right, "class-weights", "`class-weights` must be numbers above 0");
        }
    }
}

impl Canonical for ClassWeights {
    fn write(&self, path: &str, lines: &mut Lines) {
        match self {
            Self::Balanced => lines.put(path, "balanced"),
            Self::Given(weights) => weights.write(path, lines),
        }
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
    fn a_word_and_two_numbers_are_read_and_written() {
        assert_eq!(read("'balanced'"), Ok(ClassWeights::Balanced));
        assert_eq!(read("[1, 2.5]"), Ok(ClassWeights::Given([1.0, 2.5])));
        for weights in [ClassWeights::Balanced, ClassWeights::Given([0.1, 3.0])] {
            let json = serde_json::to_string(&weights).unwrap();
            assert_eq!(serde_json::from_str::<ClassWeights>(&json).unwrap(), weights);
        }
    }

    #[test]
    fn anything_else_is_an_error_that_lists_the_forms() {
        for text in ["'balance'", "[1.0]", "[1, 2, 3]", "2.0"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("\"balanced\", or two numbers such as [1.0, 2.0]"), "{text}: {error}");
        }
    }
}
