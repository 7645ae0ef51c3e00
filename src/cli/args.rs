//! Arguments of commands, as types. The doc comments are the help.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{Error, remote::remote_of};
use crate::{
    engine::{
        self,
        tell::{given::Given, require::Requirement},
    },
    pipeline::{self, Pipeline},
    stages::DeviceChoice,
    ui::drawing::Format,
};

/// A pipeline, and the values to set in it.
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
    /// The options for loading it.
    pub(super) fn options(&self) -> pipeline::Options {
        pipeline::Options { set: self.set.clone(), data: self.data.clone() }
    }
}

/// A pipeline and its store.
#[derive(Debug, Clone, Args)]
pub(super) struct ProjectArguments {
    /// The pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// The store that a team shares, or `none` [default: that of pcamflow.toml; env: PCAMFLOW_REMOTE]
    #[arg(long, value_name = "URL")]
    pub(super) remote: Option<String>,
}

impl ProjectArguments {
    /// The options for an engine that works on these stages, and asks no remote store.
    pub(super) fn local_engine(&self, stages: &[String]) -> engine::Options {
        let PipelineArguments { set, data, .. } = self.pipeline.clone();
        let given = Given { set, data, store: self.store.clone(), remote: self.remote.clone() };
        engine::Options { targets: stages.to_vec(), given, ..engine::Options::default() }
    }

    /// The options for an engine that works on these stages.
    pub(super) fn engine(&self, pipeline: &Pipeline, stages: &[String]) -> Result<engine::Options, Error> {
        let remote = remote_of(&pipeline.root, self.remote.as_deref())?.map(Arc::new);
        Ok(engine::Options { remote, ..self.local_engine(stages) })
    }
}

/// How to run a pipeline.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The pipeline and its store.
    #[command(flatten)]
    pub(super) project: ProjectArguments,
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) threads: Option<u32>,
    /// Compute at most N stages at once [default: one per core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) jobs: Option<u32>,
    /// Block the network, and the Unix sockets of services such as docker and ssh-agent, for the programs of
    /// `command` stages (other stages never use them). No protection against malicious programs
    #[arg(long)]
    pub(super) offline: bool,
    /// Submit the jobs of stages that are computed on a cluster, and do not wait for them. A later run takes
    /// their results; `pcamflow status` shows them
    #[arg(long, conflicts_with_all = ["dry_run", "frozen"])]
    pub(super) detach: bool,
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

/// What to draw, and how.
#[derive(Debug, Args)]
pub(super) struct GraphArguments {
    /// The pipeline and its store.
    #[command(flatten)]
    pub(super) project: ProjectArguments,
    /// Only these stages and what they need (`*` matches any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// The output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: Format,
    /// Mark each stage as cached, to run, may run, or failed last time
    #[arg(long)]
    pub(super) status: bool,
    /// With dot and mermaid, draw every edge, including those that a longer path implies
    #[arg(long)]
    pub(super) all_edges: bool,
}

/// The shell to complete commands in.
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

/// The file to write, and the data it is for.
#[derive(Debug, Args)]
#[command(after_help = "\
Uses the official files (camelyonpatch_level_2_split_train_x.h5, ..._y.h5, ..._meta.csv; valid,
test) where it finds them, in the data folder or one folder below. Without them, the pipeline makes
synthetic patches. Existing files are kept unless --force is given.")]
pub(super) struct InitArguments {
    /// The pipeline file
    #[arg(value_name = "FILE", default_value = "pipeline.toml")]
    pub(super) file: PathBuf,
    /// The folder of the source files [default: `data` in the project's folder; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Replace existing files: the pipeline file and the schema beside it
    #[arg(long)]
    pub(super) force: bool,
}

/// The places to check, and the output format.
#[derive(Debug, Args)]
#[command(after_help = "\
Each line is `ok`, `note` (not an error, but worth knowing), `wrong` (found, but not usable) or
`missing`. The exit code is 3 if something is wrong or missing.")]
pub(super) struct DoctorArguments {
    /// A pipeline whose launchers and jobs are checked, too
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// The folder of the source files [default: `data` in the project's folder; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The store that a team shares, or `none` [default: that of pcamflow.toml; env: PCAMFLOW_REMOTE]
    #[arg(long, value_name = "URL")]
    pub(super) remote: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
}

/// The command line so far.
#[derive(Debug, Args)]
pub(super) struct CompleteArguments {
    /// The words after the program's name. The last one, which may be empty, is completed
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<String>,
}
