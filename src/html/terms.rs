//! The measures in words: one sentence each, with range, direction and source. The report and `pcamflow explain` print
//! the same text. Also how to read the sections. Knows no results.

mod classifier;
mod explanations;
mod term;

pub use term::Term;

/// How to read the curves, and what they do not show.
pub const CURVES: &str = "Deletion removes the pixels that a map ranks highest first: if the model's score falls at once, the area is \
    small and the map has found what the model uses. Insertion adds the same pixels to the baseline: a large area is good. Compare \
    methods with the controls, not with 0 or 1. The curves do not show whether the model is right, nor whether a pathologist would \
    look at the same place; and an image with removed pixels is unlike any that the model has seen.";
/// How to read the localisation, and what it does not show.
pub const LOCALISATION: &str = "Localisation asks whether the maps of positive patches lie where the tumour is. Chance is what random maps \
    reach. The label is about the centre box alone, but tumour may be elsewhere too, so the box is a weak reference. A map can be \
    faithful to the model and still miss the tumour, if the model looks elsewhere.";
/// How to read the randomisation test, and what it does not show.
pub const SANITY: &str = "Layers of the network get random weights, from the output down. If the maps stay similar, the method shows the \
    image rather than what the model has learnt. A low similarity does not prove that maps are right.";

/// Every measure, by what is measured.
pub const GROUPS: [(&str, &[Term]); 2] =
    [("The classifier", classifier::TERMS), ("The explanations", explanations::TERMS)];

/// Every measure.
pub fn all() -> impl Iterator<Item = &'static Term> + Clone {
    GROUPS.into_iter().flat_map(|(_, terms)| terms)
}

/// The term of a measure, by its name in any file.
#[must_use]
pub fn term(name: &str) -> Option<&'static Term> {
    all().find(|term| term.name == name || term.also.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{html::fixture, metrics::faithfulness::ImageScores};

    #[test]
    fn every_name_is_there_once() {
        let mut names: Vec<&str> =
            all().flat_map(|term| term.also.iter().copied().chain([term.name])).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn sentences_have_a_full_stop_and_parts_of_sentences_have_none() {
        for term in all() {
            assert!(term.sentence.ends_with('.'), "{}", term.name);
            assert!(!term.range.ends_with('.') && !term.source.ends_with('.'), "{}", term.name);
        }
    }

    /// The names of all numbers of a JSON object but counts, settings, and what the model was given and said.
    fn numbers(json: &serde_json::Value) -> Vec<String> {
        let others = [
            "images",
            "slides",
            "threshold",
            "support",
            "row",
            "label",
            "explained",
            "predicted",
            "probability",
        ];
        let object = json.as_object().unwrap();
        let is_number = |it: &serde_json::Value| it.is_number();
        let named =
            object.iter().filter(|(name, value)| is_number(value) && !others.contains(&name.as_str()));
        named.map(|(name, _)| name.clone()).collect()
    }

    #[test]
    fn every_number_of_an_evaluation_and_of_an_explained_image_has_a_term() {
        let evaluation = serde_json::to_value(fixture::evaluated().numbers).unwrap();
        let class = evaluation["per-class"][0].clone();
        let line: ImageScores = fixture::image_scores();
        let line = serde_json::to_value(line).unwrap();
        let all: Vec<String> = [&evaluation, &class, &line].into_iter().flat_map(numbers).collect();
        for name in ["accuracy", "brier", "f1", "precision", "deletion-auc", "mask-rank"] {
            assert!(all.iter().any(|it| it == name), "{name} is not in {all:?}");
        }
        let without: Vec<&String> = all.iter().filter(|name| term(name).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
