//! Can the explanations be trusted? Curves, areas, differences, localisation, randomisation; and how to read them.

use maud::{Markup, html};

use super::{
    Compared, Report,
    layout::{cell, decimal, estimate, marked, table, wide_figures},
    measures::link,
    randomisation::randomisation,
    terms,
    verdict::{RULE, verdict},
};
use crate::metrics::faithfulness::{Difference, Estimate, Group, LocalisationScores, MethodSummary};

pub(super) fn section(report: &Report) -> Option<Markup> {
    let empty = report.comparisons.is_empty() && report.sanities.is_empty();
    (!empty).then(|| {
        html! {
            @for compared in &report.comparisons { (comparison(compared)) }
            @for randomised in &report.sanities { (randomisation(randomised)) }
        }
    })
}

fn comparison(compared: &Compared) -> Markup {
    let summary = &compared.summary;
    html! {
        h3 { (compared.stage) }
        (verdict(compared))
        p.note { (RULE) }
        @for text in &summary.warnings { p.warning { (marked(text)) } }
        p.note { "Deletion goes to the baseline " code { (summary.deletion_baseline) } ", insertion starts from " code { (summary.insertion_baseline) } "." }
        (baselines(compared))
        (areas(compared))
        p.read { strong { "How to read it. " } (terms::CURVES) }
        (differences(compared))
        (localisation(compared))
        p.read { strong { "How to read it. " } (terms::LOCALISATION) }
        (wide_figures(&compared.pictures))
        @for note in &summary.notes { p.note { (marked(note)) } }
    }
}

fn name(method: &MethodSummary) -> Markup {
    html! { (method.label) @if method.control { " " span.control { "control" } } }
}

fn mean(of: &Estimate) -> Markup {
    cell(estimate(of.mean, of.interval))
}

fn baselines(compared: &Compared) -> Markup {
    let row = |baseline: &crate::metrics::faithfulness::BaselineSummary| {
        vec![
            cell(&baseline.name),
            mean(&baseline.score),
            cell(decimal(baseline.low)),
            cell(decimal(baseline.high)),
        ]
    };
    let rows: Vec<Vec<Markup>> = compared.summary.baselines.iter().map(row).collect();
    table(
        "The model's score of each baseline: near 0.5 speaks for neither class",
        &[cell("baseline"), link("baseline-score", "mean score"), cell("lowest"), cell("highest")],
        &rows,
    )
}

/// Areas of true positives first: only there do a low deletion and a high insertion say that a map is right.
fn areas(compared: &Compared) -> Markup {
    let heads = [
        cell("method"),
        html! { (link("deletion-auc", "deletion area")) ": low is good" },
        html! { (link("insertion-auc", "insertion area")) ": high is good" },
        cell("patches"),
    ];
    let plain = [
        cell("method"),
        link("deletion-auc", "deletion area"),
        link("insertion-auc", "insertion area"),
        cell("patches"),
    ];
    let positives = |method: &MethodSummary| {
        let group =
            method.groups.iter().find(|group| group.group == Group::TruePositive && group.images > 0)?;
        Some(vec![
            name(method),
            mean(&group.deletion),
            mean(&group.insertion),
            cell(group.images.to_string()),
        ])
    };
    let all = |method: &MethodSummary| {
        vec![
            name(method),
            mean(&method.deletion),
            mean(&method.insertion),
            cell(method.deletion.images.to_string()),
        ]
    };
    let methods = &compared.summary.methods;
    let (positives, all): (Vec<Vec<Markup>>, Vec<Vec<Markup>>) =
        (methods.iter().filter_map(positives).collect(), methods.iter().map(all).collect());
    html! {
        @if !positives.is_empty() { (table("Areas under the curves of true positives (with intervals)", &heads, &positives)) }
        (table("Areas of all patches: compare them only between methods", &plain, &all))
    }
}

fn differences(compared: &Compared) -> Markup {
    let control =
        |label: &str| compared.summary.methods.iter().any(|method| method.label == label && method.control);
    let row = |pair: &Difference| {
        vec![
            cell(format!("{} minus {}", pair.method, pair.against)),
            mean(&pair.deletion),
            cell(decimal(pair.deletion.p_corrected)),
            mean(&pair.insertion),
            cell(decimal(pair.insertion.p_corrected)),
        ]
    };
    let pairs = compared.summary.differences.iter().filter(|pair| control(&pair.against));
    let rows: Vec<Vec<Markup>> = pairs.map(row).collect();
    if rows.is_empty() {
        return html! {};
    }
    let p = || link("p-corrected", "corrected p");
    let heads = [
        cell("difference from a control"),
        link("deletion-auc", "deletion area"),
        p(),
        link("insertion-auc", "insertion area"),
        p(),
    ];
    table(
        "Paired differences from the controls (p by a sign-flip test, corrected by Holm's method for the pairs of each measure)",
        &heads,
        &rows,
    )
}

fn localisation(compared: &Compared) -> Markup {
    let mut rows = Vec::new();
    for method in &compared.summary.methods {
        let regions =
            [("centre box", &method.localisation.centre_box), ("true mask", &method.localisation.mask)];
        for (region, scores) in regions {
            rows.extend(scores.as_ref().map(|scores| located(method, region, scores)));
        }
    }
    if rows.is_empty() {
        return html! {};
    }
    let heads = [
        cell("method"),
        cell("region"),
        link("energy", "energy"),
        link("pointing", "pointing"),
        link("rank", "rank"),
        link("chance", "chance"),
        cell("patches"),
    ];
    table("Localisation of positive patches against chance", &heads, &rows)
}

fn located(method: &MethodSummary, region: &str, scores: &LocalisationScores) -> Vec<Markup> {
    vec![
        name(method),
        cell(region),
        mean(&scores.energy.score),
        mean(&scores.pointing.score),
        mean(&scores.rank.score),
        cell(decimal(Some(scores.chance))),
        cell(scores.images.to_string()),
    ]
}
