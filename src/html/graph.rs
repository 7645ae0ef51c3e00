//! The graph of the stages, as SVG: columns from left to right, a stage right of everything that it reads.

use std::collections::{BTreeMap, HashMap};

use maud::{Markup, html};

use super::Stage;
use crate::ui::format;

/// The distance of columns.
const WIDTH: usize = 190;
/// The distance of rows.
const HEIGHT: usize = 46;
/// The size of a stage's box.
const BOX: (usize, usize) = (WIDTH - 40, 32);

/// The state of a stage: its class in the style sheet, and in words.
pub(super) fn state(stage: &Stage) -> (&'static str, &'static str) {
    match (&stage.record, &stage.outdated, stage.ran) {
        (None, ..) => ("missing", "no result"),
        (Some(_), Some(_), _) => ("old", "older result"),
        (Some(_), None, true) => ("ran", "computed"),
        (Some(_), None, false) => ("cached", "cached"),
    }
}

/// Draws the stages. Each box is a link to what the page says of its stage.
pub(super) fn graph(stages: &[Stage]) -> Markup {
    let reads = reads(stages);
    let corners = corners(&columns(&reads));
    let width = corners.iter().map(|(x, _)| x + WIDTH).max().unwrap_or(0);
    let height = corners.iter().map(|(_, y)| y + HEIGHT).max().unwrap_or(0);
    html! {
        h3 { "Stages and what they read" }
        div.scroll tabindex="0" role="region" aria-label="Graph of the stages" {
            svg.graph viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img" aria-label="Graph of the stages; the table below has the same content" {
                @for (to, inputs) in corners.iter().zip(&reads) {
                    @for from in inputs { path d=(curve(corners[*from], *to)) {} }
                }
                @for (stage, (x, y)) in stages.iter().zip(&corners) { (boxed(stage, *x, *y)) }
            }
        }
    }
}

/// For each stage, the places of the stages that it reads.
fn reads(stages: &[Stage]) -> Vec<Vec<usize>> {
    let places: HashMap<&str, usize> =
        stages.iter().enumerate().map(|(at, stage)| (stage.name.as_str(), at)).collect();
    let of = |stage: &Stage| {
        let named = stage.inputs.iter().filter_map(|(_, from)| from.split_once('/'));
        let mut reads: Vec<usize> = named.filter_map(|(stage, _)| places.get(stage).copied()).collect();
        reads.sort_unstable();
        reads.dedup();
        reads
    };
    stages.iter().map(of).collect()
}

/// The column of each stage: one more than the last of those that it reads, which come before it.
fn columns(reads: &[Vec<usize>]) -> Vec<usize> {
    let mut columns: Vec<usize> = Vec::new();
    for inputs in reads {
        let after = |input: &usize| columns.get(*input).map_or(0, |column| column + 1);
        columns.push(inputs.iter().map(after).max().unwrap_or(0));
    }
    columns
}

/// The upper left corner of each stage's box, in the order of the stages within a column.
fn corners(columns: &[usize]) -> Vec<(usize, usize)> {
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    let mut corners = Vec::new();
    for column in columns {
        let row = used.entry(*column).or_default();
        corners.push((column * WIDTH + 4, *row * HEIGHT + 4));
        *row += 1;
    }
    corners
}

fn boxed(stage: &Stage, x: usize, y: usize) -> Markup {
    html! {
        a href={ "#stage-" (stage.name) } {
            rect class=(state(stage).0) x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="5" {}
            text x=(x + 8) y=(y + 20) { (short(&stage.name)) }
            title { (stage.name) ": " (state(stage).1) (time(stage)) }
        }
    }
}

/// `, 4.2 s`, or nothing without a result.
fn time(stage: &Stage) -> String {
    stage
        .record
        .as_ref()
        .map_or_else(String::new, |record| format!(", {}", format::duration(record.made.seconds)))
}

fn curve(from: (usize, usize), to: (usize, usize)) -> String {
    let ((x, y), (to_x, to_y)) = ((from.0 + BOX.0, from.1 + BOX.1 / 2), (to.0, to.1 + BOX.1 / 2));
    let middle = usize::midpoint(x, to_x);
    format!("M{x} {y} C{middle} {y} {middle} {to_y} {to_x} {to_y}")
}

/// A name that fits into its box.
fn short(name: &str) -> String {
    match name.char_indices().nth(21) {
        Some((end, _)) if name.chars().count() > 22 => format!("{}…", &name[..end]),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_right_of_everything_that_it_reads() {
        assert_eq!(columns(&[vec![], vec![0], vec![0, 1], vec![]]), [0, 1, 2, 0]);
        assert_eq!(corners(&[0, 1, 0]), [(4, 4), (WIDTH + 4, 4), (4, HEIGHT + 4)]);
    }

    #[test]
    fn long_names_are_cut_at_letters() {
        assert_eq!(short("explain.ä"), "explain.ä");
        assert_eq!(short(&"ä".repeat(30)).chars().count(), 22);
    }
}
