//! Merges one document over another: a file over the one that it extends, a `--set` over the file.
//!
//! Tables are merged key by key, and the newer value wins. A variant of a choice replaces another one
//! (`optimizer.sgd` replaces `optimizer.adam`), a file replaces a pinned file, and `seed` and `seeds` replace each
//! other, because both together would make no sense. The schema of a kind tells which tables are choices.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::stages::Kind;

/// Merges documents.
#[derive(Default)]
pub(super) struct Merge {
    /// The schemas that were needed.
    schemas: BTreeMap<String, Value>,
    /// The path to the tables that are being merged.
    path: Vec<String>,
}

impl Merge {
    /// Sets every value of `new` in `old`. Tables below `depth` keys are values.
    pub(super) fn merge<'a>(&mut self, old: &mut DeTable<'a>, new: DeTable<'a>, depth: usize) {
        if self.path.len() == 2 {
            for (one, other) in [("seed", "seeds"), ("seeds", "seed")] {
                if new.contains_key(one) && !new.contains_key(other) {
                    old.remove(other);
                }
            }
        }
        for (key, value) in new {
            let span = value.span();
            let Some(slot) = old.get_mut(key.get_ref().as_ref()) else {
                old.insert(key, value);
                continue;
            };
            self.path.push(key.get_ref().to_string());
            match (value.into_inner(), slot.get_mut()) {
                (DeValue::Table(new), DeValue::Table(old)) if depth > 1 && !self.replaces(old, &new) => {
                    self.merge(old, new, depth - 1);
                }
                (value, _) => *slot = Spanned::new(span, value),
            }
            self.path.pop();
        }
    }

    /// Whether a table replaces another one instead of being merged.
    fn replaces(&mut self, old: &DeTable<'_>, new: &DeTable<'_>) -> bool {
        let is_new = new.keys().any(|key| !old.contains_key(key.get_ref().as_ref()));
        is_another_file(old, new) || (is_new && !old.is_empty() && self.is_choice())
    }

    /// Whether the table that is being merged is a choice between variants.
    fn is_choice(&mut self) -> bool {
        let [word, _, fields @ ..] = self.path.as_slice() else { return false };
        let (Some(kind), false) = (Kind::from_word(word), fields.is_empty()) else { return false };
        let mut schema = self.schemas.entry(word.clone()).or_insert_with(|| kind.schema()) as &Value;
        for field in fields {
            let known = &schema["properties"][field.as_str()];
            schema = if known.is_null() { &schema["additionalProperties"] } else { known };
        }
        schema["maxProperties"] == 1
    }
}

/// Whether both tables name a file: the pin of one does not belong to the other.
fn is_another_file(old: &DeTable<'_>, new: &DeTable<'_>) -> bool {
    let is_file = |table: &DeTable<'_>| {
        table.contains_key("path")
            && table.keys().all(|key| ["path", "blake3"].contains(&key.get_ref().as_ref()))
    };
    is_file(old) && is_file(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `new` over `old`, as keys and values.
    fn merged(old: &str, new: &str, depth: usize) -> toml::Table {
        let mut table = DeTable::parse(old).unwrap().into_inner();
        Merge::default().merge(&mut table, DeTable::parse(new).unwrap().into_inner(), depth);
        let value = DeValue::Table(table);
        serde::Deserialize::deserialize(toml::de::ValueDeserializer::from(Spanned::new(0..0, value))).unwrap()
    }

    #[track_caller]
    fn expect(old: &str, new: &str, expected: &str) {
        assert_eq!(merged(old, new, usize::MAX), toml::from_str(expected).unwrap(), "{new} over {old}");
    }

    #[test]
    fn the_newer_value_wins_and_its_neighbours_stay() {
        expect(
            "[train.a]\nepochs = 8\nseed = 1\noptimizer.adam = { beta1 = 0.8, beta2 = 0.9 }",
            "[train.a]\nepochs = 3\noptimizer.adam.beta2 = 0.5\n[train.b]\nepochs = 1",
            "[train.a]\nepochs = 3\nseed = 1\noptimizer.adam = { beta1 = 0.8, beta2 = 0.5 }\n[train.b]\nepochs = 1",
        );
    }

    #[test]
    fn a_variant_replaces_another_one() {
        expect(
            "[train.a]\noptimizer.adam = { beta1 = 0.8 }",
            "[train.a]\noptimizer.sgd.momentum = 0.9",
            "[train.a]\noptimizer.sgd.momentum = 0.9",
        );
        expect(
            "[explain.a]\nmethod.occlusion = {}",
            "[explain.a]\nmethod = { grad-cam = {} }",
            "[explain.a]\nmethod.grad-cam = {}",
        );
        // Other tables are merged.
        expect(
            "[metrics.m]\nexplanations = { a = 'explain.a' }",
            "[metrics.m]\nexplanations = { b = 'explain.b' }",
            "[metrics.m]\nexplanations = { a = 'explain.a', b = 'explain.b' }",
        );
    }

    #[test]
    fn another_file_does_not_keep_the_pin() {
        let old = "[split.s]\nimages = { path = 'a', blake3 = 'p' }";
        expect(old, "[split.s]\nimages = { path = 'b' }", "[split.s]\nimages = { path = 'b' }");
        expect(old, "[split.s]\nimages = 'b'", "[split.s]\nimages = 'b'");
        expect(
            "[preview.p]\nimages = { x = 'a', y = 'b' }",
            "[preview.p]\nimages = { x = { path = 'c' } }",
            "[preview.p]\nimages = { x = { path = 'c' }, y = 'b' }",
        );
    }

    #[test]
    fn seed_and_seeds_replace_each_other() {
        expect("[train.a]\nseeds = [1, 2]", "[train.a]\nseed = 3", "[train.a]\nseed = 3");
        expect("[train.a]\nseed = 3", "[train.a]\nseeds = [1, 2]", "[train.a]\nseeds = [1, 2]");
        // Both at once are a mistake, which is reported later.
        let both = "[train.a]\nseeds = [1, 2]\nseed = 3";
        expect("[train.a]\nepochs = 1", both, &format!("{both}\nepochs = 1"));
    }

    #[test]
    fn deeper_tables_are_values() {
        let table = merged("[split.s]\nsizes = { train = 1 }", "split.s.sizes = { test = 2 }", 3);
        assert_eq!(table, toml::from_str("split.s.sizes = { test = 2 }").unwrap());
    }
}
