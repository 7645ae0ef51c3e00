//! The explanations: a row for each patch, a column for each method; and the mean map of each method.

use maud::{Markup, html};

use super::{
    Explained, ExplainedBy, Frame, Patch, Report, chart, layout::png, measures::link, numbers::words,
};
use crate::{metrics::faithfulness::Group, ui::format};

pub(super) fn section(report: &Report) -> Option<Markup> {
    (!report.explanations.is_empty()).then(|| {
        html! { @for explained in &report.explanations { (of(explained, &report.classes)) } }
    })
}

fn of(explained: &Explained, classes: &[String; 2]) -> Markup {
    let shown = explained.patches.len();
    html! {
        h3 { (explained.images) " as " (explained.model) " sees it" }
        p {
            @if shown < explained.explained {
                (format::count(shown as u64)) " of " (format::count(explained.explained as u64))
                " explained patches: the most confident mistakes first, then the rest in order. All maps are in the files maps.h5."
            } @else { (format::count(shown as u64)) " patches." }
            " A map is laid over the patch in grey. " (target(explained, classes))
        }
        p.note {
            "Colours from purple over orange to pale yellow are strength alone: of methods without a sign, such as Grad-CAM and saliency, and of those whose sign changes from pixel to pixel, such as integrated gradients, which are shown as absolute values, lightly smoothed. For occlusion and RISE, orange speaks for the explained class and purple against it. Full colour is the magnitude that 99% of a map's pixels do not exceed. All measures are of the maps as computed. A box in the centre is what the label is about; the cyan line is the true mask, where there is one."
        }
        (means(explained, classes))
        div.explained {
            (controls(explained))
            div.patches { @for patch in &explained.patches { (row(patch, explained, classes)) } }
        }
    }
}

/// Which class the maps explain.
fn target(explained: &Explained, classes: &[String; 2]) -> String {
    let mut targets: Vec<&str> = explained.methods.iter().map(|method| method.target.as_str()).collect();
    targets.dedup();
    match targets.as_slice() {
        ["tumor"] => format!(
            "All maps explain the score of {}, also where the patch is predicted {}.",
            classes[1], classes[0]
        ),
        ["predicted"] => "All maps explain the score of the predicted class.".to_owned(),
        ["label"] => "All maps explain the score of the labelled class.".to_owned(),
        _ => "Point at a map to see which class it explains.".to_owned(),
    }
}

fn means(explained: &Explained, classes: &[String; 2]) -> Markup {
    html! {
        h4 { "Mean map of each method" }
        p.note { "A method whose mean map has a bright corner or border looks at the same place in every patch, whatever is there." }
        div.tiles {
            @for method in &explained.methods {
                @for (class, mean) in method.means.iter().enumerate() {
                    @if let Some(mean) = mean {
                        figure.tile {
                            span.patch.plain {
                                img src=(png(mean)) alt={ "Mean map of " (method.stage) ", " (classes[class]) } width="96" height="96" loading="lazy";
                                (explained.frame.centre())
                            }
                            figcaption { (short_name(&method.stage)) br; (classes[class]) }
                        }
                    }
                }
            }
        }
    }
}

/// Hidden until the script runs, because they do nothing without it.
fn controls(explained: &Explained) -> Markup {
    let measures = measures(explained);
    html! {
        form.controls hidden {
            fieldset {
                legend { "Show" }
                @for group in Group::ALL {
                    label { input type="checkbox" name="group" value=(short(group)) checked; " " abbr title=(group.name()) { (short(group)) } }
                }
            }
            label {
                "Sort by "
                select name="sort" {
                    option value="order" { "order" }
                    option value="p" { "probability" }
                    option value="error" { "error" }
                    @for (method, name) in &measures {
                        option value={ (method) "/" (name) } { (short_name(&explained.methods[*method].stage)) ": " (words(name)) }
                    }
                }
            }
            label { input type="checkbox" name="descending" checked; " highest first" }
            label { "Strength " input type="range" name="opacity" min="0" max="1" step="0.05" value="1"; }
            label { input type="checkbox" name="shared"; " one scale for all maps of a method" }
            output aria-live="polite" {}
        }
    }
}

/// The measures that some patch has, with the method's position.
fn measures(explained: &Explained) -> Vec<(usize, &str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for patch in &explained.patches {
        for (method, values) in patch.measures.iter().enumerate() {
            for (name, _) in values {
                if !found.contains(&(method, name.as_str())) {
                    found.push((method, name));
                }
            }
        }
    }
    found.sort_unstable();
    found
}

fn short(group: Group) -> &'static str {
    match group {
        Group::TruePositive => "TP",
        Group::TrueNegative => "TN",
        Group::FalsePositive => "FP",
        Group::FalseNegative => "FN",
    }
}

