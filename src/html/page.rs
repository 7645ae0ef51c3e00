//! The page of a pipeline: which sections it has, and in which order.

use super::{
    Report, data, evaluation, explanations, faithfulness, judge,
    layout::{Section, document},
    measures, pipeline, reproduce, summary, training,
};

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
        ("measures", "Measures", measures::section(report)),
        ("reproduce", "Reproduce", Some(reproduce::section(report))),
    ]
    .into_iter()
    .filter_map(|(id, name, content)| content.map(|content| Section { id, name, content }))
    .collect();
    document(&report.name, &report.version, &sections).into_string()
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
        for section in [
            "summary",
            "pipeline",
            "training",
            "evaluation",
            "explanations",
            "faithfulness",
            "measures",
            "reproduce",
        ] {
            assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
            assert!(page.contains(&format!("href=\"#{section}\"")), "{section}");
        }
        assert!(!page.contains("id=\"data\""), "a section without content");
    }

    #[test]
    fn every_measure_that_the_page_names_is_explained_on_it() {
        let page = page(&fixture::report());
        let links = page.split("href=\"#term-").skip(1).filter_map(|rest| rest.split('"').next());
        let links: std::collections::BTreeSet<&str> = links.collect();
        assert!(links.len() > 20, "{links:?}");
        for link in links {
            assert!(page.contains(&format!("<dt id=\"term-{link}\">")), "{link}");
        }
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
}
