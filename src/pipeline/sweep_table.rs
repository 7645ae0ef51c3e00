//! Reads the table `[sweep]`, with the place of every mistake.
//!
//! A plain run ignores it, and no key depends on it. Knows the keys of the document, but no trials.

use std::ops::Range as Span;

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::json;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    keys,
    sources::Sources,
    sweep::{Axis, Range, SweepSpec, Trials, Values, Wrong},
};
use crate::stages::{
    DEFAULT_SEED, Parameters, Problem, Reader, Schema, declare::parameters, join, plain, span_of,
};

parameters! {
    /// `[sweep]`: the values that `pcamflow sweep` tries. A plain run ignores it.
    pub struct SweepTable {
        /// The values to try: `train.base.epochs = [4, 8]`, or, with `random`, a range:
        /// `train.base.optimizer.adam.learning-rate = { from = 1e-5, to = 1e-2, log = true }`.
        execution set: Axes = Axes;
        /// Combines the first values of all lists, then the second ones, instead of every combination.
        execution zip: bool = false;
        /// Draws N trials, instead of every combination.
        execution random: Option<u32> = None;
        /// Seeds the draws of `random` (default 42).
        execution seed: Option<u64> = None;
        /// A CSV file with the keys in its header and a trial in each row. The path is relative to this file.
        execution from: Option<String> = None;
    }
}

/// The type of `set` in the schema. Its keys are those of stages, so its values are read separately.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axes;

impl<'de> Deserialize<'de> for Axes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Schema for Axes {
    fn schema() -> serde_json::Value {
        // Keys may be dotted, so tables may be nested.
        json!({ "type": "object" })
    }
}

/// Reads the table; `None` if something in it is wrong.
pub(super) fn read<'a>(
    table: &'a Spanned<DeTable<'a>>,
    document: &DeTable<'_>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<SweepSpec> {
    let mut reader = Reader::new(table);
    let read = SweepTable::read(&mut reader);
    let mut wrong = reader.finish(SweepTable::FIELDS);
    let axes = read_axes(table, document, sources, &mut wrong);
    let trials = read.map(|read| trials(read, table, !axes.is_empty(), sources, &mut wrong));
    let spec = trials.filter(|_| wrong.is_empty()).map(|trials| {
        let (axes, spans): (Vec<Axis>, Vec<Span<usize>>) = axes.into_iter().unzip();
        let spec = SweepSpec { trials, axes, place: sources.line(&table.span()) };
        for Wrong { axis, message, help } in spec.check() {
            let span = axis.map_or_else(|| table.span(), |axis| spans[axis].clone());
            wrong.push(Problem::at(span, message).help(help));
        }
        spec
    });
    let sound = wrong.is_empty();
    problems.extend(wrong);
    spec.filter(|_| sound)
}

/// An axis with the place of its values.
type ReadAxis = (Axis, Span<usize>);

fn trials(
    read: SweepTable,
    table: &Spanned<DeTable<'_>>,
    has_axes: bool,
    sources: &Sources,
    wrong: &mut Vec<Problem>,
) -> Trials {
    let at = |key: &str| span_of(table, key);
    if read.seed.is_some() && read.random.is_none() {
        let problem = Problem::at(at("seed"), "`seed` is for trials that are drawn");
        wrong.push(problem.help("set their number with `random = 20`, or leave it out"));
    }
    let (drawn, rows) = (read.random.is_some(), read.from.is_some());
    for (both, one, two) in [
        (read.zip && drawn, "zip", "random"),
        (rows && read.zip, "from", "zip"),
        (rows && drawn, "from", "random"),
        (rows && has_axes, "from", "set"),
    ] {
        if both {
            let message = format!("`{one}` and `{two}` cannot both be given: each determines the trials");
            wrong.push(Problem::at(at(one), message));
        }
    }
    match (read.from, read.random, read.zip) {
        (Some(file), ..) => Trials::Rows { file: sources.beside(&at("from"), &file) },
        (None, Some(count), _) => Trials::Random { count, seed: read.seed.unwrap_or(DEFAULT_SEED) },
        (None, None, true) => Trials::Zip,
        (None, None, false) => Trials::Product,
    }
}

fn read_axes(
    table: &Spanned<DeTable<'_>>,
    document: &DeTable<'_>,
    sources: &Sources,
    wrong: &mut Vec<Problem>,
) -> Vec<ReadAxis> {
    let Some(set) = table.get_ref().get("set") else { return Vec::new() };
    let DeValue::Table(set) = set.get_ref() else {
        let problem = Problem::at(set.span(), "`set` is a table: write [sweep.set]");
        wrong.push(problem.help("and below it, as in train.base.epochs = [4, 8]"));
        return Vec::new();
    };
    let mut axes = AxisReader { document, sources, axes: Vec::new(), wrong };
    axes.table(&[], set);
    axes.axes.sort_by_key(|(_, span)| span.start);
    axes.axes
}

