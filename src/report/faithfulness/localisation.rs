//! The part of the report on localisation: how well maps find the evidence.

use super::{
    super::{
        numbers::{images, thousands},
        table::{
            Column::{Left, Right},
            Table,
        },
    },
    words::{ends, level, name, number},
};
use crate::metrics::faithfulness::{Summary, Truth};

/// Means and lifts; empty if no map could be measured.
pub(super) fn localisation(summary: &Summary, truth: Truth) -> String {
    let Some(largest) = truth.largest(summary) else { return String::new() };
    let region = match truth {
        Truth::CentreBox => "the centre box",
        Truth::Mask => "true masks",
    };
    let mut table = Table::new([Left, Left, Right, Right, Right, Right, Right]);
    let level = level(summary);
    table.row(["", "", "mean", &level, "lift", &level, "images"]);
    for (index, title) in ["energy", "pointing", "rank"].into_iter().enumerate() {
        let mut title = title.to_owned();
        for method in &summary.methods {
            let Some(scores) = truth.of(method) else { continue };
            let it = [scores.energy, scores.pointing, scores.rank][index];
            table.row([
                std::mem::take(&mut title),
                name(method),
                number(it.score.mean),
                ends(it.score.interval),
                number(it.lift),
                ends(it.lift_interval),
                thousands(it.score.images),
            ]);
        }
    }
    format!(
        "Localisation in {region}, {} of label 1; chance {:.3}; lift: mean over chance\n\n{table}",
        images(largest.images),
        largest.chance
    )
}
