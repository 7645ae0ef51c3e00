//! The JSON Schema of pipeline files: their tables, with what `stages` says of each kind.

use serde_json::{Map, Value, json};

use super::{references, seeds::MOST, settings::Settings, sweep_table::SweepTable};
use crate::stages::{
    Kind, Parameters, RunSettings, Schema,
    schema::{NAME, described},
};

/// What may stand in a pipeline file, as JSON Schema (draft 2020-12).
#[must_use]
pub fn schema() -> Value {
    let mut tables: Map<String, Value> =
        Kind::ALL.iter().map(|kind| (kind.word().to_owned(), of(*kind))).collect();
    tables.insert("pipeline".to_owned(), Settings::schema());
    let run = "`[run]`: how every stage is computed that does not say so itself, under the command line.";
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
        "description": "A pipeline: one table a stage, named [kind.name]. References to other stages make the edges.",
        "type": "object",
        "properties": tables,
        "additionalProperties": false,
        "if": { "required": ["extends"] },
        "else": { "properties": required },
    })
}

/// What is no stage and no setting.
fn of_the_language() -> [(&'static str, Value); 3] {
    let params = "`[params]`: values with a name. `\"${params.name}\"` puts one in any place, with its type; \
                  inside a longer text it becomes text. `--set params.name=value` changes one.";
    let extends = "The pipeline that this one is a change of: a file, relative to this one. Tables are merged \
                   key by key, and what is said here wins.";
    let remove = "What this pipeline does without: stages of the extended one, or keys of them.";
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
