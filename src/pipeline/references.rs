//! Changes JSON Schemas for `[params]` and `extends`: any value may be a reference to a parameter, and a pipeline that
//! extends another one may lack required keys.
//!
//! Knows no kinds.

use serde_json::{Map, Value, json};

/// A string that is only a reference.
const WHOLE: &str = "^[$][{]params[.][^{}]+[}]$";
/// A string that contains a reference.
const WITHIN: &str = "[$][{]params[.][^{}]+[}]";

/// Allows a reference in place of every value below a table.
pub(super) fn allow(table: &mut Value) {
    for key in ["properties", "additionalProperties", "items"] {
        match (key, table.get_mut(key)) {
            ("properties", Some(Value::Object(properties))) => properties.values_mut().for_each(allow_here),
            (_, Some(schema @ Value::Object(_))) => allow_here(schema),
            _ => {}
        }
    }
    for branch in table.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        allow(branch);
    }
}

fn allow_here(schema: &mut Value) {
    allow(schema);
    if let Some(branches) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        branches.push(json!({ "type": "string", "pattern": WITHIN }));
        return;
    }
    match (schema["type"].as_str(), schema.get("enum"), schema["pattern"].as_str()) {
        (Some("string"), Some(words), _) => {
            let words = json!({ "type": "string", "enum": words });
            schema["anyOf"] = json!([words, { "type": "string", "pattern": WITHIN }]);
            schema.as_object_mut().into_iter().for_each(|schema| {
                schema.retain(|key, _| !["type", "enum"].contains(&key.as_str()));
            });
        }
        (Some("string"), None, Some(pattern)) => schema["pattern"] = format!("{pattern}|{WITHIN}").into(),
        (Some("string"), None, None) | (None, ..) => {}
        // A keyword applies to one type: a minimum to numbers, a pattern to strings.
        (Some(other), ..) => {
            schema["type"] = json!([other, "string"]);
            schema["pattern"] = WHOLE.into();
        }
    }
}

/// Moves the required keys of tables to schemas of their own. In the forms of a value (`anyOf`) they stay.
pub(super) fn take_required(tables: &mut Map<String, Value>) -> Map<String, Value> {
    tables.iter_mut().filter_map(|(key, table)| Some((key.clone(), required(table)?))).collect()
}

fn required(schema: &mut Value) -> Option<Value> {
    let mut found = Map::new();
    if let Some(keys) = schema.as_object_mut()?.remove("required") {
        found.insert("required".to_owned(), keys);
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let below = take_required(properties);
        if !below.is_empty() {
            found.insert("properties".to_owned(), below.into());
        }
    }
    if let Some(below) = schema.get_mut("additionalProperties").and_then(required) {
        found.insert("additionalProperties".to_owned(), below);
    }
    (!found.is_empty()).then_some(Value::Object(found))
}