/// Finds the axes in `set`, with keys that may be dotted, quoted, or nested tables.
struct AxisReader<'p> {
    document: &'p DeTable<'p>,
    sources: &'p Sources,
    axes: Vec<ReadAxis>,
    wrong: &'p mut Vec<Problem>,
}

impl AxisReader<'_> {
    fn table(&mut self, above: &[String], table: &DeTable<'_>) {
        for (key, value) in table {
            let Some(own) = keys::parts(key.get_ref()) else {
                let message = format!("`{}` is not a key", key.get_ref());
                self.wrong.push(Problem::at(key.span(), message).help("as in train.base.epochs = [4, 8]"));
                continue;
            };
            let parts = [above, &own].concat();
            match value.get_ref() {
                DeValue::Table(inner) if !is_range(inner) => self.table(&parts, inner),
                DeValue::Table(inner) => {
                    let range = self.range(&Spanned::new(value.span(), inner.clone()));
                    self.axis(&parts, key.span(), value.span(), range.map(Values::Range));
                }
                DeValue::Array(values) => {
                    let raw = values.iter().map(|value| self.sources.raw(&value.span()).to_owned());
                    let list = Values::List(raw.collect());
                    self.axis(&parts, key.span(), value.span(), Some(list));
                }
                _ => {
                    let message = format!("`{}` needs a list of values to try", parts.join("."));
                    let help = "write [1, 2, 3], or with `random`, { from = 1, to = 3 }";
                    self.wrong.push(Problem::at(value.span(), message).help(help));
                }
            }
        }
    }

    fn axis(&mut self, parts: &[String], key: Span<usize>, span: Span<usize>, values: Option<Values>) {
        if let Err(problem) = keys::check(self.document, parts) {
            self.wrong.push(Problem { span: Some(key), ..problem });
            return;
        }
        let Some(values) = values else { return };
        let place = self.sources.line(&span);
        let key = parts.iter().fold(String::new(), |path, part| join(&path, part));
        self.axes.push((Axis { key, values, place }, span));
    }

    fn range(&mut self, table: &Spanned<DeTable<'_>>) -> Option<Range> {
        let whole = ["from", "to"]
            .iter()
            .all(|end| table.get_ref().get(*end).is_some_and(|value| value.get_ref().is_integer()));
        let value = Spanned::new(table.span(), DeValue::Table(table.get_ref().clone()));
        match Range::deserialize(ValueDeserializer::from(value)) {
            Ok(range) => Some(Range { whole, ..range }),
            Err(error) => {
                let span = error.span().unwrap_or_else(|| table.span());
                let help = "a range is written { from = 1e-5, to = 1e-2, log = true }";
                self.wrong.push(plain::problem(span, error.message()).help(help));
                None
            }
        }
    }
}

