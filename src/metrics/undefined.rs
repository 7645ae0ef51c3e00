//! The undefined numbers of an evaluation, and why they are undefined.

use serde::{Deserialize, Serialize};

use super::ConfusionMatrix;

/// An undefined number. It is reported as 0 (scores) or null (areas).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undefined {
    /// Which number.
    pub value: String,
    /// Why it is undefined.
    pub reason: String,
}

impl Undefined {
    pub(super) fn new(value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { value: value.into(), reason: reason.into() }
    }

    /// What is undefined in an evaluation with this confusion matrix.
    #[must_use]
    pub fn of(matrix: &ConfusionMatrix, classes: &[String; 2]) -> Vec<Self> {
        let mut undefined = Vec::new();
        for (class, name) in classes.iter().enumerate() {
            let unpredicted = matrix.predicted(class) == 0;
            let absent = matrix.support(class) == 0;
            if unpredicted {
                undefined.push(Self::new(format!("precision of {name}"), "no image was given this class"));
            }
            if absent {
                undefined.push(Self::new(format!("recall of {name}"), "no image belongs to this class"));
            }
            if unpredicted && absent {
                let reason = "no image belongs to this class or was given it";
                undefined.push(Self::new(format!("F1 of {name}"), reason));
            }
        }
        let classes = [0, 1];
        let one_class = classes.iter().any(|&class| matrix.support(class) == 0);
        if one_class || classes.iter().any(|&class| matrix.predicted(class) == 0) {
            undefined.push(Self::new("MCC", "one class does not occur among the labels or the predictions"));
        }
        if one_class {
            let reason = "all images belong to one class";
            undefined.extend(["ROC AUC", "average precision"].map(|value| Self::new(value, reason)));
        }
        undefined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undefined(counts: [[u64; 2]; 2]) -> Vec<String> {
        let classes = ["healthy", "ill"].map(str::to_owned);
        Undefined::of(&ConfusionMatrix { counts }, &classes).into_iter().map(|it| it.value).collect()
    }

    #[test]
    fn an_ordinary_matrix_has_nothing_undefined() {
        assert!(undefined([[1, 1], [1, 1]]).is_empty());
        assert!(undefined([[3, 0], [0, 2]]).is_empty());
    }

    #[test]
    fn never_positive_leaves_a_precision_open() {
        assert_eq!(undefined([[3, 0], [2, 0]]), ["precision of ill", "MCC"]);
    }

    #[test]
    fn one_class_leaves_the_areas_open() {
        let both = ["recall of ill", "MCC", "ROC AUC", "average precision"];
        assert_eq!(undefined([[1, 2], [0, 0]]), both);
        assert_eq!(undefined([[3, 0], [0, 0]])[..3], ["precision of ill", "recall of ill", "F1 of ill"]);
    }
}
