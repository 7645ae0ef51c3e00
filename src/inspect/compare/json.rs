//! Two JSON files, value by value.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::tally::Findings;

pub(super) fn compare(old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let read = |path: &Path| -> Result<Value> {
        serde_json::from_slice(&std::fs::read(path)?).context("it is not JSON")
    };
    values(&read(old)?, &read(new)?, "", "", findings);
    Ok(())
}

/// `part` is the path with `[]` for every index, so that a list of numbers is one part.
fn values(old: &Value, new: &Value, path: &str, part: &str, findings: &mut Findings) {
    let here = || if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
    match (old, new) {
        (Value::Number(a), Value::Number(b)) => {
            let [a, b] = [a, b].map(|number| number.as_f64().unwrap_or(f64::NAN));
            let unnamed = part.is_empty() || part.starts_with('[');
            let part = if unnamed { format!("value{part}") } else { part.to_owned() };
            findings.number(&part, a, b, || path.to_owned());
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                findings.otherwise(|| format!("{} has {} elements, had {}", here(), b.len(), a.len()));
            }
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                values(a, b, &format!("{path}[{place}]"), &format!("{part}[]"), findings);
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            let below = |above: &str, key: &str| {
                if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
            };
            let [a, b] = [a, b].map(|map| map.iter().map(|(key, value)| (key.clone(), value)).collect());
            for (key, a, b) in findings.pairs(&a, &b, |key| format!("`{}`", below(path, key))) {
                values(a, b, &below(path, key), &below(part, key), findings);
            }
        }
        (a, b) if a == b => {}
        (a, b) => findings.otherwise(|| format!("{} is {}, was {}", here(), short(b), short(a))),
    }
}

/// The first 60 characters of a value.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::contents;

    #[test]
    fn numbers_are_measured_and_everything_else_is_named() {
        let old = br#"{"epochs":[{"loss":0.5},{"loss":0.25}],"name":"a","gone":1,"list":[1,2]}"#;
        let new = br#"{"epochs":[{"loss":0.5},{"loss":0.26}],"name":"b","new":1,"list":[1]}"#;
        let compared = contents(old, new, "x.json").unwrap();
        assert_eq!(compared.parts.len(), 1);
        let part = &compared.parts[0];
        assert_eq!((part.name.as_str(), part.at.as_str()), ("epochs[].loss", "epochs[1].loss"));
        assert_eq!((part.elements, part.different), (2, 1));
        assert_eq!(
            compared.otherwise,
            ["`gone` is gone", "`new` is new", "`list` has 1 elements, had 2", "`name` is \"b\", was \"a\""]
        );
        let layout = contents(b"[1, 2]", b"[1,2]", "x.json").unwrap();
        assert!(!layout.identical && layout.parts.is_empty() && layout.otherwise.is_empty());
    }
}
