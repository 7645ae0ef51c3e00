//! The names of a sweep's trials, which are also those of folders.
//!
//! A trial with `train.base.epochs` 3 and `train.base.batch-size` 64 is `epochs=3,batch-size=64`. Keys are shortened to
//! the last parts that no other key of the sweep has. Values that are the same in all trials are left out. Knows only
//! texts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::digest::Digest;

/// One trial of a sweep, as part of the pipeline of all trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Its name: short, unique, and that of a folder.
    pub name: String,
    /// The values that differ between trials, in order.
    pub values: Vec<TrialValue>,
    /// Everything that it sets, as `--set` options.
    pub set: Vec<String>,
    /// Its stages, by index into the stages of all trials, each after its inputs.
    pub stages: Vec<usize>,
}

/// A value of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialValue {
    /// The key: `train.base.optimizer.adam.learning-rate`.
    pub key: String,
    /// The short key in names of trials: `learning-rate`.
    pub short: String,
    /// The value as TOML.
    pub value: String,
}

/// The longest name in bytes, for folders and tables.
const LONGEST: usize = 80;

/// A trial without a name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Draft {
    /// The name from a table of trials.
    pub(super) name: Option<String>,
    /// Keys and values as TOML.
    pub(super) values: Vec<(String, String)>,
    /// The place of each value.
    pub(super) places: Vec<String>,
}

/// Names the trials, and keeps the values that vary.
///
/// # Errors
/// Names that are not unique or cannot be those of folders, and trials that set the same values.
pub(super) fn named(drafts: Vec<Draft>) -> Result<Vec<Trial>, Vec<String>> {
    if drafts.is_empty() {
        return Err(vec!["there is no trial".to_owned()]);
    }
    let varying = varying(&drafts);
    let shorts = shorts(varying.iter().map(String::as_str));
    let mut problems = duplicates(&drafts);
    let mut trials = Vec::with_capacity(drafts.len());
    for draft in drafts {
        problems.extend(draft.name.as_deref().and_then(wrong_name));
        let values = draft.values.into_iter().filter_map(|(key, value)| {
            let short = shorts.get(&key)?.clone();
            Some(TrialValue { key, short, value })
        });
        let values: Vec<TrialValue> = values.collect();
        let name = draft.name.unwrap_or_else(|| name_of(&values));
        trials.push(Trial { name, values, set: Vec::new(), stages: Vec::new() });
    }
    problems.extend(repeated_names(&trials));
    if problems.is_empty() { Ok(trials) } else { Err(problems) }
}

/// The keys with values that differ between trials; all keys if there is only one trial.
fn varying<'d>(drafts: &'d [Draft]) -> Vec<String> {
    let mut keys: Vec<&String> = Vec::new();
    for (key, _) in drafts.iter().flat_map(|draft| &draft.values) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let value = |draft: &'d Draft, key: &String| draft.values.iter().find(|(other, _)| other == key);
    let varies = |key: &&String| drafts.iter().any(|draft| value(draft, key) != value(&drafts[0], key));
    keys.retain(|key| drafts.len() == 1 || varies(key));
    keys.into_iter().cloned().collect()
}

/// Values as part of a name: `epochs=3,batch-size=64`.
pub(super) fn joined<'a>(values: impl Iterator<Item = &'a TrialValue>) -> String {
    let one = |value: &TrialValue| format!("{}={}", value.short, shown(&value.value));
    sanitized(&values.map(one).collect::<Vec<_>>().join(","))
}

/// The short form of each key: as few of its last parts as no other key ends with.
fn shorts<'a>(keys: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let keys: Vec<&str> = keys.collect();
    let ending = |key: &str, parts: usize| {
        let cut = key.rmatch_indices('.').nth(parts).map_or(0, |(at, _)| at + 1);
        key[cut..].to_owned()
    };
    let longest = keys.iter().map(|key| key.matches('.').count()).max().unwrap_or(0);
    let mut shorts = BTreeMap::new();
    for parts in 0..=longest {
        let mut of_ending: HashMap<String, usize> = HashMap::new();
        keys.iter().for_each(|key| *of_ending.entry(ending(key, parts)).or_default() += 1);
        for key in &keys {
            let short = ending(key, parts);
            if of_ending.get(&short) == Some(&1) || parts == longest {
                shorts.entry((*key).to_owned()).or_insert(short);
            }
        }
    }
    shorts
}

/// A value for people: strings without quotes, numbers in their usual form.
#[must_use]
pub fn shown(value: &str) -> String {
    let value = value.trim();
    if let Ok(number) = value.parse::<i64>() {
        return number.to_string();
    }
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() => format!("{number:?}"),
        _ => value.trim_matches(['"', '\'']).to_owned(),
    }
}

/// The name of a trial with these values. A long one is shortened, with a digest of all values.
fn name_of(values: &[TrialValue]) -> String {
    let name = joined(values.iter());
    match name.len() {
        0 => "unchanged".to_owned(),
        1..=LONGEST => name,
        _ => shortened(&name, values),
    }
}

fn shortened(name: &str, values: &[TrialValue]) -> String {
    let all: Vec<String> = values.iter().map(|value| format!("{}={}", value.key, value.value)).collect();
    let mark = &Digest::of(all.join("\n").as_bytes()).hex()[..8];
    let end = (0..=name.len().min(LONGEST - 9)).rfind(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}~{mark}", &name[..end])
}

/// A text as part of a folder's name: without brackets, quotes and spaces, and with `-` for everything but letters,
/// digits and `-_.,=+~`.
fn sanitized(text: &str) -> String {
    let kept = text.chars().filter(|letter| !"[]{}()\"' \t\n\r".contains(*letter));
    let fit = |letter: char| if is_allowed(letter) { letter } else { '-' };
    kept.map(fit).collect::<String>().trim_start_matches('.').to_owned()
}

fn is_allowed(letter: char) -> bool {
    letter.is_alphanumeric() || "-_.,=+~".contains(letter)
}

fn wrong_name(name: &str) -> Option<String> {
    let fit = !name.is_empty() && !name.starts_with('.') && name.chars().all(is_allowed) && name.len() <= 200;
    (!fit).then(|| {
        format!(
            "`{name}` cannot name a trial, because it becomes the name of a folder: use ASCII letters, digits and \
             `-_.,=+~`"
        )
    })
}

/// Problems of trials that set the same values.
fn duplicates(drafts: &[Draft]) -> Vec<String> {
    let mut seen: HashMap<Vec<(&str, String)>, usize> = HashMap::new();
    let mut problems = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let mut values: Vec<(&str, String)> =
            draft.values.iter().map(|(key, value)| (key.as_str(), shown(value))).collect();
        values.sort();
        let all: Vec<String> = values.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if let Some(first) = seen.insert(values, index) {
            problems.push(format!(
                "the trials {} and {} are the same ({}): leave one of them out",
                first + 1,
                index + 1,
                all.join(", ")
            ));
        }
    }
    problems
}

/// Problems of names that are not unique.
fn repeated_names(trials: &[Trial]) -> Vec<String> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let again = trials.iter().filter(|trial| !seen.insert(&trial.name));
    again.map(|trial| format!("two trials have the name `{}`: give each its own name", trial.name)).collect()
}
