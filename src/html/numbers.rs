//! The main numbers of stages in plain words with few digits. Numbers of unknown names keep them: they are of programs
//! of the user. Knows no measure's explanation.

use crate::{store::Number, ui::format};

/// The names of numbers in records and files, and in words.
const WORDS: [(&str, &str); 39] = [
    ("accuracy", "accuracy"),
    ("accuracy-at-chosen-threshold", "accuracy at the chosen threshold"),
    ("chosen-threshold", "chosen threshold"),
    ("roc-auc", "ROC AUC"),
    ("average-precision", "average precision"),
    ("log-loss", "log loss"),
    ("brier", "Brier score"),
    ("mcc", "Matthews correlation"),
    ("ece", "expected calibration error"),
    ("validation-accuracy", "validation accuracy"),
    ("validation-loss", "validation loss"),
    ("best-epoch", "best epoch"),
    ("epochs", "epochs"),
    ("deletion-auc", "deletion area"),
    ("deletion", "deletion area"),
    ("insertion-auc", "insertion area"),
    ("insertion", "insertion area"),
    ("energy", "energy"),
    ("rank", "rank"),
    ("pointing", "pointing"),
    ("chance", "chance"),
    ("centre-rank", "rank of a map of the centre"),
    ("centre-pointing", "pointing of a map of the centre"),
    ("centre-box-energy", "energy in the centre box"),
    ("centre-box-pointing", "pointing into the centre box"),
    ("centre-box-rank", "rank in the centre box"),
    ("mask-energy", "energy in the true mask"),
    ("mask-pointing", "pointing into the true mask"),
    ("mask-rank", "rank in the true mask"),
    ("largest-relative-delta", "largest relative completeness error"),
    ("spearman-first", "Spearman's correlation with one random layer"),
    ("spearman-all", "Spearman's correlation with all layers random"),
    ("rank-all", "rank with all layers random"),
    ("patches", "patches"),
    ("positives", "positives"),
    ("slides", "slides"),
    ("train", "training patches"),
    ("validation", "validation patches"),
    ("test", "test patches"),
];

/// A number's name in words: `grad-cam: insertion area` for `grad-cam/insertion`.
pub(super) fn words(name: &str) -> String {
    if let Some((of, name)) = name.rsplit_once('/') {
        return format!("{of}: {}", words(name));
    }
    WORDS.iter().find(|(known, _)| *known == name).map_or(name, |(_, words)| words).to_owned()
}

/// A number's value: shares of right answers in percent, as elsewhere on the page; others with three decimals, or with
/// two digits if they are small.
pub(super) fn value(number: &Number) -> String {
    let (name, value) = (number.name.as_str(), number.value);
    match value.abs() {
        _ if name.starts_with("accuracy") || name == "validation-accuracy" => super::layout::percent(value),
        size if !value.is_finite() || value.fract() == 0.0 || size >= 1000.0 => format::number(value),
        size if size < 0.001 => format!("{value:.1e}"),
        _ => format!("{value:.3}"),
    }
}

/// All numbers of a stage: `accuracy 95.3%, ROC AUC 0.996`.
pub(super) fn all(numbers: &[Number]) -> String {
    let one = |number: &Number| format!("{} {}", words(&number.name), value(number));
    numbers.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::terms;

    #[test]
    fn numbers_are_words_with_few_digits() {
        let numbers = [
            ("accuracy", 0.95333),
            ("roc-auc", 0.99561),
            ("grad-cam/insertion", 0.48123),
            ("largest-relative-delta", 0.000_123),
            ("patches", 2000.0),
            ("my_dice-score", 1234.5),
            ("brier", f64::NAN),
        ];
        let numbers = numbers.map(|(name, value)| Number { name: name.into(), value });
        assert_eq!(
            all(&numbers),
            "accuracy 95.3%, ROC AUC 0.996, grad-cam: insertion area 0.481, largest relative completeness error \
             1.2e-4, patches 2,000, my_dice-score 1,234, Brier score NaN"
        );
    }

    #[test]
    fn every_number_that_is_not_a_count_has_a_term() {
        let counts =
            ["best-epoch", "epochs", "patches", "positives", "slides", "train", "validation", "test"];
        let measures = WORDS.iter().filter(|(name, _)| !counts.contains(name));
        let without: Vec<_> = measures.filter(|(name, _)| terms::term(name).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
