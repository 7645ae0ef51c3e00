//! What can be typed: the command line as types. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    engine::tell::{given::Given, require::Requirement},
    stages::DeviceChoice,
    ui::drawing::Format,
};

/// Declarative, cached pipelines that train a patch classifier on PatchCamelyon and ask it why.
///
/// A pipeline is one TOML file: a DAG of stages (split, train, evaluate, explain, metrics and more). A run
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
  pcamflow init                                       a first pipeline for the data in data/
  pcamflow run pipelines/quickstart.toml              a first pipeline; needs no data
  pcamflow plan pipelines/full.toml                   what would run, and why
  pcamflow run p.toml --set train.base.epochs=3       another value, without editing
  pcamflow sweep p.toml --set train.base.epochs=4,8   trials of several values, side by side
  pcamflow watch p.toml                               again whenever it is edited
  pcamflow run p.toml evaluate.test                   one stage and what it needs
  pcamflow show p.toml evaluate.test/metrics          what is in an artifact
  pcamflow export p.toml train.base/model models      a copy of it, in models/
  pcamflow check p.toml                               every mistake in a pipeline, with its line
  pcamflow runs                                       the runs that there were
  pcamflow compare p.toml --sort accuracy             the latest runs side by side, the best first
  pcamflow cache du                                   what the store holds
  pcamflow graph p.toml --status                      the stages, who reads whom, what is cached

Exit codes: 0 done, 1 a stage failed or has no result, 2 usage or pipeline error, 3 environment
(no libtorch, no such GPU, store not writable), 4 --frozen and not all is cached, 5 --require not
met, 130 interrupted.";

const REQUIREMENTS: &str = "\
Requirements: kind.name.number, one of >= > <= < == !=, and a number or percentage. A number is
one of the stage's main numbers (`pcamflow show FILE STAGE`), or any in one of its JSON artifacts:
  --require 'evaluate.test.accuracy >= 85%'
  --require 'evaluate.test/metrics.confusion.0.0 > 100'
  --require 'mean(evaluate.test.accuracy) >= 0.9'     over repeats; also sd, min, max
Without one of these, each repeat has to meet it. What is undefined, or was not computed, meets
nothing.

In GitHub Actions, the summary is also added to the job's page (GITHUB_STEP_SUMMARY).";

const LOG_OF: &str = "The stage (`train.base`; `*` stands for any text)";
const PATH_OF: &str = "The artifact (`train.base/model`, or by its file: `train.base/model.safetensors`); the stage \
                       alone where it writes but one";

const PATHS: &str = "\
The path is that of the object in the store: read-only, without an ending, and the same content for
as long as the store has it, whatever runs later. For programs that go by a name's ending there is
--shown, the file below `out`, which the next run may replace. A folder, which the store keeps
packed, has only that path. Both are absolute.";

const CHECKED: &str = "\
Tells every mistake with its line (exit code 2), or the stages in the order in which they would run:
folded on a terminal, on one line elsewhere. `pcamflow graph FILE --format json` is for programs.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a pipeline: only what changed is computed
    #[command(after_help = REQUIREMENTS)]
    Run(RunArguments),
    /// Run many trials of a pipeline with different values, and compare what comes of them
    Sweep(super::sweep::SweepArguments),
    /// Run, and again whenever the pipeline or a source changes
    Watch(super::watch::WatchArguments),
    /// Show what would run, why, and how long that may take
    Plan(super::plan::PlanArguments),
    /// Show a stage's result, or what is in one of its artifacts
    Show(super::show::ShowArguments),
    /// Print what a stage said while it computed
    #[command(mut_arg("what", |what| what.value_name("STAGE").help(LOG_OF)))]
    Log(super::results::ResultArguments),
    /// Print the path of an artifact, for scripts
    #[command(after_help = PATHS, mut_arg("what", |what| what.value_name("STAGE/ARTIFACT").help(PATH_OF)))]
    Path(super::path::PathArguments),
    /// Copy artifacts into a folder
    Export(super::export::ExportArguments),
    /// Compute stages again, without the cache, and compare what comes out
    Verify(super::verify::VerifyArguments),
    /// Check a pipeline file, without running anything
    #[command(after_help = CHECKED)]
    Check(PipelineArguments),
    /// Write the digests of the source files into the pipeline, so that it can do without them
    Pin(super::pin::PinArguments),
    /// Write a first pipeline for the data that is there, or one that needs none
    Init(InitArguments),
    /// Look whether this machine has what pipelines need, and say what to do
    Doctor(DoctorArguments),
    /// Draw a pipeline: in the terminal, or for other programs
    Graph(GraphArguments),
    /// Print the JSON Schema of pipeline files, for editors; or of what a run tells programs
    Schema(super::schema::SchemaArguments),
    /// Print what completes commands in a shell
    Completions(CompletionsArguments),
    /// List the runs that there were, or show everything about one
    Runs(super::runs::RunsArguments),
    /// Put runs side by side: in what they differ, and what came of it
    Compare(super::compare::CompareArguments),
    /// Look after the store: what it holds, whether it is sound, what can go
    Cache(super::cache::CacheArguments),
    /// Say what may be typed next (for the scripts of `completions`)
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
    /// Set a value over the file's: kind.name.key=value or params.name=value (may be given several times)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// The folder of the source files [default: `[pipeline] data`, else `data`; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

