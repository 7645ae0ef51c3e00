//! `[params]`: named values, which `"${params.name}"` inserts anywhere.
//!
//! A string that is only a reference becomes the value, with its type. Inside a longer string the value is inserted
//! as text. `$${params.name}` is the plain text. A parameter may refer to others. Any other `$` is plain text.
//!
//! An inserted value keeps the place where it is used, for the checks of the kinds. The place where it is set is kept
//! beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use super::keys;
use crate::stages::Problem;

/// How deep references and values may be nested: each is a level of recursion.
const DEEPEST: usize = 100;

/// About how many bytes parameters may add to a pipeline: references to references multiply.
const MOST: usize = 64 << 20;

/// The bytes that count for a value, in addition to its text.
const VALUE: usize = 64;

/// The beginning of a reference.
pub(super) const BEGIN: &str = "${params.";

/// A use of a parameter.
#[derive(Clone)]
pub(super) struct Use {
    /// The parameter that contains the value. For one that only refers to another, it is the other.
    pub(super) name: String,
    /// The place of the value in `[params]`.
    pub(super) definition: Range<usize>,
    /// Whether the reference is the whole string.
    whole: bool,
}

/// Where parameters are used.
#[derive(Default)]
pub(super) struct Uses {
    /// By where the use begins.
    by_place: BTreeMap<usize, Use>,
    /// Where the values begin that are inserted into longer strings.
    in_texts: BTreeSet<usize>,
    /// Where uses begin that could not be resolved.
    pub(super) broken: BTreeSet<usize>,
    /// Unused parameters, with the places of their values.
    pub(super) unused: Vec<(String, Range<usize>)>,
    /// The names of used parameters.
    pub(super) used: BTreeSet<String>,
}

impl Uses {
    /// The parameter used at a place.
    pub(super) fn at(&self, place: usize) -> Option<&Use> {
        self.by_place.get(&place)
    }

    /// The definition of the parameter used at a place, if it is used only at `places`.
    pub(super) fn only_at(&self, place: usize, places: &BTreeSet<usize>) -> Option<Range<usize>> {
        let definition = &self.at(place).filter(|found| found.whole)?.definition;
        let elsewhere = |(at, found): (&usize, &Use)| found.definition == *definition && !places.contains(at);
        let alone = !self.by_place.iter().any(elsewhere) && !self.in_texts.contains(&definition.start);
        alone.then(|| definition.clone())
    }

    /// The parameter with a value that contains a place, and where it is used first.
    pub(super) fn inside(&self, place: &Range<usize>) -> Option<(&str, usize)> {
        let mut uses = self.by_place.iter();
        let holds =
            |definition: &Range<usize>| definition.start <= place.start && place.end <= definition.end;
        uses.find(|(_, found)| holds(&found.definition)).map(|(at, found)| (found.name.as_str(), *at))
    }
}

/// Inserts the values of parameters into every table except `params` and `sweep`.
pub(super) fn resolve<'a>(document: &mut DeTable<'a>, mentioned: bool, problems: &mut Vec<Problem>) -> Uses {
    let params = match document.get("params") {
        None if !mentioned => return Uses::default(),
        None => DeTable::new(),
        Some(value) => match value.get_ref() {
            DeValue::Table(table) => table.clone(),
            _ => {
                let problem = Problem::at(value.span(), "`params` is a table: write [params]");
                problems.push(problem.help("and below it, as in epochs = 8"));
                return Uses::default();
            }
        },
    };
    let mut resolver = Resolver { params, path: Vec::new(), uses: Uses::default(), spent: 0, problems };
    if mentioned {
        for (word, value) in document.iter_mut() {
            if !["params", "sweep"].contains(&word.get_ref().as_ref()) {
                resolver.value(value, 0);
            }
        }
    }
    let Resolver { params, uses, .. } = resolver;
    Uses { unused: unused(&params, &uses.used), ..uses }
}

