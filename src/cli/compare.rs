//! `pcamflow compare`: compares runs.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;

use super::{
    Exit, complain,
    history::{Found, History},
    say,
};
use crate::{
    digest::Digest,
    engine::tell::history::{Better, Column, Comparison, Facts, Row, What, compare, main_number, shortened},
    fsx,
    report::{Trial, Trials, trials},
    store::{RunFile, RunRecord, RunState},
    ui,
};

/// Which runs, and how to show them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArguments {
    /// Runs (`17`, `latest`, `latest~2`, `12..15`), or a pipeline file for its latest runs [default: the
    /// latest runs of the pipeline that ran last]
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// The trials of a sweep: its id, or `latest`
    #[arg(long, value_name = "ID", conflicts_with = "runs")]
    sweep: Option<String>,
    /// The latest N runs of the pipeline
    #[arg(short, value_name = "N", default_value_t = 10, value_parser = super::args::at_least_one)]
    n: u32,
    /// Sort by a column, best first (its name or the end of it: `accuracy`, `learning-rate`, `run`)
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// Show only this number (`evaluate.test.accuracy`, or the end of it; repeatable)
    #[arg(long, value_name = "NUMBER")]
    by: Vec<String>,
    /// Plot the number of --by, or the main number, over what differs (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture)]
    plot: Option<PathBuf>,
    /// Print every column as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  pcamflow compare                                  the latest runs of the pipeline that ran last
  pcamflow compare p.toml -n 20 --sort accuracy     the latest 20 of a pipeline, the best first
  pcamflow compare 12 15..17                        these runs
  pcamflow compare --sweep latest --by accuracy --plot sweep.svg
  pcamflow compare p.toml --csv > runs.csv

The table has a column for everything in which the runs differ (parameters, source files, the git
commit, --device), then their results. The best value of a column is marked if it is known whether
lower or higher is better. Stages with `seeds` have means with standard deviations. The table shows
the main number of each stage; --by chooses others, and --csv and --json have all. If several runs
have the same results, only the last one is shown.";

fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg" | "png") => Ok(path),
        _ => Err("a plot is a .svg or a .png".to_owned()),
    }
}

type Run = (RunRecord, RunState, Facts);

/// Compares runs.
pub(super) fn compare_runs(arguments: &CompareArguments) -> Exit {
    run(arguments).err().unwrap_or(Exit::Done)
}

fn run(arguments: &CompareArguments) -> Result<(), Exit> {
    if let Some(path) = &arguments.plot {
        fsx::is_writable(path).map_err(|error| {
            complain(&format!("error: the plot cannot be written: {error}"));
            Exit::Environment
        })?;
    }
    let file = arguments.runs.iter().map(Path::new).find(|path| path.is_file());
    let history = History::open(file, arguments.store.as_ref())?;
    let runs = chosen(arguments, &history)?;
    if runs.is_empty() {
        return Err(wrong("there is no run to compare: `pcamflow runs` lists what is recorded"));
    }
    let main = runs.iter().rev().find_map(|(.., facts)| main_name(facts));
    let mut comparison = compare(runs);
    let by = arguments.by.iter().map(|word| comparison.column(word)).collect::<Result<Vec<_>, _>>();
    let by = by.map_err(|why| wrong(&why))?;
    let sorted = sort(&mut comparison, arguments.sort.as_deref())?;
    if let Some(path) = &arguments.plot {
        let column = by.first().copied().or_else(|| comparison.column(main.as_deref()?).ok());
        draw(&comparison, column, path).map_err(|error| {
            complain(&format!("error: {error:#}"));
            Exit::Failed
        })?;
    }
    let asked: Vec<usize> = by.iter().copied().chain(sorted).collect();
    let names: Vec<String> = asked.iter().map(|at| comparison.columns[*at].name.clone()).collect();
    if !by.is_empty() {
        comparison.only_numbers(&asked);
    }
    tell(arguments, &comparison, &names)
}

fn tell(arguments: &CompareArguments, comparison: &Comparison, asked: &[String]) -> Result<(), Exit> {
    if arguments.csv {
        let text = ui::comparison::csv(comparison).map_err(|error| wrong(&error.to_string()))?;
        say(text.trim_end());
    } else if arguments.json {
        say(ui::comparison::object(comparison).trim_end());
    } else {
        say(ui::comparison::table(comparison, asked).trim_end());
    }
    Ok(())
}