/// Whether a table is a range, not further keys. (`from` is also a key of stages, but then its value is a list.)
fn is_range(table: &DeTable<'_>) -> bool {
    let plain = |value: &Spanned<DeValue<'_>>| !value.get_ref().is_table() && !value.get_ref().is_array();
    ["from", "to"].iter().any(|end| table.get(*end).is_some_and(plain))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::pipeline::{Invalid, Options, parse};

    const BASE: &str = "\
[split.d]
images = 'x'
labels = 'y'
sizes = { train = 1, validation = 1, test = 1 }
[train.base]
data = 'split.d'
epochs = 8
[resume-train.more]
from = 'train.base'
epochs = 1
[sweep]
";

    fn sweep(text: &str) -> Result<SweepSpec, Invalid> {
        let pipeline = parse(Path::new("p/a.toml"), format!("{BASE}{text}"), &Options::default())?;
        Ok(pipeline.sweep.unwrap())
    }

    fn axes(text: &str) -> Vec<(String, Values)> {
        sweep(text).unwrap().axes.into_iter().map(|axis| (axis.key, axis.values)).collect()
    }

    fn list(values: &[&str]) -> Values {
        Values::List(values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn keys_may_be_dotted_or_quoted_or_tables() {
        let expected = vec![
            ("train.base.optimizer.adam.learning-rate".to_owned(), list(&["1e-4", "3e-4"])),
            ("train.base.batch-size".to_owned(), list(&["64", "1_28"])),
            ("resume-train.more.from".to_owned(), list(&["'train.base'"])),
        ];
        for text in [
            "[sweep.set]\ntrain.base.optimizer.adam.learning-rate = [1e-4, 3e-4]\ntrain.base.batch-size = [64, 1_28]\nresume-train.more.from = ['train.base']",
            "[sweep.set]\n'train.base.optimizer.adam.learning-rate' = [1e-4, 3e-4]\n\"train.base\".batch-size = [64, 1_28]\n'resume-train.more'.from = ['train.base']",
            "set = { train.base = { optimizer.adam = { learning-rate = [1e-4, 3e-4] }, batch-size = [64, 1_28] }, resume-train.more.from = ['train.base'] }",
        ] {
            assert_eq!(axes(text), expected, "{text}");
        }
        assert_eq!(sweep("set = { 'train.base.epochs' = [1] }").unwrap().axes[0].place, "p/a.toml:12");
    }

    #[test]
    fn trials_are_combined_paired_drawn_or_listed() {
        let set = "set = { 'train.base.epochs' = [1, 2] }";
        let trials = |text: &str| sweep(text).unwrap().trials;
        assert_eq!(trials(set), Trials::Product);
        assert_eq!(trials(&format!("zip = true\n{set}")), Trials::Zip);
        assert_eq!(trials(&format!("random = 9\n{set}")), Trials::Random { count: 9, seed: 42 });
        assert_eq!(trials(&format!("random = 9\nseed = 7\n{set}")), Trials::Random { count: 9, seed: 7 });
        assert_eq!(trials("from = 't.csv'"), Trials::Rows { file: "p/t.csv".into() });
        let range = "random = 3\n[sweep.set]\ntrain.base.optimizer.adam.learning-rate = { from = 1e-5, to = 1, log = true }\nrun.threads = { from = 1, to = 4 }";
        let drawn = |log, whole, from, to| Values::Range(Range { from, to, log, whole });
        let values: Vec<Values> = axes(range).into_iter().map(|(_, values)| values).collect();
        assert_eq!(values, [drawn(true, false, 1e-5, 1.0), drawn(false, true, 1.0, 4.0)]);
    }

    #[test]
    fn every_mistake_has_its_place() {
        for (text, expected) in [
            ("zip = true", &["there is nothing to vary", "p/a.toml:11:1"][..]),
            ("set = 3", &["`set` is a table", "p/a.toml:12:7"]),
            ("set = { 'train.base.epochs' = 3 }", &["needs a list of values", "p/a.toml:12:31"]),
            ("set = { 'train.base.epochs' = [] }", &["no value to try", "p/a.toml:12:31"]),
            (
                "set = { 'train.bsae.epochs' = [1] }",
                &["no stage `train.bsae`", "did you mean `train.base`", "12:9"],
            ),
            ("set = { 'params.lr' = [1] }", &["no parameter `lr`", "12:9"]),
            ("set = { 'train..x' = [1] }", &["`train..x` is not a key", "12:9"]),
            (
                "random = 2\nset = { 'train.base.epochs' = { from = 3, to = 'x' } }",
                &["13:48", "a number is expected"],
            ),
            (
                "random = 2\nset = { 'train.base.epochs' = { from = 3, to = 2 } }",
                &["to a larger one", "13:31"],
            ),
            ("random = 2\nset = { 'train.base.epochs' = { from = 0, to = 2, log = true } }", &["above 0"]),
            ("set = { 'train.base.epochs' = { from = 1, to = 2 } }", &["is a range", "random = 20"]),
            ("random = 0\nset = { 'train.base.epochs' = [1] }", &["at least 1 trial"]),
            (
                "zip = true\nset = { 'train.base.epochs' = [1], 'train.base.batch-size' = [1, 2] }",
                &["`train.base.epochs` has 1 and `train.base.batch-size` 2", "13:"],
            ),
            (
                "zip = true\nrandom = 2\nset = { 'train.base.epochs' = [1] }",
                &["`zip` and `random` cannot both"],
            ),
            ("from = 't.csv'\nset = { 'train.base.epochs' = [1] }", &["`from` and `set` cannot both"]),
            ("seed = 2\nset = { 'train.base.epochs' = [1] }", &["`seed` is for trials that are drawn"]),
            (
                "ziip = true\nset = { 'train.base.epochs' = [1] }",
                &["unknown key `ziip`", "did you mean `zip`"],
            ),
        ] {
            let invalid = sweep(text).err().unwrap_or_else(|| panic!("{text} is not a mistake"));
            let message = invalid.to_string();
            assert_eq!(invalid.count(), 1, "{message}");
            for part in expected {
                assert!(message.contains(part), "{part:?} is not in:\n{message}");
            }
        }
    }

    #[test]
    fn no_stage_depends_on_it() {
        let of = |text: &str| {
            let pipeline = parse(Path::new("a.toml"), text.to_owned(), &Options::default()).unwrap();
            pipeline.stages.iter().map(|node| node.stage.semantic()).collect::<Vec<_>>()
        };
        let swept = format!("{BASE}set = {{ 'train.base.epochs' = [1] }}");
        assert_eq!(of(&swept), of(BASE.trim_end_matches("[sweep]\n")));
    }
}
