//! Which of two values of a number is better.
//!
//! The number's name decides. For counts, thresholds and controls, no value is better.

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

/// Numbers that should be low: losses, calibration errors, deletion areas, how much of a map is left without the
/// weights, and time.
const LOWER: &str = "loss nll brier ece error errors deletion delta spearman seconds duration rmse mae mse";

/// Numbers that should be high.
const HIGHER: &str = "accuracy auc auroc precision recall sensitivity specificity f1 mcc kappa energy \
                      pointing insertion dice iou score r2 likelihood";

/// Numbers of chance and of controls, and values that were chosen.
const NEITHER: &str = "chance centre threshold epoch";

/// Which values of the number of that name are better; `None` if unknown.
/// The words before `at` decide: `accuracy-at-chosen-threshold` is an accuracy.
#[must_use]
pub fn better(name: &str) -> Option<Better> {
    let own = name.rsplit(['/', '.']).next().unwrap_or(name).to_ascii_lowercase();
    let words: Vec<&str> = own.split(['-', '_', ' ']).take_while(|word| *word != "at").collect();
    let any = |list: &str| list.split(' ').any(|known| words.contains(&known));
    match () {
        () if any(NEITHER) => None,
        () if any(LOWER) => Some(Better::Lower),
        () if any(HIGHER) || words == ["rank"] => Some(Better::Higher),
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
    fn every_number_of_the_stages_has_its_direction() {
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
