//! The fingerprint of a stage: everything that can change its result, as sorted lines; and its key.
//!
//! The same lines are hashed for the key, kept in the action record and compared for "why did this
//! run": what is explained cannot drift from what is hashed. Knows no store and no pipeline file.

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    stages::{AnyStage, join},
};

/// The version of this encoding. A change of it flushes every cache, so: never lightly.
const FORMAT: u32 = 1;

/// Everything that can change a stage's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// The fingerprint of a stage whose inputs have these contents (slot, digest).
    pub fn new<'a>(stage: &AnyStage, inputs: impl IntoIterator<Item = (&'a str, Digest)>) -> Self {
        let mut lines = BTreeMap::new();
        lines.insert("format".to_owned(), FORMAT.to_string());
        lines.insert("kind".to_owned(), stage.kind().word().to_owned());
        lines.insert("version".to_owned(), stage.version().to_string());
        for (path, value) in stage.semantic().iter() {
            lines.insert(format!("parameter {path}"), value.to_owned());
        }
        for (slot, digest) in inputs {
            lines.insert(format!("input {slot}"), digest.hex());
        }
        for artifact in stage.artifacts() {
            lines.insert(join("artifact", artifact.name), artifact.file.to_owned());
        }
        Self(lines)
    }

    /// The key: the digest of the lines `path = value`, each ended by a newline. Neither side holds
    /// one (strings are quoted), so different lines never make the same bytes.
    #[must_use]
    pub fn key(&self) -> Digest {
        let mut text = String::new();
        for (path, value) in &self.0 {
            text.push_str(path);
            text.push_str(" = ");
            text.push_str(value);
            text.push('\n');
        }
        Digest::of(text.as_bytes())
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// Why a stage with these lines runs, given the lines of its last result: the most telling
/// difference first, in a few words.
#[must_use]
pub fn why(old: Option<&BTreeMap<String, String>>, new: &Fingerprint) -> String {
    let Some(old) = old else { return "never ran".to_owned() };
    let mut changes = differences(old, &new.0);
    match changes.len() {
        0 => "its result is not in the store".to_owned(),
        1 | 2 => changes.join(", "),
        more => {
            changes.truncate(2);
            format!("{}, and {} more", changes.join(", "), more - 2)
        }
    }
}

/// Every difference between two fingerprints in words; parameters before inputs.
#[must_use]
pub fn differences(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut changes: Vec<(u8, String)> = paths
        .into_iter()
        .filter(|path| old.get(*path) != new.get(*path))
        .filter_map(|path| in_words(path, old.get(path), new.get(path)))
        .collect();
    changes.sort();
    changes.into_iter().map(|(_, words)| words).collect()
}

fn in_words(path: &str, old: Option<&String>, new: Option<&String>) -> Option<(u8, String)> {
    let show = |value: Option<&String>| value.map_or("default".to_owned(), |value| value.replace('"', ""));
    if let Some(parameter) = path.strip_prefix("parameter ") {
        // The marker of a table says nothing that its fields don't.
        let marker = [old, new].iter().all(|value| value.is_none_or(|value| value == "{}"));
        let words = if marker {
            format!("`{parameter}`")
        } else {
            format!("`{parameter}` {} -> {}", show(old), show(new))
        };
        return Some((0, words));
    }
    if let Some(slot) = path.strip_prefix("input ") {
        return Some((
            1,
            match (old, new) {
                (Some(_), Some(_)) => format!("`{slot}` changed"),
                (None, _) => format!("`{slot}` is new"),
                (_, None) => format!("`{slot}` is gone"),
            },
        ));
    }
    Some((
        2,
        match path {
            "version" => format!("the kind's results changed (version {} -> {})", show(old), show(new)),
            "format" => "the cache's format changed".to_owned(),
            _ => format!("`{path}` changed"),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pipeline, stages::Kind};

    fn stage(kind: Kind, text: &str) -> AnyStage {
        let text = format!("[{}.a]\n{text}", kind.word());
        let options = pipeline::Options::default();
        let text = format!(
            "{text}\n[split.s]\nimages = 'x'\nlabels = 'y'\nsizes = {{ train = 1, validation = 1, test = 1 }}"
        );
        let text = format!("{text}\n[train.t]\ndata = 'split.s'\nepochs = 1");
        let text = format!(
            "{text}\n[explain.e]\nmodel = 'train.t'\nimages = 'split.s/test'\nmethod.grad-cam = {{}}"
        );
        let pipeline = pipeline::parse(std::path::Path::new("a.toml"), text, &options).unwrap();
        pipeline.stages.into_iter().find(|node| node.name.name == "a").unwrap().stage
    }

    fn key(kind: Kind, text: &str) -> String {
        Fingerprint::new(&stage(kind, text), [("in", Digest::of(b"x"))]).key().short()
    }

    /// One golden key per kind: a change of the encoding, of a default or of an artifact's name
    /// changes keys, and so needs a reason (and, for a default, a new `VERSION`).
    #[test]
    fn keys_are_stable() {
        let golden = [
            (Kind::Synthesize, "", "synthesize"),
            (
                Kind::Split,
                "images = 'x'\nlabels = 'y'\nsizes = { train = 3, validation = 2, test = 1 }",
                "split",
            ),
            (Kind::Train, "data = 'split.s'\nepochs = 8", "train"),
            (Kind::ResumeTrain, "from = 'train.t'\nepochs = 5", "resume-train"),
            (Kind::Evaluate, "model = 'train.t'\nimages = 'split.s/test'", "evaluate"),
            (Kind::Explain, "model = 'train.t'\nimages = 'split.s/test'\nmethod.grad-cam = {}", "explain"),
            (Kind::Metrics, "explanations = { cam = 'explain.e' }", "metrics"),
            (Kind::Sanity, "explanation = 'explain.e'", "sanity"),
            (Kind::Preview, "images = 'split.s/test'", "preview"),
        ];
        let keys: Vec<String> =
            golden.into_iter().map(|(kind, text, word)| format!("{word} {}", key(kind, text))).collect();
        assert_eq!(keys.join("\n"), include_str!("golden-keys.txt").trim_end());
    }

    #[test]
    fn why_names_parameters_first() {
        let inputs = |bytes: &[u8]| [("data.train", Digest::of(bytes))];
        let old = Fingerprint::new(&stage(Kind::Train, "data = 'split.s'\nepochs = 8"), inputs(b"a"));
        let new = Fingerprint::new(
            &stage(Kind::Train, "data = 'split.s'\nepochs = 9\nbatch-size = 32"),
            inputs(b"b"),
        );
        assert_eq!(why(Some(old.lines()), &new), "`batch-size` default -> 32, `epochs` 8 -> 9, and 1 more");
        assert_eq!(why(None, &new), "never ran");
        let moved = Fingerprint::new(&stage(Kind::Train, "data = 'split.s'\nepochs = 8"), inputs(b"b"));
        assert_eq!(why(Some(old.lines()), &moved), "`data.train` changed");
    }
}
