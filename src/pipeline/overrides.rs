//! `--set kind.name.key=value`: values that override those of the files.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::keys;
use crate::stages::Problem;

/// An override as TOML: `key = value`. A value that is not valid TOML becomes a string.
#[must_use]
pub(super) fn as_toml(text: &str) -> String {
    let Some((key, value)) = text.split_once('=') else { return text.to_owned() };
    let (key, value) = (key.trim(), value.trim());
    let plain = format!("{key} = {value}");
    // If the key is the mistake, a string does not help.
    let string = format!("{key} = {value:?}");
    if DeTable::parse(&plain).is_err() && DeTable::parse(&string).is_ok() { string } else { plain }
}

/// Parses an override. Its places begin at `base`.
///
/// # Errors
/// The text is not `key = value`.
pub(super) fn parse(text: &str, base: usize) -> Result<DeTable<'_>, Problem> {
    let whole = base..base + text.len();
    let form = "an override is written kind.name.key=value, as in train.base.epochs=3";
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().map_or(whole.clone(), |span| moved(span, base));
        Problem::at(span, error.message()).help(form)
    })?;
    if table.get_ref().len() != 1 {
        return Err(Problem::at(whole, "no value to set").help(form));
    }
    Ok(shift_table(table.into_inner(), base))
}

/// The parts of an override's key.
pub(super) fn key(text: &str) -> Option<Vec<String>> {
    keys::parts(text.split('=').next()?.trim())
}

/// A place moved by `base`.
pub(super) fn moved(span: Range<usize>, base: usize) -> Range<usize> {
    span.start + base..span.end + base
}

/// A table with its places moved by `base`.
pub(super) fn shift_table(table: DeTable<'_>, base: usize) -> DeTable<'_> {
    if base == 0 {
        return table;
    }
    let shifted = table.into_iter().map(|(key, value)| {
        let key = Spanned::new(moved(key.span(), base), key.into_inner());
        (key, shift(value, base))
    });
    shifted.collect()
}

fn shift(value: Spanned<DeValue<'_>>, base: usize) -> Spanned<DeValue<'_>> {
    let span = moved(value.span(), base);
    let inner = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(shift_table(table, base)),
        DeValue::Array(array) => {
            let mut shifted = DeArray::new();
            array.into_iter().for_each(|value| shifted.push(shift(value, base)));
            DeValue::Array(shifted)
        }
        plain => plain,
    };
    Spanned::new(span, inner)
}

#[cfg(test)]
mod tests {
    use super::{super::merge::Merge, *};

    fn set(file: &str, text: &str) -> String {
        let text = as_toml(text);
        let mut table = DeTable::parse(file).unwrap().into_inner();
        Merge::default().merge(&mut table, parse(&text, 100).unwrap(), key(&text).unwrap().len());
        format!("{table:?}")
    }

    #[test]
    fn a_value_is_replaced_and_its_neighbours_stay() {
        let text = set("[train.base]\nepochs = 8\nseed = 1", "train.base.epochs=3");
        assert!(text.contains("\"3\"") && text.contains("\"1\"") && !text.contains("\"8\""), "{text}");
    }

    #[test]
    fn a_table_replaces_a_table() {
        let text = set("[train.base]\noptimizer.adam = {}", "train.base.optimizer={sgd={momentum=0.9}}");
        assert!(text.contains("sgd") && !text.contains("adam"), "{text}");
    }

    #[test]
    fn what_is_not_toml_is_a_string() {
        assert_eq!(as_toml("train.a.data=split.pcam"), "train.a.data = \"split.pcam\"");
        assert_eq!(as_toml("train.a.epochs=3"), "train.a.epochs = 3");
        assert!(parse("epochs", 0).is_err());
    }
}
