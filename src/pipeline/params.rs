//! `[params]`: values with a name, which `"${params.name}"` puts in any place.
//!
//! A string that is nothing but a reference becomes the value, of whatever type; inside a longer string a
//! reference becomes text. `$${params.name}` is the plain text. A parameter may refer to others. Any other
//! `$` is plain text: programs have variables of their own.
//!
//! A value that came from a parameter keeps the place where it is used, for the kinds' own checks; the place
//! where it is set is kept beside that.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use super::keys;
use crate::stages::{Problem, join};

/// How many parameters may need each other in a row: each is a level of recursion.
const LONGEST_CHAIN: usize = 100;

/// How deep the tables and lists of a value may be nested.
const DEEPEST: usize = 100;

/// Bytes that parameters may add to a pipeline, about: references in references multiply.
const MOST: usize = 64 << 20;

/// Bytes that a value counts for beside its text.
const VALUE: usize = 64;

/// How a reference begins. A text without it has none.
pub(super) const BEGIN: &str = "${params.";

/// A place at which a parameter is used.
#[derive(Clone)]
pub(super) struct Use {
    /// The parameter in which the value is written: the last one of those that only refer to another.
    pub(super) name: String,
    /// Where that is.
    pub(super) definition: Range<usize>,
    /// Whether it is all that stands there, and no part of a text.
    whole: bool,
}

/// Where parameters are used.
#[derive(Default)]
pub(super) struct Uses {
    /// By where the use begins.
    by_place: BTreeMap<usize, Use>,
    /// Where the values begin that are used in texts.
    in_texts: BTreeSet<usize>,
    /// Where uses begin whose parameters could not be resolved.
    pub(super) broken: BTreeSet<usize>,
    /// Parameters that nothing uses, with the places of their values.
    pub(super) unused: Vec<(String, Range<usize>)>,
    /// The names of those that something uses.
    pub(super) used: BTreeSet<String>,
}

impl Uses {
    /// The parameter whose value stands at a place, and where that is written.
    pub(super) fn at(&self, place: usize) -> Option<&Use> {
        self.by_place.get(&place)
    }

    /// Where the value at a place is written, if it is used there and elsewhere only at `places`.
    pub(super) fn only_at(&self, place: usize, places: &BTreeSet<usize>) -> Option<Range<usize>> {
        let definition = &self.at(place).filter(|found| found.whole)?.definition;
        let of_it = |found: &Use| found.definition == *definition;
        let mut elsewhere = self.by_place.iter().filter(|(at, found)| of_it(found) && !places.contains(at));
        let alone = elsewhere.next().is_none() && !self.in_texts.contains(&definition.start);
        alone.then(|| definition.clone())
    }

    /// The parameter inside whose value a place lies, and where that is used first.
    pub(super) fn inside(&self, place: &Range<usize>) -> Option<(&str, usize)> {
        let mut uses = self.by_place.iter();
        let holds =
            |definition: &Range<usize>| definition.start <= place.start && place.end <= definition.end;
        uses.find(|(_, found)| holds(&found.definition)).map(|(at, found)| (found.name.as_str(), *at))
    }
}

/// Puts the values of parameters in their places, in every table but `params` and `sweep`.
pub(super) fn resolve<'a>(document: &mut DeTable<'a>, mentioned: bool, problems: &mut Vec<Problem>) -> Uses {
    let params = match document.get("params").map(Spanned::get_ref) {
        None if !mentioned => return Uses::default(),
        None => DeTable::new(),
        Some(DeValue::Table(table)) => table.clone(),
        Some(_) => {
            let span = document.get("params").map_or(0..0, Spanned::span);
            let problem = Problem::at(span, "`params` is a table: write [params]");
            problems.push(problem.help("and below it, as in epochs = 8"));
            return Uses::default();
        }
    };
    let mut resolver = Resolver {
        params,
        known: BTreeMap::new(),
        path: Vec::new(),
        uses: Uses::default(),
        spent: 0,
        problems,
    };
    if mentioned {
        for (word, value) in document.iter_mut() {
            if !["params", "sweep"].contains(&word.get_ref().as_ref()) {
                resolver.value(value);
            }
        }
    }
    resolver.unused();
    resolver.uses
}