fn wrong(why: &str) -> Exit {
    complain(&format!("error: {why}"));
    Exit::Usage
}

fn main_name(facts: &Facts) -> Option<String> {
    main_number(facts).map(|(stage, number)| format!("{stage}.{}", number.name))
}

/// Sorts by a column; which one, where it is one of the comparison.
fn sort(comparison: &mut Comparison, column: Option<&str>) -> Result<Option<usize>, Exit> {
    match column {
        None => Ok(None),
        Some("run" | "started") => {
            comparison.rows.sort_by_key(|row| row.run.id);
            Ok(None)
        }
        Some(word) => {
            let column = comparison.column(word).map_err(|why| wrong(&why))?;
            comparison.sort(column);
            Ok(Some(column))
        }
    }
}

/// The runs that are meant, the oldest first.
fn chosen(arguments: &CompareArguments, history: &History) -> Result<Vec<Run>, Exit> {
    if let Some(sweep) = &arguments.sweep {
        return of_sweep(history, sweep);
    }
    let mut files: BTreeSet<RunFile> = BTreeSet::new();
    for word in &arguments.runs {
        if Path::new(word).is_file() {
            return latest(arguments, history, word);
        }
        match history.named(word) {
            Ok(named) => files.extend(named),
            Err(_) if history.knows(Path::new(word)) => return latest(arguments, history, word),
            Err(why) => return Err(wrong(&why)),
        }
    }
    match (files.is_empty(), history.files.last()) {
        (true, Some(last)) => latest(arguments, history, &last.pipeline),
        _ => files.iter().filter_map(|file| read(history, file).transpose()).collect(),
    }
}

/// A run that can be compared; says so where its record cannot be read.
fn read(history: &History, file: &RunFile) -> Result<Option<Run>, Exit> {
    Ok(match history.look(file)? {
        Found::Run(run, state) => {
            let facts = Facts::of(&history.store, &run);
            Some((*run, state, facts))
        }
        Found::Unreadable(why) => {
            complain(&format!("note: run {} is left out: {why}", file.id));
            None
        }
        Found::Gone => None,
    })
}

/// The latest runs of a pipeline that have results, each result once.
fn latest(arguments: &CompareArguments, history: &History, pipeline: &str) -> Result<Vec<Run>, Exit> {
    let name = history.name_of(Path::new(pipeline));
    let mut seen: BTreeSet<Vec<(String, Option<Digest>)>> = BTreeSet::new();
    let mut runs = Vec::new();
    for file in history.files.iter().rev().filter(|file| file.is_of(&name)) {
        if runs.len() >= arguments.n as usize {
            break;
        }
        let Some(run) = read(history, file)? else { continue };
        let results: Vec<_> = run.0.stages.iter().map(|stage| (stage.name.clone(), stage.key)).collect();
        if results.iter().any(|(_, key)| key.is_some()) && seen.insert(results) {
            runs.push(run);
        }
    }
    runs.reverse();
    Ok(runs)
}

/// The trials of a sweep; of one that ran several times, the last run.
fn of_sweep(history: &History, id: &str) -> Result<Vec<Run>, Exit> {
    let mut id = (id != "latest").then(|| id.to_owned());
    let mut trials: Vec<Run> = Vec::new();
    for file in history.files.iter().rev() {
        let Found::Run(run, state) = history.look(file)? else { continue };
        let Some(trial) = &run.sweep else { continue };
        let wanted = id.get_or_insert_with(|| trial.id.clone());
        let known = |(other, ..): &Run| other.sweep.as_ref().is_some_and(|it| it.trial == trial.trial);
        if trial.id == *wanted && !trials.iter().any(known) {
            let facts = Facts::of(&history.store, &run);
            trials.push((*run, state, facts));
        }
    }
    trials.reverse();
    // Records are numbered as trials began to compute.
    trials.sort_by_key(|(run, ..)| run.sweep.as_ref().and_then(|trial| trial.place));
    match id.filter(|_| trials.is_empty()) {
        Some(id) => Err(wrong(&format!("there is no sweep `{id}`: `pcamflow runs` lists the trials"))),
        None => Ok(trials),
    }
}

