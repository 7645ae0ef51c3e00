//! The key `seeds` of a stage: the list of seeds with which it is repeated.
//!
//! It is taken out of the table before the kind reads it. Each of its values then becomes `seed`, with its place.
//! `repeat` does the same for the stages that depend on it.

use std::ops::Range;

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use crate::stages::{Kind, Problem, plain};

/// The most seeds. Every stage downstream is repeated as well, so more are probably a mistake.
pub(super) const MOST: usize = 100;

/// The seeds of a repeated stage: at least one, each only once.
#[derive(Debug)]
pub(super) struct Seeds<'a> {
    /// The place of the list.
    pub span: Range<usize>,
    each: Vec<(u64, Spanned<DeValue<'a>>)>,
}

impl<'a> Seeds<'a> {
    /// The seeds in the order of the file.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> + Clone {
        self.each.iter().map(|(seed, _)| *seed)
    }

    /// The stage's table for each seed, as if it were written with `seed = ...`.
    pub(super) fn tables(&self, table: &Spanned<DeTable<'a>>) -> Vec<Spanned<DeTable<'a>>> {
        let with = |(_, value): &(u64, Spanned<DeValue<'a>>)| {
            let mut inner = table.get_ref().clone();
            inner.insert(Spanned::new(value.span(), "seed".into()), value.clone());
            Spanned::new(table.span(), inner)
        };
        self.each.iter().map(with).collect()
    }
}

/// Takes `seeds` out of the table of a stage; `None` if there is none.
pub(super) fn take<'a>(kind: Kind, table: &mut DeTable<'a>) -> Option<Result<Seeds<'a>, Vec<Problem>>> {
    let at = table.get_key_value("seeds")?.0.span();
    let list = table.remove("seeds")?;
    if !kind.fields().iter().any(|field| field.name == "seed") {
        let problem = Problem::at(
            at,
            format!("a `{}` stage draws no random numbers, so `seeds` would change nothing", kind.word()),
        );
        return Some(Err(vec![
            problem.help("give `seeds` to a stage that it depends on, such as a training"),
        ]));
    }
    let mut problems = Vec::new();
    if let Some(seed) = table.get("seed") {
        let message = "`seed` and `seeds` cannot both be given: `seeds` lists all seeds";
        problems.push(Problem::at(seed.span(), message));
    }
    let seeds = read(&list, &mut problems);
    Some(if problems.is_empty() { Ok(seeds) } else { Err(problems) })
}

fn read<'a>(list: &Spanned<DeValue<'a>>, problems: &mut Vec<Problem>) -> Seeds<'a> {
    let span = list.span();
    let mut each: Vec<(u64, Spanned<DeValue<'a>>)> = Vec::new();
    let DeValue::Array(values) = list.get_ref() else {
        let problem = Problem::at(span.clone(), "`seeds` is a list of seeds");
        problems.push(problem.help("write `seeds = [1, 2, 3]`, or `seed = 1` for one"));
        return Seeds { span, each };
    };
    for value in values.iter() {
        match u64::deserialize(ValueDeserializer::from(value.clone())) {
            Err(error) => problems.push(plain::problem(value.span(), error.message())),
            Ok(seed) if each.iter().any(|(other, _)| *other == seed) => {
                let message = format!("the seed {seed} is listed twice: both would give the same results");
                problems.push(Problem::at(value.span(), message));
            }
            Ok(seed) => each.push((seed, value.clone())),
        }
    }
    if values.is_empty() || values.len() > MOST {
        let message = format!("`seeds` must name 1 to {MOST} seeds, not {}", values.len());
        problems.push(Problem::at(span.clone(), message));
    }
    Seeds { span, each }
}
