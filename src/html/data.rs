//! The data: counts, sample patches, mean patches and colours, leaks between the parts of a split.

use maud::{Markup, html};

use super::{
    Part, Report,
    layout::{cell, percent, png, table},
};
use crate::ui::format;

pub(super) fn section(report: &Report) -> Option<Markup> {
    (!report.parts.is_empty()).then(|| {
        html! {
            (counts(report))
            (leaks(report))
            @for part in &report.parts { (part_of(part, &report.classes)) }
        }
    })
}

fn counts(report: &Report) -> Markup {
    let [negative, positive] = &report.classes;
    let rows: Vec<Vec<Markup>> = report
        .parts
        .iter()
        .map(|part| {
            let [zero, one] = part.counts;
            let all = zero + one;
            vec![
                cell(&part.name),
                cell(format::count(all)),
                cell(format::count(zero)),
                cell(format::count(one)),
                cell(percent(one as f64 / all.max(1) as f64)),
                cell(part.slides.map_or("unknown".to_owned(), |slides| format::count(slides as u64))),
            ]
        })
        .collect();
    let share = format!("share of {positive}");
    table("Patches by part and class", &["part", "patches", negative, positive, &share, "slides"], &rows)
}

fn leaks(report: &Report) -> Markup {
    html! {
        @if report.leaks.is_empty() {
            p.good { "No exact duplicates are known across the parts, and no slide is known to be in two parts." }
        } @else {
            ul.leaks { @for leak in &report.leaks { li { (leak) } } }
        }
    }
}

fn part_of(part: &Part, classes: &[String; 2]) -> Markup {
    html! {
        h3 { (part.name) }
        div.tiles {
            @for (patch, label) in &part.samples {
                figure.tile class=(if *label == 1 { "positive" } else { "negative" }) {
                    span.patch {
                        img src=(png(patch)) alt={ "A patch, " (classes[usize::from(*label)]) } width="96" height="96" loading="lazy";
                        (part.frame.centre())
                    }
                    figcaption { (classes[usize::from(*label)]) }
                }
            }
            @for (class, mean) in part.means.iter().enumerate() {
                @if let Some(mean) = mean {
                    figure.tile {
                        span.patch { img src=(png(mean)) alt={ "The mean patch, " (classes[class]) } width="96" height="96" loading="lazy"; }
                        figcaption { "mean, " (classes[class]) }
                    }
                }
            }
        }
        p.note {
            @for (class, color) in part.colors.iter().enumerate() {
                @if let Some([red, green, blue]) = color {
                    span.swatch style=(format!("background:rgb({red:.0},{green:.0},{blue:.0})")) {}
                    " mean colour of " (classes[class]) ": " (format!("{red:.0}, {green:.0}, {blue:.0}")) ". "
                }
            }
            "Colours are red, green and blue, 0 to 255. Mean patches and colours are of " (format::count(part.looked_at as u64)) " patches, drawn evenly from both classes. The label is about the outlined box."
        }
    }
}
