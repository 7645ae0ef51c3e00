//! Reads the tables of a document: `[pipeline]`, `[run]` and the stages.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    seeds::{self, Seeds},
    settings::{ReportSettings, Settings},
};
use crate::{
    nearest::nearest,
    stages::{
        AnyStage, Class, Input, Kind, Parameters, Problem, Reader, RunSettings, Runner, StageName, Topic,
        is_name, kebab, span_of,
    },
};

/// The tables of a document.
pub(super) struct Tables<'a> {
    /// `[pipeline]`.
    pub settings: Settings,
    /// `[run]`.
    pub run: RunSettings,
    /// `[report]`.
    pub report: ReportSettings,
    /// The stages in the order of the file.
    pub stages: Vec<ReadStage<'a>>,
}

/// The table of a stage.
pub(super) struct ReadStage<'a> {
    /// Its name.
    pub name: StageName,
    /// Its parameters; `None` if some of them are wrong.
    pub stage: Option<AnyStage>,
    /// The table, for the places of its values.
    pub table: Spanned<DeTable<'a>>,
    /// The seeds with which it is repeated. Its parameters are those of the first one.
    pub seeds: Option<Seeds<'a>>,
}

impl ReadStage<'_> {
    /// The place of a field.
    #[must_use]
    pub(super) fn span(&self, field: &str) -> Range<usize> {
        span_of(&self.table, &kebab(field))
    }

    /// The place of an input: its field, or the part of the field for its slot.
    #[must_use]
    pub(super) fn place(&self, input: &Input) -> Range<usize> {
        match input.slot.strip_prefix(input.field).is_some_and(|rest| rest.starts_with('.')) {
            true => span_of(&self.table, &input.slot),
            false => self.span(input.field),
        }
    }
}

/// Reads every table and adds the problems. Moves the tables of the stages out of the document, to save memory.
pub(super) fn read_tables<'a>(
    document: &mut Spanned<DeTable<'a>>,
    problems: &mut Vec<Problem>,
) -> Tables<'a> {
    let pipeline = sub_table(document, "pipeline", problems);
    let pipeline = pipeline.unwrap_or_else(|| Spanned::new(0..0, DeTable::new()));
    let settings = read_settings(&pipeline, problems);
    let run = read_run(document, problems);
    let report = read_report(document, problems);
    let (mut found, mut misspelt) = (Vec::new(), Vec::new());
    for (word, value) in document.get_mut().iter_mut() {
        match (word.get_ref().as_ref(), Kind::from_word(word.get_ref())) {
            ("pipeline" | "report" | "run" | "params" | "sweep", _) => {}
            (_, Some(kind)) => find_stages(kind, value, &mut found, problems),
            (unknown, None) => {
                problems.push(unknown_kind(unknown, word.span()));
                if let Some(kind) = nearest(unknown, Kind::ALL.map(Kind::word)).and_then(Kind::from_word) {
                    find_stages(kind, value, &mut misspelt, &mut Vec::new());
                }
            }
        }
    }
    found.sort_by_key(|(.., table)| table.span().start);
    let read = |(kind, name, table)| read_stage(kind, name, table, &pipeline, problems);
    let mut stages: Vec<ReadStage<'_>> = found.into_iter().map(read).collect();
    // Only the misspelt kind is reported, not the references to its stages.
    stages.extend(misspelt.into_iter().map(|(kind, name, table)| {
        let name = StageName { kind, name, repeat: None, trial: None };
        ReadStage { name, stage: None, table, seeds: None }
    }));
    Tables { settings, run, report, stages }
}

/// A table of the document other than a stage; `None` if it is absent or not a table.
pub(super) fn sub_table<'a>(
    document: &Spanned<DeTable<'a>>,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Option<Spanned<DeTable<'a>>> {
    let value = document.get_ref().get(name)?;
    match value.get_ref() {
        DeValue::Table(table) => Some(Spanned::new(value.span(), table.clone())),
        _ => {
            problems.push(Problem::at(value.span(), format!("`{name}` is a table: write [{name}]")));
            None
        }
    }
}

fn read_settings(table: &Spanned<DeTable<'_>>, problems: &mut Vec<Problem>) -> Settings {
    let mut reader = Reader::new(table);
    let settings = Settings::read(&mut reader);
    problems.extend(reader.finish(Settings::FIELDS));
    settings.unwrap_or(Settings {
        name: None,
        seed: None,
        classes: None,
        centre_box: None,
        normalise: None,
        output: None,
        precision: None,
        data: None,
    })
}

fn read_run(document: &Spanned<DeTable<'_>>, problems: &mut Vec<Problem>) -> RunSettings {
    let mut reader = Reader::new(document);
    let run = reader.optional("run", RunSettings::default);
    problems.extend(reader.problems());
    run.unwrap_or_default()
}

