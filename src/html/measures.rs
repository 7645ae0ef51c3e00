//! The names of measures in tables, each a link to its explanation; and the section that explains all of them.

use maud::{Markup, html};

use super::{Report, terms};

/// Whether the page has a number to explain.
fn is_needed(report: &Report) -> bool {
    !(report.trainings.is_empty()
        && report.evaluations.is_empty()
        && report.explanations.is_empty()
        && report.comparisons.is_empty()
        && report.sanities.is_empty())
}

pub(super) fn section(report: &Report) -> Option<Markup> {
    is_needed(report).then(|| {
        html! {
            p {
                "What the numbers of this page mean. Two numbers in parentheses are an interval, of 95% unless the pipeline sets another level: \
                 Wilson's for shares, otherwise by resampling slides, or patches if slides are not known."
            }
            @for (group, terms) in terms::GROUPS {
                h3 { (group) }
                dl.terms {
                    @for term in terms {
                        dt id={ "term-" (term.name) } { (term.title) }
                        dd { (term.sentence) " " span.note { (term.range) ". " (term.source) "." } }
                    }
                }
            }
        }
    })
}

/// The words for a measure, as a link to its explanation; only the words if it has none.
pub(super) fn link(measure: &str, words: &str) -> Markup {
    match terms::term(measure) {
        Some(term) => html! { a.measure href={ "#term-" (term.name) } title=(term.sentence) { (words) } },
        None => html! { (words) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_links_to_its_term_also_by_another_name() {
        let link = link("mask-rank", "rank in the <mask>").into_string();
        assert!(link.contains("href=\"#term-rank\"") && link.contains("&lt;mask&gt;"), "{link}");
    }
}
