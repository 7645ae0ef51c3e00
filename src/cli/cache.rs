//! `pcamflow cache`: shows, checks and cleans the store.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};

use super::{
    Exit,
    args::PipelineArguments,
    complain,
    project::{open, root_of, tell},
    say,
};
use crate::{
    engine::{Engine, NamedStage, Options},
    pipeline::Pipeline,
    store::{self, Collected, Forgotten, Keep, Policy, Store},
    ui,
};

/// The store, and what to do with it.
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
    Verify(VerifyArguments),
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

/// Which store.
#[derive(Debug, Args)]
struct StoreArguments {
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct DuArguments {
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct VerifyArguments {
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct GcArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Remove results that were not used for this long (`30d`, `12h`); also partial work and quarantined files
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Remove the results that were not used for the longest time, until the remaining objects fit into this
    /// size (`20GB`, `500MiB`)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Remove all results except the latest one of each stage of each pipeline
    #[arg(long, conflicts_with = "even_latest")]
    keep_latest: bool,
    /// Remove all results except those that the latest N runs of each pipeline used, and the records of older
    /// runs. With --older-than or --max-size, only protect the results of these runs
    #[arg(long, value_name = "N", conflicts_with_all = ["keep_latest", "even_latest"],
        value_parser = super::args::at_least_one)]
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
    /// Which pipeline
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Stages (`kind.name`, `kind.name@seed`; `*` matches any text)
    #[arg(value_name = "STAGE", required = true)]
    stages: Vec<String>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// Looks after the store.
pub(super) fn cache(arguments: &CacheArguments) -> Exit {
    if let Some(folder) = arguments.command.store().filter(|folder| !folder.is_dir()) {
        complain(&format!("error: there is no store at {}", folder.display()));
        return Exit::Usage;
    }
    let done = match &arguments.command {
        CacheCommand::Du(arguments) => du(arguments),
        CacheCommand::Verify(arguments) => verify(arguments),
        CacheCommand::Gc(arguments) => collect(arguments),
        CacheCommand::Clear(arguments) => Ok(clear(arguments)),
    };
    done.unwrap_or_else(|exit| exit)
}

impl CacheCommand {
    /// The store that was named, where the command is about that alone.
    fn store(&self) -> Option<&PathBuf> {
        match self {
            Self::Du(arguments) => arguments.store.store.as_ref(),
            Self::Verify(arguments) => arguments.store.store.as_ref(),
            // Where there is none there is nothing to collect: a job in CI may begin without.
            Self::Gc(_) | Self::Clear(_) => None,
        }
    }
}

fn environment(error: &store::Error) -> Exit {
    complain(&format!("error: {error}"));
    Exit::Environment
}

impl StoreArguments {
    fn open(&self) -> Result<Store, Exit> {
        let folder = match &self.store {
            Some(folder) => folder.clone(),
            None => project()?.join(".pcamflow"),
        };
        Store::open(&folder, store::Options::default()).map_err(|error| environment(&error))
    }

    /// Says what came of it, for people or for machines.
    fn tell<T: serde::Serialize>(&self, found: &T, text: impl FnOnce() -> String) {
        if self.json {
            #[derive(serde::Serialize)]
            struct Versioned<'a, T> {
                schema: u32,
                #[serde(flatten)]
                found: &'a T,
            }
            let found = &Versioned { schema: ui::SCHEMA, found };
            say(&serde_json::to_string(found).expect("counts, names and paths are JSON"));
        } else {
            say(text().trim_end());
        }
    }
}

/// The folder of the project that we are in.
fn project() -> Result<PathBuf, Exit> {
    root_of(Path::new("pipeline.toml"))
}

fn du(arguments: &DuArguments) -> Result<Exit, Exit> {
    let store = arguments.store.open()?;
    let usage = store.usage().map_err(|error| environment(&error))?;
    arguments.store.tell(&usage, || ui::cache::usage(store.root(), &usage));
    Ok(Exit::Done)
}

fn verify(arguments: &VerifyArguments) -> Result<Exit, Exit> {
    let store = arguments.store.open()?;
    let meter = ui::cache::Meter::new("verifying", ui::cache::Unit::Bytes);
    let verified = store.verify(&|progress| meter.show(progress)).map_err(|error| environment(&error))?;
    let seconds = meter.finish();
    arguments.store.tell(&verified, || ui::cache::verified(&verified, seconds));
    Ok(if verified.damaged.is_empty() { Exit::Done } else { Exit::Failed })
}

