//! Which of two values of a number is the better one.
//!
//! The number's name decides. For a count, a threshold or a control, neither value is better.

use serde::Serialize;

/// Which values of a number are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// The higher ones.
    Higher,
    /// The lower ones.
    Lower,
}

/// Numbers of which less is better: losses, calibration errors, what deleting the evidence leaves, how much of
/// a map survives when the model has forgotten all, and time.
const LOWER: [&str; 14] = [
    "loss", "nll", "brier", "ece", "error", "errors", "deletion", "delta", "spearman", "seconds", "duration",
    "rmse", "mae", "mse",
];

/// Numbers of which more is better.
const HIGHER: [&str; 18] = [
    "accuracy",
    "auc",
    "auroc",
    "precision",
    "recall",
    "sensitivity",
    "specificity",
    "f1",
    "mcc",
    "kappa",
    "energy",
    "pointing",
    "insertion",
    "dice",
    "iou",
    "score",
    "r2",
    "likelihood",
];

/// Numbers that say what chance or a control reaches, or where something was chosen.
const NEITHER: [&str; 4] = ["chance", "centre", "threshold", "epoch"];

/// Which values of the number of that name are better; `None` if unknown.
/// `accuracy-at-chosen-threshold` is an accuracy: what stands before `at` decides.
#[must_use]
pub fn better(name: &str) -> Option<Better> {
    let own = name.rsplit(['/', '.']).next().unwrap_or(name).to_ascii_lowercase();
    let words: Vec<&str> = own.split(['-', '_', ' ']).take_while(|word| *word != "at").collect();
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word));
    match () {
        () if any(&NEITHER) => None,
        () if any(&LOWER) => Some(Better::Lower),
        () if any(&HIGHER) || words == ["rank"] => Some(Better::Higher),
        () => None,
    }
}

impl Better {
    /// Whether one value is better than another.
    #[must_use]
    pub fn is_better(self, one: f64, other: f64) -> bool {
        match self {
            Self::Higher => one > other,
            Self::Lower => one < other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_that_stages_tell_has_its_direction() {
        use Better::{Higher, Lower};
        for (name, expected) in [
            ("accuracy", Some(Higher)),
            ("accuracy-at-chosen-threshold", Some(Higher)),
            ("chosen-threshold", None),
            ("roc-auc", Some(Higher)),
            ("average-precision", Some(Higher)),
            ("log-loss", Some(Lower)),
            ("brier", Some(Lower)),
            ("mcc", Some(Higher)),
            ("ece", Some(Lower)),
            ("grad-cam/insertion", Some(Higher)),
            ("grad-cam/deletion", Some(Lower)),
            ("loss/insertion", Some(Higher)),
            ("energy", Some(Higher)),
            ("rank", Some(Higher)),
            ("rank-all", None),
            ("pointing", Some(Higher)),
            ("chance", None),
            ("centre-rank", None),
            ("centre-pointing", None),
            ("validation-accuracy", Some(Higher)),
            ("validation-loss", Some(Lower)),
            ("best-epoch", None),
            ("epochs", None),
            ("spearman-all", Some(Lower)),
            ("largest-relative-delta", Some(Lower)),
            ("compute-seconds", Some(Lower)),
            ("patches", None),
        ] {
            assert_eq!(better(name), expected, "{name}");
        }
        assert!(Higher.is_better(2.0, 1.0) && Lower.is_better(1.0, 2.0) && !Lower.is_better(f64::NAN, 2.0));
    }
}
