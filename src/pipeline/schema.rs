//! The JSON Schema of pipeline files, with the tables of the stage kinds.

use serde_json::{Map, Value, json};

use super::{
    references,
    seeds::MOST,
    settings::{ReportSettings, Settings},
    sweep_table::SweepTable,
};
use crate::stages::{
    Kind, RunSettings, Schema,
    schema::{NAME, described},
};

/// The JSON Schema (draft 2020-12) of pipeline files.
#[must_use]
pub fn schema() -> Value {
    let mut tables: Map<String, Value> =
        Kind::ALL.iter().map(|kind| (kind.word().to_owned(), of(*kind))).collect();
    tables.insert("pipeline".to_owned(), Settings::schema());
    tables.insert("report".to_owned(), ReportSettings::schema());
    let run = "`[run]`: how stages are computed, unless a stage or the command line sets something else.";
    tables.insert("run".to_owned(), described(RunSettings::schema(), run));
    tables.values_mut().for_each(references::allow);
    tables.insert("sweep".to_owned(), SweepTable::schema());
    for (word, schema) in of_the_language() {
        tables.insert(word.to_owned(), schema);
    }
    let required = references::take_required(&mut tables);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pcamflow pipeline",
        "description": "A pipeline: one table per stage, named [kind.name]. References to other stages are the edges of the graph.",
        "type": "object",
        "properties": tables,
        "additionalProperties": false,
        "if": { "required": ["extends"] },
        "else": { "properties": required },
    })
}

/// The keys that are neither stages nor settings.
fn of_the_language() -> [(&'static str, Value); 3] {
    let params = "`[params]`: named values. `\"${params.name}\"` inserts one anywhere, with its type; inside a longer \
                  text it is inserted as text. `--set params.name=value` changes one.";
    let extends = "The pipeline that this one extends: a file, relative to this one. Tables are merged key by key, and \
                   the values here win.";
    let remove = "Stages of the extended pipeline, or keys of them, that this one does not have.";
    [
        ("params", json!({ "description": params, "type": "object", "additionalProperties": {} })),
        ("extends", json!({ "description": extends, "type": "string" })),
        (
            "remove",
            json!({ "description": remove, "type": "array", "items": { "type": "string" },
                "examples": [["explain.occlusion", "train.base.early-stopping"]] }),
        ),
    ]
}

/// The stages of one kind, by name.
fn of(kind: Kind) -> Value {
    let mut stage = kind.schema();
    if kind.fields().iter().any(|field| field.name == "seed") {
        stage["properties"]["seeds"] = json!({
            "description": "Repeats the stage, and every stage that depends on it, once with each of these seeds.",
            "type": "array", "items": u64::schema(), "minItems": 1, "maxItems": MOST, "uniqueItems": true,
        });
    }
    json!({
        "description": kind.doc(),
        "type": "object",
        "propertyNames": { "pattern": format!("^{NAME}$") },
        "additionalProperties": stage,
    })
}
