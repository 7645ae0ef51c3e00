//! `pcamflow report`, and the report that a run leaves: finds the results to show, and writes the page.
//!
//! What the page looks like is in `html`.

mod compared;
mod evaluated;
mod explained;
mod frame;
mod gather;
mod measured;
mod of_run;
mod parts;
mod shelf;
mod stages;
mod trained;
mod trials;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;

use super::{
    Error, Exit, Outcome,
    args::{PipelineArguments, ProjectArguments},
    complain,
    history::History,
    project::open,
    say,
};
use crate::{
    engine::{
        self, Engine,
        tell::{event::Summary, history::Comparison},
    },
    fsx::{self, Durability},
    html,
    pipeline::Pipeline,
    stages::Kind,
    store::{ReadRun, Store},
    ui,
};

/// What to report, and where.
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The pipeline file; or an earlier run: its number, `latest`, or `latest~2`
    #[arg(value_name = "FILE|RUN", required_unless_present = "sweep")]
    file: Option<PathBuf>,
    /// Set a value: kind.name.key=value or params.name=value; overrides the file (repeatable)
    #[arg(long, value_name = "KEY=VALUE", requires = "file")]
    set: Vec<String>,
    /// The folder of the source files [default: `[pipeline] data`, else `data`; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR", requires = "file")]
    data: Option<PathBuf>,
    /// The trials of a sweep instead: its id, or `latest`
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    sweep: Option<String>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The store that a team shares, or `none` [default: that of pcamflow.toml; env: PCAMFLOW_REMOTE]
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
    /// Where to write it [default: out/NAME/report.html in the project's folder; run-RUN.html for a run and
    /// sweep-ID.html for a sweep, in the current folder]
    #[arg(long, short, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

/// The file's name in the folder of a pipeline's results.
const FILE: &str = "report.html";

/// Writes the report of the latest results, of an earlier run, or of a sweep.
pub(super) fn report(arguments: &ReportArguments) -> Outcome {
    let file = match (&arguments.sweep, &arguments.file) {
        (Some(id), _) => of_sweep(arguments, id)?,
        (None, Some(file)) => match run_in(file) {
            Some(run) => of_run(arguments, run)?,
            None => of_pipeline(arguments, file)?,
        },
        (None, None) => return Err(Error::usage("name a pipeline file, a run, or a sweep with --sweep")),
    };
    say(&ui::seen_from_here(&file));
    if arguments.open {
        show(&file)?;
    }
    Ok(Exit::Done)
}

/// The word for a run (`12`, `latest~2`); `None` if it is a file. What exists is a file.
fn run_in(word: &Path) -> Option<&str> {
    let is_run = |text: &&str| {
        let rest = text.strip_prefix("latest").unwrap_or(text);
        rest.bytes().all(|byte| byte.is_ascii_digit() || b"~.".contains(&byte))
    };
    word.to_str().filter(is_run).filter(|_| !word.exists())
}

fn of_pipeline(arguments: &ReportArguments, file: &Path) -> Result<PathBuf, Error> {
    let ReportArguments { set, data, store, remote, .. } = arguments;
    let pipeline = PipelineArguments { file: file.to_owned(), set: set.clone(), data: data.clone() };
    let project = ProjectArguments { pipeline, store: store.clone(), remote: remote.clone() };
    let (pipeline, store) = open(&project)?;
    let engine = Engine::new(&pipeline, &store, project.engine(&pipeline, &[])?)?;
    let default = || pipeline.root.join("out").join(&pipeline.name).join(FILE);
    let to = arguments.to.clone().unwrap_or_else(default);
    let ran = last_computed(&store, &pipeline.name);
    let report = gather::latest(&engine, &pipeline, &ran.iter().map(String::as_str).collect())?;
    if report.stages.iter().all(|stage| stage.record.is_none()) {
        let run = engine.run_all();
        return Err(Error::failed(format!("no stage has a result yet: `{run}` makes some")));
    }
    write(&html::page(&report), &to)?;
    Ok(to)
}

/// How many earlier runs are read to find one that computed something.
const BACK: usize = 10;

