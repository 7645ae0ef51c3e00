//! Dotted keys such as `train.base.epochs`: their parts, and whether a pipeline has what they name.
//!
//! Knows tables and names, but no values.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::settings::Settings;
use crate::stages::{Kind, Parameters, Problem, RunSettings, Topic, join, kebab, suggest::suggestion};

/// Tables other than stages with values that can be set.
const SETTABLE: [&str; 3] = ["pipeline", "report", "run"];

/// The parts of a dotted key, without quotes; `None` if it is not a key.
pub(super) fn parts(key: &str) -> Option<Vec<String>> {
    let bare = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if key.split('.').all(bare) {
        return Some(key.split('.').map(str::to_owned).collect());
    }
    let text = format!("{key} = 0");
    let mut table = DeTable::parse(&text).ok()?.into_inner();
    let mut parts = Vec::new();
    loop {
        let (name, value) = (table.len() == 1).then(|| table.into_iter().next())??;
        parts.push(name.into_inner().into_owned());
        match value.into_inner() {
            DeValue::Table(inner) => table = inner,
            // Another value comes from a text with several keys.
            DeValue::Integer(zero) if zero.as_str() == "0" => return Some(parts),
            _ => return None,
        }
    }
}

/// Checks that a document has the stage or the parameter of a key.
///
/// # Errors
/// A problem without a place.
pub(super) fn check(document: &DeTable<'_>, parts: &[String]) -> Result<(), Problem> {
    let word = parts.first().map_or("", String::as_str);
    let name = parts.get(1).map(String::as_str);
    let below = |table: &str| document.get(table).and_then(|table| table.get_ref().as_table());
    let exists = name.is_some_and(|name| below(word).is_some_and(|stages| stages.contains_key(name)));
    match (word, name) {
        (word, Some(_)) if exists || SETTABLE.contains(&word) => Ok(()),
        ("params", Some(name)) => {
            let known = below("params").into_iter().flat_map(|params| params.keys());
            let problem = Problem::unplaced(format!("there is no parameter `{name}` to set"));
            Err(problem.did_you_mean(name, known.map(|key| key.get_ref().as_ref())))
        }
        _ => Err(no_stage(document, parts)),
    }
}

fn no_stage(document: &DeTable<'_>, parts: &[String]) -> Problem {
    let stage = parts.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".");
    let all = stages(document);
    let problem =
        Problem::unplaced(format!("there is no stage `{stage}`")).about(Topic::NoStage(stage.clone()));
    let problem = problem.did_you_mean(&stage, all.iter().map(String::as_str));
    match whole_keys(&all, parts).as_slice() {
        keys @ [_, ..] if problem.help.is_none() => {
            problem.help(format!("write the whole key: `{}`", keys.join("` or `")))
        }
        _ => problem,
    }
}

/// The whole keys that a shorter one may mean: `epochs`, `train.epochs`.
fn whole_keys(stages: &[String], parts: &[String]) -> Vec<String> {
    let Some(word) = parts.first() else { return Vec::new() };
    if RunSettings::has(word) {
        return vec![format!("run.{word}")];
    }
    if Settings::FIELDS.iter().any(|field| kebab(field.name) == *word) {
        return vec![format!("pipeline.{word}")];
    }
    let whole = |stage: &String| {
        let kind = Kind::from_word(stage.split_once('.')?.0)?;
        let below = if kind.word() == word { &parts[1..] } else { parts };
        let (first, rest) = below.split_first()?;
        let known: Vec<String> = kind.fields().iter().map(|field| kebab(field.name)).collect();
        let key = suggestion(first, &known.iter().map(String::as_str).collect::<Vec<_>>())?;
        Some([stage, key].into_iter().chain(rest.iter().map(String::as_str)).collect::<Vec<_>>().join("."))
    };
    stages.iter().filter_map(whole).take(3).collect()
}

/// The names of all stages of a document.
pub(super) fn stages(document: &DeTable<'_>) -> Vec<String> {
    let names = document.iter().flat_map(|(kind, table)| {
        let stages = table.get_ref().as_table().into_iter().flat_map(|table| table.keys());
        stages.map(move |name| format!("{}.{}", kind.get_ref(), name.get_ref()))
    });
    names.collect()
}

/// The values and tables below a table at any depth, by their dotted keys.
pub(super) fn paths<'t, 'a>(table: &'t DeTable<'a>) -> Vec<(String, &'t Spanned<DeValue<'a>>)> {
    fn below<'t, 'a>(
        table: &'t DeTable<'a>,
        path: &str,
        found: &mut Vec<(String, &'t Spanned<DeValue<'a>>)>,
    ) {
        for (key, value) in table {
            let name = join(path, key.get_ref());
            found.push((name.clone(), value));
            value.get_ref().as_table().into_iter().for_each(|inner| below(inner, &name, found));
        }
    }
    let mut found = Vec::new();
    below(table, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_key_is_split_at_its_dots() {
        let of = |key: &str| parts(key).map(|parts| parts.join("|"));
        assert_eq!(of("train.base.batch-size").as_deref(), Some("train|base|batch-size"));
        assert_eq!(of("metrics.'m'.explanations.\"b.c\"").as_deref(), Some("metrics|m|explanations|b.c"));
        for wrong in ["", "a..b", "a = 1\nb", "a.", "a b", "a = { b"] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
