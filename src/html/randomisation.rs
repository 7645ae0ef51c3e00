//! The randomisation tests: how similar maps stay as layers of the network get random weights.

use maud::{Markup, html};

use super::{
    Randomised,
    layout::{cell, estimate, marked, table, wide_figures},
    measures::link,
    terms,
};
use crate::{
    metrics::{faithfulness::Estimate, sanity::SanityDepth},
    ui::format,
};

pub(super) fn randomisation(randomised: &Randomised) -> Markup {
    let numbers = &randomised.numbers;
    let rows: Vec<Vec<Markup>> = numbers.depths.iter().map(row).collect();
    let heads = [
        cell("layers with random weights"),
        link("spearman", "Spearman's correlation"),
        link("spearman", "of absolute values"),
        cell("patches"),
    ];
    html! {
        h3 { (randomised.stage) }
        p { (patches(randomised)) }
        (table("Similarity to the maps of the trained model, as layers get random weights", &heads, &rows))
        p.note {
            "Each row is a network with one more layer of random weights, from the output down. The columns are means over the patches, "
            "with intervals, of how alike the ranks of the pixels are in its maps and in those of the trained model: 1 is the same order, 0 is chance. "
            "The second correlation is of absolute values: it ignores whether a pixel speaks for the class or against it. For maps without negative values both are the same."
        }
        p.read { strong { "How to read it. " } (terms::SANITY) }
        (wide_figures(&randomised.pictures))
        @for note in &numbers.notes { p.note { (marked(note)) } }
    }
}

/// `20 patches from 7 slides. ...`
fn patches(randomised: &Randomised) -> String {
    let numbers = &randomised.numbers;
    let patches = match numbers.images {
        1 => "1 patch".to_owned(),
        images => format!("{} patches", format::count(images)),
    };
    match numbers.slides {
        Some(slides) => format!("{patches} from {}.", format::plural(slides as usize, "slide")),
        None => format!("{patches}; their slides are not known."),
    }
}

fn row(depth: &SanityDepth) -> Vec<Markup> {
    let layer = match &depth.layer {
        Some(layer) => format!("all down to {layer}"),
        None => "none: the trained model".to_owned(),
    };
    let mean = |of: &Estimate| cell(estimate(of.mean, of.interval));
    vec![
        cell(layer),
        mean(&depth.spearman),
        mean(&depth.absolute_spearman),
        cell(depth.spearman.images.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::fixture;

    #[test]
    fn the_number_of_patches_is_said_for_all_and_for_each_row() {
        let page = randomisation(&fixture::randomised()).into_string();
        assert!(page.contains("<p>2 patches; their slides are not known.</p>"), "{page}");
        // Constant maps have no correlation.
        assert!(page.contains("<td>2</td></tr>") && page.contains("<td>0</td></tr>"), "{page}");
    }
}
