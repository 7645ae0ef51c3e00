//! Warnings: what makes results mean less than they seem to.

use super::{Compared, Evaluated, Explained, Report};
use crate::metrics::faithfulness::{Difference, Estimate, SIGNIFICANT};

/// One warning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Warning {
    /// What is wrong, and where.
    pub(super) what: String,
    /// Why that matters, and what to do.
    pub(super) why: String,
}

/// Positive images below which shares say little.
const FEW: u64 = 30;

pub(super) fn warnings(report: &Report) -> Vec<Warning> {
    let mut all = Vec::new();
    all.extend(outdated(report));
    all.extend(report.leaks.iter().map(|leak| {
        warning(
            leak.clone(),
            "Such patches are alike, so the results look better than they are. Set `group-by` in the split, or remove the duplicates.",
        )
    }));
    all.extend(report.evaluations.iter().flat_map(of_evaluation));
    all.extend(report.comparisons.iter().flat_map(of_comparison));
    all.extend(report.explanations.iter().flat_map(of_explanations));
    all.extend(report.gaps.iter().map(|gap| warning(gap.clone(), "That part of this page is missing.")));
    all
}

fn warning(what: impl Into<String>, why: &str) -> Warning {
    Warning { what: what.into(), why: why.to_owned() }
}

fn outdated(report: &Report) -> impl Iterator<Item = Warning> {
    report.stages.iter().filter_map(|stage| {
        let why = stage.outdated.as_ref()?;
        Some(match stage.record {
            Some(_) => warning(
                format!("{} is an older result.", stage.name),
                &format!("The pipeline asks for another one: {why}."),
            ),
            None => warning(format!("{} has no result.", stage.name), &format!("It did not run: {why}.")),
        })
    })
}

fn of_evaluation(evaluated: &Evaluated) -> Vec<Warning> {
    let (stage, numbers) = (&evaluated.stage, &evaluated.numbers);
    let [[tn, fp], [fn_, tp]] = numbers.at.confusion.counts;
    let mut all = Vec::new();
    if tp + fn_ < FEW || tn + fp < FEW {
        let least = (tp + fn_).min(tn + fp);
        all.push(warning(
            format!("{stage} has only {least} patches of one class."),
            "Its numbers say little: see the intervals.",
        ));
    }
    if numbers.images > 0 && (tp + fp == 0 || tn + fn_ == 0) {
        let class = &numbers.classes[usize::from(tn + fn_ == 0)];
        all.push(warning(
            format!("{stage}: every patch is predicted \"{class}\"."),
            "The model has learnt nothing that separates the classes, or the threshold is far off.",
        ));
    }
    if let (Some(color), Some(auc)) = (evaluated.color_auc, numbers.roc_auc)
        && color >= auc
    {
        all.push(warning(
            format!("{stage}: the mean colour of a patch alone gives a ROC AUC of {color:.3}; the model has {auc:.3}."),
            "Such a model may see nothing but stain.",
        ));
    }
    all.extend(
        numbers
            .undefined
            .iter()
            .map(|it| warning(format!("{stage}: {} is undefined.", it.value), &format!("{}.", it.reason))),
    );
    all
}

fn of_comparison(compared: &Compared) -> Vec<Warning> {
    let stage = &compared.stage;
    let said = compared.summary.warnings.iter().map(|text| warning(format!("{stage}:"), text));
    match smallest_p(compared) {
        Some(p) if p >= SIGNIFICANT => said.chain([too_few(compared, p)]).collect(),
        _ => said.chain(no_better(compared)).collect(),
    }
}

/// The smallest corrected p of all differences of areas.
fn smallest_p(compared: &Compared) -> Option<f64> {
    let estimates = compared.summary.differences.iter().flat_map(|pair| [&pair.deletion, &pair.insertion]);
    estimates.filter_map(|estimate| estimate.p_corrected).min_by(f64::total_cmp)
}

/// Where no test can succeed, none says anything about a method.
fn too_few(compared: &Compared, p: f64) -> Warning {
    let of = match compared.summary.slides {
        Some(slides) => format!("{slides} slides"),
        None => format!("{} patches", compared.summary.images),
    };
    warning(
        format!(
            "{}: no difference between methods is significant: the smallest corrected p is {p:.3}.",
            compared.stage
        ),
        &format!(
            "{of} may be too few for so many pairs of methods. Look at the intervals, which are not corrected, or compare fewer methods on more slides."
        ),
    )
}

/// Methods that are not shown to be better than some control, by either curve.
fn no_better(compared: &Compared) -> impl Iterator<Item = Warning> {
    let summary = &compared.summary;
    let methods = summary.methods.iter().filter(|method| !method.control);
    methods.filter_map(|method| {
        let controls: Vec<String> = summary
            .differences
            .iter()
            .filter(|pair| pair.method == method.label && is_control(compared, &pair.against) && failed(pair).len() == 2)
            .map(|pair| format!("`{}`", pair.against))
            .collect();
        let what = format!(
            "{}: `{}` is not shown to be better than {}.",
            compared.stage,
            method.label,
            controls.join(" or ")
        );
        let why = "By neither curve does it differ enough from the control: its maps may show nothing of what the model uses.";
        (!controls.is_empty()).then(|| warning(what, why))
    })
}

fn is_control(compared: &Compared, label: &str) -> bool {
    compared.summary.methods.iter().any(|method| method.label == label && method.control)
}

/// The curves by which a method is not significantly better.
fn failed(pair: &Difference) -> Vec<&'static str> {
    let better = |estimate: &Estimate, sign: f64| {
        let p = estimate.p_corrected.or(estimate.p_value);
        estimate.mean.is_some_and(|mean| mean * sign > 0.0) && p.is_some_and(|p| p < SIGNIFICANT)
    };
    let curves = [("deletion", &pair.deletion, -1.0), ("insertion", &pair.insertion, 1.0)];
    curves.into_iter().filter(|(_, estimate, sign)| !better(estimate, *sign)).map(|(name, ..)| name).collect()
}

fn of_explanations(explained: &Explained) -> Vec<Warning> {
    let odd = explained.methods.iter().filter(|method| !method.odd.is_empty());
    odd.map(|method| {
        warning(
            format!(
                "{}: {} of {} maps are 0 or the same everywhere.",
                method.stage,
                method.odd.len(),
                explained.explained
            ),
            "They explain nothing. Their rows are in maps.h5.",
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{Stage, fixture};

    #[test]
    fn a_stage_without_a_result_is_a_warning() {
        let stage = Stage {
            name: "train.a".into(),
            record: None,
            outdated: Some("never ran".into()),
            ran: false,
            inputs: vec![],
            log: String::new(),
        };
        let report = Report { stages: vec![stage], ..Report::default() };
        assert!(warnings(&report)[0].what.contains("train.a has no result"));
    }

    #[test]
    fn a_model_that_is_no_better_than_colour_is_a_warning() {
        let mut evaluated = fixture::evaluated();
        evaluated.color_auc = Some(1.0);
        let report = Report { evaluations: vec![evaluated], ..Report::default() };
        assert!(warnings(&report).iter().any(|warning| warning.what.contains("mean colour")));
    }

    #[test]
    fn a_collapsed_class_is_a_warning() {
        let mut evaluated = fixture::evaluated();
        evaluated.numbers.at.confusion.counts = [[0, 50], [0, 50]];
        let report = Report { evaluations: vec![evaluated], ..Report::default() };
        assert!(warnings(&report).iter().any(|warning| warning.what.contains("every patch is predicted")));
    }
}