/// The value of a parameter.
#[derive(Clone)]
struct Found<'a> {
    /// The parameter in which it is written: the last one of those that only refer to another.
    name: String,
    value: Spanned<DeValue<'a>>,
    /// Where it is written.
    definition: Range<usize>,
    /// About how many bytes it has.
    size: usize,
}

struct Resolver<'a, 'p> {
    params: DeTable<'a>,
    known: BTreeMap<String, Option<Found<'a>>>,
    /// The parameters that are being resolved, each needed by the one before.
    path: Vec<String>,
    uses: Uses,
    /// Bytes that were put in places, about.
    spent: usize,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Resolver<'a, '_> {
    fn value(&mut self, value: &mut Spanned<DeValue<'a>>) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) if text.contains(BEGIN) => {
                let parts = split(text);
                match self.replacement(&parts, &span) {
                    Some(new) => *value = Spanned::new(span, new),
                    None => drop(self.uses.broken.insert(span.start)),
                }
            }
            DeValue::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| self.value(value)),
            _ => {}
        }
    }

    /// What a string with references stands for.
    fn replacement(&mut self, parts: &[Part<'_>], span: &Range<usize>) -> Option<DeValue<'a>> {
        if let [Part::Reference(name)] = parts {
            let found = self.find(name, span)?;
            let Found { name, definition, value, .. } = found;
            self.uses.by_place.insert(span.start, Use { name, definition, whole: true });
            return Some(value.into_inner());
        }
        let mut whole = String::new();
        let mut from = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => whole.push_str(text),
                Part::Reference(name) => {
                    let found = self.find(name, span)?;
                    let Some(text) = in_text(found.value.get_ref()) else {
                        let what = found.value.get_ref().type_str();
                        let message =
                            format!("`params.{name}` cannot stand inside a text: its type is {what}");
                        self.problems.push(Problem {
                            also: Some(Box::new((
                                found.definition,
                                format!("`params.{}` is set here", found.name),
                            ))),
                            ..Problem::at(span.clone(), message)
                        });
                        return None;
                    };
                    whole.push_str(&text);
                    self.uses.in_texts.insert(found.definition.start);
                    from.push(Use { name: found.name, definition: found.definition, whole: false });
                }
                Part::Open => {
                    let problem = Problem::at(
                        span.clone(),
                        format!("a reference that begins with `{BEGIN}` has no `}}`"),
                    );
                    self.problems.push(problem.help("write \"${params.name}\", or `$$` for a plain `$`"));
                    return None;
                }
            }
        }
        // Of a text with several, none alone is the cause.
        if let [one] = from.as_slice() {
            self.uses.by_place.insert(span.start, one.clone());
        }
        Some(DeValue::String(whole.into()))
    }

    /// The value of a parameter; where there is none, that is noted for the place of use.
    fn find(&mut self, name: &str, used: &Range<usize>) -> Option<Found<'a>> {
        self.uses.used.insert(name.to_owned());
        if let Some(begin) = self.path.iter().position(|other| other == name) {
            let path = self.path[begin..].iter().map(|name| format!("params.{name} -> ")).collect::<String>();
            let message = format!("a parameter cannot refer to itself: {path}params.{name}");
            self.problems.push(Problem::at(used.clone(), message));
            return None;
        }
        if self.path.len() == LONGEST_CHAIN {
            let message =
                format!("more than {LONGEST_CHAIN} parameters need each other, one after the other");
            self.problems
                .push(Problem::at(used.clone(), message).help("use the value itself in some of them"));
            return None;
        }
        if !self.known.contains_key(name) {
            let found = self.resolved(name, used);
            self.known.insert(name.to_owned(), found);
        }
        let size = self.known.get(name)?.as_ref()?.size;
        self.pay(name, size, used)?;
        self.known.get(name).cloned().flatten()
    }

    /// Counts the bytes of a value that is put in a place; `None` where all of them are too many, which is said once.
    fn pay(&mut self, name: &str, size: usize, used: &Range<usize>) -> Option<()> {
        let before = self.spent;
        self.spent = before.saturating_add(size);
        if before <= MOST && self.spent > MOST {
            let message = format!("with `params.{name}` here, parameters add more than {} MiB", MOST >> 20);
            let help = "a parameter that is used several times in another one multiplies: use fewer";
            self.problems.push(Problem::at(used.clone(), message).help(help));
        }
        (self.spent <= MOST).then_some(())
    }

    fn resolved(&mut self, name: &str, used: &Range<usize>) -> Option<Found<'a>> {
        let Some(mut value) = written(&self.params, name).cloned() else {
            let known: Vec<String> = leaves(&self.params).into_iter().map(|(name, _)| name).collect();
            let problem = Problem::at(used.clone(), format!("there is no parameter `{name}`"));
            let problem = problem.did_you_mean(name, known.iter().map(String::as_str));
            let add = format!("write it under [params], as in {name} = 1");
            self.problems.push(if problem.help.is_some() { problem } else { problem.help(add) });
            return None;
        };
        let span = value.span();
        self.path.push(name.to_owned());
        self.value(&mut value);
        self.path.pop();
        if self.uses.broken.contains(&span.start) {
            return None;
        }
        let (size, depth) = measure(value.get_ref());
        if depth > DEEPEST {
            let message = format!("the value of `params.{name}` is nested more than {DEEPEST} deep");
            self.problems.push(Problem::at(used.clone(), message));
            return None;
        }
        // A parameter that is nothing but another one: that is where the value is written.
        Some(match self.uses.at(span.start).filter(|found| found.whole) {
            Some(other) => {
                Found { name: other.name.clone(), value, definition: other.definition.clone(), size }
            }
            None => Found { name: name.to_owned(), value, definition: span, size },
        })
    }

    /// Notes the parameters that nothing uses. Their problems are reported all the same.
    fn unused(&mut self) {
        let all = leaves(&self.params);
        let is_used = |used: &BTreeSet<String>, name: &str| {
            used.iter().any(|used| {
                name.strip_prefix(used.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let of_none = all.into_iter().filter(|(name, _)| !is_used(&self.uses.used, name));
        self.uses.unused = of_none.collect();
        for (name, span) in self.uses.unused.clone() {
            self.find(&name, &span);
            self.uses.used.remove(&name);
        }
    }
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

/// Every parameter that is no table of others.
fn leaves(params: &DeTable<'_>) -> Vec<(String, Range<usize>)> {
    fn below(table: &DeTable<'_>, path: &str, found: &mut Vec<(String, Range<usize>)>) {
        for (key, value) in table {
            let name = join(path, key.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => below(inner, &name, found),
                _ => found.push((name, value.span())),
            }
        }
    }
    let mut found = Vec::new();
    below(params, "", &mut found);
    found
}

/// About how many bytes a value has, and how deep it is nested.
fn measure(value: &DeValue<'_>) -> (usize, usize) {
    let sum = |(size, depth): (usize, usize), inner: &DeValue<'_>, key: usize| {
        let (more, below) = measure(inner);
        (size + key + more, depth.max(below + 1))
    };
    match value {
        DeValue::String(text) => (VALUE + text.len(), 0),
        DeValue::Array(values) => values.iter().fold((VALUE, 0), |all, inner| sum(all, inner.get_ref(), 0)),
        DeValue::Table(table) => {
            table.iter().fold((VALUE, 0), |all, (key, inner)| sum(all, inner.get_ref(), key.get_ref().len()))
        }
        _ => (VALUE, 0),
    }
}

/// A value as text inside a text; `None` for lists and tables.
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
    /// A reference that does not end.
    Open,
}

fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let (before, reference) = rest.split_at(at);
        if let Some(plain) = before.strip_suffix('$') {
            let text = [plain, BEGIN].map(Part::Text);
            parts.extend(text.into_iter().filter(|part| *part != Part::Text("")));
            rest = &reference[BEGIN.len()..];
            continue;
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let inside = &reference[BEGIN.len()..];
        let Some(end) = inside.find('}') else {
            parts.push(Part::Open);
            return parts;
        };
        parts.push(Part::Reference(inside[..end].trim().to_owned()));
        rest = &inside[end + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
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
