//! The texts of a pipeline (the file after those that it extends, then each `--set`), concatenated, so that a byte
//! range is the place of a value in any of them.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use crate::stages::Problem;

/// One text.
struct Source {
    name: String,
    text: Arc<str>,
    /// The number of its first line: above 1 for a value inside another file.
    first_line: usize,
    /// The place of its first byte.
    base: usize,
    /// The file; `None` for a `--set` or a value of a trial.
    file: Option<PathBuf>,
    /// The places of its line breaks, computed when needed: counting them anew for each source file would take longer
    /// than all the rest.
    breaks: OnceLock<Vec<usize>>,
}

impl Source {
    /// The number of the line with a byte.
    fn line(&self, at: usize) -> usize {
        let breaks = self.breaks.get_or_init(|| {
            let bytes = self.text.bytes().enumerate();
            bytes.filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place).collect()
        });
        self.first_line + breaks.partition_point(|place| *place < at)
    }
}

/// All texts of one pipeline.
#[derive(Default)]
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Adds the text of a file; returns where it begins.
    pub(super) fn add_file(&mut self, file: &Path, text: impl Into<Arc<str>>) -> usize {
        self.add(file.display().to_string(), 1, text.into(), Some(file.to_owned()))
    }

    /// Adds a `--set`.
    pub(super) fn add_set(&mut self, number: usize, text: impl Into<Arc<str>>) -> usize {
        self.add(format!("--set #{number}"), 1, text.into(), None)
    }

    /// Adds a value of a trial, which is written at `place` (`trials.csv:3`).
    pub(super) fn add_trial(&mut self, place: &str, text: impl Into<Arc<str>>) -> usize {
        let numbered = place.rsplit_once(':').and_then(|(name, line)| Some((name, line.parse().ok()?)));
        let (name, first_line) = numbered.unwrap_or((place, 1));
        self.add(name.to_owned(), first_line, text.into(), None)
    }

    fn add(&mut self, name: String, first_line: usize, text: Arc<str>, file: Option<PathBuf>) -> usize {
        let base = self.0.last().map_or(0, |last| last.base + last.text.len() + 1);
        self.0.push(Source { name, first_line, text, base, file, breaks: OnceLock::new() });
        base
    }

    /// Whether any of the texts contains this one.
    pub(super) fn contain(&self, text: &str) -> bool {
        self.0.iter().any(|source| source.text.contains(text))
    }

    /// The texts of the files with their names.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        let files = self.0.iter().filter(|source| source.file.is_some());
        files.map(|source| (source.name.as_str(), &source.text))
    }

    /// The files with their texts and where these begin. An extended file comes before the one that extends it.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &str, usize)> {
        self.0.iter().filter_map(|source| Some((source.file.as_deref()?, source.text.as_ref(), source.base)))
    }

    /// The texts that are not files, with where they begin.
    pub(super) fn sets(&self) -> impl Iterator<Item = (&str, usize)> {
        let sets = self.0.iter().filter(|source| source.file.is_none());
        sets.map(|source| (source.text.as_ref(), source.base))
    }

    /// The text at a place.
    pub(super) fn raw(&self, span: &Range<usize>) -> &str {
        let source = self.of(span);
        source
            .and_then(|source| source.text.get(span.start - source.base..span.end - source.base))
            .unwrap_or("")
    }

    /// A path that is relative to the file with this place.
    pub(super) fn beside(&self, span: &Range<usize>, path: &str) -> PathBuf {
        let file = self.of(span).and_then(|source| source.file.as_deref());
        file.and_then(Path::parent).map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }

    /// `file:line` of a place, or `--set` if it is not in a file.
    pub(super) fn file_line(&self, span: &Range<usize>) -> String {
        match self.of(span) {
            Some(source) if source.file.is_none() => "--set".to_owned(),
            _ => self.line(span),
        }
    }

    fn of(&self, span: &Range<usize>) -> Option<&Source> {
        self.0.iter().rev().find(|source| source.base <= span.start)
    }

    /// `file:line` of a place; `--set #1:1` if it is not in a file.
    #[must_use]
    pub(super) fn line(&self, span: &Range<usize>) -> String {
        self.of(span).map_or_else(String::new, |source| {
            format!("{}:{}", source.name, source.line(span.start - source.base))
        })
    }

    /// Renders problems like a compiler: message, place, the line with a caret, advice.
    #[must_use]
    pub(super) fn render(&self, problems: &[Problem], colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let rendered: Vec<String> =
            problems.iter().map(|problem| self.render_one(problem, &renderer)).collect();
        rendered.join("\n\n")
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(problem.message.as_str());
        let mut group = title.elements(std::iter::empty::<Snippet<'_, Annotation<'_>>>());
        for snippet in self.snippets(problem) {
            group = group.element(snippet);
        }
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// The place of a problem, and its second place: in one snippet if both are in the same text.
    fn snippets<'a>(&'a self, problem: &'a Problem) -> Vec<Snippet<'a, Annotation<'a>>> {
        let Some(place) = &problem.span else { return Vec::new() };
        let Some(source) = self.of(place) else { return Vec::new() };
        let snippet = source.snippet().annotation(AnnotationKind::Primary.span(source.within(place)));
        let Some((other, label)) = problem.also.as_deref() else { return vec![snippet] };
        let Some(beside) = self.of(other) else { return vec![snippet] };
        let context = AnnotationKind::Context.span(beside.within(other)).label(label.as_str());
        match beside.base == source.base {
            true => vec![snippet.annotation(context)],
            false => vec![snippet, beside.snippet().annotation(context)],
        }
    }
}

