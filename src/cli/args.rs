//! What can be typed: the command line as types. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    engine::tell::{given::Given, require::Requirement},
    stages::DeviceChoice,
    ui::drawing::Format,
};

/// Declarative, cached pipelines that train a patch classifier on PatchCamelyon and explain it.
///
/// A pipeline is one TOML file: a DAG of stages (split, train, evaluate, explain, metrics and more). A run
/// computes only the stages whose inputs changed; everything else comes from the store.
#[derive(Debug, Parser)]
#[command(name = "pcamflow", version, max_term_width = 100, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// Log more (-v decisions and keys, -vv everything); RUST_LOG works too.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

const EXAMPLES: &str = "\
Examples:
  pcamflow init                                       write a first pipeline for the data in data/
  pcamflow run pipelines/quickstart.toml              run a first pipeline; needs no data
  pcamflow plan pipelines/full.toml                   show what would run, and why
  pcamflow run p.toml --set train.base.epochs=3       use another value without editing the file
  pcamflow sweep p.toml --set train.base.epochs=4,8   try several values, side by side
  pcamflow watch p.toml                               run again whenever the file is edited
  pcamflow run p.toml evaluate.test                   run one stage and what it needs
  pcamflow show p.toml evaluate.test/metrics          show what an artifact contains
  pcamflow export p.toml train.base/model models      copy an artifact to models/
  pcamflow check p.toml                               list every mistake in a pipeline
  pcamflow runs                                       list earlier runs
  pcamflow compare p.toml --sort accuracy             compare the latest runs, the best first
  pcamflow cache du                                   show what uses space in the store
  pcamflow graph p.toml --status                      draw the stages and what is cached

Exit codes: 0 done, 1 a stage failed or has no result, 2 usage or pipeline error, 3 environment
(no libtorch, no such GPU, store not writable, disk full), 4 --frozen and not everything is cached,
5 --require not met, 130 interrupted.";

const REQUIREMENTS: &str = "\
A requirement is kind.name.number, one of >= > <= < == !=, and a number or percentage. The number
is a main number of the stage (`pcamflow show FILE STAGE`), or any number in a JSON artifact:
  --require 'evaluate.test.accuracy >= 85%'
  --require 'evaluate.test/metrics.confusion.0.0 > 100'
  --require 'mean(evaluate.test.accuracy) >= 0.9'     over repeats; also sd, min, max
Without mean, sd, min or max, every repeat must meet the requirement. An undefined or missing
number meets no requirement.

In GitHub Actions, the summary is also added to the job's page (GITHUB_STEP_SUMMARY).";

const LOG_OF: &str = "The stage (`train.base`; `*` matches any text)";
const PATH_OF: &str = "The artifact (`train.base/model`, or its file: `train.base/model.safetensors`). The stage alone is \
                       enough if it writes only one";

const PATHS: &str = "\
Prints the path of the object in the store. The object is read-only and has no file ending, and its
content never changes. For programs that need a file ending, use --shown: it prints the path below
`out`, where the next run may replace the file. Folders are packed in the store, so they only have
the path below `out`. All paths are absolute.";

const CHECKED: &str = "\
Reports every mistake with its line (exit code 2), or lists the stages in the order in which they
would run: wrapped on a terminal, otherwise on one line. For programs, use
`pcamflow graph FILE --format json`.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a pipeline: only what changed is computed
    #[command(after_help = REQUIREMENTS)]
    Run(RunArguments),
    /// Run many trials of a pipeline with different values, and compare the results
    Sweep(super::sweep::SweepArguments),
    /// Run a pipeline, and run it again whenever the file or a source changes
    Watch(super::watch::WatchArguments),
    /// Show what would run, why, and how long it may take
    Plan(super::plan::PlanArguments),
    /// Show a stage's result, or the contents of an artifact
    Show(super::show::ShowArguments),
    /// Print a stage's log
    #[command(mut_arg("what", |what| what.value_name("STAGE").help(LOG_OF)))]
    Log(super::results::ResultArguments),
    /// Print the path of an artifact, for scripts
    #[command(after_help = PATHS, mut_arg("what", |what| what.value_name("STAGE/ARTIFACT").help(PATH_OF)))]
    Path(super::path::PathArguments),
    /// Copy artifacts into a folder
    Export(super::export::ExportArguments),
    /// Compute stages again without the cache, and compare the results
    Verify(super::verify::VerifyArguments),
    /// Check a pipeline file without running anything
    #[command(after_help = CHECKED)]
    Check(PipelineArguments),
    /// Write the digests of the source files into the pipeline, so that cached runs need no data
    Pin(super::pin::PinArguments),
    /// Write a first pipeline, for your data or for synthetic patches
    Init(InitArguments),
    /// Check whether this machine has what pipelines need, and say what to do
    Doctor(DoctorArguments),
    /// Draw a pipeline in the terminal, or for other programs
    Graph(GraphArguments),
    /// Print the JSON Schema of pipeline files (for editors), or of the lines of `run --json`
    Schema(super::schema::SchemaArguments),
    /// Print the completion script for a shell
    Completions(CompletionsArguments),
    /// List earlier runs, or show everything about one
    Runs(super::runs::RunsArguments),
    /// Compare runs: how they differ, and their results
    Compare(super::compare::CompareArguments),
    /// Manage the store: show its size, check it, remove old results
    Cache(super::cache::CacheArguments),
    /// List what may be typed next (for the scripts of `completions`)
    #[command(name = "__complete", hide = true)]
    Complete(super::complete::CompleteArguments),
    /// Serve stages to an engine (not for people)
    #[command(name = super::SERVE, hide = true)]
    Serve,
}

