//! The part of the report that says how well maps find the evidence.

use super::{
    super::{
        numbers::{images, thousands},
        table::{Column, Table},
    },
    words::{ends, level, name, number},
};
use crate::metrics::faithfulness::{LocalisationScores, Measure, MethodSummary, Summary, Truth};

/// Means, lifts and paired differences; nothing where there was nothing to hold maps against.
pub(super) fn localisation(
    summary: &Summary,
    truth: Truth,
    differences: fn(&Summary, &[Measure]) -> String,
) -> String {
    let methods: Vec<_> =
        summary.methods.iter().filter_map(|method| Some((method, truth.of(method)?))).collect();
    let Some((_, most)) = methods.iter().max_by_key(|(_, scores)| scores.images) else {
        return String::new();
    };
    let region = match truth {
        Truth::CentreBox => "the centre box",
        Truth::Mask => "true masks",
    };
    let means = format!(
        "Localisation in {region}, {} of label 1; chance {:.3}; lift: mean over chance\n\n{}",
        images(most.images),
        most.chance,
        table(summary, &methods)
    );
    let measures = [Measure::Energy(truth), Measure::Pointing(truth), Measure::Rank(truth)];
    match differences(summary, &measures) {
        none if none.is_empty() => means,
        differences => format!("{means}\n{differences}"),
    }
}

fn table(summary: &Summary, methods: &[(&MethodSummary, &LocalisationScores)]) -> Table<7> {
    use Column::{Left, Right};
    let mut table = Table::new([Left, Left, Right, Right, Right, Right, Right]);
    let level = level(summary);
    table.row(["", "", "mean", &level, "lift", &level, "images"]);
    for (which, title) in ["energy", "pointing", "rank"].into_iter().enumerate() {
        for (index, (method, scores)) in methods.iter().enumerate() {
            let it = [scores.energy, scores.pointing, scores.rank][which];
            table.row([
                if index == 0 { title.to_owned() } else { String::new() },
                name(&method.label, method.control),
                number(it.score.mean),
                ends(it.score.interval),
                number(it.lift),
                ends(it.lift_interval),
                thousands(it.score.images),
            ]);
        }
    }
    table
}
