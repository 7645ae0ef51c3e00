//! The skeleton of a page: head, navigation, sections; and what all sections share.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use super::Picture;
use crate::metrics::Interval;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A section: its id, its name in the navigation, its content.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) content: Markup,
}

/// The whole file from its sections.
pub(super) fn document(name: &str, version: &str, sections: &[Section]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "pcamflow " (version) };
                // The page has no icon of its own; without this line, browsers look for one.
                link rel="icon" href="data:,";
                title { (name) " · pcamflow" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (name) }
                    nav aria-label="Sections" {
                        @for section in sections { a href={ "#" (section.id) } { (section.name) } }
                        button type="button" id="theme" hidden { "Dark" }
                    }
                }
                main {
                    @for section in sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.name) }
                            (section.content)
                        }
                    }
                }
                dialog id="large" aria-label="Enlarged" {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// An address that contains the bytes themselves.
pub(super) fn embedded(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// A PNG's address.
pub(super) fn png(bytes: &[u8]) -> String {
    embedded("image/png", bytes)
}

/// A picture with its title. A click enlarges it.
pub(super) fn figure(title: &str, picture: &Picture) -> Markup {
    let address = match picture {
        Picture::Png(bytes) => png(bytes),
        Picture::Svg(text) => embedded("image/svg+xml", text),
    };
    html! {
        figure.picture {
            // Small letters cannot shrink: on a narrow screen the picture scrolls in its own box.
            div.scroll tabindex="0" role="region" aria-label=(title) {
                button.enlarge type="button" aria-label={ "Enlarge: " (title) } {
                    img src=(address) alt=(title) loading="lazy";
                }
            }
            figcaption { (title) }
        }
    }
}

/// Figures side by side.
pub(super) fn figures(pictures: &[(String, Picture)]) -> Markup {
    html! { div.pictures { @for (title, picture) in pictures { (figure(title, picture)) } } }
}

/// Figures one below the other, for pictures with small letters.
pub(super) fn wide_figures(pictures: &[(String, Picture)]) -> Markup {
    html! { div.pictures.wide { @for (title, picture) in pictures { (figure(title, picture)) } } }
}

/// A table whose first column names the rows. It scrolls by itself on a narrow screen.
pub(super) fn table(caption: &str, heads: &[impl Render], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (place, cell) in row.iter().enumerate() {
                                @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Text with code between backticks, as messages have it.
pub(super) fn marked(text: &str) -> Markup {
    html! { @for (place, part) in text.split('`').enumerate() { @if place % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// A cell with text.
pub(super) fn cell(text: impl AsRef<str>) -> Markup {
    html! { (text.as_ref()) }
}

/// A share in percent: `92.3%`.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}%", share * 100.0) } else { "undefined".to_owned() }
}

/// A number with three decimals; a dash if there is none.
pub(super) fn decimal(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => format!("{value:.3}"),
        _ => "–".to_owned(),
    }
}

/// ` (0.912 to 0.967)`, or nothing.
fn interval(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| format!(" ({low:.3} to {high:.3})"))
}

/// A share in percent with its interval.
pub(super) fn share(value: f64, around: Option<Interval>) -> String {
    let around = around.map(|Interval { low, high }| format!(" ({} to {})", percent(low), percent(high)));
    percent(value) + &around.unwrap_or_default()
}

/// A number with its interval.
pub(super) fn estimate(value: Option<f64>, around: Option<Interval>) -> String {
    decimal(value) + &interval(around)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_exist_are_dashes() {
        assert_eq!(
            (decimal(None), decimal(Some(f64::NAN)), percent(f64::NAN)),
            ("–".into(), "–".into(), "undefined".into())
        );
    }
}
