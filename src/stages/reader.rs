//! Reads a table field by field, so that every wrong field is reported, not only the first.
//!
//! Knows the parsed TOML of one table, but no files and no other stages.

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{Field, Problem, RunSettings, Topic, kebab, plain, suggest::suggestion};

/// Reads the fields of one table and collects their problems.
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

    /// A required field. `None`, with a problem, if it is absent or wrong.
    pub fn required<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let name = kebab(field);
        if let Some(value) = self.table.get_ref().get(name.as_str()) {
            return self.value(&name, value);
        }
        let problem = Problem::at(self.table.span(), format!("`{name}` is missing"));
        self.problems.push(problem.about(Topic::Missing(name)));
        None
    }

    /// A field with a default. `None`, with a problem, if it is wrong.
    pub fn optional<T: DeserializeOwned>(&mut self, field: &str, default: impl FnOnce() -> T) -> Option<T> {
        let name = kebab(field);
        match self.table.get_ref().get(name.as_str()) {
            Some(value) => self.value(&name, value),
            None => Some(default()),
        }
    }

    fn value<T: DeserializeOwned>(&mut self, name: &str, value: &Spanned<DeValue<'a>>) -> Option<T> {
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(value) => Some(value),
            Err(error) => {
                let problem = plain::problem(error.span().unwrap_or(value.span()), error.message());
                self.problems.push(choice(problem, name, &words(value.get_ref())));
                None
            }
        }
    }

    /// The problems of the fields that were read.
    #[must_use]
    pub fn problems(self) -> Vec<Problem> {
        self.problems
    }

    /// All problems, including unknown keys.
    #[must_use]
    pub fn finish(mut self, fields: &[Field]) -> Vec<Problem> {
        let unknown = |word: &str| !fields.iter().any(|field| is_kebab(field.name, word));
        for (key, _) in self.table.get_ref().iter().filter(|(key, _)| unknown(key.get_ref())) {
            let word = key.get_ref().as_ref();
            let problem = Problem::at(key.span(), format!("unknown key `{word}`"));
            let problem = problem.about(Topic::UnknownKey(word.to_owned()));
            let known: Vec<String> = fields.iter().map(|field| kebab(field.name)).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let near = suggestion(word, &known);
            // A mistyped key is one mistake: its correction is not reported as missing.
            if let Some(near) = near {
                self.problems.retain(|problem| problem.topic != Topic::Missing(near.to_owned()));
            }
            self.problems.push(suggest(problem, word, near, &known));
        }
        self.problems
    }
}

/// Whether a word is a field's name as pipeline files spell it. Like [`kebab`], without a new string.
fn is_kebab(name: &str, word: &str) -> bool {
    name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte }).eq(word.bytes())
}

fn suggest(problem: Problem, word: &str, near: Option<&str>, known: &[&str]) -> Problem {
    if let Some(near) = near {
        return problem.help(format!("did you mean `{near}`?"));
    }
    if RunSettings::has(word) && known.contains(&"run") {
        return problem.help(format!("this setting belongs in `run`: run = {{ {word} = ... }}"));
    }
    problem.help(format!("known keys: {}", known.join(", ")))
}

/// A value's word, or the keys of its table.
fn words(value: &DeValue<'_>) -> Vec<String> {
    match value {
        DeValue::String(word) => vec![word.to_string()],
        DeValue::Table(table) => table.keys().map(|key| key.get_ref().to_string()).collect(),
        _ => Vec::new(),
    }
}

/// Adds how a choice between tables is written.
fn choice(problem: Problem, name: &str, words: &[String]) -> Problem {
    match (problem.message.as_str(), words) {
        (plain::NOT_A_WORD, [word]) => {
            problem.help(format!("write `{name}.{word} = {{}}`, with its settings in the braces"))
        }
        (plain::ONE_KEY, [_, ..]) => problem.help(format!("`{name}` takes one of {}", words.join(", "))),
        _ => problem,
    }
}
