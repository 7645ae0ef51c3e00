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
use crate::metrics::faithfulness::{AgainstChance, LocalisationScores, Summary, Truth};

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
    let scores: [(&str, fn(&LocalisationScores) -> AgainstChance); 3] =
        [("energy", |it| it.energy), ("pointing", |it| it.pointing), ("rank", |it| it.rank)];
    for (mut title, score) in scores {
        for method in &summary.methods {
            let Some(it) = truth.of(method).map(score) else { continue };
            table.row([
                std::mem::take(&mut title).to_owned(),
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
