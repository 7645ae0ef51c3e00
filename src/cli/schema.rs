//! `pcamflow schema`: what may stand in a pipeline file, for editors.

use super::{Exit, say};
use crate::pipeline;

/// Prints the JSON Schema.
pub(super) fn schema() -> Exit {
    say(&text());
    Exit::Done
}

/// The JSON Schema as a file holds it, but for the last line break.
pub(super) fn text() -> String {
    serde_json::to_string_pretty(&pipeline::schema()).expect("a JSON value is JSON")
}
