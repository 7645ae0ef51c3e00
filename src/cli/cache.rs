//! `pcamflow cache`: shows, checks and cleans the store.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Error, Exit, Outcome,
    args::ProjectArguments,
    complain,
    project::{here, open, root_of, store_for},
    remote::{failed, required, writable},
    say,
};
use crate::{
    engine::{Engine, NamedStage},
    pipeline::Pipeline,
    remote::Remote,
    stages::Bytes,
    store::{self, Collected, Forgotten, Keep, Policy, Store},
    ui,
};

/// What to do with the store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CacheArguments {
    /// What to do
    #[command(subcommand)]
    command: CacheCommand,
}

const EXAMPLES: &str = "\
Examples:
  pcamflow cache du                              show what uses the space
  pcamflow cache verify                          read every byte again, put damaged files aside
  pcamflow cache gc                              remove what no result needs
  pcamflow cache gc --older-than 30d --dry-run   show what this would remove as well
  pcamflow cache gc --keep-runs 5                keep what the last 5 runs of each pipeline used
  pcamflow cache du --remote                     show the size of the store that a team shares
  pcamflow cache clear p.toml train.base         forget a result: the next run computes it

You can use all of these while pipelines run. The store is .pcamflow in the project's folder (the
nearest folder, at or above this one, with .pcamflow or .git), or the folder given by --store.";

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Show what uses the space: by stage kind, pipeline and last use
    Du(DuArguments),
    /// Hash every object, check every record, and put damaged files aside
    ///
    /// Damaged files are moved to the store's `quarantine` folder, and the results that they belong to are
    /// forgotten. The next run that needs such a result computes it again. The exit code is 1 if something
    /// was damaged.
    Verify(StoreArguments),
    /// Remove what no result needs and, with options, old or superseded results
    ///
    /// Always removed: objects without a result, leftovers of killed runs, partial work of finished stages,
    /// and quarantined files older than 30 days. Never removed: what a running pipeline uses, and what links
    /// in the `out` folder point to. The latest result of each stage is only removed with --even-latest or
    /// --keep-runs.
    Gc(GcArguments),
    /// Forget the current results of stages: the next run computes them
    Clear(ClearArguments),
}

/// The store, and the output format.
#[derive(Debug, Args)]
struct StoreArguments {
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// The store of this machine, or the one that a team shares.
#[derive(Debug, Args)]
struct DuArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Show the store that a team shares: this one, or that of pcamflow.toml
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", conflicts_with = "store")]
    remote: Option<String>,
}

#[derive(Debug, Args)]
struct GcArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Remove old results from the store that a team shares: this one, or that of pcamflow.toml. A result is as old as
    /// its push
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", requires = "older_than",
        conflicts_with_all = ["store", "max_size", "keep_latest", "keep_runs", "even_latest", "out"])]
    remote: Option<String>,
    /// Remove results that have not been used for this long (`30d`, `12h`); also partial work and quarantined
    /// files
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<humantime::Duration>,
    /// Remove the least recently used results until the remaining objects fit into this size (`20GB`,
    /// `500MiB`)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<Bytes>,
    /// Remove all results except the latest one of each stage of each pipeline
    #[arg(long, conflicts_with = "even_latest")]
    keep_latest: bool,
    /// Remove all results except those that the latest N runs of each pipeline used, and the records of older
    /// runs. With --older-than or --max-size, only protect the results of these runs
    #[arg(long, value_name = "N", conflicts_with_all = ["keep_latest", "even_latest"],
        value_parser = clap::value_parser!(u32).range(1..))]
    keep_runs: Option<u32>,
    /// Let --older-than and --max-size also remove the latest results of stages
    #[arg(long)]
    even_latest: bool,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// The folder in which artifacts are shown; what its links point to is kept [default: out in the
    /// project's folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ClearArguments {
    /// The pipeline and its store
    #[command(flatten)]
    project: ProjectArguments,
    /// Stages (`kind.name`, `kind.name@seed`; `*` matches any text)
    #[arg(value_name = "STAGE", required = true)]
    stages: Vec<String>,
}

/// Shows, checks or cleans the store.
pub(super) fn cache(arguments: &CacheArguments) -> Outcome {
    match &arguments.command {
        CacheCommand::Du(arguments) => du(arguments),
        CacheCommand::Verify(arguments) => verify(arguments),
        CacheCommand::Gc(arguments) => collect(arguments),
        CacheCommand::Clear(arguments) => clear(arguments),
    }
}

impl StoreArguments {
    fn open(&self) -> Result<Store, Error> {
        store_for(here(), self.store.as_deref())
    }

    /// Opens the store. One that is named must exist.
    fn open_existing(&self) -> Result<Store, Error> {
        if let Some(folder) = self.store.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(Error::usage(format!("there is no store at {}", folder.display())));
        }
        self.open()
    }

    /// Prints a result as text or as a JSON object.
    fn show<T: Serialize>(&self, found: &T, text: impl FnOnce() -> String) {
        #[derive(Serialize)]
        struct Versioned<'a, T> {
            schema: u32,
            #[serde(flatten)]
            found: &'a T,
        }
        let json = || serde_json::to_string(&Versioned { schema: ui::SCHEMA, found });
        let text = if self.json { json().expect("counts, names and paths are JSON") } else { text() };
        say(text.trim_end());
    }
}

