//! The measures in words: one sentence each, with range, direction and source. The report and `pcamflow explain` print
//! the same text.

/// One measure.
#[derive(Debug)]
pub struct Term {
    /// Its name in files: `deletion-auc`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it is.
    pub sentence: &'static str,
    /// Its range, and which end is good.
    pub range: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

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

/// Every measure.
pub const ALL: &[Term] = &[
    Term {
        name: "accuracy",
        title: "Accuracy",
        sentence: "The share of patches whose class is predicted correctly.",
        range: "0 to 1, high is good; compare it with the share of the larger class",
        source: "Interval by Wilson (1927), wider if slides are known",
    },
    Term {
        name: "roc-auc",
        title: "ROC AUC",
        sentence: "The probability that a positive patch has a higher score than a negative one; ties count half.",
        range: "0 to 1, 0.5 is chance, high is good",
        source: "Hanley and McNeil (1982)",
    },
    Term {
        name: "average-precision",
        title: "Average precision",
        sentence: "The area under the precision-recall curve, in steps.",
        range: "0 to 1, the share of positives is chance, high is good",
        source: "As in scikit-learn",
    },
    Term {
        name: "ece",
        title: "Expected calibration error",
        sentence: "The distance between predicted probability and observed share in 15 bins, weighted by their patches.",
        range: "0 to 1, low is good",
        source: "Naeini et al. (2015)",
    },
    Term {
        name: "deletion-auc",
        title: "Deletion area",
        sentence: "The area under the score as the pixels that a map ranks highest are removed.",
        range: "0 to 1, low is good",
        source: "Petsiuk et al. (2018), RISE",
    },
    Term {
        name: "insertion-auc",
        title: "Insertion area",
        sentence: "The area under the score as the pixels that a map ranks highest are added to a baseline.",
        range: "0 to 1, high is good",
        source: "Petsiuk et al. (2018), RISE",
    },
    Term {
        name: "centre-box-energy",
        title: "Energy in the centre box",
        sentence: "The share of a map's positive mass that lies in the centre box.",
        range: "0 to 1, 0.111 is chance, high is good",
        source: "Wang et al. (2020), Score-CAM",
    },
    Term {
        name: "centre-box-pointing",
        title: "Pointing into the centre box",
        sentence: "Whether the largest pixel of a map lies in the centre box.",
        range: "0 or 1, high is good",
        source: "Zhang et al. (2016)",
    },
    Term {
        name: "centre-box-rank",
        title: "Rank in the centre box",
        sentence: "Take as many of the largest pixels as the box has: the share of them that lies in the box.",
        range: "0 to 1, 0.111 is chance, high is good",
        source: "Arras et al. (2022), relevance rank accuracy",
    },
    Term {
        name: "mask-energy",
        title: "Energy in the true mask",
        sentence: "The share of a map's positive mass that lies in the true mask.",
        range: "0 to 1, the mask's share of the patch is chance, high is good",
        source: "Wang et al. (2020), Score-CAM",
    },
    Term {
        name: "mask-pointing",
        title: "Pointing into the true mask",
        sentence: "Whether the largest pixel of a map lies in the true mask.",
        range: "0 or 1, high is good",
        source: "Zhang et al. (2016)",
    },
    Term {
        name: "mask-rank",
        title: "Rank in the true mask",
        sentence: "Take as many of the largest pixels as the mask has: the share of them that lies in the mask.",
        range: "0 to 1, the mask's share of the patch is chance, high is good",
        source: "Arras et al. (2022), relevance rank accuracy",
    },
    Term {
        name: "spearman",
        title: "Spearman's correlation",
        sentence: "The correlation of the pixel ranks of two maps: here of the trained and the randomised model.",
        range: "-1 to 1, near 0 is good for the randomisation test",
        source: "Adebayo et al. (2018)",
    },
    Term {
        name: "delta",
        title: "Completeness error",
        sentence: "The sum of the attributions minus the difference of the scores of patch and baseline.",
        range: "Any number, near 0 is good",
        source: "Sundararajan et al. (2017), integrated gradients",
    },
];

/// The term of a measure.
#[must_use]
pub fn term(name: &str) -> Option<&'static Term> {
    ALL.iter().find(|term| term.name == name)
}

/// The title of a measure; its name if it has none.
pub(super) fn title(name: &str) -> &str {
    term(name).map_or(name, |term| term.title)
}

/// The sentence of a measure; nothing if it has none.
pub(super) fn sentence(name: &str) -> &'static str {
    term(name).map_or("", |term| term.sentence)
}