impl Source {
    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(self.text.as_ref()).line_start(self.first_line).path(self.name.as_str())
    }

    /// The part of a place to underline: only its first line. If that is empty because the place is behind the end of
    /// a line, the last character of the line before it.
    fn within(&self, span: &Range<usize>) -> Range<usize> {
        let end = self.text.len();
        let start = span.start.saturating_sub(self.base).min(end);
        let line_end = self.text[start..].find('\n').map_or(end, |offset| start + offset);
        let before = match start == end {
            true => self.text.trim_end(),
            false => self.text[..start].trim_end_matches('\r'),
        };
        if let (true, Some(last)) =
            (self.text[start..line_end].trim_end_matches('\r').is_empty(), before.chars().next_back())
            && last != '\n'
        {
            return before.len() - last.len_utf8()..before.len();
        }
        let stop = span.end.saturating_sub(self.base).clamp(start, line_end);
        start..stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_each_text() {
        let mut sources = Sources::default();
        sources.add_file(Path::new("a.toml"), "x = 1\ny = 2\n");
        let base = sources.add_set(1, "z = 3");
        assert_eq!(sources.line(&(6..7)), "a.toml:2");
        assert_eq!(sources.line(&(base..base + 1)), "--set #1:1");
    }

    #[test]
    fn behind_the_end_of_a_line_the_last_character_is_underlined() {
        for (text, at) in
            [("a = [\r\nb = 1\r\n", 5..7), ("a = [\nb = 1\n", 5..6), ("a = [\n\n", 7..7), ("a = [", 5..5)]
        {
            let mut sources = Sources::default();
            sources.add_file(Path::new("a.toml"), text);
            let shown = sources.render(&[Problem::at(at, "no end")], false);
            assert!(shown.contains("a.toml:1:5") && shown.contains("1 | a = [\n  |     ^"), "{shown}");
        }
    }

    #[test]
    fn a_value_of_a_trial_has_the_place_where_it_was_written() {
        let mut sources = Sources::default();
        sources.add_file(Path::new("a.toml"), "x = 1\n");
        let base = sources.add_trial("t.csv:3", "x = 2");
        assert_eq!(sources.line(&(base..base + 1)), "t.csv:3");
        let shown = sources.render(&[Problem::at(base + 4..base + 5, "too many")], false);
        assert!(shown.contains("--> t.csv:3:5") && shown.contains("3 | x = 2"), "{shown}");
        assert_eq!(sources.named().count(), 1);
        assert_eq!(sources.file_line(&(base..base)), "--set");
    }

    #[test]
    fn a_problem_shows_its_line_and_advice() {
        let mut sources = Sources::default();
        sources.add_file(Path::new("a.toml"), "[train.base]\nepoch = 8\n");
        let problem = Problem::at(13..18, "unknown key `epoch`").help("did you mean `epochs`?");
        let text = sources.render(&[problem], false);
        assert!(
            text.contains("a.toml:2:1") && text.contains("2 | epoch = 8") && text.contains("^^^^^"),
            "{text}"
        );
        assert!(text.contains("did you mean `epochs`?"), "{text}");
    }
}
