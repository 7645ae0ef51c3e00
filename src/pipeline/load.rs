//! Loads a pipeline from a file and overrides, or reports all of its problems.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::{Spanned, de::DeTable};

use super::{
    Pipeline,
    document::{self, Document},
    extends::{self, Broken, Loaded, Read, from_disk},
    overrides,
    read::{Tables, read_tables, sub_table},
    repeat::expand,
    resolve::resolve,
    root::{default_data, project_root},
    sources::Sources,
    sweep_table, unpacked,
};
use crate::stages::{Problem, is_name};

/// The options of the command line for a pipeline.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--data`.
    pub data: Option<PathBuf>,
}

/// All problems of a pipeline.
#[derive(thiserror::Error)]
#[error("{}", .sources.render(.problems, false))]
pub struct Invalid {
    sources: Sources,
    problems: Vec<Problem>,
    /// An extended file that could not be read.
    unread: Option<PathBuf>,
}

impl Invalid {
    /// All problems as text, each with its place.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        self.sources.render(&self.problems, colour)
    }

    /// The files that were read, each after the one that it extends, and the file that could not be read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.files().map(|(file, ..)| file).chain(self.unread.as_deref())
    }

    /// Each problem as text, with and without colours.
    pub(super) fn each(&self) -> impl Iterator<Item = [String; 2]> {
        let one = |problem: &Problem| {
            [true, false].map(|colour| self.sources.render(std::slice::from_ref(problem), colour))
        };
        self.problems.iter().map(one)
    }

    /// The number of problems.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len()
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Loads a pipeline file.
///
/// # Errors
/// All problems of the file and the overrides.
pub fn load(file: &Path, options: &Options) -> Result<Pipeline, Invalid> {
    parse_with(file, text_of(file)?, options, &[], &from_disk)
}

/// Loads a pipeline from texts by the names of their files, as the record of a run has them. No pipeline file is read.
///
/// # Errors
/// All problems of the texts and the overrides, also a text that is missing.
pub fn recorded(
    file: &Path,
    texts: &BTreeMap<String, Arc<str>>,
    options: &Options,
) -> Result<Pipeline, Invalid> {
    let missing = || io::Error::other("the record of the run does not have its text");
    let read =
        |file: &Path| texts.get(&file.display().to_string()).map(|text| text.to_string()).ok_or_else(missing);
    parse_with(file, text_from(file, &read)?, options, &[], &read)
}

/// The text of a pipeline file.
pub(super) fn text_of(file: &Path) -> Result<String, Invalid> {
    text_from(file, &from_disk)
}

fn text_from(file: &Path, read: Read<'_>) -> Result<String, Invalid> {
    read(file).map_err(|error| {
        let message = format!("cannot read the pipeline {}: {error}", file.display());
        Invalid { sources: Sources::default(), problems: vec![Problem::unplaced(message)], unread: None }
    })
}

/// The name of the pipeline in a file; `None` if the file cannot be read or is not TOML.
#[must_use]
pub fn name_in(file: &Path) -> Option<String> {
    let text = text_of(file).ok()?;
    let table = DeTable::parse(&text).ok()?;
    let name =
        table.get_ref().get("pipeline").and_then(|table| table.get_ref().get("name")?.get_ref().as_str());
    Some(name.map_or_else(|| stem(file), str::to_owned))
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Loads a pipeline from text, as if it were the text of `file`.
///
/// # Errors
/// All problems of the text, the files that it extends and the overrides.
pub fn parse(file: &Path, text: String, options: &Options) -> Result<Pipeline, Invalid> {
    parse_with(file, text, options, &[], &from_disk)
}

/// Loads a trial of a sweep. Its values are the last ones of `options.set`, and are written at `places`.
pub(super) fn parse_trial(
    file: &Path,
    text: String,
    options: &Options,
    places: &[String],
) -> Result<Pipeline, Invalid> {
    parse_with(file, text, options, places, &from_disk)
}

fn parse_with(
    file: &Path,
    text: String,
    options: &Options,
    places: &[String],
    read: Read<'_>,
) -> Result<Pipeline, Invalid> {
    let (files, broken) = extends::chain(file, text, read);
    let mut sources = Sources::default();
    let mut bases: Vec<usize> =
        files.into_iter().rev().map(|Loaded { file, text }| sources.add_file(&file, text)).collect();
    bases.reverse();
    if let Some(Broken { by, file, problem }) = broken {
        let span = problem.span.map(|span| overrides::moved(span, bases[by]));
        let problem = Problem { span, ..problem };
        return Err(Invalid { sources, problems: vec![problem], unread: Some(file) });
    }
    let own = options.set.len() - places.len().min(options.set.len());
    for (index, set) in options.set.iter().enumerate() {
        match index.checked_sub(own).map(|of_trial| places[of_trial].as_str()) {
            None => sources.add_set(index + 1, overrides::as_toml(set)),
            Some(place) => sources.add_trial(place, overrides::as_toml(set)),
        };
    }
    let mut problems = Vec::new();
    let pipeline = build(file, &sources, options, &mut problems);
    match pipeline {
        Some(pipeline) if problems.is_empty() => Ok(Pipeline { sources, ..pipeline }),
        _ => {
            problems.sort_by_key(|problem| problem.span.as_ref().map(|span| (span.start, span.end)));
            problems.dedup();
            Err(Invalid { sources, problems, unread: None })
        }
    }
}

fn build(file: &Path, sources: &Sources, options: &Options, problems: &mut Vec<Problem>) -> Option<Pipeline> {
    let mut document = document::read(sources, problems)?;
    let of_texts = problems.len();
    let pipeline = of_document(file, &mut document, sources, options, problems);
    if !problems.is_empty() {
        document.explain(problems, of_texts);
    }
    pipeline
}

fn of_document(
    file: &Path,
    document: &mut Document<'_>,
    sources: &Sources,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> Option<Pipeline> {
    let tables = &document.tables;
    let sweep = sub_table(tables, "sweep", problems)
        .and_then(|table| sweep_table::read(&table, tables.get_ref(), sources, problems));
    let Tables { settings, run, report, stages } = read_tables(&mut document.tables, problems);
    let name = pipeline_name(file, settings.name.as_deref(), &document.tables, problems)?;
    let root = project_root(file)
        .map_err(|foreign| problems.push(Problem::unplaced(foreign.to_string()).help(foreign.help())))
        .ok()?;
    let data = default_data(&root, options.data.as_deref(), settings.data.as_deref());
    if stages.is_empty() && problems.is_empty() {
        let message = format!("{} declares no stage", file.display());
        problems.push(Problem::unplaced(message).help("`pcamflow init` writes a first pipeline"));
    }
    let mut stages = expand(stages, problems);
    unpacked::add(&mut stages);
    let (stages, graph) = resolve(stages, &root, &data, sources, problems)?;
    let (file, notes) = (file.to_owned(), document.notes());
    let (trials, sources) = (Vec::new(), Sources::default());
    let report = report.enabled;
    Some(Pipeline { name, file, root, data, run, report, stages, graph, trials, sweep, notes, sources })
}

fn pipeline_name(
    file: &Path,
    name: Option<&str>,
    document: &Spanned<DeTable<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let stem = stem(file);
    let given = name.unwrap_or(&stem);
    if is_name(given) {
        return Some(given.to_owned());
    }
    let span = crate::stages::span_of(document, "pipeline.name");
    let message = format!("`{given}` cannot name a pipeline, because it becomes the name of a folder");
    problems.push(Problem::at(span, message).help("set `[pipeline] name` to letters, digits, `-` and `_`"));
    None
}

#[cfg(test)]
mod tests;
