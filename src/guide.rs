//! The guide: one page per topic, for the terminal and for this documentation.
//!
//! Owns the pages (`src/guide/*.md`) and their order; knows neither terminals nor the command line. A page begins with
//! a title and one sentence that says what it is about. It names other pages in square brackets, `[sweeps]`, with the
//! links at its end.

/// A page of the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Its topic, one word.
    pub topic: &'static str,
    /// All of it, as Markdown.
    pub text: &'static str,
}

impl Page {
    /// The page about a topic.
    #[must_use]
    pub fn about(topic: &str) -> Option<&'static Self> {
        PAGES.iter().find(|page| page.topic == topic)
    }

    /// The sentence that says what the page is about, on one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let lines = self.text.lines().skip_while(|line| line.starts_with('#') || line.is_empty());
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Includes the pages. Here links lead to modules, not to files: of several definitions of a link, the first counts.
macro_rules! pages {
    ($($topic:ident)*) => { pages! { [$($topic)*] $($topic)* } };
    ([$($all:ident)*] $($topic:ident)*) => {
        /// Every page, in reading order.
        pub const PAGES: &[Page] = &[$(Page {
            topic: stringify!($topic),
            text: include_str!(concat!("guide/", stringify!($topic), ".md")),
        }),*];
        pages! { @modules [$("[", stringify!($all), "]: crate::guide::", stringify!($all), "\n",)*] $($topic)* }
    };
    (@modules $links:tt $($topic:ident)*) => { $(pages! { @module $links $topic })* };
    (@module [$($link:expr,)*] $topic:ident) => {
        #[doc = concat!($($link),*)]
        #[doc = include_str!(concat!("guide/", stringify!($topic), ".md"))]
        pub mod $topic {}
    };
}

pages! {
    install start pipelines stages training evaluation explanations report inspect runs compare python
    sweeps repeats watch parameters extend command patches weights precision
    caching sources fetch projects store remote settings launcher slurm verify ci completion
    notebook measurements speed develop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_with_a_title_and_a_sentence_for_one_line_of_a_terminal() {
        for page in PAGES {
            assert!(page.text.starts_with("# "), "{}", page.topic);
            let sentence = page.sentence();
            assert!(sentence.ends_with('.') && sentence.len() <= 64, "{}: {sentence}", page.topic);
            assert!(!sentence.contains(['`', '[']), "{}: {sentence}", page.topic);
        }
    }

    #[test]
    fn a_page_is_found_by_its_topic() {
        assert_eq!(Page::about("sweeps").map(|page| page.topic), Some("sweeps"));
        assert_eq!(Page::about("sweep"), None);
    }
}
