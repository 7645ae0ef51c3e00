//! `pcamflow runs`: lists earlier runs, or shows everything about one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    Error, Exit, Outcome, complain,
    history::{Found, History},
    mlflow::{self, ExportRunsArguments},
    say,
};
use crate::{
    engine::tell::history::{Difference, Facts, differences, main_number},
    store::{self, RunFile, RunRecord, RunState},
    ui::{
        self,
        run::{self, Run},
        runs::{self, Line},
    },
};

/// The runs to list.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct RunsArguments {
    /// What to do instead of listing runs
    #[command(subcommand)]
    command: Option<RunsCommand>,
    /// Only runs of this pipeline (its file or its name)
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The latest N runs
    #[arg(short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    n: u32,
    #[command(flatten)]
    how: HowArguments,
}

const EXAMPLES: &str = "\
Examples:
  pcamflow runs                     the latest runs: what changed, and the results
  pcamflow runs p.toml -n 5         the latest five runs of one pipeline
  pcamflow runs show latest         everything about the last run
  pcamflow runs show 17 --text      the pipeline as it was in run 17
  pcamflow compare p.toml           the latest runs of a pipeline side by side

Every `pcamflow run` is recorded in the store, with the text of the pipeline, the values that were
set, the git commit, keys, outcomes, numbers and times. A run that finds everything in
the store, as the run before it did, is counted but not listed. `pcamflow cache gc --keep-runs N`
removes old records.";

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// Show everything about a run
    #[command(after_help = "RUN is a number, `latest`, or `latest~2` (the second before the latest).")]
    Show(ShowRunArguments),
    /// Put runs into MLflow: their parameters, numbers and reports
    Export(ExportRunsArguments),
}

#[derive(Debug, Args)]
struct ShowRunArguments {
    /// Which run
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Print the pipeline's text as it was then
    #[arg(long, conflicts_with = "json")]
    text: bool,
    #[command(flatten)]
    how: HowArguments,
}

#[derive(Debug, Args)]
struct HowArguments {
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    json: bool,
}

/// Lists runs, or shows one.
pub(super) fn runs(arguments: &RunsArguments) -> Outcome {
    match &arguments.command {
        None => list(arguments),
        Some(RunsCommand::Show(arguments)) => show(arguments),
        Some(RunsCommand::Export(arguments)) => mlflow::export(arguments),
    }
}

fn list(arguments: &RunsArguments) -> Outcome {
    let file = arguments.file.as_deref();
    let mut history = History::open(file, arguments.how.store.as_deref())?;
    if let Some(file) = file {
        let name = history.name_of(file);
        if !history.files.is_empty() && !history.knows(file) {
            complain(&format!("no run of the pipeline `{name}`; {}", history.pipelines()));
            // A file may not have run yet. A name without runs is a typing error.
            return Ok(if file.is_file() { Exit::Done } else { Exit::Usage });
        }
        history.files.retain(|run| run.is_of(&name));
    }
    if history.files.is_empty() && !arguments.how.json {
        complain("no run is recorded yet: `pcamflow run` records every run");
        return Ok(Exit::Done);
    }
    let lines = lines(&history, arguments)?;
    if !lines.is_empty() {
        say(runs::list(&lines, arguments.how.json).trim_end());
    }
    Ok(Exit::Done)
}

/// The latest runs, the newest first. For people, failed runs in a row are one line.
fn lines(history: &History, arguments: &RunsArguments) -> Result<Vec<Line>, Error> {
    let mut lines: Vec<Line> = Vec::new();
    for file in history.files.iter().rev() {
        let found = history.look(file)?;
        if let (Found::Run(run, _), Some(Line::Run(newer)), false) =
            (&found, lines.last_mut(), arguments.how.json)
            && failed_alike(run, &newer.record)
        {
            newer.again += 1;
            continue;
        }
        if lines.len() >= arguments.n as usize {
            break;
        }
        match found {
            Found::Run(run, state) => lines.push(Line::Run(Box::new(shown(history, file, *run, state)?))),
            Found::Unreadable(why) => lines.push(Line::Unreadable(file.id, file.pipeline.clone(), why)),
            Found::Gone => {}
        }
    }
    Ok(lines)
}

/// Whether stages failed in both runs, and the runs are of the same pipeline and no trials.
fn failed_alike(one: &RunRecord, other: &RunRecord) -> bool {
    let failed = |run: &RunRecord| run.count(store::Outcome::Failed) > 0 && run.sweep.is_none();
    failed(one) && failed(other) && one.pipeline == other.pipeline
}

/// How many earlier runs are read to find one of the same stages.
const BACK: usize = 10;

/// The run to compare a run with: the one before of the same named stages, or else the one before.
fn run_before(history: &History, file: &RunFile, record: &RunRecord) -> Result<Option<RunRecord>, Error> {
    let mut nearest = None;
    let older = history.files.iter().rev().filter(|it| it.id < file.id && it.pipeline == file.pipeline);
    for older in older.take(BACK) {
        let Found::Run(run, _) = history.look(older)? else { continue };
        if run.targets == record.targets {
            return Ok(Some(*run));
        }
        nearest = nearest.or(Some(*run));
    }
    Ok(nearest)
}

/// The differences between two runs. If other stages were named, that is no difference of the pipeline.
fn changed(history: &History, before: &RunRecord, record: &RunRecord, facts: &Facts) -> Vec<Difference> {
    let mut changed = differences(&Facts::of(&history.store, before), facts);
    if before.targets != record.targets {
        changed.retain(|one| !matches!(one, Difference::NewStage(_) | Difference::NoStage(_)));
    }
    changed
}

/// A run, with its differences from the run before.
fn shown(history: &History, file: &RunFile, record: RunRecord, state: RunState) -> Result<Run, Error> {
    let facts = Facts::of(&history.store, &record);
    let main_number = main_number(&facts).map(|(stage, number)| (stage.to_owned(), number.clone()));
    let before = run_before(history, file, &record)?;
    let changed = before.as_ref().map(|before| changed(history, before, &record, &facts)).unwrap_or_default();
    let before = before.map(|run| run.id);
    Ok(Run { state, before, changed, again: 0, main_number, parameters: facts.parameters, record })
}

fn show(arguments: &ShowRunArguments) -> Outcome {
    let history = History::open(None, arguments.how.store.as_deref())?;
    let (file, run, state) = history.run(&arguments.run, "runs are shown one at a time")?;
    if arguments.text {
        ui::plain_text(&texts(&run));
    } else {
        say(run::show(&shown(&history, &file, run, state)?, arguments.how.json).trim_end());
    }
    Ok(Exit::Done)
}

/// The text of a run's pipeline. Several files each follow a line with their name.
fn texts(run: &RunRecord) -> String {
    match run.texts.as_slice() {
        [only] => only.text.to_string(),
        several => several.iter().map(|text| format!("# {}\n{}\n", text.name, text.text)).collect(),
    }
}