/// An age on the command line.
fn age(text: &str) -> Result<humantime::Duration, String> {
    text.parse().map_err(|_| "write an age with its unit, such as `30d` or `12h`".to_owned())
}

/// A size on the command line; 0 needs no unit.
fn size(text: &str) -> Result<Bytes, String> {
    if text == "0" { Ok(Bytes(0)) } else { text.parse() }
}

fn du(arguments: &DuArguments) -> Outcome {
    let DuArguments { store: arguments, remote } = arguments;
    if let Some(url) = remote {
        let remote = shared(url)?;
        let usage = remote.usage().map_err(|trouble| failed(&remote, &trouble))?;
        arguments.show(&usage, || ui::remote::usage(&usage));
        return Ok(Exit::Done);
    }
    let store = arguments.open_existing()?;
    let usage = store.usage()?;
    arguments.show(&usage, || ui::cache::usage(store.root(), &usage));
    Ok(Exit::Done)
}

fn verify(arguments: &StoreArguments) -> Outcome {
    let store = arguments.open_existing()?;
    let meter = ui::cache::Meter::new("verifying", ui::cache::BYTES);
    let verified = store.verify(&|progress| meter.show(progress))?;
    let seconds = meter.finish();
    arguments.show(&verified, || ui::cache::verified(&verified, seconds));
    Ok(if verified.damaged.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The store that a team shares, with this URL unless it is empty.
fn shared(url: &str) -> Result<Remote, Error> {
    required(&root_of(here())?, Some(url).filter(|url| !url.is_empty()))
}

fn collect_remote(arguments: &GcArguments, url: &str) -> Outcome {
    let remote = shared(url)?;
    writable(&remote)?;
    let older_than = arguments.older_than.map(Duration::from).unwrap_or_default();
    let meter = ui::cache::Meter::new("removing", ui::cache::FILES);
    let report = |done, total| meter.show(store::Progress { done, total });
    let old = remote.collect(older_than, arguments.dry_run, &report);
    meter.finish();
    let old = old.map_err(|trouble| failed(&remote, &trouble))?;
    arguments.store.show(&old, || ui::remote::removed(&remote.settings().url, &old));
    Ok(Exit::Done)
}

/// A store that does not exist is no error here: a CI job may start without one.
fn collect(arguments: &GcArguments) -> Outcome {
    if let Some(url) = &arguments.remote {
        return collect_remote(arguments, url);
    }
    let store = arguments.store.open()?;
    let meter = ui::cache::Meter::new("removing", ui::cache::FILES);
    let collected = store.collect(&policy(arguments)?, &|progress| meter.show(progress))?;
    meter.finish();
    arguments.store.show(&collected, || ui::cache::collected(&collected) + &too_large(arguments, &collected));
    let refused = collected.count() == 0 && !collected.not_removed.is_empty();
    Ok(if refused { Exit::Environment } else { Exit::Done })
}

/// A line that says why --max-size was not reached, if it was not.
fn too_large(arguments: &GcArguments, collected: &Collected) -> String {
    match arguments.max_size {
        Some(Bytes(size)) if collected.objects_left.bytes > size => format!(
            "the store is still larger than --max-size {}: what runs use is kept, and the latest results, unless \
             --even-latest is given\n",
            ui::format::amount(size, 0, "bytes")
        ),
        _ => String::new(),
    }
}

fn policy(arguments: &GcArguments) -> Result<Policy, Error> {
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => root_of(here())?.join("out"),
    };
    let limited = arguments.older_than.is_some() || arguments.max_size.is_some();
    Ok(Policy {
        older_than: arguments.older_than.map(Into::into),
        max_size: arguments.max_size.map(|size| size.0),
        all: arguments.keep_latest || (arguments.keep_runs.is_some() && !limited),
        keep: match arguments.keep_runs {
            Some(most) => Keep::Runs(most as usize),
            None if arguments.even_latest => Keep::Nothing,
            None => Keep::Latest,
        },
        shown: if arguments.even_latest { Vec::new() } else { vec![out] },
        dry_run: arguments.dry_run,
    })
}

fn clear(arguments: &ClearArguments) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    let engine = Engine::new(&pipeline, &store, arguments.project.local_engine(&arguments.stages))?;
    let named = engine.keys(&mut *ui::observer(ui::Mode::Auto))?;
    let mut exit = Exit::Done;
    for stage in &named {
        let name = &stage.stage;
        match forget(&pipeline, &store, stage)? {
            Forgotten::Yes => say(&format!("{name}: forgotten: the next run computes it")),
            Forgotten::Absent => say(&format!("{name}: has no result in the store")),
            Forgotten::InUse(by) => {
                complain(&format!("error: {name} is being computed by {by}: stop that run first"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

/// Forgets the result of a stage. If its key is not known before other stages run, that is its latest result.
fn forget(pipeline: &Pipeline, store: &Store, stage: &NamedStage) -> store::Result<Forgotten> {
    let key = match stage.key {
        Some(key) => Some(key),
        None => store.latest_key(&pipeline.name, &stage.stage)?,
    };
    key.map_or(Ok(Forgotten::Absent), |key| store.forget(&key))
}
