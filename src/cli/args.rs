//! What can be typed: the command line as types. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::stages::DeviceChoice;

/// Declarative, cached pipelines that train a patch classifier on PatchCamelyon and ask it why.
///
/// A pipeline is one TOML file: a DAG of stages (synthesize, split, train, evaluate, explain). A run
/// computes only the stages whose inputs changed; everything else comes from the store.
#[derive(Debug, Parser)]
#[command(name = "pcamflow", version, max_term_width = 100, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// Tell more about what happens (-v decisions and keys, -vv everything); RUST_LOG is heeded, too.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

const EXAMPLES: &str = "\
Examples:
  pcamflow run pipelines/quickstart.toml              a first pipeline; needs no data
  pcamflow run pipelines/full.toml --dry-run          what would run, and why
  pcamflow run p.toml --set train.base.epochs=3       another value, without editing
  pcamflow run p.toml evaluate.test                   one stage and what it needs
  pcamflow check p.toml                               every mistake in a pipeline, with its line

Exit codes: 0 done, 1 a stage failed, 2 usage or pipeline error, 3 environment (no libtorch, no such
GPU, store not writable), 130 interrupted.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a pipeline: only what changed is computed
    Run(RunArguments),
    /// Check a pipeline file, without running anything
    Check(PipelineArguments),
    /// Look after the store: what it holds, whether it is sound, what can go
    Cache(super::cache::CacheArguments),
    /// Serve stages to an engine (not for people)
    #[command(name = super::SERVE, hide = true)]
    Serve,
}

/// Which pipeline, and with which values.
#[derive(Debug, Args)]
pub(super) struct PipelineArguments {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Set a value over the file's: kind.name.key=value (may be given several times)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// The folder of the source files [default: `[pipeline] data`, else `data`; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// How to run it.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// Only these stages and what they need (`kind.name`, or `kind.name@seed` for one of its repeats; `*`
    /// stands for any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// Compute this stage again whatever the store holds (`split.*`; may be given several times)
    #[arg(long, value_name = "STAGE")]
    pub(super) force: Vec<String>,
    /// Show what would run, and why; run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Go on with what does not depend on a stage that failed
    #[arg(long, short)]
    pub(super) keep_going: bool,
    /// Where tensors live: auto, cpu, cuda or cuda:N (no part of any key)
    #[arg(long, value_name = "DEVICE")]
    pub(super) device: Option<DeviceChoice>,
    /// CPU threads of one stage [default: all cores, shared out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) threads: Option<u32>,
    /// Compute at most N stages at once [default: one a core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) jobs: Option<u32>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Where artifacts are shown [default: out in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// One JSON object a line instead of text, for machines
    #[arg(long)]
    pub(super) json: bool,
    /// Print nothing but errors
    #[arg(long, short, conflicts_with = "json")]
    pub(super) quiet: bool,
}
