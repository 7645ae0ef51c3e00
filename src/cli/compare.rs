//! `pcamflow compare`: compares runs.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    Error, Exit, Outcome, complain,
    history::History,
    latest::{Run, latest, of_sweep, read},
    plot, report, say,
};
use crate::{
    engine::tell::history::{Comparison, Facts, compare, main_number},
    fsx,
    store::RunFile,
    ui,
};

/// The runs to compare, and the output format.
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
    #[arg(short, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    n: u32,
    /// Sort by a column, best first (its name or the end of it: `accuracy`, `learning-rate`, `run`)
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// Show only this number (`evaluate.test.accuracy`, or the end of it; repeatable)
    #[arg(long, value_name = "NUMBER")]
    by: Vec<String>,
    /// Plot the number of --by, or the main number, against what differs (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture)]
    plot: Option<PathBuf>,
    /// Write a page with the runs as a table, as parallel coordinates, and as a heat map if they differ in two values
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
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
  pcamflow compare p.toml -n 20 --page runs.html    a page to look at
  pcamflow compare p.toml --csv > runs.csv

The table has a column for everything in which the runs differ (parameters, source files, the git
commit, --device), then their results. The best value of a column is marked if it is known whether
lower or higher is better. Stages with `seeds` have means with standard deviations. The table shows
the main number of each stage; --by chooses others, and --csv and --json have all. Of the latest
runs, those that failed and those of named stages are left out, and of several with the same results
all but the last; give their numbers to see them.";

fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg" | "png") => Ok(path),
        _ => Err("a plot is a .svg or a .png".to_owned()),
    }
}

/// Compares runs.
pub(super) fn compare_runs(arguments: &CompareArguments) -> Outcome {
    for (what, path) in [("plot", &arguments.plot), ("page", &arguments.page)] {
        let writable = path.as_deref().map_or(Ok(()), fsx::is_writable);
        writable.map_err(|error| Error::environment(format!("the {what} cannot be written: {error}")))?;
    }
    let file = arguments.runs.iter().map(Path::new).find(|path| path.is_file());
    let history = History::open(file, arguments.store.as_deref())?;
    let runs = chosen(arguments, &history)?;
    if runs.is_empty() {
        return Err(Error::usage("there is no run to compare: `pcamflow runs` lists the recorded runs"));
    }
    let main = runs.iter().rev().find_map(|(.., facts)| main_name(facts));
    let mut comparison = compare(runs);
    let by = arguments.by.iter().map(|word| comparison.column(word)).collect::<Result<Vec<_>, _>>();
    let by = by.map_err(Error::usage)?;
    let sorted = sort(&mut comparison, arguments.sort.as_deref())?;
    if let Some(path) = &arguments.plot {
        let column = by.first().copied().or_else(|| comparison.column(main.as_deref()?).ok());
        let column =
            column.ok_or_else(|| Error::failed("there is no number to draw: choose one with `--by`"))?;
        plot::draw(&history.store, &comparison, column, path)
            .map_err(|error| Error::failed(format!("{error:#}")))?;
    }
    if let Some(path) = &arguments.page {
        report::of_runs(&comparison, path)?;
        complain(&format!("wrote {}", path.display()));
    }
    let asked: Vec<usize> = by.iter().copied().chain(sorted).collect();
    let names: Vec<String> = asked.iter().map(|at| comparison.columns[*at].name.clone()).collect();
    if !by.is_empty() {
        comparison.only_numbers(&asked);
    }
    let text = match (arguments.csv, arguments.json) {
        (true, _) => ui::comparison::csv(&comparison).map_err(Error::failed)?,
        (_, true) => ui::comparison::object(&comparison),
        (false, false) => ui::comparison::table(&comparison, &names),
    };
    say(text.trim_end());
    Ok(Exit::Done)
}

/// The full name of a run's main number: `evaluate.test.accuracy`.
fn main_name(facts: &Facts) -> Option<String> {
    main_number(facts).map(|(stage, number)| format!("{stage}.{}", number.name))
}

/// Sorts by a column, and returns it if it is one of the comparison.
fn sort(comparison: &mut Comparison, word: Option<&str>) -> Result<Option<usize>, Error> {
    match word {
        None => Ok(None),
        Some("run" | "started") => {
            comparison.rows.sort_by_key(|row| row.run.id);
            Ok(None)
        }
        Some(word) => {
            let column = comparison.column(word).map_err(Error::usage)?;
            comparison.sort(column);
            Ok(Some(column))
        }
    }
}

/// The runs that the command line names, oldest first.
fn chosen(arguments: &CompareArguments, history: &History) -> Result<Vec<Run>, Error> {
    if let Some(sweep) = &arguments.sweep {
        return of_sweep(history, sweep);
    }
    let mut files: BTreeSet<RunFile> = BTreeSet::new();
    for word in &arguments.runs {
        if Path::new(word).is_file() {
            return latest(history, word, arguments.n);
        }
        match history.named(word) {
            Ok(named) => files.extend(named),
            Err(_) if history.knows(Path::new(word)) => return latest(history, word, arguments.n),
            Err(why) => return Err(Error::usage(why)),
        }
    }
    match (files.is_empty(), history.files.last()) {
        (true, Some(last)) => latest(history, &last.pipeline, arguments.n),
        _ => files.iter().filter_map(|file| read(history, file).transpose()).collect(),
    }
}
