//! `pcamflow runs`: lists earlier runs, or shows everything about one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    Error, Exit, Outcome, complain,
    history::{Found, History},
    say,
};
use crate::{
    engine::tell::history::{Facts, differences, main_number},
    store::{RunFile, RunRecord, RunState},
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
    let from = history.files.len().saturating_sub(arguments.n as usize);
    let mut lines = Vec::new();
    for file in history.files[from..].iter().rev() {
        match history.look(file)? {
            Found::Run(run, state) => lines.push(Line::Run(Box::new(shown(&history, file, *run, state)?))),
            Found::Unreadable(why) => lines.push(Line::Unreadable(file.id, file.pipeline.clone(), why)),
            Found::Gone => {}
        }
    }
    if !lines.is_empty() {
        say(runs::list(&lines, arguments.how.json).trim_end());
    }
    Ok(Exit::Done)
}

/// A run, with its differences from the run before.
fn shown(history: &History, file: &RunFile, record: RunRecord, state: RunState) -> Result<Run, Error> {
    let facts = Facts::of(&history.store, &record);
    let main_number = main_number(&facts).map(|(stage, number)| (stage.to_owned(), number.clone()));
    let (mut before, mut changed) = (None, Vec::new());
    for older in history.files.iter().rev().filter(|it| it.id < file.id && it.pipeline == file.pipeline) {
        if let Found::Run(run, _) = history.look(older)? {
            before = Some(older.id);
            changed = differences(&Facts::of(&history.store, &run), &facts);
            break;
        }
    }
    Ok(Run { state, before, changed, main_number, record })
}

fn show(arguments: &ShowRunArguments) -> Outcome {
    let history = History::open(None, arguments.how.store.as_deref())?;
    let named = history.named(&arguments.run).map_err(Error::usage)?;
    let [file] = named.as_slice() else { return Err(Error::usage("one run is shown at a time")) };
    let (run, state) = match history.look(file)? {
        Found::Run(run, state) => (*run, state),
        Found::Unreadable(why) => return Err(Error::failed(format!("run {}: {why}", file.id))),
        Found::Gone => return Err(Error::usage(format!("run {} was removed just now", file.id))),
    };
    if arguments.text {
        ui::plain_text(&texts(&run));
    } else {
        say(run::show(&shown(&history, file, run, state)?, arguments.how.json).trim_end());
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
