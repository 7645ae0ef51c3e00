//! What a summary's numbers do not show themselves: what is undefined, and what to be careful with.

use super::{Comparison, Difference, Estimate, Image, Measure, MethodSummary, Protocol, Summary, Truth};
use crate::metrics::{Undefined, bootstrap::quantile};

/// With fewer units a percentile bootstrap is rough.
const FEW: u64 = 20;

/// Every null of a summary, with its reason, unless it follows from another null.
/// `centre_box` says whether maps are compared with one.
pub(super) fn undefined(summary: &Summary, centre_box: bool) -> Vec<Undefined> {
    // Groups are the same for all methods, so small ones are named once.
    let groups = summary.methods.first().into_iter().flat_map(|method| &method.groups);
    let small = groups.filter_map(|group| {
        let name = group.group.name();
        match group.images {
            0 => Some(Undefined::new(format!("areas of {name}s"), "there is no such image")),
            1 => Some(Undefined::new(format!("intervals of {name}s"), "there is one such image")),
            _ => None,
        }
    });
    let resampled = summary.bootstrap.resamples > 0;
    let mut all: Vec<Undefined> = small.collect();
    for method in &summary.methods {
        of_method(method, resampled, &mut all);
        if centre_box && method.localisation.centre_box.is_none() {
            let name = format!("localisation of {} in the centre box", method.label);
            all.push(Undefined::new(name, "no positive image has a finite map"));
        }
    }
    for difference in &summary.differences {
        all.extend(of_difference(difference, &summary.methods, resampled));
    }
    all
}

/// An estimate that is undefined because of `why`, or that has no interval.
fn lacking(estimate: &Estimate, name: String, why: &str, resampled: bool) -> Option<Undefined> {
    if estimate.mean.is_none() {
        return Some(Undefined::new(name, why));
    }
    let why = match estimate {
        Estimate { images: 0 | 1, .. } => "one image has a value",
        Estimate { slides: Some(1), .. } => "its images are of one slide",
        _ => "nearly all resamples have the same mean",
    };
    let missing = resampled && estimate.interval.is_none();
    missing.then(|| Undefined::new(format!("interval of {name}"), why))
}

fn of_method(method: &MethodSummary, resampled: bool, all: &mut Vec<Undefined>) {
    let label = &method.label;
    for measure in Measure::ALL {
        let why = match measure {
            Measure::Deletion | Measure::Insertion => "no map has a curve",
            Measure::Energy(_) => "no map has positive mass",
            Measure::Pointing(_) | Measure::Rank(_) => "no map is finite",
        };
        let name = format!("{} of {label}", measure.name());
        all.extend(measure.of(method).and_then(|it| lacking(it, name, why, resampled)));
    }
    for group in method.groups.iter().filter(|group| group.images > 1) {
        for (area, estimate) in [("deletion", &group.deletion), ("insertion", &group.insertion)] {
            let name = format!("{area} area of {label}, {}s", group.group.name());
            all.extend(lacking(estimate, name, "no map has a curve", resampled));
        }
    }
}

fn of_difference(difference: &Difference, methods: &[MethodSummary], resampled: bool) -> Vec<Undefined> {
    let Difference { method, against, .. } = difference;
    let defined = |label: &str, measure: Measure| {
        let method = methods.iter().find(|method| method.label == label);
        method.and_then(|method| measure.of(method)).is_some_and(|it| it.interval.is_some())
    };
    let both = |measure: &Measure| defined(method, *measure) && defined(against, *measure);
    let lacking = |measure: Measure| {
        let name = format!("{} of {method} minus {against}", measure.name());
        lacking(measure.of_difference(difference)?, name, "no image has a value of both", resampled)
    };
    Measure::ALL.into_iter().filter(both).filter_map(lacking).collect()
}

/// Warns about baselines that score as the explained class for most of the images that do so themselves: their
/// curves cannot fall or rise much.
pub(super) fn warnings(comparison: &Comparison) -> Vec<String> {
    let ends = [
        ("deletion", &comparison.deletion_baseline, "ends there"),
        ("insertion", &comparison.insertion_baseline, "starts there, and can hardly rise"),
    ];
    ends.into_iter().filter_map(|(curve, name, why)| warning(comparison, curve, name, why)).collect()
}

fn warning(comparison: &Comparison, curve: &str, name: &str, why: &str) -> Option<String> {
    let threshold = comparison.settings.threshold;
    let baseline = comparison.baselines.iter().find(|baseline| baseline.name == name)?;
    let any = comparison.images.iter().any(|image| image.score() > threshold);
    let some = if any { " that the model assigns to it" } else { "" };
    let pairs = comparison.images.iter().map(Image::score).zip(baseline.scores.iter().copied());
    let mut scores: Vec<f64> =
        pairs.filter(|(own, _)| *own > threshold || !any).map(|(_, score)| score).collect();
    let (images, above) = (scores.len(), scores.iter().filter(|score| **score > threshold).count());
    scores.sort_unstable_by(f64::total_cmp);
    (2 * above >= images).then(|| {
        format!(
            "The baseline `{name}` alone scores as the explained class (above {threshold}) for {above} of the \
             {images} images{some}, with a median of {:.2}. A curve of {curve} {why}, so its area says little. \
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
