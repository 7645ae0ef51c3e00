//! The places of a pipeline's values: `pipelines/full.toml:23`, or `--set`.
//!
//! Reads the texts again, and only if a message needs it, so that a run in which nothing changed stays fast. Knows
//! tables and lines, but no fingerprints.

use std::ops::Range;

use toml::de::DeTable;

use super::{
    Pipeline,
    document::{self, Document},
    keys,
    sources::Sources,
};
use crate::stages::{Class, StageName, kebab};

/// The places of a pipeline's values.
pub struct Places<'a> {
    document: Document<'a>,
    sources: &'a Sources,
}

impl Pipeline {
    /// The places of its values.
    #[must_use]
    pub fn places(&self) -> Places<'_> {
        // The texts made a pipeline: they have no problems.
        let document = document::read(&self.sources, &mut Vec::new()).expect("a pipeline's texts are TOML");
        Places { document, sources: &self.sources }
    }
}

impl Places<'_> {
    /// The place of a setting of how to compute a stage: in the stage's `run`, in `[run]`, or else the stage's table.
    #[must_use]
    pub fn setting(&self, stage: &StageName, setting: &str) -> String {
        let tables = self.document.tables.get_ref();
        let header = table(tables, stage.kind.word()).and_then(|named| named.get(stage.name.as_str()));
        let own = header.and_then(|header| header.get_ref().as_table());
        let path = ["run".to_owned(), setting.to_owned()];
        let sets = |of: &&DeTable<'_>| {
            of.get("run").and_then(|run| run.get_ref().as_table()?.get(setting)).is_some()
        };
        let span = own.filter(sets).or(Some(tables).filter(sets)).and_then(|of| deepest(of, &path));
        let span = span.or_else(|| header.map(|header| header.span())).unwrap_or_default();
        self.sources.file_line(&self.document.origin(span))
    }

    /// The place of a parameter, by its path in the canonical form (`optimizer.adam.learning-rate`): that of the
    /// deepest part that is written, in the stage or, if it is inherited, in `[pipeline]`; else that of the stage's
    /// table. `None` if the stage is not in the text.
    #[must_use]
    pub fn parameter(&self, stage: &StageName, path: &str) -> Option<String> {
        let tables = self.document.tables.get_ref();
        let header = table(tables, stage.kind.word())?.get(stage.name.as_str())?;
        let own = header.get_ref().as_table()?;
        let parts = keys::parts(path)?;
        let first = parts.first()?;
        let inherited = || table(tables, "pipeline").filter(|_| is_inherited(stage, first));
        let span = deepest(own, &parts)
            .or_else(|| deepest(own, &["seeds".to_owned()]).filter(|_| first == "seed"))
            .or_else(|| deepest(inherited()?, &parts))
            .unwrap_or_else(|| header.span());
        Some(self.sources.file_line(&self.document.origin(span)))
    }
}

fn is_inherited(stage: &StageName, field: &str) -> bool {
    let mut fields = stage.kind.fields().iter();
    fields.any(|known| known.class == Class::Inherited && kebab(known.name) == field)
}

fn table<'t, 'a>(table: &'t DeTable<'a>, name: &str) -> Option<&'t DeTable<'a>> {
    table.get(name)?.get_ref().as_table()
}

/// The place of the deepest part of a path that a table contains; `None` if it lacks the first part.
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
}
