//! The texts of a pipeline as one document: each file merged over the one that it extends, every `--set` over the
//! files, parameters inserted.
//!
//! Knows tables, not what they mean. Of each value it knows where it is written.

use std::{ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

use super::{
    extends::{self, Removed},
    keys,
    merge::Merge,
    overrides,
    params::{self, Use, Uses},
    pieces,
    sources::Sources,
};
use crate::{
    nearest::nearest,
    stages::{Kind, Problem, Topic},
};

/// The document of a pipeline.
pub(super) struct Document<'a> {
    /// The tables.
    pub(super) tables: Spanned<DeTable<'a>>,
    /// The parameters that they use.
    pub(super) uses: Uses,
    sources: &'a Sources,
    removed: Removed,
}

/// Reads the texts and adds their problems. `None` if a file is not valid TOML, because what follows the first mistake
/// cannot be known.
pub(super) fn read<'a>(sources: &'a Sources, problems: &mut Vec<Problem>) -> Option<Document<'a>> {
    let mut merge = Merge::default();
    let (mut tables, removed) = files(sources, &mut merge, problems)?;
    for (text, base) in sources.sets() {
        match overrides::parse(text, base) {
            Ok(change) => set(&mut merge, tables.get_mut(), change, text, problems),
            Err(problem) => problems.push(problem),
        }
    }
    let uses = params::resolve(tables.get_mut(), sources.contain(params::BEGIN), problems);
    Some(Document { tables, sources, uses, removed })
}

/// A file with its tables and the errors in them.
struct Read<'a> {
    file: &'a Path,
    text: &'a str,
    base: usize,
    tables: Spanned<DeTable<'a>>,
    errors: Vec<Error>,
}

/// The tables of the files, each merged over those that it extends; `None`, with one problem for each file, if some
/// cannot be read.
fn files<'a>(
    sources: &'a Sources,
    merge: &mut Merge,
    problems: &mut Vec<Problem>,
) -> Option<(Spanned<DeTable<'a>>, Removed)> {
    let read = sources.files().map(|(file, text, base)| {
        let (tables, errors) = pieces::read(text);
        Read { file, text, base, tables, errors }
    });
    let read: Vec<Read<'a>> = read.collect();
    let broken = read.iter().enumerate().filter_map(|(at, one)| broken(one, read.get(at + 1)));
    let broken: Vec<Problem> = broken.collect();
    if !broken.is_empty() {
        problems.extend(broken);
        return None;
    }
    let mut removed = Removed::new();
    let mut whole: Option<(Spanned<DeTable<'a>>, &Path)> = None;
    for Read { file, text, base, mut tables, .. } in read {
        if base > 0 {
            tables = Spanned::new(base..base + text.len(), overrides::shift_table(tables.into_inner(), base));
        }
        let parent = whole.as_mut().map(|(tables, file)| (tables.get_mut(), *file));
        removed.extend(extends::take(tables.get_mut(), parent, problems));
        if let Some((mut parent, _)) = whole {
            // The name is that of the pipeline's own file.
            let pipeline = parent.get_mut().get_mut("pipeline").map(Spanned::get_mut);
            if let Some(DeValue::Table(pipeline)) = pipeline {
                pipeline.remove("name");
            }
            merge.merge(parent.get_mut(), tables.into_inner(), usize::MAX);
            tables = parent;
        }
        whole = Some((tables, file));
    }
    let (tables, _) = whole?;
    Some((tables, removed))
}

/// The first problem of a file that another one may extend. Later ones mostly follow from it. The text of an extended
/// file is shown only if it looks like a pipeline; otherwise it may contain a secret.
fn broken(read: &Read<'_>, by: Option<&Read<'_>>) -> Option<Problem> {
    let Read { file, text, base, tables, errors } = read;
    let tables = tables.get_ref();
    let problem = match errors.first() {
        Some(error) if by.is_none() || (!tables.is_empty() && is_pipeline(tables)) => {
            let span = error.span().unwrap_or(0..text.len());
            return Some(Problem::at(overrides::moved(span, *base), error.message()));
        }
        Some(error) => format!("{} is not TOML: {}", file.display(), error.message()),
        None if by.is_some() && !is_pipeline(tables) => {
            format!("{} is not a pipeline: it has none of the tables of one", file.display())
        }
        None => return None,
    };
    let by = by?;
    let (span, _) = extends::extended(by.text)?;
    Some(Problem::at(overrides::moved(span, by.base), problem).help("it is extended here"))
}

/// Whether a file has one of the tables of a pipeline, or is empty.
fn is_pipeline(tables: &DeTable<'_>) -> bool {
    const OTHERS: [&str; 7] = ["extends", "remove", "pipeline", "params", "report", "run", "sweep"];
    let is_known = |word: &str| OTHERS.contains(&word) || Kind::from_word(word).is_some();
    tables.is_empty() || tables.keys().any(|word| is_known(word.get_ref()))
}

/// Applies an override, if the document has its stage or parameter.
fn set<'a>(
    merge: &mut Merge,
    document: &mut DeTable<'a>,
    change: DeTable<'a>,
    text: &str,
    problems: &mut Vec<Problem>,
) {
    let Some((word, value)) = change.iter().next() else { return };
    let mut parts = overrides::key(text).unwrap_or_default();
    let depth = parts.len();
    if depth == 1 {
        let below = value.get_ref().as_table().and_then(|table| table.keys().next());
        parts.extend(below.map(|name| name.get_ref().to_string()));
    }
    match keys::check(document, &parts) {
        Ok(()) => merge.merge(document, change, depth),
        Err(problem) => problems.push(Problem { span: Some(word.span()), ..problem }),
    }
}

