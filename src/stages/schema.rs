//! What may stand in a pipeline file, as JSON Schema (draft 2020-12), for editors.
//!
//! Comes from the declarations that also read the file: the macros of `declare` put tables together, and
//! here is what stands in them. Everything is written out in its place, without `$ref`: editors show the
//! description of a key, and many lose it beside a reference. A schema knows types, words and shapes; what
//! values mean together is checked when the file is read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    ArtifactRef, Baseline, Bytes, DeviceChoice, ExecutorChoice, FileOrArtifact, Images, Kind, Label, Model,
    Retry, RetryOn, RunSettings, Samples, SourceFile, StageName, TimeSpan, TrainingData, architecture::Layer,
    kebab, train::ClassWeights,
};

/// What may be written for a value.
pub trait Schema {
    /// Its JSON Schema.
    fn schema() -> Value;
}

/// One key of a table.
pub struct Key {
    name: String,
    schema: Value,
    required: bool,
}

/// A key that must be there. Its field's name is Rust's.
pub(crate) fn required<T: Schema>(field: &str, doc: &str) -> Key {
    Key { name: kebab(field), schema: described(T::schema(), doc), required: true }
}

/// A key that has a default.
pub(crate) fn optional<T: Schema + Serialize>(field: &str, doc: &str, default: &T) -> Key {
    // By way of its text: that is how parameters travel to processes, and so costs no code of its own.
    with_default(required::<T>(field, doc), &serde_json::to_vec(default).unwrap_or_default())
}

fn with_default(mut key: Key, default: &[u8]) -> Key {
    let default = serde_json::from_slice(default).ok().and_then(without_null);
    if let Some(default) = default {
        key.schema["default"] = default;
    }
    Key { required: false, ..key }
}

/// A default as a file would say it: TOML has no null.
fn without_null(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => {
            let some = map.into_iter().filter_map(|(key, value)| Some((key, without_null(value)?)));
            let some: Map<String, Value> = some.collect();
            (!some.is_empty()).then_some(Value::Object(some))
        }
        value => Some(value),
    }
}

/// A table with these keys and no others.
pub(crate) fn table(doc: &str, keys: Vec<Key>) -> Value {
    let required: Vec<String> = keys.iter().filter(|key| key.required).map(|key| key.name.clone()).collect();
    let properties: Map<String, Value> = keys.into_iter().map(|key| (key.name, key.schema)).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    described(schema, doc)
}

/// A table with one of these keys, each with a table of its own.
pub(crate) fn one_table(doc: &str, variants: Vec<(&str, &str, Value)>) -> Value {
    let variants = variants.into_iter().map(|(word, doc, schema)| (word.to_owned(), described(schema, doc)));
    let properties: Map<String, Value> = variants.collect();
    let schema = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
        "minProperties": 1, "maxProperties": 1,
    });
    described(schema, doc)
}

/// One of these words. What each means stands in the description, which every editor shows.
pub(crate) fn one_word(doc: &str, words: &[(&str, &str)]) -> Value {
    let each: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let told: Vec<String> = words.iter().map(|(word, doc)| format!("- `{word}`: {}", doc.trim())).collect();
    described(json!({ "type": "string", "enum": each }), &format!("{}\n\n{}", doc.trim(), told.join("\n")))
}

/// A schema with a description before the one it has.
pub(crate) fn described(mut schema: Value, doc: &str) -> Value {
    let doc = doc.trim();
    let description = match schema["description"].as_str() {
        Some(own) if own != doc => format!("{doc}\n\n{own}"),
        _ => doc.to_owned(),
    };
    schema["description"] = description.into();
    schema
}

pub(crate) fn either(schemas: [Value; 2]) -> Value {
    json!({ "anyOf": schemas.to_vec() })
}

/// Schemas as text: code that puts each together would be larger than all of them.
macro_rules! plain {
    ($($type:ty => $schema:literal),+ $(,)?) => { $(
        impl Schema for $type {
            fn schema() -> Value {
                parsed($schema)
            }
        }
    )+ };
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("a schema in the source is JSON")
}

plain! {
    bool => r#"{ "type": "boolean" }"#,
    u32 => r#"{ "type": "integer", "minimum": 0, "maximum": 4294967295 }"#,
    u64 => r#"{ "type": "integer", "minimum": 0 }"#,
    f64 => r#"{ "type": "number" }"#,
    String => r#"{ "type": "string" }"#,
    Layer => r#"{ "type": "string" }"#,
    Baseline => r#"{ "anyOf": [
        { "type": "string", "enum": ["black", "white", "mean", "blur"] },
        { "type": "number", "minimum": 0, "maximum": 1 }
    ] }"#,
    ClassWeights => r#"{ "anyOf": [
        { "type": "string", "enum": ["balanced"] },
        { "type": "array", "items": { "type": "number", "exclusiveMinimum": 0 }, "minItems": 2, "maxItems": 2 }
    ] }"#,
    ExecutorChoice => r#"{ "type": "string", "enum": ["local"] }"#,
    DeviceChoice => r#"{ "anyOf": [
        { "type": "string", "enum": ["auto", "cpu", "cuda"] },
        { "type": "string", "pattern": "^cuda:[0-9]+$" }
    ] }"#,
    TimeSpan => r#"{ "type": "string", "examples": ["90s", "30min", "2h"] }"#,
    Bytes => r#"{ "anyOf": [
        { "type": "string", "pattern": "^[0-9]+ *([KMGT]i?B|B)?$", "examples": ["512MB", "2GiB"] },
        { "type": "integer", "minimum": 0 }
    ] }"#,
}

impl<T: Schema> Schema for Option<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema() -> Value {
        list(T::schema(), None)
    }
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    fn schema() -> Value {
        list(T::schema(), Some(N))
    }
}

