//! A small JSON Schema validator for the keywords that `pcamflow schema` uses; any other keyword panics.
//! A crate for this would build half of the dependencies twice, with different features.

use serde_json::Value;

/// Every violation of `schema` in `value`, with its path. Empty if `value` is valid.
pub(crate) fn problems(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "examples" | "format" => {}
            // Checked together with `additionalProperties`, below.
            "properties" if schema.get("additionalProperties").is_some() => {}
            "properties" => found.extend(keys(schema, value, path)),
            // `else` evaluates the condition.
            "if" => {}
            "else" => {
                if !problems(&schema["if"], value, path).is_empty() {
                    found.extend(problems(rule, value, path));
                }
            }
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

/// Checks the values of a table against the schemas of their keys, and reports unknown keys.
fn keys(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let others = &schema["additionalProperties"];
    let of = |(key, value): (&String, &Value)| {
        let path = format!("{path}/{key}");
        match (schema["properties"].get(key), others) {
            (Some(known), _) => problems(known, value, &path),
            (None, Value::Bool(false)) => vec![format!("{path}: unknown key")],
            (None, Value::Null) => Vec::new(),
            (None, others) => problems(others, value, &path),
        }
    };
    value.as_object().into_iter().flatten().flat_map(of).collect()
}

/// Whether a value satisfies one keyword. As in the standard, keywords for other types always hold.
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

/// Whether a text matches a pattern. `grep -E` understands every pattern in use except `\s`.
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
