//! `pcamflow schema`: the JSON Schema of pipeline files, or of the lines of `run --json`.

use clap::Args;

use super::{Exit, say};
use crate::{pipeline, ui};

/// Of what.
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
}

/// Prints a JSON Schema.
pub(super) fn schema(arguments: &SchemaArguments) -> Exit {
    if arguments.events {
        say(&serde_json::to_string_pretty(&ui::schema()).expect("a JSON value is JSON"));
    } else {
        say(&text());
    }
    Exit::Done
}

/// The JSON Schema of pipeline files, as a file holds it, but for the last line break.
pub(super) fn text() -> String {
    serde_json::to_string_pretty(&pipeline::schema()).expect("a JSON value is JSON")
}
