//! The numbers that the chart shows.

use pcamflow::{
    metrics::{
        faithfulness::Truth,
        sanity::{Sanity, SanityDepth},
    },
    report,
};

/// Correlation and localisation by depth.
pub(super) fn chart(method: &str, sanity: &Sanity) -> report::Sanity {
    let chance = sanity.depths.first().and_then(|depth| Some(depth.localisation.as_ref()?.chance));
    report::Sanity {
        label: method.to_owned(),
        subtitle: subtitle(sanity),
        depths: sanity.depths.iter().map(depth).collect(),
        chance,
    }
}

fn depth(depth: &SanityDepth) -> report::Depth {
    let localisation = depth.localisation.as_ref();
    report::Depth {
        layer: depth.layer.clone().unwrap_or_else(|| "untouched".to_owned()),
        signed: depth.spearman,
        absolute: depth.absolute_spearman,
        energy: localisation.map(|it| it.energy.score),
        pointing: localisation.map(|it| it.pointing.score),
        rank: localisation.map(|it| it.rank.score),
    }
}

fn subtitle(sanity: &Sanity) -> String {
    let located = sanity.depths.first().and_then(|depth| depth.localisation.as_ref());
    let truth = match sanity.truth {
        Truth::Mask => "true masks",
        Truth::CentreBox => "the centre box (weak truth)",
    };
    let located =
        located.map_or_else(String::new, |it| format!(", {} of them held against {truth}", it.images));
    let units = if sanity.slides.is_some() { "slides" } else { "images" };
    let bands = match sanity.bootstrap.resamples {
        0 => String::new(),
        _ => format!("; bands: {} % bootstrap interval over {units}", 100.0 * sanity.bootstrap.level),
    };
    format!("{} images{located}{bands}", sanity.images)
}
