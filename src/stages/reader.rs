//! Reads one stage's table field by field, so that every wrong field is reported, not only the first.
//!
//! Knows the parsed TOML of one table; knows neither files nor other stages.

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{Field, Matter, Problem, RunSettings, kebab, meant::meant, plain};

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
            return self.value(&name, value.clone());
        }
        let problem = Problem::at(self.table.span(), format!("`{name}` is missing"));
        self.problems.push(problem.about(Matter::Missing(name)));
        None
    }

    /// A field that has a default. `None`, with a problem noted, only where it is there and wrong.
    pub fn optional<T: DeserializeOwned>(&mut self, field: &str, default: impl FnOnce() -> T) -> Option<T> {
        let name = kebab(field);
        match self.table.get_ref().get(name.as_str()) {
            Some(value) => self.value(&name, value.clone()),
            None => Some(default()),
        }
    }

    fn value<T: DeserializeOwned>(&mut self, name: &str, value: Spanned<DeValue<'a>>) -> Option<T> {
        let (whole, words) = (value.span(), words(value.get_ref()));
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                let span = error.span().unwrap_or(whole);
                self.problems.push(choice(plain::problem(span, error.message()), name, &words));
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
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let near = meant(word, &known);
            if let Some(near) = near {
                self.problems.retain(|problem| problem.matter != Matter::Missing(near.to_owned()));
            }
            self.problems.push(suggest(problem, word, near, &known));
        }
        self.problems
    }
}

/// Whether a word is what pipeline files spell a field's name.
fn is_kebab(name: &str, word: &str) -> bool {
    let spelt = name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte });
    spelt.eq(word.bytes())
}

fn suggest(problem: Problem, word: &str, near: Option<&str>, known: &[&str]) -> Problem {
    if let Some(near) = near {
        return problem.help(format!("did you mean `{near}`?"));
    }
    if RunSettings::KEYS.contains(&word) && known.contains(&"run") {
        return problem.help(format!("this setting belongs in `run`: run = {{ {word} = ... }}"));
    }
    problem.help(format!("known keys: {}", known.join(", ")))
}

/// The word that is written for a value, or the keys of the table.
fn words(value: &DeValue<'_>) -> Vec<String> {
    match value {
        DeValue::String(word) => vec![word.to_string()],
        DeValue::Table(table) => table.keys().map(|key| key.get_ref().to_string()).collect(),
        _ => Vec::new(),
    }
}

/// Says how a choice between tables is written, where that is what is wrong.
fn choice(problem: Problem, name: &str, words: &[String]) -> Problem {
    match (problem.message.as_str(), words) {
        (plain::NOT_A_WORD, [word]) => {
            problem.help(format!("write `{name}.{word} = {{}}`, with its settings in the braces"))
        }
        (plain::ONE_KEY, [_, ..]) => problem.help(format!("`{name}` takes one of {}", words.join(", "))),
        _ => problem,
    }
}
