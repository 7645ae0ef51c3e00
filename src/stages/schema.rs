//! The JSON Schema (draft 2020-12) of the values in a pipeline file, for editors.
//!
//! The macros of `declare` build the schemas of tables from the same declarations that read them. Schemas are
//! written out in place, without `$ref`: many editors do not show the description of a key beside a reference.
//! A schema covers types, words and shapes. How values fit together is checked when the file is read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::kebab;

/// A type of value in a pipeline file.
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

/// A required key, by the name of its field in Rust.
pub(crate) fn required<T: Schema>(field: &str, doc: &str) -> Key {
    Key { name: kebab(field), schema: described(T::schema(), doc), required: true }
}

/// A key with a default, by the name of its field in Rust.
pub(crate) fn optional<T: Schema + Serialize>(field: &str, doc: &str, default: &T) -> Key {
    let mut key = Key { required: false, ..required::<T>(field, doc) };
    // As text: this serialiser is generated anyway, so the binary does not grow.
    let default = serde_json::to_vec(default).unwrap_or_default();
    if let Some(default) = serde_json::from_slice(&default).ok().and_then(without_null) {
        key.schema["default"] = default;
    }
    key
}

/// A default as TOML writes it, which has no null.
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

/// A table with exactly these keys.
pub(crate) fn table(doc: &str, keys: Vec<Key>) -> Value {
    let required: Vec<String> = keys.iter().filter(|key| key.required).map(|key| key.name.clone()).collect();
    let properties: Map<String, Value> = keys.into_iter().map(|key| (key.name, key.schema)).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    described(schema, doc)
}

/// A table with one of these keys, the value of which is a table.
pub(crate) fn one_table(doc: &str, variants: Vec<(&str, &str, Value)>) -> Value {
    let variants = variants.into_iter().map(|(word, doc, schema)| (word.to_owned(), described(schema, doc)));
    let properties: Map<String, Value> = variants.collect();
    let schema = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
        "minProperties": 1, "maxProperties": 1,
    });
    described(schema, doc)
}

/// One of these words. The description explains each, because every editor shows it.
pub(crate) fn one_word(doc: &str, words: &[(&str, &str)]) -> Value {
    let each: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let explained: Vec<String> =
        words.iter().map(|(word, doc)| format!("- `{word}`: {}", doc.trim())).collect();
    described(
        json!({ "type": "string", "enum": each }),
        &format!("{}\n\n{}", doc.trim(), explained.join("\n")),
    )
}

/// A schema with another description in front of its own.
pub(crate) fn described(mut schema: Value, doc: &str) -> Value {
    let doc = doc.trim();
    let description = match schema["description"].as_str() {
        Some(own) if own != doc => format!("{doc}\n\n{own}"),
        _ => doc.to_owned(),
    };
    schema["description"] = description.into();
    schema
}

/// One of two forms.
pub(crate) fn either(schemas: [Value; 2]) -> Value {
    json!({ "anyOf": schemas.to_vec() })
}

/// Schemas as JSON text, which is smaller in the binary than code that builds them.
macro_rules! json_schemas {
    ($($type:ty => $schema:literal),+ $(,)?) => { $(
        impl $crate::stages::Schema for $type {
            fn schema() -> ::serde_json::Value {
                $crate::stages::schema::parsed($schema)
            }
        }
    )+ };
}

pub(super) fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("a schema in the source is JSON")
}

json_schemas! {
    bool => r#"{ "type": "boolean" }"#,
    u32 => r#"{ "type": "integer", "minimum": 0, "maximum": 4294967295 }"#,
    u64 => r#"{ "type": "integer", "minimum": 0 }"#,
    f64 => r#"{ "type": "number" }"#,
    String => r#"{ "type": "string" }"#,
}

pub(super) use json_schemas;

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

impl<K, T: Schema> Schema for BTreeMap<K, T> {
    fn schema() -> Value {
        let mut schema = parsed(r#"{ "type": "object" }"#);
        schema["additionalProperties"] = T::schema();
        schema
    }
}

/// A table in which names match a pattern.
pub(crate) fn by_name<T: Schema>(pattern: &str) -> Value {
    let mut schema = BTreeMap::<String, T>::schema();
    schema["propertyNames"] = json!({ "pattern": pattern });
    schema
}

/// The name of a stage, as a regular expression that works in every dialect.
pub(crate) const NAME: &str = r"[^\s./@]+";