/// The stages that the last run which computed anything did compute; none if no record of one can be read.
fn last_computed(store: &Store, pipeline: &str) -> BTreeSet<String> {
    let files = store.runs().unwrap_or_default();
    let of_pipeline = files.iter().rev().filter(|file| file.is_of(pipeline)).take(BACK);
    let mut computed = of_pipeline.filter_map(|file| match store.look(file) {
        Ok((ReadRun::Record(run), _)) => Some(run.computed().map(str::to_owned).collect::<BTreeSet<_>>()),
        _ => None,
    });
    computed.find(|stages| !stages.is_empty()).unwrap_or_default()
}

/// The page of an earlier run.
fn of_run(arguments: &ReportArguments, word: &str) -> Result<PathBuf, Error> {
    if !arguments.set.is_empty() || arguments.data.is_some() {
        return Err(Error::usage(
            "`--set` and `--data` are for a pipeline file: a run has those of its record",
        ));
    }
    let (run, page) = of_run::page(arguments.store.as_deref(), word)?;
    let to = arguments.to.clone().unwrap_or_else(|| PathBuf::from(format!("run-{run}.html")));
    write(&page, &to)?;
    Ok(to)
}

fn of_sweep(arguments: &ReportArguments, id: &str) -> Result<PathBuf, Error> {
    let history = History::open(None, arguments.store.as_deref())?;
    let trials = trials::of_sweep(&history, id)?;
    let name = trials.title.split_whitespace().nth(1).unwrap_or(id).to_owned();
    let to = arguments.to.clone().unwrap_or_else(|| PathBuf::from(format!("sweep-{name}.html")));
    write(&html::trials_page(&trials), &to)?;
    Ok(to)
}

/// Writes the page of compared runs.
pub(super) fn of_runs(comparison: &Comparison, to: &Path) -> Result<(), Error> {
    write(&html::trials_page(&trials::of_runs(comparison)), to)
}

/// Writes the report of a run that computed something into the folder of its results, and returns its path. An error
/// is a warning: what the run computed is not less true without a page. The page has all stages, also if the run had
/// only some: `options` name none.
pub(super) fn after(
    pipeline: &Pipeline,
    store: &Store,
    options: engine::Options,
    summary: &Summary,
) -> Option<PathBuf> {
    let finished = summary.finished.iter().filter(|stage| !stage.cached);
    let ran: BTreeSet<&str> = finished.map(|stage| stage.stage.as_str()).collect();
    let file = summary.out.join(FILE);
    if !is_wanted(pipeline) {
        return None;
    }
    if ran.is_empty() {
        return file.exists().then_some(file);
    }
    let engine = Engine::new(pipeline, store, options).map_err(Error::from);
    let report = engine.and_then(|engine| gather::latest(&engine, pipeline, &ran));
    match report.and_then(|report| write(&html::page(&report), &file)) {
        Ok(()) => Some(file),
        Err(error) => {
            complain(&format!("warning: the report was not written: {}", error.message()));
            None
        }
    }
}

/// Whether a run leaves a report: not if it is turned off, for the trials of a sweep, and for pipelines without a stage
/// whose results a page can show.
fn is_wanted(pipeline: &Pipeline) -> bool {
    let shows = [Kind::Train, Kind::ResumeTrain, Kind::Evaluate, Kind::Explain, Kind::Metrics, Kind::Sanity];
    let is_shown = |kind: Kind| shows.contains(&kind);
    pipeline.report
        && pipeline.trials.is_empty()
        && pipeline.stages.iter().any(|node| is_shown(node.name.kind))
}

fn write(page: &str, file: &Path) -> Result<(), Error> {
    fsx::create_folder(&fsx::parent(file))?;
    Ok(fsx::write_atomic(file, page.as_bytes(), Durability::Relaxed)?)
}

/// Opens a file with the program that the system has for it.
fn show(file: &Path) -> Result<(), Error> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map(drop).map_err(|error| {
        Error::environment(format!(
            "`{program}` cannot be started ({error}): open {} yourself",
            file.display()
        ))
    })
}
