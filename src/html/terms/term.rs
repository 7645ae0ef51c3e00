//! What the page and `pcamflow explain` know of a measure.

/// One measure.
#[derive(Debug)]
pub struct Term {
    /// Its name in files: `deletion-auc`.
    pub name: &'static str,
    /// Its other names in files.
    pub also: &'static [&'static str],
    /// Its name for people.
    pub title: &'static str,
    /// What it is.
    pub sentence: &'static str,
    /// Its range, and which end is good.
    pub range: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}