/// Which pipeline, and with which values.
#[derive(Debug, Clone, Args)]
pub(super) struct PipelineArguments {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Set a value: kind.name.key=value or params.name=value; overrides the file (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// The folder of the source files [default: `[pipeline] data`, else `data`; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

impl PipelineArguments {
    /// The options that another command about the same pipeline needs.
    pub(super) fn given(&self, store: Option<&PathBuf>) -> Given {
        Given { set: self.set.clone(), data: self.data.clone(), store: store.cloned() }
    }
}

/// How to run it.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// Only these stages and what they need (`kind.name`, or `kind.name@seed` for one repeat; `*` matches
    /// any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// Compute this stage again even if it is cached (`split.*`; repeatable)
    #[arg(long, value_name = "STAGE")]
    pub(super) force: Vec<String>,
    /// Show what would run and why, and run nothing (like `pcamflow plan`)
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Compute nothing. If something is not cached, list what would run and why, and exit with code 4
    #[arg(long, conflicts_with_all = ["force", "dry_run"])]
    pub(super) frozen: bool,
    /// Exit with code 5 unless the result meets this: 'evaluate.test.accuracy >= 0.85' (repeatable)
    #[arg(long, value_name = "REQUIREMENT", conflicts_with = "dry_run")]
    pub(super) require: Vec<Requirement>,
    /// Write a summary of the run in Markdown
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(super) summary: Option<PathBuf>,
    /// After a failure, continue with the stages that do not depend on it
    #[arg(long, short)]
    pub(super) keep_going: bool,
    /// The device: auto, cpu, cuda or cuda:N (not part of any key)
    #[arg(long, value_name = "DEVICE")]
    pub(super) device: Option<DeviceChoice>,
    /// CPU threads of one stage [default: all cores, shared among the running stages]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) threads: Option<u32>,
    /// Compute at most N stages at once [default: one per core]
    #[arg(long, short, value_name = "N", value_parser = at_least_one)]
    pub(super) jobs: Option<u32>,
    /// Block network access for the programs of `command` stages (other stages never use it)
    #[arg(long)]
    pub(super) offline: bool,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Where artifacts are shown [default: out in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Print one JSON object per line instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Print only errors
    #[arg(long, short, conflicts_with = "json")]
    pub(super) quiet: bool,
}

/// A count of at least 1.
pub(super) fn at_least_one(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// What to draw, and how.
#[derive(Debug, Args)]
pub(super) struct GraphArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// Only these stages and what they need (`*` matches any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// The output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: Format,
    /// Mark each stage as cached, to run, may run, or failed last time
    #[arg(long)]
    pub(super) status: bool,
    /// Draw every edge, including those that a longer path implies
    #[arg(long)]
    pub(super) all_edges: bool,
    /// The store, for --status [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
}

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Where to put it:
  bash  pcamflow completions bash > ~/.local/share/bash-completion/completions/pcamflow
  zsh   pcamflow completions zsh > ~/.zfunc/_pcamflow   (with `fpath+=~/.zfunc` before `compinit`)
  fish  pcamflow completions fish > ~/.config/fish/completions/pcamflow.fish")]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// What to write, and for which data.
#[derive(Debug, Args)]
#[command(after_help = "\
Uses the official files (camelyonpatch_level_2_split_train_x.h5, ..._y.h5, ..._meta.csv; valid,
test) where it finds them. Without them, the pipeline makes synthetic patches. An existing file is
never overwritten.")]
pub(super) struct InitArguments {
    /// The pipeline file
    #[arg(value_name = "FILE", default_value = "pipeline.toml")]
    pub(super) file: PathBuf,
    /// The folder of the source files [default: `data` in the project's folder; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// Where to look, and how to say it.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is `ok`, `note` (works without it, but slower or later) or `missing`. The exit code is 3
if something is missing.")]
pub(super) struct DoctorArguments {
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// The folder of the source files [default: `data` in the project's folder; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// A command and all below it.
    fn all(command: &clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().flat_map(all);
        std::iter::once(command.clone()).chain(below).collect()
    }

    #[test]
    fn help_fits_a_terminal_and_no_line_of_it_is_broken_twice() {
        let mut whole = Arguments::command();
        whole.build();
        let commands = all(&whole);
        assert!(commands.len() > 20, "{}", commands.len());
        for mut command in commands {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 100, "{name}: {line}");
            }
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(after.trim_end()), "{name}: clap breaks this again:\n{after}");
        }
    }

    #[test]
    fn counts_begin_at_one() {
        assert_eq!(at_least_one("3"), Ok(3));
        assert!(["0", "-1", "x"].iter().all(|text| at_least_one(text).is_err()));
    }
}