/// The value of a parameter, with what a [`Use`] has.
struct Found<'a> {
    name: String,
    definition: Range<usize>,
    value: Spanned<DeValue<'a>>,
}

struct Resolver<'a, 'p> {
    params: DeTable<'a>,
    /// The parameters that are being resolved. Each refers to the next.
    path: Vec<String>,
    uses: Uses,
    /// About how many bytes were inserted.
    spent: usize,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Resolver<'a, '_> {
    fn value(&mut self, value: &mut Spanned<DeValue<'a>>, depth: usize) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) if text.contains(BEGIN) => {
                let parts = split(text);
                match self.replacement(&parts, &span, depth) {
                    Some(new) => *value = Spanned::new(span, new),
                    None => drop(self.uses.broken.insert(span.start)),
                }
            }
            DeValue::Array(values) => values.iter_mut().for_each(|value| self.value(value, depth + 1)),
            DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| self.value(value, depth + 1)),
            _ => {}
        }
    }

    /// The value of a string with references.
    fn replacement(&mut self, parts: &[Part<'_>], span: &Range<usize>, depth: usize) -> Option<DeValue<'a>> {
        if let [Part::Reference(name)] = parts {
            let Found { name, definition, value } = self.find(name, span, depth)?;
            self.uses.by_place.insert(span.start, Use { name, definition, whole: true });
            return Some(value.into_inner());
        }
        let mut whole = String::new();
        let mut from = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Reference(name) => {
                    let found = self.find(name, span, depth)?;
                    whole.push_str(&self.text(name, &found, span)?);
                    self.uses.in_texts.insert(found.definition.start);
                    from.push(Use { name: found.name, definition: found.definition, whole: false });
                }
                Part::Open => {
                    let message = format!("a reference that begins with `{BEGIN}` has no `}}`");
                    let help = "write \"${params.name}\", or `$$` for a plain `$`";
                    return self.wrong(Problem::at(span.clone(), message).help(help));
                }
            }
        }
        // If there are several, none of them alone is the cause of a mistake.
        if let [one] = from.as_slice() {
            self.uses.by_place.insert(span.start, one.clone());
        }
        Some(DeValue::String(whole.into()))
    }

    /// A value as text inside a longer text.
    fn text(&mut self, name: &str, found: &Found<'a>, span: &Range<usize>) -> Option<String> {
        let text = in_text(found.value.get_ref());
        if text.is_none() {
            let what = found.value.get_ref().type_str();
            let message = format!("`params.{name}` cannot be inserted into a text: its type is {what}");
            let also = (found.definition.clone(), format!("`params.{}` is set here", found.name));
            return self.wrong(Problem { also: Some(Box::new(also)), ..Problem::at(span.clone(), message) });
        }
        text
    }

    /// The value of a parameter that is used at a place.
    fn find(&mut self, name: &str, used: &Range<usize>, depth: usize) -> Option<Found<'a>> {
        self.uses.used.insert(name.to_owned());
        if let Some(begin) = self.path.iter().position(|other| other == name) {
            let path = self.path[begin..].iter().map(|name| format!("params.{name} -> ")).collect::<String>();
            let message = format!("a parameter cannot refer to itself: {path}params.{name}");
            return self.wrong(Problem::at(used.clone(), message));
        }
        if depth >= DEEPEST {
            let message =
                format!("references to parameters and their values are nested more than {DEEPEST} deep");
            return self
                .wrong(Problem::at(used.clone(), message).help("write the value itself in some of them"));
        }
        let Some(mut value) = written(&self.params, name).cloned() else {
            let known: Vec<String> = leaves(&self.params).into_iter().map(|(name, _)| name).collect();
            let problem = Problem::at(used.clone(), format!("there is no parameter `{name}`"))
                .help(format!("write it under [params], as in {name} = 1"))
                .did_you_mean(name, known.iter().map(String::as_str));
            return self.wrong(problem);
        };
        let span = value.span();
        self.pay(name, VALUE + span.len(), used)?;
        self.path.push(name.to_owned());
        self.value(&mut value, depth + 1);
        self.path.pop();
        if self.uses.broken.contains(&span.start) {
            return None;
        }
        let (name, definition) = match self.uses.at(span.start).filter(|found| found.whole) {
            Some(other) => (other.name.clone(), other.definition.clone()),
            None => (name.to_owned(), span),
        };
        Some(Found { name, definition, value })
    }

    /// Counts inserted bytes. `None` if there are too many, which is reported once.
    fn pay(&mut self, name: &str, size: usize, used: &Range<usize>) -> Option<()> {
        let before = self.spent;
        self.spent = before.saturating_add(size);
        if before <= MOST && self.spent > MOST {
            let message = format!("with `params.{name}` here, parameters add more than {} MiB", MOST >> 20);
            let help = "a parameter that another one uses several times multiplies: use fewer";
            self.problems.push(Problem::at(used.clone(), message).help(help));
        }
        (self.spent <= MOST).then_some(())
    }

    /// Reports a problem once, however often the parameter with it is used.
    fn wrong<T>(&mut self, problem: Problem) -> Option<T> {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        None
    }
}

