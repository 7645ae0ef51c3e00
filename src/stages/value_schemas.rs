//! The JSON Schemas of single values: words, patterns and numbers.

use serde_json::Value;

use super::{
    ArtifactRef, Baseline, Bytes, CentreBox, DeviceChoice, ExecutorChoice, Kind, Launcher, Schema, StageName,
    TimeSpan,
    architecture::Layer,
    explain::Steps,
    schema::{NAME, json_schemas},
    train::ClassWeights,
};
use crate::digest::Digest;

json_schemas! {
    Layer => r#"{ "type": "string" }"#,
    Baseline => r#"{ "anyOf": [
        { "type": "string", "enum": ["black", "white", "mean", "blur"] },
        { "type": "number", "minimum": 0, "maximum": 1 }
    ] }"#,
    CentreBox => r#"{ "anyOf": [
        { "type": "string", "enum": ["auto", "none"] },
        { "type": "integer", "minimum": 1, "maximum": 512 }
    ] }"#,
    Steps => r#"{ "anyOf": [
        { "type": "string", "enum": ["adaptive"] },
        { "type": "integer", "minimum": 2, "maximum": 10000 }
    ] }"#,
    ClassWeights => r#"{ "anyOf": [
        { "type": "string", "enum": ["balanced"] },
        { "type": "array", "items": { "type": "number", "exclusiveMinimum": 0 }, "minItems": 2, "maxItems": 2 }
    ] }"#,
    Digest => r#"{ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }"#,
    ExecutorChoice => r#"{ "type": "string", "enum": ["local"] }"#,
    DeviceChoice => r#"{ "anyOf": [
        { "type": "string", "enum": ["auto", "cpu", "cuda"] },
        { "type": "string", "pattern": "^cuda:[0-9]+$" }
    ] }"#,
    Launcher => r#"{ "anyOf": [
        { "type": "array", "items": { "type": "string" } },
        {
            "type": "object",
            "properties": {
                "command": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "The words before the command of the worker."
                },
                "worker": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The path of the worker where it is started (default: that of the worker here)."
                }
            },
            "required": ["command"],
            "additionalProperties": false
        }
    ] }"#,
    TimeSpan => r#"{ "type": "string", "examples": ["90s", "30min", "2h"] }"#,
    Bytes => r#"{ "anyOf": [
        { "type": "string", "pattern": "^[0-9]+ *([KMGT]i?B|B)?$", "examples": ["512MB", "2GiB"] },
        { "type": "integer", "minimum": 0 }
    ] }"#,
}

fn text_matching(pattern: &str) -> Value {
    let mut schema = String::schema();
    schema["pattern"] = pattern.into();
    schema
}

fn stage_pattern() -> String {
    format!(r"({})\.{NAME}(@[0-9]+)?", Kind::ALL.map(Kind::word).join("|"))
}

impl Schema for StageName {
    fn schema() -> Value {
        text_matching(&format!("^{}$", stage_pattern()))
    }
}

impl Schema for ArtifactRef {
    fn schema() -> Value {
        text_matching(&format!("^{}(/[^/]+)?$", stage_pattern()))
    }
}