impl PipelineArguments {
    /// What of it another command has to repeat.
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
    /// Only these stages and what they need (`kind.name`, or `kind.name@seed` for one of its repeats; `*`
    /// stands for any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// Compute this stage again whatever the store holds (`split.*`; may be given several times)
    #[arg(long, value_name = "STAGE")]
    pub(super) force: Vec<String>,
    /// Show what would run, and why; run nothing (as `pcamflow plan`)
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Compute nothing: exit code 4 and the list of what would run, and why, if not all is cached
    #[arg(long, conflicts_with_all = ["force", "dry_run"])]
    pub(super) frozen: bool,
    /// Exit with code 5 if the result is another: 'evaluate.test.accuracy >= 0.85' (may be given several
    /// times)
    #[arg(long, value_name = "REQUIREMENT", conflicts_with = "dry_run")]
    pub(super) require: Vec<Requirement>,
    /// Write a summary of the run in Markdown
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(super) summary: Option<PathBuf>,
    /// Go on with what does not depend on a stage that failed
    #[arg(long, short)]
    pub(super) keep_going: bool,
    /// Where tensors live: auto, cpu, cuda or cuda:N (no part of any key)
    #[arg(long, value_name = "DEVICE")]
    pub(super) device: Option<DeviceChoice>,
    /// CPU threads of one stage [default: all cores, shared out]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) threads: Option<u32>,
    /// Compute at most N stages at once [default: one a core]
    #[arg(long, short, value_name = "N", value_parser = at_least_one)]
    pub(super) jobs: Option<u32>,
    /// Keep every program of the run off the network, and off the Unix sockets of services such as docker and
    /// ssh-agent (`command` stages; the others never use it). No protection against malice
    #[arg(long)]
    pub(super) offline: bool,
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

/// A count of at least 1.
pub(super) fn at_least_one(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "a whole number of at least 1 is expected".to_owned())
}

/// What to draw, and how.
#[derive(Debug, Args)]
pub(super) struct GraphArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// Only these stages and what they need (`*` stands for any text)
    #[arg(value_name = "STAGE")]
    pub(super) stages: Vec<String>,
    /// How to draw it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: Format,
    /// Say of each stage whether it is cached, would run or may run, or failed the last time
    #[arg(long)]
    pub(super) status: bool,
    /// Draw every edge, also one that a longer way says already
    #[arg(long)]
    pub(super) all_edges: bool,
    /// The store, for --status [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
}

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Where it goes:
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
Official files (camelyonpatch_level_2_split_train_x.h5, ..._y.h5, ..._meta.csv; valid, test) are
used where they are; without any, the pipeline makes its own patches. Nothing that is there is
overwritten.")]
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
Each line is `ok`, `note` (works without, but slower or later) or `missing`; exit code 3 where
something is missing.")]
pub(super) struct DoctorArguments {
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// The folder of the source files [default: `data` in the project's folder; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// One JSON object instead of text, for machines
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
