//! The texts a pipeline is made of (the file, then each `--set`), in one coordinate space, so that
//! any value's place can be shown whatever text it came from.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::stages::Problem;

/// One text.
struct Source {
    name: String,
    text: String,
    /// Where its first byte lies in the common space.
    base: usize,
}

/// All texts of one pipeline.
#[derive(Default)]
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text; returns where it begins in the common space.
    pub(super) fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        let base = self.0.last().map_or(0, |last| last.base + last.text.len() + 1);
        self.0.push(Source { name: name.into(), text: text.into(), base });
        base
    }

    /// The texts with their names.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|source| (source.name.as_str(), source.text.as_str()))
    }

    /// The texts with where they begin.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|source| (source.text.as_str(), source.base))
    }

    /// The name of the text in which a place lies, and where that text begins.
    pub(super) fn text_at(&self, place: usize) -> Option<(&str, usize)> {
        self.of(&(place..place)).map(|source| (source.name.as_str(), source.base))
    }

    fn of(&self, span: &Range<usize>) -> Option<&Source> {
        self.0.iter().rev().find(|source| source.base <= span.start)
    }

    /// `file:line` of a place.
    #[must_use]
    pub(super) fn line(&self, span: &Range<usize>) -> String {
        self.of(span).map_or_else(String::new, |source| {
            let before = &source.text.as_bytes()[..(span.start - source.base).min(source.text.len())];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            format!("{}:{line}", source.name)
        })
    }

    /// Renders problems as a compiler does: message, place, the line with a caret, advice.
    #[must_use]
    pub(super) fn render(&self, problems: &[Problem], colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let rendered: Vec<String> =
            problems.iter().map(|problem| self.render_one(problem, &renderer)).collect();
        rendered.join("\n\n")
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(problem.message.as_str());
        let source = problem.span.as_ref().and_then(|span| Some((span, self.of(span)?)));
        let mut group = match source {
            Some((span, source)) => title.element(snippet(source, span)),
            None => title.elements(std::iter::empty::<Snippet<'_, annotate_snippets::Annotation<'_>>>()),
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

fn snippet<'a>(source: &'a Source, span: &Range<usize>) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let end = source.text.len();
    let start = (span.start - source.base).min(end);
    // A whole table would underline many lines: its first line says where it is.
    let line_end = source.text[start..].find('\n').map_or(end, |offset| start + offset);
    let stop = (span.end.saturating_sub(source.base)).clamp(start, line_end);
    Snippet::source(source.text.as_str())
        .path(source.name.as_str())
        .annotation(AnnotationKind::Primary.span(start..stop.max(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_each_text() {
        let mut sources = Sources::default();
        sources.add("a.toml", "x = 1\ny = 2\n");
        let base = sources.add("--set #1", "z = 3");
        assert_eq!(sources.line(&(6..7)), "a.toml:2");
        assert_eq!(sources.line(&(base..base + 1)), "--set #1:1");
    }

    #[test]
    fn a_problem_shows_its_line_and_advice() {
        let mut sources = Sources::default();
        sources.add("a.toml", "[train.base]\nepoch = 8\n");
        let problem = Problem::at(13..18, "unknown key `epoch`").help("did you mean `epochs`?");
        let text = sources.render(&[problem], false);
        assert!(
            text.contains("a.toml:2:1") && text.contains("2 | epoch = 8") && text.contains("^^^^^"),
            "{text}"
        );
        assert!(text.contains("did you mean `epochs`?"), "{text}");
    }
}
