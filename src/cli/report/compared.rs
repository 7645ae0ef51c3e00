//! The comparisons of explanations and the randomisation tests, for the page.

use super::shelf::Shelf;
use crate::{
    html::{Compared, Randomised},
    metrics::faithfulness::{ImageScores, Summary, best},
    stages::Kind,
};

/// Every comparison that has a result.
pub(super) fn comparisons(shelf: &mut Shelf<'_>) -> Vec<Compared> {
    let mut all = Vec::new();
    for node in shelf.stages(&[Kind::Metrics]) {
        let read = shelf.json(node, "summary");
        let Some(summary): Option<Summary> = shelf.note(&node.name, read) else { continue };
        let read = shelf.table(node, "per-image").map(Some);
        let lines: Vec<ImageScores> =
            shelf.note(format!("{}/per-image", node.name), read).unwrap_or_default();
        let wanted = [
            ("plot-svg", "Deletion and insertion"),
            ("areas-svg", "Areas under the curves"),
            ("localisation-svg", "Localisation"),
        ];
        let pictures = shelf.pictures(node, &wanted);
        let best = best(&summary, &lines);
        all.push(Compared { stage: node.name.to_string(), summary, best, pictures });
    }
    all
}

/// Every randomisation test that has a result.
pub(super) fn sanities(shelf: &mut Shelf<'_>) -> Vec<Randomised> {
    let mut all = Vec::new();
    for node in shelf.stages(&[Kind::Sanity]) {
        let read = shelf.json(node, "sanity");
        let Some(numbers) = shelf.note(&node.name, read) else { continue };
        let pictures = shelf.pictures(node, &[("plot-svg", "Similarity by depth")]);
        all.push(Randomised { stage: node.name.to_string(), numbers, pictures });
    }
    all
}
