//! The skeleton of the page: head, navigation, sections; and what all sections share.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Picture, Report, data, evaluation, explanations, faithfulness, judge, pipeline, reproduce, summary,
    training,
};
use crate::metrics::Interval;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A section: its id, its name in the navigation, its content.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) content: Markup,
}

/// The whole file.
#[must_use]
pub fn page(report: &Report) -> String {
    let warnings = judge::warnings(report);
    let sections: Vec<Section> = [
        ("summary", "Summary", Some(summary::section(report, &warnings))),
        ("pipeline", "Pipeline", Some(pipeline::section(report))),
        ("data", "Data", data::section(report)),
        ("training", "Training", training::section(report)),
        ("evaluation", "Evaluation", evaluation::section(report)),
        ("explanations", "Explanations", explanations::section(report)),
        ("faithfulness", "Faithfulness", faithfulness::section(report)),
        ("reproduce", "Reproduce", Some(reproduce::section(report))),
    ]
    .into_iter()
    .filter_map(|(id, name, content)| content.map(|content| Section { id, name, content }))
    .collect();
    document(&report.name, &report.version, &sections).into_string()
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
            button.enlarge type="button" aria-label={ "Enlarge: " (title) } {
                img src=(address) alt=(title) loading="lazy";
            }
            figcaption { (title) }
        }
    }
}

/// Figures side by side.
pub(super) fn figures(pictures: &[(String, Picture)]) -> Markup {
    html! { div.pictures { @for (title, picture) in pictures { (figure(title, picture)) } } }
}

/// A table whose first column names the rows. It scrolls by itself on a narrow screen.
pub(super) fn table(caption: &str, heads: &[&str], rows: &[Vec<Markup>]) -> Markup {
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
pub(super) fn interval(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| format!(" ({low:.3} to {high:.3})"))
}

/// A number with its interval.
pub(super) fn estimate(value: Option<f64>, around: Option<Interval>) -> String {
    decimal(value) + &interval(around)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::fixture;

    #[test]
    fn no_text_from_outside_becomes_markup() {
        let page = page(&fixture::report());
        assert!(!page.contains("<script>alert"), "an element");
        assert!(!page.contains(fixture::EVIL), "an attribute that ends early");
        assert!(page.matches("&lt;script&gt;alert").count() > 20);
    }

    #[test]
    fn every_section_with_content_is_there_and_linked() {
        let page = page(&fixture::report());
        for section in ["summary", "pipeline", "training", "evaluation", "explanations", "reproduce"] {
            assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
            assert!(page.contains(&format!("href=\"#{section}\"")), "{section}");
        }
        assert!(!page.contains("id=\"data\""), "a section without content");
    }

    #[test]
    fn the_page_asks_for_nothing_outside_itself() {
        let page = page(&fixture::report());
        for attribute in ["src=\"http", "href=\"http", "url(http", "@import"] {
            assert!(!page.contains(attribute), "{attribute}");
        }
    }

    #[test]
    fn the_same_results_are_the_same_page() {
        assert_eq!(page(&fixture::report()), page(&fixture::report()));
    }

    #[test]
    fn numbers_that_do_not_exist_are_dashes() {
        assert_eq!(
            (decimal(None), decimal(Some(f64::NAN)), percent(f64::NAN)),
            ("–".into(), "–".into(), "undefined".into())
        );
    }
}
