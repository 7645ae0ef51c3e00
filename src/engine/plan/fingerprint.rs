//! The fingerprint of a stage: everything that can change its result, as sorted lines; and its key.
//!
//! The same lines are hashed for the key, kept in the action record, and compared (`why`) for "why did this run?".
//! So an explanation always matches the key. Knows no pipeline file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    stages::{AnyStage, join},
    store::key_of,
};

/// The version of this encoding. Changing it makes every stored result useless.
const FORMAT: u32 = 1;

/// Everything that can change a stage's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Fingerprint {
    lines: BTreeMap<String, String>,
    key: Digest,
}

impl Fingerprint {
    /// The fingerprint of a stage whose inputs have these contents (slot, digest).
    pub fn new<'a>(stage: &AnyStage, inputs: impl IntoIterator<Item = (&'a str, Digest)>) -> Self {
        let mut lines = BTreeMap::new();
        lines.insert("format".to_owned(), FORMAT.to_string());
        lines.insert("kind".to_owned(), stage.kind().word().to_owned());
        lines.insert("version".to_owned(), stage.version().to_string());
        for (path, value) in stage.semantic().iter() {
            lines.insert(["parameter ", path].concat(), value.to_owned());
        }
        for (slot, digest) in inputs {
            lines.insert(["input ", slot].concat(), digest.hex());
        }
        for artifact in stage.artifacts() {
            lines.insert(join("artifact", &artifact.name), artifact.file.into_owned());
        }
        lines.into()
    }

    /// The key: the digest of the lines ([`key_of`]).
    #[must_use]
    pub fn key(&self) -> Digest {
        self.key
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &BTreeMap<String, String> {
        &self.lines
    }
}

impl From<BTreeMap<String, String>> for Fingerprint {
    fn from(lines: BTreeMap<String, String>) -> Self {
        Self { key: key_of(&lines), lines }
    }
}

impl From<Fingerprint> for BTreeMap<String, String> {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pipeline, stages::Kind};

    fn stage(kind: Kind, text: &str) -> AnyStage {
        let text = format!("[{}.a]\n{text}", kind.word());
        let options = pipeline::Options::default();
        let text = format!(
            "{text}\n[split.s]\nimages = 'x'\nlabels = 'y'\nsizes = {{ train = 20, validation = 20, test = 20 }}"
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

    /// One golden key per kind. A change of the encoding, of a default or of an artifact's name changes keys, and so
    /// needs a reason (and, for a default, a new `VERSION`).
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
            (
                Kind::Fetch,
                "files.x = { url = 'https://x.org/x.csv.gz', md5 = '900150983cd24fb0d6963f7d28e17f72' }",
                "fetch",
            ),
            (Kind::Unpack, "file = 'x.h5.gz'", "unpack"),
            (Kind::Import, "images = 'x/'", "import"),
            (
                Kind::Command,
                "program = ['sort']\nartifacts = { y = 'y.txt', z = 'z/' }\nenvironment = { LANG = 'C' }",
                "command",
            ),
        ];
        let keys: Vec<String> =
            golden.into_iter().map(|(kind, text, word)| format!("{word} {}", key(kind, text))).collect();
        assert_eq!(keys.join("\n"), include_str!("golden-keys.txt").trim_end());
    }
}
