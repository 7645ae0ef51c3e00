//! Records for tests.

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    fsx::Below,
    store::{ActionRecord, Artifacts, Provenance, RECORD_FORMAT, StoredArtifact, key_of},
};

/// A record with one artifact, whose content is `name`.
pub(super) fn record(name: &str) -> ActionRecord {
    let lines = BTreeMap::from([
        ("artifact.model".to_owned(), "model.safetensors".to_owned()),
        ("parameter epochs".to_owned(), name.to_owned()),
    ]);
    let file = Below::new("model.safetensors".to_owned()).unwrap();
    let model =
        StoredArtifact { digest: Digest::of(name.as_bytes()), file, size: name.len() as u64, stat: None };
    let mut artifacts = Artifacts::new();
    artifacts.insert("model".to_owned(), model);
    ActionRecord {
        format: RECORD_FORMAT,
        key: key_of(&lines),
        stage: "train.base".to_owned(),
        kind: "train".to_owned(),
        lines,
        artifacts,
        log: None,
        made: Provenance::default(),
        numbers: Vec::new(),
        home: Some("here".to_owned()),
    }
}
