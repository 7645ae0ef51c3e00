//! Reads one stage's table field by field, so that every wrong field is reported, not only the first.
//!
//! Knows the parsed TOML of one table; knows neither files nor other stages.

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{Field, Matter, Problem, RunSettings, kebab, plain};
use crate::nearest::nearest;

/// Reads the fields of one stage table, and collects what is wrong with them.
pub struct Reader<'a> {
    table: &'a Spanned<DeTable<'a>>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader of one table.
    #[must_use]
    pub fn new(table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { table, problems: Vec::new() }
    }

    /// A field that must be there. `None`, with a problem noted, where it is absent or wrong.
    pub fn required<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let name = kebab(field);
        if let Some(value) = self.table.get_ref().get(name.as_str()) {
            return self.value(value.clone());
        }
        let problem = Problem::at(self.table.span(), format!("`{name}` is missing"));
        self.problems.push(problem.about(Matter::Missing(name)));
        None
    }

    /// A field that has a default. `None`, with a problem noted, only where it is there and wrong.
    pub fn optional<T: DeserializeOwned>(&mut self, field: &str, default: impl FnOnce() -> T) -> Option<T> {
        match self.table.get_ref().get(kebab(field).as_str()) {
            Some(value) => self.value(value.clone()),
            None => Some(default()),
        }
    }

    fn value<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'a>>) -> Option<T> {
        let whole = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                let span = error.span().unwrap_or(whole);
                self.problems.push(plain::problem(span, error.message()));
                None
            }
        }
    }

    /// What was wrong with the fields that were read.
    #[must_use]
    pub fn problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Everything that was wrong, unknown keys included.
    #[must_use]
    pub fn finish(mut self, fields: &[Field]) -> Vec<Problem> {
        let unknown = |word: &str| !fields.iter().any(|field| is_kebab(field.name, word));
        for (key, _) in self.table.get_ref().iter().filter(|(key, _)| unknown(key.get_ref())) {
            let word = key.get_ref().as_ref();
            let problem = Problem::at(key.span(), format!("unknown key `{word}`"));
            let problem = problem.about(Matter::UnknownKey(word.to_owned()));
            let known: Vec<String> = fields.iter().map(|field| kebab(field.name)).collect();
            // One mistyped key is one mistake, not also a missing one.
            if let Some(near) = nearest(word, known.iter().map(String::as_str)) {
                self.problems.retain(|problem| problem.matter != Matter::Missing(near.to_owned()));
            }
            self.problems.push(suggest(problem, word, &known));
        }
        self.problems
    }
}

/// Whether a word is what pipeline files spell a field's name.
fn is_kebab(name: &str, word: &str) -> bool {
    let spelt = name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    spelt.eq(word.bytes())
}

fn suggest(problem: Problem, word: &str, known: &[String]) -> Problem {
    let suggested = problem.did_you_mean(word, known.iter().map(String::as_str));
    if suggested.help.is_some() {
        return suggested;
    }
    if RunSettings::KEYS.contains(&word) && known.iter().any(|name| name == "run") {
        return suggested
            .help(format!("it says how to compute, and stands in `run`: run = {{ {word} = ... }}"));
    }
    suggested.help(format!("known keys: {}", known.join(", ")))
}
