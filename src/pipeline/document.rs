//! The texts of a pipeline as one document: each file over what it extends, every `--set` over the file,
//! parameters in their places.
//!
//! Knows tables, not what they mean; of every value it knows where it is written, and who set it.

use std::{collections::BTreeSet, ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
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
    stages::{Kind, Matter, Problem},
};

/// Everything that the texts of a pipeline say.
pub(super) struct Document<'a> {
    /// The tables.
    pub(super) tables: Spanned<DeTable<'a>>,
    sources: &'a Sources,
    uses: Uses,
    removed: Removed,
}

/// Reads the texts, and notes what is wrong with them. `None` where a file is no TOML: what it would say
/// otherwise is anybody's guess.
pub(super) fn read<'a>(sources: &'a Sources, problems: &mut Vec<Problem>) -> Option<Document<'a>> {
    let mut merge = Merge::default();
    let (mut tables, removed) = files(sources, &mut merge, problems)?;
    for (text, base) in sources.sets() {
        match overrides::parse(text, base) {
            Ok(change) => set(&mut merge, tables.get_mut(), change, text, problems),
            Err(problem) => problems.push(problem),
        }
    }
    let mentioned = sources.texts().any(|(text, _)| text.contains(params::BEGIN));
    let uses = params::resolve(tables.get_mut(), mentioned, problems);
    Some(Document { tables, sources, uses, removed })
}

/// The files, each over what it extends; `None`, with the first mistake of each, where some are no TOML.
fn files<'a>(
    sources: &'a Sources,
    merge: &mut Merge,
    problems: &mut Vec<Problem>,
) -> Option<(Spanned<DeTable<'a>>, Removed)> {
    let read: Vec<_> =
        sources.files().map(|(file, text, base)| (file, text, base, pieces::read(text))).collect();
    // What the reader says of a text after its first mistake is mostly a consequence of that one.
    let broken = read.iter().enumerate().filter_map(|(at, (file, text, base, (tables, errors)))| {
        let by = read.get(at + 1);
        // A pipeline with a mistake, or the file that was named; anything else may be a secret.
        let is_shown = by.is_none() || (!tables.get_ref().is_empty() && is_of_pipeline(tables.get_ref()));
        let problem = match (errors.first(), by) {
            (Some(error), _) if is_shown => {
                let span = error.span().unwrap_or(0..text.len());
                return Some(Problem::at(span.start + base..span.end + base, error.message()));
            }
            (Some(error), _) => {
                let before = text.as_bytes().iter().take(error.span().unwrap_or_default().start);
                let line = 1 + before.filter(|byte| **byte == b'\n').count();
                format!("{}:{line} is no TOML: {}", file.display(), error.message())
            }
            (None, Some(_)) if !is_of_pipeline(tables.get_ref()) => {
                format!("{} is no pipeline: it has no table of one", file.display())
            }
            (None, _) => return None,
        };
        // The text of a file that may be anything, even a secret, is not shown.
        let (_, text, base, _) = by?;
        let (span, _) = extends::extended(text)?;
        Some(Problem::at(span.start + base..span.end + base, problem).help("it is extended here"))
    });
    let broken: Vec<Problem> = broken.collect();
    let before = problems.len();
    problems.extend(broken);
    if problems.len() > before {
        return None;
    }
    let mut removed = Removed::new();
    let mut whole: Option<(Spanned<DeTable<'a>>, &Path)> = None;
    for (file, text, base, (mut tables, _)) in read {
        if base > 0 {
            tables = Spanned::new(base..base + text.len(), overrides::shift_table(tables.into_inner(), base));
        }
        let parent = whole.as_mut().map(|(tables, file)| (tables.get_mut(), *file));
        removed.extend(extends::take(tables.get_mut(), parent, problems));
        whole = Some(match whole {
            None => (tables, file),
            Some((mut parent, _)) => {
                // A pipeline is named after its own file, not after what it extends.
                if let Some(DeValue::Table(pipeline)) =
                    parent.get_mut().get_mut("pipeline").map(Spanned::get_mut)
                {
                    pipeline.remove("name");
                }
                merge.merge(parent.get_mut(), tables.into_inner(), usize::MAX);
                (parent, file)
            }
        });
    }
    let empty = || Spanned::new(0..0, DeTable::new());
    Some((whole.map_or_else(empty, |(tables, _)| tables), removed))
}

/// Whether a file has something that pipelines have; an empty one may be a pipeline.
fn is_of_pipeline(tables: &DeTable<'_>) -> bool {
    const OTHERS: [&str; 6] = ["extends", "remove", "pipeline", "params", "run", "sweep"];
    let is_known = |word: &str| OTHERS.contains(&word) || Kind::from_word(word).is_some();
    tables.is_empty() || tables.keys().any(|word| is_known(word.get_ref()))
}

/// Applies an override, unless it is about a stage or a parameter that the file does not have.
fn set<'a>(
    merge: &mut Merge,
    document: &mut DeTable<'a>,
    change: DeTable<'a>,
    text: &str,
    problems: &mut Vec<Problem>,
) {
    let Some((word, value)) = change.iter().next() else { return };
    let mut parts = vec![word.get_ref().to_string()];
    let below = value.get_ref().as_table().and_then(|table| table.keys().next());
    parts.extend(below.map(|name| name.get_ref().to_string()));
    if let Some(all) =
        keys::parts(text.split('=').next().unwrap_or_default().trim()).filter(|all| all.len() > 2)
    {
        parts = all;
    }
    match keys::check(document, &parts) {
        Ok(()) => merge.merge(document, change, overrides::depth(text)),
        Err(problem) => problems.push(Problem { span: Some(word.span()), ..problem }),
    }
}

