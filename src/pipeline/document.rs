//! The texts of a pipeline as one document: each file over what it extends, every `--set` over the file,
//! parameters in their places.
//!
//! Knows tables, not what they mean; of every value it knows where it is written, and who set it.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    extends::{self, Removed},
    keys,
    merge::Merge,
    overrides,
    params::{self, Uses},
    sources::Sources,
};
use crate::{nearest::nearest, stages::Problem};

/// Everything that the texts of a pipeline say.
pub(super) struct Document<'a> {
    /// The tables.
    pub(super) tables: Spanned<DeTable<'a>>,
    uses: Uses,
    removed: Removed,
}

/// Reads the texts, and notes what is wrong with them.
pub(super) fn read<'a>(sources: &'a Sources, problems: &mut Vec<Problem>) -> Document<'a> {
    let mut merge = Merge::default();
    let (mut tables, removed) = files(sources, &mut merge, problems);
    for (text, base) in sources.sets() {
        match overrides::parse(text, base) {
            Ok(change) => set(&mut merge, tables.get_mut(), change, text, problems),
            Err(problem) => problems.push(problem),
        }
    }
    let mentioned = sources.texts().any(|(text, _)| text.contains(params::BEGIN));
    let uses = params::resolve(tables.get_mut(), mentioned, problems);
    Document { tables, uses, removed }
}

/// The files, each over what it extends.
fn files<'a>(
    sources: &'a Sources,
    merge: &mut Merge,
    problems: &mut Vec<Problem>,
) -> (Spanned<DeTable<'a>>, Removed) {
    let mut removed = Removed::new();
    let mut whole: Option<(Spanned<DeTable<'a>>, &std::path::Path)> = None;
    for (file, text, base) in sources.files() {
        let (mut tables, errors) = DeTable::parse_recoverable(text);
        problems.extend(errors.iter().map(|error| {
            let span = error.span().unwrap_or(0..text.len());
            Problem::at(span.start + base..span.end + base, error.message())
        }));
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
    (whole.map_or_else(empty, |(tables, _)| tables), removed)
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
    match keys::check(document, &parts) {
        Ok(()) => merge.merge(document, change, overrides::depth(text)),
        Err(problem) => problems.push(Problem { span: Some(word.span()), ..problem }),
    }
}

impl Document<'_> {
    /// Where a value is written that stands at a place: for one that comes from a parameter, that one's.
    pub(super) fn origin(&self, place: Range<usize>) -> Range<usize> {
        self.uses.at(place.start).map_or(place, |(_, definition)| definition.clone())
    }

    /// Says of problems what can only be known here: which parameter or which removal is behind them.
    pub(super) fn explain(&self, sources: &Sources, problems: &mut Vec<Problem>) {
        let broken = |problem: &Problem| {
            problem.span.as_ref().is_some_and(|span| self.uses.broken.contains(&span.start))
        };
        // That a reference which could not be resolved is of the wrong type follows from that.
        let mut told = std::collections::BTreeSet::new();
        problems.retain(|problem| {
            !broken(problem) || told.insert(problem.span.as_ref().map_or(0, |span| span.start))
        });
        for problem in problems {
            if problem.also.is_none() {
                problem.also = self.behind(problem);
            }
            if problem.help.is_none() {
                problem.help = advice(problem, sources);
            }
        }
    }

    fn behind(&self, problem: &Problem) -> Option<(Range<usize>, String)> {
        let span = problem.span.as_ref()?;
        if let Some((name, definition)) = self.uses.at(span.start) {
            return Some((definition.clone(), format!("`params.{name}` is set here")));
        }
        if let Some((name, used)) = self.uses.inside(span) {
            return Some((used..used + 1, format!("`params.{name}` is used here")));
        }
        let of = |stage: &str| problem.message == format!("there is no stage `{stage}`");
        let (_, removed) = self.removed.iter().find(|(path, _)| of(path))?;
        Some((removed.clone(), "it is removed here".to_owned()))
    }

    /// What is no mistake, but may be one: parameters of the pipeline's own file that nothing uses.
    pub(super) fn notes(&self, sources: &Sources) -> Vec<String> {
        let own = sources.files().last().map_or(0, |(_, _, base)| base);
        let unused = self.uses.unused.iter().filter(|(_, span)| span.start >= own);
        let note = |(name, span): &(String, Range<usize>)| {
            let near = nearest(name, self.uses.used.iter().map(String::as_str));
            let near = near.map(|near| format!(" (`params.{near}` is)")).unwrap_or_default();
            format!("{}: `params.{name}` is used nowhere{near}", sources.line(span))
        };
        unused.map(note).collect()
    }
}

/// Advice on the language itself.
fn advice(problem: &Problem, sources: &Sources) -> Option<String> {
    let misplaced =
        ["extends", "remove"].iter().any(|word| problem.message == format!("unknown key `{word}`"));
    if misplaced {
        return Some("it stands at the top of a file, above the first [table]".to_owned());
    }
    let raw = sources.raw(problem.span.as_ref()?);
    let like_a_reference = raw.len() > 2 && raw.starts_with(['"', '\'']) && raw[1..].starts_with('$');
    (like_a_reference && !raw.contains(params::BEGIN))
        .then(|| "a parameter is written \"${params.name}\"".to_owned())
}
