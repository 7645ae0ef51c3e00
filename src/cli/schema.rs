//! `pcamflow schema`: the JSON Schema of pipeline files, of `pcamflow.toml`, or of the lines of `run --json`.

use clap::Args;

use super::{Exit, say};
use crate::{pipeline, remote, ui};

/// Which schema to print.
#[derive(Debug, Args)]
#[command(after_help = "\
Editors with a TOML language server (taplo, Even Better TOML) can complete, explain and check
pipelines. Name the schema in the first line of the pipeline:
  pcamflow schema > pcamflow.schema.json
  #:schema ./pcamflow.schema.json

The first line of `run --json` states the version of the format. Within a version, fields and
events are only added, so ignore those that you do not know.")]
pub(super) struct SchemaArguments {
    /// Print the schema of the lines of `run --json` instead
    #[arg(long)]
    events: bool,
    /// Print the schema of the project's settings, pcamflow.toml, instead
    #[arg(long, conflicts_with = "events")]
    project: bool,
}

/// Prints a JSON Schema.
pub(super) fn schema(arguments: &SchemaArguments) -> Exit {
    let schema = match arguments {
        SchemaArguments { events: true, .. } => ui::schema(),
        SchemaArguments { project: true, .. } => remote::schema(),
        SchemaArguments { .. } => pipeline::schema(),
    };
    say(&text(&schema));
    Exit::Done
}

/// A schema as text, without the last line break.
pub(super) fn text(schema: &serde_json::Value) -> String {
    serde_json::to_string_pretty(schema).expect("a JSON value is JSON")
}