/// Draws one number over what differs, and says so on standard error: the table may be data for others.
fn draw(comparison: &Comparison, column: Option<usize>, path: &Path) -> Result<()> {
    let at = column.context("there is no number to draw: `--by stage.number` chooses one")?;
    let parameter = only_parameter(comparison);
    let labels = labels(comparison);
    let points =
        comparison.rows.iter().zip(labels).filter_map(|(row, label)| point(row, at, parameter, label));
    let points: Vec<Trial> = points.collect();
    let column = &comparison.columns[at];
    let pipeline = comparison.rows.first().map(|row| row.run.pipeline.clone()).unwrap_or_default();
    let picture = trials(&Trials {
        title: column.name.clone(),
        subtitle: subtitle(column, &pipeline, &points),
        parameter: parameter.map(|at| comparison.columns[at].name.clone()),
        points,
    })?;
    let bytes = match path.extension().is_some_and(|ending| ending == "png") {
        true => picture.png()?,
        false => picture.svg()?.into_bytes(),
    };
    fsx::write_atomic(path, &bytes, fsx::Durability::Relaxed)?;
    let over = parameter.map(|at| over(comparison, at)).unwrap_or_default();
    complain(&format!("wrote {}: {}{over}", path.display(), comparison.columns[at].name));
    Ok(())
}

/// ` over learning-rate`: the parameter, as the table's heading has it.
fn over(comparison: &Comparison, parameter: usize) -> String {
    let names: Vec<&str> = comparison.columns.iter().map(|column| column.name.as_str()).collect();
    shortened(&names).get(parameter).map(|name| format!(" over {name}")).unwrap_or_default()
}

fn subtitle(column: &Column, pipeline: &str, points: &[Trial]) -> String {
    let better = match column.better {
        Some(Better::Higher) => ", higher is better",
        Some(Better::Lower) => ", lower is better",
        None => "",
    };
    let runs = if points.len() == 1 { "run" } else { "runs" };
    let bars = points.iter().any(|point| point.sd.is_some());
    let bars = if bars { "; bars are standard deviations over seeds" } else { "" };
    format!("{} {runs} of {pipeline}{better}{bars}", points.len())
}

/// The one parameter in which the runs differ, if it is a number in all of them.
fn only_parameter(comparison: &Comparison) -> Option<usize> {
    let differ = |column: &Column| matches!(column.what, What::Parameter | What::Source);
    let mut differing = (0..comparison.columns.len()).filter(|at| differ(&comparison.columns[*at]));
    let (Some(only), None) = (differing.next(), differing.next()) else { return None };
    comparison.rows.iter().all(|row| row.cells[only].number().is_some()).then_some(only)
}

/// What each run is called: its number, and its values of what differs.
fn labels(comparison: &Comparison) -> Vec<String> {
    let differing = |at: &usize| matches!(comparison.columns[*at].what, What::Parameter | What::Source);
    let places: Vec<usize> = (0..comparison.columns.len()).filter(differing).collect();
    let names: Vec<&str> = places.iter().map(|at| comparison.columns[*at].name.as_str()).collect();
    let short = shortened(&names);
    let label = |row: &Row| {
        let values = places.iter().zip(&short).filter_map(|(at, name)| {
            let value = match &row.cells[*at] {
                crate::engine::tell::history::Cell::Text(text) => text.clone(),
                crate::engine::tell::history::Cell::Default => "default".to_owned(),
                _ => return None,
            };
            Some(format!("{name} {value}"))
        });
        let values = values.collect::<Vec<_>>().join(", ");
        if values.is_empty() { format!("run {}", row.run.id) } else { format!("{}: {values}", row.run.id) }
    };
    comparison.rows.iter().map(label).collect()
}

fn point(row: &Row, at: usize, parameter: Option<usize>, label: String) -> Option<Trial> {
    let (sd, best) = match row.cells[at] {
        crate::engine::tell::history::Cell::Figure { sd, best, .. } => (sd, best),
        _ => (None, false),
    };
    let x = parameter.and_then(|at| row.cells[at].number());
    Some(Trial { label, x, value: row.cells[at].number()?, sd, best })
}