fn collect(arguments: &GcArguments) -> Result<Exit, Exit> {
    let store = arguments.store.open()?;
    let meter = ui::cache::Meter::new("removing", ui::cache::Unit::Files);
    let collected = store.collect(&policy(arguments)?, &|progress| meter.show(progress));
    let collected = collected.map_err(|error| environment(&error))?;
    meter.finish();
    arguments.store.tell(&collected, || ui::cache::collected(&collected) + &missed(arguments, &collected));
    let refused = collected.count() == 0 && !collected.not_removed.is_empty();
    Ok(if refused { Exit::Environment } else { Exit::Done })
}

/// Why more is left than was asked for, where it is.
fn missed(arguments: &GcArguments, collected: &Collected) -> String {
    let Some(goal) = arguments.max_size.filter(|goal| collected.objects_left.bytes > *goal) else {
        return String::new();
    };
    let why = match (arguments.keep_runs, arguments.even_latest) {
        (Some(_), _) => "what the latest runs used stays",
        (None, true) => "what runs use stays",
        (None, false) => "what each stage had last, and what out shows, stays (--even-latest lets it go)",
    };
    let goal = ui::format::amount(goal, 0, "bytes");
    format!("the store is still larger than --max-size {goal}: {why}\n")
}

fn policy(arguments: &GcArguments) -> Result<Policy, Exit> {
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => project()?.join("out"),
    };
    let limited = arguments.older_than.is_some() || arguments.max_size.is_some();
    Ok(Policy {
        older_than: arguments.older_than,
        max_size: arguments.max_size,
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

/// A time: `30d`, `12h`.
fn age(text: &str) -> Result<Duration, String> {
    match text.trim().parse::<f64>() {
        Ok(_) => Err(format!("`{text}` has no unit: write `{0}d` for days, `{0}h` for hours", text.trim())),
        Err(_) => humantime::parse_duration(text).map_err(|error| format!("{error}: write `30d` or `12h`")),
    }
}

/// What the letters behind a number stand for.
const UNITS: [(&str, f64); 10] = [
    ("", 1.0),
    ("b", 1.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
];

/// A number of bytes: `20GB`, `1.5 GiB`, `1000`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size: write 20GB, 500MiB or a number of bytes");
    let letters = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(letters);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let unit = unit.to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let bytes = number * factor;
    // Beyond 2^53 bytes no disk is; below it the number is exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    if (0.0..9e15).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

fn clear(arguments: &ClearArguments) -> Exit {
    let (pipeline, store) = match open(&arguments.pipeline, arguments.store.as_ref()) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let given = arguments.pipeline.given(arguments.store.as_ref());
    let options = Options { targets: arguments.stages.clone(), given, ..Options::default() };
    let named = Engine::new(&pipeline, &store, options)
        .and_then(|engine| engine.keys(&mut *ui::observer(ui::Mode::Auto)));
    match named {
        Ok(named) => forget(&pipeline, &store, &named),
        Err(refused) => tell(&refused),
    }
}

fn forget(pipeline: &Pipeline, store: &Store, named: &[NamedStage]) -> Exit {
    let mut exit = Exit::Done;
    for stage in named {
        let name = &stage.stage;
        match forget_one(pipeline, store, stage) {
            Ok(Forgotten::Yes) => say(&format!("{name}: forgotten: the next run computes it")),
            Ok(Forgotten::Absent) => say(&format!("{name}: has no result in the store")),
            Ok(Forgotten::InUse(by)) => {
                complain(&format!("error: {name} is being computed by {by}: stop that run first"));
                exit = Exit::Failed;
            }
            Err(error) => return environment(&error),
        }
    }
    exit
}

/// Where the key is not known before other stages run, the one that the stage had last is meant.
fn forget_one(pipeline: &Pipeline, store: &Store, named: &NamedStage) -> store::Result<Forgotten> {
    let key = match named.key {
        Some(key) => Some(key),
        None => store.latest_key(&pipeline.name, &named.stage)?,
    };
    key.map_or(Ok(Forgotten::Absent), |key| store.forget(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_units() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert!(age("3").unwrap_err().contains("write `3d` for days"));
        assert!(age("soon").is_err());
    }

    #[test]
    fn sizes_have_units_in_any_case_and_nonsense_has_none() {
        for (text, bytes) in
            [("20GB", 20_000_000_000), ("1.5 GiB", 1_610_612_736), ("10kb", 10_000), ("7", 7)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "plenty", "-1GB", "1e99", "5 parsecs", "NaN"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