fn list(items: Value, length: Option<usize>) -> Value {
    let mut schema = parsed(r#"{ "type": "array" }"#);
    schema["items"] = items;
    if let Some(length) = length {
        (schema["minItems"], schema["maxItems"]) = (length.into(), length.into());
    }
    schema
}

impl<T: Schema> Schema for BTreeMap<Label, T> {
    fn schema() -> Value {
        let mut schema = parsed(r#"{ "type": "object" }"#);
        schema["additionalProperties"] = T::schema();
        schema
    }
}

/// A table with names of that pattern.
pub(crate) fn by_name<T: Schema>(pattern: &str) -> Value {
    let mut schema = BTreeMap::<Label, T>::schema();
    schema["propertyNames"] = json!({ "pattern": pattern });
    schema
}

impl Schema for BTreeMap<String, String> {
    fn schema() -> Value {
        BTreeMap::<Label, String>::schema()
    }
}

/// What a stage can be called, as a regular expression that every dialect knows.
pub(crate) const NAME: &str = r"[^\s./@]+";

fn text_like(pattern: &str) -> Value {
    let mut schema = String::schema();
    schema["pattern"] = pattern.into();
    schema
}

fn stage_pattern() -> String {
    format!(r"({})\.{NAME}(@[0-9]+)?", Kind::ALL.map(Kind::word).join("|"))
}

impl Schema for StageName {
    fn schema() -> Value {
        text_like(&format!("^{}$", stage_pattern()))
    }
}

impl Schema for ArtifactRef {
    fn schema() -> Value {
        text_like(&format!("^{}(/[^/]+)?$", stage_pattern()))
    }
}

impl Schema for SourceFile {
    fn schema() -> Value {
        let digest = parsed(r#"{ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }"#);
        let keys = vec![
            required::<String>("path", "The path, relative to the folder of the source files."),
            Key {
                schema: described(
                    digest,
                    "The BLAKE3 digest of its content: keys can be made without the file.",
                ),
                name: "blake3".to_owned(),
                required: false,
            },
        ];
        either([String::schema(), table("A file, with its content pinned.", keys)])
    }
}

impl Schema for FileOrArtifact {
    fn schema() -> Value {
        // A string may be either: the kind of a stage before a dot decides.
        SourceFile::schema()
    }
}

/// The keys of official-layout patches: images, and labels that may be left out or not.
fn pair<T: Schema>(labels_required: bool) -> Value {
    let labels = required::<T>("y", "HDF5 with the dataset `y`, N labels 0 or 1.");
    let images = required::<T>("x", "HDF5 with the dataset `x` [N, 96, 96, 3] uint8.");
    table("Images and labels apart.", vec![images, Key { required: labels_required, ..labels }])
}

impl Schema for Images {
    fn schema() -> Value {
        either([ArtifactRef::schema(), pair::<SourceFile>(true)])
    }
}

impl Schema for Samples {
    fn schema() -> Value {
        either([ArtifactRef::schema(), pair::<FileOrArtifact>(false)])
    }
}

impl Schema for TrainingData {
    fn schema() -> Value {
        let part = |name: &str, doc| Key {
            name: name.to_owned(),
            schema: described(pair::<SourceFile>(true), doc),
            required: true,
        };
        let keys = vec![
            part("train", "The patches to learn from."),
            part("validation", "The patches that decide which epoch is best."),
        ];
        either([StageName::schema(), table("Training and validation patches from files.", keys)])
    }
}

impl Schema for Model {
    fn schema() -> Value {
        let weights = required::<SourceFile>("safetensors", "The weights, under PyTorch's names.");
        either([ArtifactRef::schema(), table("Weights trained elsewhere.", vec![weights])])
    }
}

impl Schema for Retry {
    fn schema() -> Value {
        let key = |field, doc, schema, required| Key {
            name: kebab(field),
            schema: described(schema, doc),
            required,
        };
        let keys = vec![
            key("times", "At most so many attempts more than the first one.", u32::schema(), true),
            key("on", "After which failures (default `worker-lost`).", RetryOn::schema(), false),
            key(
                "delay",
                "The wait before the second attempt (default 1s); it doubles from attempt to attempt, up to a minute.",
                TimeSpan::schema(),
                false,
            ),
        ];
        table("How often a stage that failed is tried again in the same run.", keys)
    }
}

impl Schema for RunSettings {
    fn schema() -> Value {
        let key =
            |field, doc, schema| Key { name: kebab(field), schema: described(schema, doc), required: false };
        let count = parsed(r#"{ "type": "integer", "minimum": 1, "maximum": 4294967295 }"#);
        let keys = vec![
            key(
                "executor",
                "What computes the stages (default `local`: processes on this machine). Only in `[run]`.",
                ExecutorChoice::schema(),
            ),
            key("device", "Where tensors live (default `auto`).", DeviceChoice::schema()),
            key(
                "threads",
                "CPU threads of one stage (default: all cores, shared out among the stages that run).",
                count.clone(),
            ),
            key(
                "inference_batch",
                "Images per batch outside training (default: chosen by device).",
                count.clone(),
            ),
            key(
                "memory",
                "What a stage may hold at once, beside the model (default: chosen by device).",
                Bytes::schema(),
            ),
            key("checkpoint_interval", "Epochs between two checkpoints (default 1).", count),
            key(
                "retry",
                "Whether a stage that failed is tried again in the same run (default: it is not).",
                Retry::schema(),
            ),
            key(
                "timeout",
                "How long an attempt may take (default: as long as it wants).",
                TimeSpan::schema(),
            ),
        ];
        table("How to compute it: no part of any key.", keys)
    }
}