impl Document<'_> {
    /// Where a value is written that stands at a place: for one that comes from a parameter, that one's.
    pub(super) fn origin(&self, place: Range<usize>) -> Range<usize> {
        self.uses.at(place.start).map_or(place, |found| found.definition.clone())
    }

    /// Where the value of the parameter is written that stands at a place, if it stands nowhere but at `places`.
    pub(super) fn only_used_at(
        &self,
        place: &Range<usize>,
        places: &BTreeSet<usize>,
    ) -> Option<Range<usize>> {
        self.uses.only_at(place.start, places)
    }

    /// Whether a table is written in braces.
    pub(super) fn is_inline(&self, table: &Spanned<DeValue<'_>>) -> bool {
        self.sources.raw(&table.span()).starts_with('{')
    }

    /// Says of problems what can only be known here: which parameter or which removal is behind them. The
    /// first `of_texts` are the document's own.
    pub(super) fn explain(&self, problems: &mut Vec<Problem>, of_texts: usize) {
        let others = problems.split_off(of_texts);
        let broken = |place: &Range<usize>| self.uses.broken.contains(&place.start);
        // That a reference which could not be resolved is of the wrong type follows from that.
        problems.extend(others.into_iter().filter(|problem| !problem.span.as_ref().is_some_and(broken)));
        once(problems);
        for problem in problems {
            if problem.also.is_none() {
                problem.also = self.behind(problem).map(Box::new);
            }
            if let Some(help) = misplaced(problem) {
                problem.help = Some(help);
            }
            if problem.help.is_none() {
                problem.help = self.misspelt(problem).or_else(|| like_a_reference(problem, self.sources));
            }
        }
    }

    /// For a stage that lacks something and is in no extended file: which one may be meant.
    fn misspelt(&self, problem: &Problem) -> Option<String> {
        let (span, own) = (problem.span.as_ref()?, self.own());
        if own == 0 || span.start < own || !matches!(problem.matter, Matter::Missing(_)) {
            return None;
        }
        let stages: Vec<(String, Range<usize>)> = keys::stages_at(self.tables.get_ref());
        let (stage, _) = stages.iter().find(|(_, at)| at == span)?;
        let extended = stages.iter().filter(|(_, at)| at.start < own).map(|(name, _)| name.as_str());
        let near = nearest(stage, extended)?;
        Some(format!("did you mean `{near}`? `{stage}` is in no file that this one extends"))
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
        let Matter::NoStage(stage) = &problem.matter else { return None };
        let (_, removed) = self.removed.iter().find(|(path, _)| path.as_str() == stage.as_str())?;
        Some((removed.clone(), "it is removed here".to_owned()))
    }

    /// What is no mistake, but may be one: parameters of the pipeline's own file that nothing uses.
    pub(super) fn notes(&self) -> Vec<String> {
        let unused = self.uses.unused.iter().filter(|(_, span)| span.start >= self.own());
        let note = |(name, span): &(String, Range<usize>)| {
            let near = nearest(name, self.uses.used.iter().map(String::as_str));
            let near = near.map(|near| format!(" (`params.{near}` is)")).unwrap_or_default();
            format!("{}: `params.{name}` is used nowhere{near}", self.sources.line(span))
        };
        unused.map(note).collect()
    }
}

/// Tells a stage that is not there once for a place, not again for the table around it.
fn once(problems: &mut Vec<Problem>) {
    let absent = |problem: &Problem| matches!(problem.matter, Matter::NoStage(_));
    let told: Vec<(String, Range<usize>)> = problems
        .iter()
        .filter(|problem| absent(problem))
        .filter_map(|problem| Some((problem.message.clone(), problem.span.clone()?)))
        .collect();
    problems.retain(|problem| {
        let Some(span) = problem.span.as_ref().filter(|_| absent(problem)) else { return true };
        let closer =
            |other: &Range<usize>| other != span && span.start <= other.start && other.end <= span.end;
        !told.iter().any(|(message, other)| *message == problem.message && closer(other))
    });
}

/// Advice for a key that stands in the wrong place.
fn misplaced(problem: &Problem) -> Option<String> {
    let Matter::UnknownKey(word) = &problem.matter else { return None };
    let at_the_top = ["extends", "remove"].contains(&word.as_str());
    at_the_top.then(|| "put it at the top of the file, above the first [table]".to_owned())
}

/// Advice for what may have been meant as a reference to a parameter.
fn like_a_reference(problem: &Problem, sources: &Sources) -> Option<String> {
    let raw = sources.raw(problem.span.as_ref()?);
    let is_it = raw.strip_prefix(['"', '\'']).is_some_and(|text| text.starts_with('$'));
    (is_it && !raw.contains(params::BEGIN)).then(|| "a parameter is written \"${params.name}\"".to_owned())
}