impl Document<'_> {
    /// Where the value at a place is written: in `[params]`, if it comes from there.
    pub(super) fn origin(&self, place: Range<usize>) -> Range<usize> {
        self.uses.at(place.start).map_or(place, |found| found.definition.clone())
    }

    /// Whether a table is written in braces.
    pub(super) fn is_inline(&self, table: &Spanned<DeValue<'_>>) -> bool {
        self.sources.raw(&table.span()).starts_with('{')
    }

    /// Adds the parameters and removals behind problems, and advice. The first `of_texts` are the document's own.
    pub(super) fn explain(&self, problems: &mut Vec<Problem>, of_texts: usize) {
        let others = problems.split_off(of_texts);
        // A reference that could not be resolved is reported as such, not as a value of the wrong type.
        let broken = |place: &Range<usize>| self.uses.broken.contains(&place.start);
        problems.extend(others.into_iter().filter(|problem| !problem.span.as_ref().is_some_and(broken)));
        for problem in problems {
            if problem.also.is_none() {
                problem.also = self.behind(problem).map(Box::new);
            }
            if let Topic::UnknownKey(word) = &problem.topic
                && ["extends", "remove"].contains(&word.as_str())
            {
                problem.help = Some("put it at the top of the file, above the first [table]".to_owned());
            }
            if problem.help.is_none() {
                problem.help = self.misspelt(problem).or_else(|| like_a_reference(problem, self.sources));
            }
        }
    }

    /// Suggests another name for a stage that lacks a key and is in no extended file.
    fn misspelt(&self, problem: &Problem) -> Option<String> {
        let (span, own) = (problem.span.as_ref()?, self.own());
        if own == 0 || span.start < own || !matches!(problem.topic, Topic::Missing(_)) {
            return None;
        }
        let all = keys::paths(self.tables.get_ref());
        let (stage, _) = all.iter().find(|(_, value)| value.span() == *span)?;
        let extended =
            all.iter().filter(|(_, value)| value.span().start < own).map(|(name, _)| name.as_str());
        let near = nearest(stage, extended)?;
        Some(format!("did you mean `{near}`? No extended file has `{stage}`"))
    }

    /// Where the pipeline's own file begins.
    fn own(&self) -> usize {
        self.sources.files().last().map_or(0, |(_, _, base)| base)
    }

    fn behind(&self, problem: &Problem) -> Option<(Range<usize>, String)> {
        let span = problem.span.as_ref()?;
        if let Some(Use { name, definition, .. }) = self.uses.at(span.start) {
            return Some((definition.clone(), format!("`params.{name}` is set here")));
        }
        if let Some((name, used)) = self.uses.inside(span) {
            return Some((used..used + 1, format!("`params.{name}` is used here")));
        }
        let Topic::NoStage(stage) = &problem.topic else { return None };
        Some((self.removed.get(stage)?.clone(), "it is removed here".to_owned()))
    }

    /// Notes about possible mistakes: unused parameters of the pipeline's own file.
    pub(super) fn notes(&self) -> Vec<String> {
        let unused = self.uses.unused.iter().filter(|(_, span)| span.start >= self.own());
        let note = |(name, span): &(String, Range<usize>)| {
            let near = nearest(name, self.uses.used.iter().map(String::as_str));
            let near = near.map(|near| format!(" (`params.{near}` is)")).unwrap_or_default();
            format!("{}: `params.{name}` is not used{near}", self.sources.line(span))
        };
        unused.map(note).collect()
    }
}

/// Advice for a text that may be meant as a reference to a parameter.
fn like_a_reference(problem: &Problem, sources: &Sources) -> Option<String> {
    let raw = sources.raw(problem.span.as_ref()?);
    let is_it = raw.strip_prefix(['"', '\'']).is_some_and(|text| text.starts_with('$'));
    (is_it && !raw.contains(params::BEGIN)).then(|| "a parameter is written \"${params.name}\"".to_owned())
}