fn read_report(document: &Spanned<DeTable<'_>>, problems: &mut Vec<Problem>) -> ReportSettings {
    let table = sub_table(document, "report", problems).unwrap_or_else(|| Spanned::new(0..0, DeTable::new()));
    let mut reader = Reader::new(&table);
    let report = ReportSettings::read(&mut reader);
    problems.extend(reader.finish(ReportSettings::FIELDS));
    report.unwrap_or(ReportSettings { enabled: true })
}

/// The kind, the name and the table of a stage.
type Found<'a> = (Kind, String, Spanned<DeTable<'a>>);

/// Moves the tables of the stages of a kind out of its table.
fn find_stages<'a>(
    kind: Kind,
    value: &mut Spanned<DeValue<'a>>,
    found: &mut Vec<Found<'a>>,
    problems: &mut Vec<Problem>,
) {
    let place = value.span();
    let DeValue::Table(named) = value.get_mut() else {
        problems.push(not_a_stage(kind, place));
        return;
    };
    for (name, value) in named.iter_mut() {
        let place = value.span();
        match value.get_mut() {
            DeValue::Table(table) if is_name(name.get_ref()) => {
                let table = Spanned::new(place, std::mem::take(table));
                found.push((kind, name.get_ref().to_string(), table));
            }
            DeValue::Table(_) => {
                let problem = Problem::at(name.span(), format!("`{}` cannot name a stage", name.get_ref()));
                problems
                    .push(problem.help("use letters, digits, `-` and `_`: it becomes the name of a folder"));
            }
            _ => problems.push(not_a_stage(kind, name.span())),
        }
    }
}

fn read_stage<'a>(
    kind: Kind,
    name: String,
    mut table: Spanned<DeTable<'a>>,
    pipeline: &Spanned<DeTable<'a>>,
    problems: &mut Vec<Problem>,
) -> ReadStage<'a> {
    let seeds = seeds::take(kind, table.get_mut()).transpose().map_err(|wrong| problems.extend(wrong));
    let sound = seeds.is_ok();
    let seeds = seeds.unwrap_or_default();
    if let Some(first) = seeds.as_ref().and_then(|seeds| seeds.tables(&table).into_iter().next()) {
        table = first;
    }
    inherit(kind, table.get_mut(), pipeline);
    problems.extend(of_the_whole_run(&table));
    let name = StageName { kind, name, repeat: None, trial: None };
    let stage = kind.read(&table).map_err(|found| problems.extend(found)).ok().filter(|_| sound);
    problems.extend(stage.as_ref().and_then(|stage| of_the_worker(stage, &table)));
    ReadStage { name, stage, table, seeds }
}

/// Some settings are those of the whole run: only `[run]` has them.
fn of_the_whole_run(stage: &Spanned<DeTable<'_>>) -> Option<Problem> {
    let run = stage.get_ref().get("run")?;
    let value_of = |name: &str| match name.split_once('.') {
        Some((table, name)) => run.get_ref().get(table)?.get_ref().get(name),
        None => run.get_ref().get(name),
    };
    let (name, value) = ["executor", "logs", "slurm.max-jobs"]
        .iter()
        .find_map(|name| Some((name.replace("slurm.", ""), value_of(name)?)))?;
    let problem = Problem::at(value.span(), format!("a stage cannot have its own `{name}`"));
    Some(problem.help("it is a setting of the whole run: set it in [run]"))
}

/// A launcher starts the worker, so it says nothing to a stage without one.
fn of_the_worker(stage: &AnyStage, table: &Spanned<DeTable<'_>>) -> Option<Problem> {
    let launcher = table.get_ref().get("run")?.get_ref().get("launcher")?;
    let text = "`launcher` starts the worker, and this stage needs none: it is computed here";
    (stage.runner() == Runner::Engine)
        .then(|| Problem::at(launcher.span(), text.to_owned()).help("leave it out, or set it in [run]"))
}

/// Adds the inherited values that the stage does not set, with their places.
fn inherit<'a>(kind: Kind, table: &mut DeTable<'a>, pipeline: &Spanned<DeTable<'a>>) {
    for field in kind.fields().iter().filter(|field| field.class == Class::Inherited) {
        let name = kebab(field.name);
        if !table.contains_key(name.as_str())
            && let Some((key, value)) = pipeline.get_ref().get_key_value(name.as_str())
        {
            table.insert(key.clone(), value.clone());
        }
    }
}

fn unknown_kind(word: &str, span: Range<usize>) -> Problem {
    let known: Vec<&str> = ["pipeline", "report", "run", "params", "sweep"]
        .into_iter()
        .chain(Kind::ALL.map(Kind::word))
        .collect();
    let problem = Problem::at(span, format!("there is no stage kind `{word}`"));
    let problem =
        problem.help(format!("tables: {}", known.join(", "))).about(Topic::NoStage(word.to_owned()));
    problem.did_you_mean(word, known.into_iter().chain(["extends", "remove"]))
}

fn not_a_stage(kind: Kind, span: Range<usize>) -> Problem {
    Problem::at(span, format!("a stage has a name: write [{}.some-name] above its keys", kind.word()))
}