fn row(patch: &Patch, explained: &Explained, classes: &[String; 2]) -> Markup {
    let group = Group::new(patch.label == 1, patch.probability > explained.threshold);
    let label = &classes[usize::from(patch.label == 1)];
    let predicted = &classes[usize::from(patch.probability > explained.threshold)];
    let title = format!("Row {}: {label}, predicted {predicted}, p = {:.3}", patch.row, patch.probability);
    html! {
        article.row data-group=(short(group)) data-p=(format!("{:.6}", patch.probability)) data-label=(patch.label) data-measures=(packed(patch)) {
            header {
                span class={ "outcome " (short(group).to_lowercase()) } title=(group.name()) { (short(group)) }
                " row " (patch.row) br; (label) br; "predicted " (predicted) br; "p = " (format!("{:.3}", patch.probability))
            }
            @if let Some(pixels) = &patch.png {
                figure.tile {
                    span.patch { img src=(png(pixels)) alt=(title) width="96" height="96" loading="lazy"; (outline(patch, explained.frame)) }
                    figcaption { "patch" }
                }
            }
            @for (method, map) in explained.methods.iter().zip(&patch.maps) { (tile(patch, explained.frame, method, map.as_ref())) }
            (more(patch, explained))
        }
    }
}

/// A map. The script lays it over a copy of the patch, so that the file contains each patch once; without scripts, maps
/// are on a plain ground.
fn tile(patch: &Patch, frame: Frame, method: &ExplainedBy, map: Option<&(Vec<u8>, f64)>) -> Markup {
    let Some((map, scale)) = map else { return html! {} };
    let share = if method.scale > 0.0 { scale / method.scale } else { 0.0 };
    html! {
        figure.tile title={ (method.method) ": " (method.settings) } {
            span.patch {
                img.map src=(png(map)) alt={ "Map of " (method.stage) " for row " (patch.row) } width="96" height="96" loading="lazy" style=(format!("--share:{share:.4}"));
                (outline(patch, frame))
            }
            figcaption { (short_name(&method.stage)) }
        }
    }
}

/// The name of an explaining stage without its kind, which all of them share.
fn short_name(stage: &str) -> &str {
    stage.strip_prefix("explain.").unwrap_or(stage)
}

fn outline(patch: &Patch, frame: Frame) -> Markup {
    html! {
        @if let Some(mask) = &patch.mask { svg.mask viewBox=(frame.view_box()) aria-hidden="true" { path d=(mask) {} } }
        (frame.centre())
    }
}

/// `0/deletion-auc:0.213`, for sorting.
fn packed(patch: &Patch) -> String {
    let each = patch.measures.iter().enumerate();
    let all = each.flat_map(|(method, values)| {
        values.iter().map(move |(name, value)| format!("{method}/{name}:{value:.5}"))
    });
    all.collect::<Vec<_>>().join(" ")
}

/// The numbers and curves of one patch.
fn more(patch: &Patch, explained: &Explained) -> Markup {
    if patch.measures.iter().all(Vec::is_empty) {
        return html! {};
    }
    let names: Vec<&str> = {
        let mut names: Vec<&str> = patch.measures.iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    html! {
        details.more {
            summary { "Numbers and curves" }
            div.scroll tabindex="0" role="region" aria-label={ "Measures of row " (patch.row) } {
                table {
                    thead { tr { th scope="col" { "measure" } @for method in &explained.methods { th scope="col" { (short_name(&method.stage)) } } } }
                    tbody {
                        @for name in names {
                            tr {
                                th scope="row" { (link(name, &words(name))) }
                                @for values in &patch.measures { td { (value(values, name)) } }
                            }
                        }
                    }
                }
            }
            div.pictures {
                @for (at, name) in ["deletion", "insertion"].into_iter().enumerate() {
                    @let lines = curves(patch, explained, at);
                    @if !lines.is_empty() { (chart::lines(&format!("{name}, row {}", patch.row), "score", &lines)) }
                }
            }
        }
    }
}

fn value(values: &[(String, f64)], name: &str) -> String {
    values
        .iter()
        .find(|(other, _)| other == name)
        .map_or("–".to_owned(), |(_, value)| format!("{value:.3}"))
}

fn curves<'a>(patch: &'a Patch, explained: &Explained, which: usize) -> Vec<(String, &'a [f64])> {
    let methods = explained.methods.iter().zip(&patch.curves);
    let lines = methods.filter_map(|(method, curves)| {
        Some((short_name(&method.stage).to_owned(), curves.as_ref()?[which].as_slice()))
    });
    lines.collect()
}
