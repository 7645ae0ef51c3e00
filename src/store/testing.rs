//! A store for tests, with files to publish and ways to damage it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{ActionRecord, Check, Existing, Options, Store, StoredArtifact, record::examples};
use crate::fsx;

/// A store with files beside it.
pub(super) struct Case {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
}

impl Case {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("a störe"), Options::default()).unwrap();
        Self { folder, store }
    }

    pub(super) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn publish(&self, content: &[u8]) -> StoredArtifact {
        self.store.publish(&self.file("mödel of one.safetensors", content)).unwrap()
    }

    /// A committed record of these contents, named `0`, `1`, ...
    pub(super) fn record(&self, contents: &[&str]) -> ActionRecord {
        let mut record = examples::record("k", "train.base");
        let artifacts = contents.iter().enumerate();
        record.artifacts =
            artifacts.map(|(i, text)| (i.to_string(), self.publish(text.as_bytes()))).collect();
        self.store.commit(record.clone(), Existing::Replace).unwrap();
        self.store.record(&record.key).unwrap().found().unwrap()
    }

    pub(super) fn checks(&self, record: &ActionRecord) -> BTreeMap<String, Check> {
        let check = |artifact| self.store.check(record, artifact).unwrap();
        record.artifacts.iter().map(|(name, artifact)| (name.clone(), check(artifact))).collect()
    }

    pub(super) fn check(&self, record: &ActionRecord) -> Check {
        self.checks(record).remove("0").unwrap()
    }

    /// The object of one of a record's artifacts.
    pub(super) fn object(&self, record: &ActionRecord, name: &str) -> PathBuf {
        self.store.layout.object(&record.artifacts.get(name).unwrap().digest)
    }

    /// Changes an object directly, later than the clock tick of its publishing.
    pub(super) fn tamper(&self, record: &ActionRecord, with: impl FnOnce(&Path)) {
        std::thread::sleep(Duration::from_millis(20));
        let path = self.object(record, "0");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        with(&path);
    }

    pub(super) fn assert_nothing_passing_is_left(&self) {
        assert!(fsx::list(&self.store.layout.tmp).unwrap().is_empty());
    }
}
