//! What `[params]` and `extends` do to a JSON Schema: any value may be a reference, and a pipeline that
//! extends another need not say everything.
//!
//! Works on schemas as data; knows no kinds.

use serde_json::{Map, Value, json};

/// A string that is nothing but a reference.
const WHOLE: &str = "^[$][{]params[.][^{}]+[}]$";
/// A string with a reference somewhere.
const WITHIN: &str = "[$][{]params[.][^{}]+[}]";

/// Lets every value below a table be a reference.
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
            remove(schema, &["type", "enum"]);
        }
        (Some("string"), None, Some(pattern)) => schema["pattern"] = format!("{pattern}|{WITHIN}").into(),
        (Some("string"), None, None) | (None, ..) => {}
        // Each keyword is about one type: a minimum says nothing of strings, and a pattern nothing of numbers.
        (Some(other), ..) => {
            schema["type"] = json!([other, "string"]);
            schema["pattern"] = WHOLE.into();
        }
    }
}

fn remove(schema: &mut Value, keys: &[&str]) {
    for key in keys {
        schema.as_object_mut().and_then(|schema| schema.remove(*key));
    }
}

/// Takes what must be there out of tables, and gives it back as schemas of their own. What tells the forms of
/// a value apart stays.
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
