//! Where the values of a pipeline are written: `pipelines/full.toml:23`, or `--set`.
//!
//! Reads the texts again, and only when a message needs it: a run in which nothing changed pays nothing for it.
//! Knows tables and lines; knows no fingerprints.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Pipeline,
    document::{self, Document},
    sources::Sources,
};
use crate::stages::{Class, StageName, kebab};

/// Where the values of a pipeline are written.
pub struct Places<'a> {
    document: Document<'a>,
    sources: &'a Sources,
    /// The places of all line breaks, so that a line is found without reading the text again.
    breaks: Vec<usize>,
}

impl Pipeline {
    /// Where its values are written.
    #[must_use]
    pub fn places(&self) -> Places<'_> {
        // The texts made a pipeline: they have no problems.
        let document = document::read(&self.sources, &mut Vec::new()).expect("a pipeline's texts are TOML");
        let breaks = self.sources.texts().flat_map(|(text, base)| {
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(move |(at, _)| base + at)
        });
        Places { document, sources: &self.sources, breaks: breaks.collect() }
    }
}

impl Places<'_> {
    /// The place of a parameter, by its path in the stage's canonical form (`optimizer.adam.learning-rate`):
    /// of the deepest part that is spelt out, in the stage or, where it is inherited, in `[pipeline]`; else of
    /// the stage's own table. `None` where the stage is not in the text.
    #[must_use]
    pub fn parameter(&self, stage: &StageName, path: &str) -> Option<String> {
        let tables = self.document.tables.get_ref();
        let own = table(table(tables, stage.kind.word())?, &stage.name)?;
        let parts = parts(path);
        let first = parts.first()?;
        let inherited = || table(tables, "pipeline").filter(|_| is_inherited(stage, first));
        let span = deepest(own, &parts)
            .or_else(|| deepest(own, &["seeds".to_owned()]).filter(|_| first == "seed"))
            .or_else(|| deepest(inherited()?, &parts))
            .or_else(|| Some(self.header(stage)?.span()))?;
        Some(self.place(&self.document.origin(span)))
    }

    fn header(&self, stage: &StageName) -> Option<&Spanned<DeValue<'_>>> {
        table(self.document.tables.get_ref(), stage.kind.word())?.get(stage.name.as_str())
    }

    fn place(&self, span: &Range<usize>) -> String {
        let Some((name, base)) = self.sources.text_at(span.start) else { return String::new() };
        if name == "--set" {
            return "--set".to_owned();
        }
        let breaks_before = |place| self.breaks.partition_point(|at| *at < place);
        format!("{name}:{}", 1 + breaks_before(span.start) - breaks_before(base))
    }
}

fn is_inherited(stage: &StageName, field: &str) -> bool {
    let mut fields = stage.kind.fields().iter();
    fields.any(|known| known.class == Class::Inherited && kebab(known.name) == field)
}

fn table<'t, 'a>(table: &'t DeTable<'a>, name: &str) -> Option<&'t DeTable<'a>> {
    table.get(name)?.get_ref().as_table()
}

/// The place of the deepest part of a path that a table spells out; `None` where it has not even the first.
fn deepest(table: &DeTable<'_>, parts: &[String]) -> Option<Range<usize>> {
    let mut current = Some(table);
    let mut span = None;
    for part in parts {
        let Some(value) = current.and_then(|table| table.get(part.as_str())) else { break };
        span = Some(value.span());
        current = value.get_ref().as_table();
    }
    span
}

/// The parts of a path, in which names that are no bare keys stand in quotes.
fn parts(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for letter in path.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => {
                escaped = true;
                continue;
            }
            '"' => {
                quoted = !quoted;
                continue;
            }
            '.' if !quoted => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::pipeline::{Options, parse};

    const TEXT: &str = "\
[pipeline]
seed = 7

[split.d]
images = 'x'
labels = 'y'
sizes = { train = 1, validation = 1, test = 1 }

[train.base]
data = 'split.d'
epochs = 8
optimizer.adam = { learning-rate = 1e-3 }
architecture.class-cnn = { channels = [8, 16,
  32, 64] }

[train.many]
data = 'split.d'
epochs = 8
seeds = [1, 2]
";

    #[test]
    fn a_value_is_found_where_it_is_written() {
        let options = Options { set: vec!["train.base.epochs=9".into()], data: None };
        let pipeline = parse(Path::new("p/a.toml"), TEXT.to_owned(), &options).unwrap();
        let places = pipeline.places();
        for (stage, path, expected) in [
            ("train.base", "optimizer.adam.learning-rate", Some("p/a.toml:12")),
            ("train.base", "optimizer.adam.beta1", Some("p/a.toml:12")),
            ("train.base", "architecture.class-cnn.channels.2", Some("p/a.toml:13")),
            ("train.base", "epochs", Some("--set")),
            ("train.base", "seed", Some("p/a.toml:2")),
            ("train.base", "batch-size", Some("p/a.toml:9")),
            ("train.many@2", "seed", Some("p/a.toml:19")),
            ("train.other", "epochs", None),
        ] {
            let place = places.parameter(&stage.parse().unwrap(), path);
            assert_eq!(place.as_deref(), expected, "{stage} {path}");
        }
    }

    #[test]
    fn names_in_quotes_are_one_part() {
        assert_eq!(super::parts("a.\"b.c \\\"d\\\"\".e"), ["a", "b.c \"d\"", "e"]);
    }
}
