//! A small validator of JSON Schema for tests: the keywords that `pcamflow schema` uses. A keyword that it
//! does not know is an error, so that nothing goes unchecked. (A crate for it would build half of the
//! dependencies a second time, with other features.) Patterns are checked with the few forms in use.

use serde_json::Value;

/// Every place of `value` that breaks `schema`, with its path; empty where it is valid.
pub(crate) fn problems(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "examples" | "format" => {}
            // Beside each other: see `keys`.
            "properties" => {}
            "additionalProperties" => found.extend(keys(schema, value, path)),
            "items" => found
                .extend(value.as_array().into_iter().flatten().flat_map(|item| problems(rule, item, path))),
            "anyOf" => {
                let branches = rule.as_array().unwrap();
                if branches.iter().all(|branch| !problems(branch, value, path).is_empty()) {
                    found.push(format!("{path}: {value} fits no form"));
                }
            }
            "oneOf" => {
                let branches = rule.as_array().unwrap();
                let fitting = branches.iter().filter(|branch| problems(branch, value, path).is_empty());
                match fitting.count() {
                    1 => {}
                    count => found.push(format!("{path}: {value} fits {count} forms")),
                }
            }
            "propertyNames" => {
                let names = value.as_object().into_iter().flat_map(|map| map.keys());
                found.extend(names.flat_map(|name| problems(rule, &Value::from(name.as_str()), path)));
            }
            keyword => {
                if !holds(keyword, rule, value) {
                    found.push(format!("{path}: {value} breaks {keyword} {rule}"));
                }
            }
        }
    }
    found
}

/// The values of a table by their keys' schemas, and the keys that it does not have.
fn keys(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let others = &schema["additionalProperties"];
    let of = |(key, value): (&String, &Value)| {
        let path = format!("{path}/{key}");
        match (schema["properties"].get(key), others) {
            (Some(known), _) => problems(known, value, &path),
            (None, Value::Bool(false)) => vec![format!("{path}: unknown key")],
            (None, others) => problems(others, value, &path),
        }
    };
    value.as_object().into_iter().flatten().flat_map(of).collect()
}

/// Whether a value keeps to one keyword. Keywords about another type hold, as the standard has it.
fn holds(keyword: &str, rule: &Value, value: &Value) -> bool {
    let at_least = |found: Option<f64>| found.is_none_or(|found| found >= rule.as_f64().unwrap());
    let at_most = |found: Option<f64>| found.is_none_or(|found| found <= rule.as_f64().unwrap());
    let items = value.as_array().map(|items| items.len() as f64);
    let keys = value.as_object().map(|keys| keys.len() as f64);
    match keyword {
        "type" => match rule {
            Value::Array(types) => types.iter().any(|one| is_of_type(one.as_str().unwrap(), value)),
            one => is_of_type(one.as_str().unwrap(), value),
        },
        "const" => rule == value,
        "enum" => rule.as_array().unwrap().contains(value),
        "required" => value.as_object().is_none_or(|map| {
            rule.as_array().unwrap().iter().all(|name| map.contains_key(name.as_str().unwrap()))
        }),
        "minimum" => at_least(value.as_f64()),
        "maximum" => at_most(value.as_f64()),
        "exclusiveMinimum" => value.as_f64().is_none_or(|found| found > rule.as_f64().unwrap()),
        "minItems" => at_least(items),
        "maxItems" => at_most(items),
        "minProperties" => at_least(keys),
        "maxProperties" => at_most(keys),
        "uniqueItems" => value
            .as_array()
            .is_none_or(|items| items.iter().enumerate().all(|(index, item)| !items[..index].contains(item))),
        "pattern" => value.as_str().is_none_or(|text| fits(rule.as_str().unwrap(), text)),
        other => panic!("the validator does not know the keyword {other}"),
    }
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

/// Whether a text fits a pattern, by `grep -E`: the patterns in use are in its dialect but for `\s`.
fn fits(pattern: &str, text: &str) -> bool {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    let pattern = pattern.replace(r"[^\s./@]", "[^[:space:]./@]").replace(r"\.", "[.]");
    assert!(!pattern.contains('\\'), "{pattern}");
    let grep = Command::new("grep").args(["-Eq", "--", &pattern]).stdin(Stdio::piped()).spawn();
    let mut grep = grep.unwrap();
    writeln!(grep.stdin.take().unwrap(), "{text}").unwrap();
    grep.wait().unwrap().success()
}
