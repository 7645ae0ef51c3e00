//! `pcamflow schema`: what may stand in a pipeline file, for editors; or what a run tells programs.

use clap::Args;

use super::{Exit, say};
use crate::{pipeline, ui};

/// Of what.
#[derive(Debug, Args)]
#[command(after_help = "\
Editors with a TOML language server (taplo, Even Better TOML) complete, explain and check a
pipeline whose first line names the schema:
  pcamflow schema > pcamflow.schema.json
  #:schema ./pcamflow.schema.json

The first line of `run --json` says the version of what follows. Within a version, fields and
events are only added: skip what you do not know.")]
pub(super) struct SchemaArguments {
    /// Of the lines that `run --json` prints, instead of pipeline files
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
