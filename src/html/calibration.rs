//! The calibration of an evaluation: the diagram, the key of its discs, and its numbers as a table.

use maud::{Markup, html};

use super::{
    Evaluated, chart,
    layout::{cell, decimal, estimate, table},
};
use crate::ui::format;

/// The diagram.
pub(super) fn diagram(evaluated: &Evaluated) -> Markup {
    let title =
        format!("Calibration, {}: expected error {}", evaluated.stage, decimal(Some(evaluated.numbers.ece)));
    chart::calibration(&title, &evaluated.calibration)
}

/// What discs and lines are, and the sizes of some discs.
pub(super) fn key(evaluated: &Evaluated) -> Markup {
    let most = evaluated.calibration.iter().map(|bin| bin.images).max().unwrap_or(0);
    html! {
        p.note.sizes {
            "A disc is a bin of probabilities. Patches in it: "
            @for images in sizes(most) { span.size { (chart::disc(images, most)) " " (format::count(images)) } " " }
            "The line through it is the " (format!("{:.0}%", evaluated.numbers.bootstrap.level * 100.0)) " interval (Wilson's). "
            "On the diagonal, the share of positives is as predicted."
        }
    }
}

/// The largest count, and smaller ones whose discs look different.
fn sizes(most: u64) -> Vec<u64> {
    let mut sizes = vec![most / 16, most / 4, most];
    sizes.retain(|size| *size > 0);
    sizes.dedup();
    sizes
}

/// The numbers of the diagram.
pub(super) fn numbers(evaluated: &Evaluated) -> Markup {
    let row = |bin: &crate::metrics::CalibrationBin| {
        vec![
            cell(decimal(Some(bin.predicted))),
            cell(estimate(Some(bin.observed), bin.interval)),
            cell(format::count(bin.images)),
        ]
    };
    let rows: Vec<Vec<Markup>> = evaluated.calibration.iter().map(row).collect();
    let heads = ["mean predicted probability", "observed share", "patches"];
    html! {
        details {
            summary { "Calibration in numbers" }
            (table(&format!("Calibration of {}", evaluated.stage), &heads, &rows))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::fixture;

    #[test]
    fn the_key_has_different_sizes() {
        assert_eq!((sizes(160), sizes(3), sizes(0)), (vec![10, 40, 160], vec![3], vec![]));
    }

    #[test]
    fn every_bin_has_a_disc_an_interval_and_a_row() {
        let evaluated = fixture::evaluated();
        let (diagram, numbers) = (diagram(&evaluated).into_string(), numbers(&evaluated).into_string());
        let bins = evaluated.calibration.len();
        assert!(bins > 3);
        assert_eq!(
            (diagram.matches("<circle").count(), diagram.matches("class=\"interval\"").count()),
            (bins, bins)
        );
        assert_eq!(numbers.matches("scope=\"row\"").count(), bins);
    }
}
