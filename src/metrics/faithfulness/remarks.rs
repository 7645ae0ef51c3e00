//! What the numbers of a summary do not say themselves: what is undefined, and what to be careful with.

use super::{Comparison, Difference, Estimate, Image, Measure, MethodSummary, Protocol, Summary, Truth};
use crate::metrics::{Undefined, bootstrap::quantile};

/// Below so many units a percentile bootstrap is rough.
const FEW: u64 = 20;

/// Every null of a summary, with its reason; what follows from another null is not said again.
pub(super) fn undefined(summary: &Summary) -> Vec<Undefined> {
    let mut found = Found { items: Vec::new(), resampled: summary.bootstrap.resamples > 0 };
    found.groups(summary);
    for method in &summary.methods {
        found.method(method);
    }
    for difference in &summary.differences {
        found.difference(difference, &summary.methods);
    }
    found.items
}

struct Found {
    items: Vec<Undefined>,
    resampled: bool,
}

impl Found {
    fn add(&mut self, value: String, reason: impl Into<String>) {
        self.items.push(Undefined { value, reason: reason.into() });
    }

    /// Adds a number that is undefined because of `why`, or that has no interval.
    fn estimate(&mut self, estimate: &Estimate, name: &str, why: &str) {
        match (estimate.mean, estimate.interval) {
            (None, _) => self.add(name.to_owned(), why),
            (Some(_), None) if self.resampled => {
                let why = match estimate {
                    Estimate { images: 0 | 1, .. } => "one image has a value",
                    Estimate { slides: Some(1), .. } => "its images are of one slide",
                    _ => "nearly all resamples have the same mean",
                };
                self.add(format!("interval of {name}"), why);
            }
            _ => (),
        }
    }

    /// Groups are the same for all methods: small ones are named once.
    fn groups(&mut self, summary: &Summary) {
        for group in summary.methods.first().into_iter().flat_map(|method| &method.groups) {
            let name = group.group.name();
            match group.images {
                0 => self.add(format!("areas of {name}s"), "there is no such image"),
                1 => self.add(format!("intervals of {name}s"), "there is one such image"),
                _ => (),
            }
        }
    }

    fn method(&mut self, method: &MethodSummary) {
        let label = &method.label;
        for measure in Measure::ALL {
            let why = match measure {
                Measure::Deletion | Measure::Insertion => "no map has a curve",
                Measure::Energy(_) => "no map has positive mass",
                Measure::Pointing(_) | Measure::Rank(_) => "no map is finite",
            };
            if let Some(estimate) = measure.of(method) {
                self.estimate(estimate, &format!("{} of {label}", measure.name()), why);
            }
        }
        for group in method.groups.iter().filter(|group| group.images > 1) {
            let of = format!("of {label}, {}s", group.group.name());
            self.estimate(&group.deletion, &format!("deletion area {of}"), "no map has a curve");
            self.estimate(&group.insertion, &format!("insertion area {of}"), "no map has a curve");
        }
        if method.localisation.centre_box.is_none() {
            let why = "no positive image has a finite map";
            self.add(format!("localisation of {label} in the centre box"), why);
        }
    }

    fn difference(&mut self, difference: &Difference, methods: &[MethodSummary]) {
        let Difference { method, against, .. } = difference;
        let defined = |label: &str, measure: Measure| {
            let method = methods.iter().find(|method| method.label == label);
            method.and_then(|method| measure.of(method)).is_some_and(|it| it.interval.is_some())
        };
        for measure in Measure::ALL {
            let Some(estimate) = measure.of_difference(difference) else { continue };
            if defined(method, measure) && defined(against, measure) {
                let name = format!("{} of {method} minus {against}", measure.name());
                self.estimate(estimate, &name, "no image has a value of both");
            }
        }
    }
}

/// Warns of baselines that score as the explained class on most of the images that do so themselves: their
/// curves have little way to go.
pub(super) fn warnings(comparison: &Comparison) -> Vec<String> {
    let ends = [
        ("deletion", &comparison.deletion_baseline, "ends there, and cannot fall below it"),
        ("insertion", &comparison.insertion_baseline, "starts there, and has little left to rise"),
    ];
    ends.into_iter().filter_map(|(curve, name, why)| warning(comparison, curve, name, why)).collect()
}

fn warning(comparison: &Comparison, curve: &str, name: &str, why: &str) -> Option<String> {
    let threshold = comparison.settings.threshold;
    let baseline = comparison.baselines.iter().find(|baseline| baseline.name == name)?;
    let pairs = || comparison.images.iter().map(Image::score).zip(baseline.scores.iter().copied());
    let (some, mut scores): (_, Vec<f64>) = match pairs().any(|(own, _)| own > threshold) {
        true => {
            (" that do so themselves", pairs().filter(|pair| pair.0 > threshold).map(|pair| pair.1).collect())
        }
        false => ("", pairs().map(|pair| pair.1).collect()),
    };
    let (images, above) = (scores.len(), scores.iter().filter(|score| **score > threshold).count());
    scores.sort_unstable_by(f64::total_cmp);
    (2 * above >= images).then(|| {
        format!(
            "The baseline `{name}` already scores as the explained class (above {threshold}) for {above} of the \
             {images} images{some}, with a median of {:.2}. A curve of {curve} {why}: its area says little. \
             Choose another `{curve}-baseline`.",
            quantile(&scores, 0.5)
        )
    })
}

/// What was resampled, and why it matters.
pub(in crate::metrics) fn slides_note(slides: Option<u64>) -> String {
    match slides {
        None => {
            "The slides of the images are not known, so that images were resampled. Patches of one slide are \
                 correlated: with several patches a slide the intervals are too narrow."
                .to_owned()
        }
        Some(slides) => format!(
            "Patches of one slide are correlated: the {slides} slides were resampled, each with all its images."
        ),
    }
}

/// What a reader should know.
pub(super) fn notes(summary: &Summary) -> Vec<String> {
    let mut notes = vec![slides_note(summary.slides)];
    if summary.slides.unwrap_or(summary.images) < FEW {
        let units = if summary.slides.is_some() { "slides" } else { "images" };
        notes.push(format!("With fewer than {FEW} {units} the intervals are rough, mostly too narrow."));
    }
    notes.push(
        "A baseline is not neutral: its own score is what a deletion ends with and an insertion starts from."
            .to_owned(),
    );
    if summary.methods.iter().any(|method| Truth::CentreBox.of(method).is_some()) {
        notes.push(
            "The centre box is weak truth: the label says that it holds tumour, not that the rest of the patch \
             does not. A bias to the centre finds it without looking: see the control `centre`."
                .to_owned(),
        );
    }
    if summary.protocol == Protocol::Threshold {
        notes.push(
            "Protocol `threshold`: at one threshold maps show different numbers of pixels, so that these areas \
             say as much of the maps' values as of their order, and cannot be held against ranked ones."
                .to_owned(),
        );
    }
    notes
}