/// The parameters that nothing refers to, by themselves or as part of a table.
fn unused(params: &DeTable<'_>, used: &BTreeSet<String>) -> Vec<(String, Range<usize>)> {
    let is_used = |name: &str| {
        used.iter().any(|used| {
            name.strip_prefix(used.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    leaves(params).into_iter().filter(|(name, _)| !is_used(name)).collect()
}

fn written<'t, 'a>(params: &'t DeTable<'a>, name: &str) -> Option<&'t Spanned<DeValue<'a>>> {
    let parts = keys::parts(name)?;
    let (last, above) = parts.split_last()?;
    let mut table = params;
    for part in above {
        table = table.get(part.as_str())?.get_ref().as_table()?;
    }
    table.get(last.as_str())
}

/// Every parameter that is not a table of others.
fn leaves(params: &DeTable<'_>) -> Vec<(String, Range<usize>)> {
    let is_leaf = |value: &DeValue<'_>| value.as_table().is_none_or(DeTable::is_empty);
    let leaves = keys::paths(params).into_iter().filter(|(_, value)| is_leaf(value.get_ref()));
    leaves.map(|(name, value)| (name, value.span())).collect()
}

/// A value as text inside a longer text; `None` for lists and tables.
fn in_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(decimal(number)),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(value) => Some(value.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn decimal(number: &DeInteger<'_>) -> String {
    let parsed = i128::from_str_radix(number.as_str(), number.radix());
    parsed.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string())
}

/// A part of a string.
#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    Reference(String),
    /// A reference without an end.
    Open,
}

fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let (before, reference) = rest.split_at(at);
        let inside = &reference[BEGIN.len()..];
        if let Some(plain) = before.strip_suffix('$') {
            parts.extend([Part::Text(plain), Part::Text(BEGIN)]);
            rest = inside;
            continue;
        }
        parts.push(Part::Text(before));
        let Some(end) = inside.find('}') else {
            parts.push(Part::Open);
            rest = "";
            break;
        };
        parts.push(Part::Reference(inside[..end].trim().to_owned()));
        rest = &inside[end + 1..];
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

#[cfg(test)]
mod tests {
    use super::{Part, split};

    #[test]
    fn references_are_found_and_other_dollars_are_text() {
        let reference = |name: &str| Part::Reference(name.to_owned());
        assert_eq!(split("${params.a}"), [reference("a")]);
        assert_eq!(
            split("x-${params.a.b}${params.c}.h5"),
            [Part::Text("x-"), reference("a.b"), reference("c"), Part::Text(".h5")]
        );
        assert_eq!(split("a$${params.b}c"), [Part::Text("a"), Part::Text("${params."), Part::Text("b}c")]);
        assert_eq!(split("$HOME ${x} $$"), [Part::Text("$HOME ${x} $$")]);
        assert_eq!(split("${params.a"), [Part::Open]);
    }
}
