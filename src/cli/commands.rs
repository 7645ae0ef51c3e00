//! The commands, as types. The doc comments are the help.

use clap::{Parser, Subcommand};

use super::args::{
    CompleteArguments, CompletionsArguments, DoctorArguments, GraphArguments, InitArguments,
    PipelineArguments, RunArguments,
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
  pcamflow graph p.toml --status                      list the stages and what is cached
  pcamflow guide sweeps                               read the guide's page about sweeps

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

const PICTURE: &str = "\
For a picture, use Graphviz:
  pcamflow graph FILE --format dot | dot -Tsvg > pipeline.svg";

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
    /// Show the state of every stage: cached, pending or running as a job, failed
    Status(super::status::StatusArguments),
    /// Show a stage's result, or the contents of an artifact
    Show(super::show::ShowArguments),
    /// Write one page with everything about the latest results: open it in a browser
    Report(super::report::ReportArguments),
    /// Say what a measure is: its meaning, its range, which end is good, its source
    Explain(super::explain::ExplainArguments),
    /// Print a stage's log
    #[command(mut_arg("what", |what| what.value_name("STAGE").help(LOG_OF)))]
    Log(super::log::LogArguments),
    /// Print the path of an artifact, for scripts
    #[command(after_help = PATHS, mut_arg("what", |what| what.value_name("STAGE/ARTIFACT").help(PATH_OF)))]
    Path(super::path::PathArguments),
    /// Copy artifacts into a folder
    Export(super::export::ExportArguments),
    /// Bring results to the store that a team shares
    Push(super::push::PushArguments),
    /// Fetch results from the store that a team shares
    Pull(super::push::PullArguments),
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
    /// List the stages of a pipeline and what they read, or print the graph for other programs
    #[command(after_help = PICTURE)]
    Graph(GraphArguments),
    /// Read the guide: a short page for each topic
    Guide(super::guide::GuideArguments),
    /// Print the JSON Schema of pipeline files or pcamflow.toml (for editors), or of the lines of `run --json`
    Schema(super::schema::SchemaArguments),
    /// Print the completion script for a shell
    Completions(CompletionsArguments),
    /// List earlier runs, or show everything about one
    Runs(super::runs::RunsArguments),
    /// Compare runs: how they differ, and their results
    Compare(super::compare::CompareArguments),
    /// Manage the store: show its size, check it, remove old results
    Cache(super::cache::CacheArguments),
    /// List candidates for a word (for the scripts of `completions`)
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArguments),
    /// Compute the stage of a job of a cluster (not for people)
    #[command(name = super::JOB, hide = true)]
    Job(super::job::JobArguments),
    /// Serve stages to an engine (not for people)
    #[command(name = super::SERVE, hide = true)]
    Serve,
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
}
