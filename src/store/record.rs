//! The action record: the result of one key, and how it was made.

use std::collections::BTreeMap;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    finite::Number,
    fsx::{Below, StatTuple},
};

/// The version of [`ActionRecord`]. A record of another version is ignored.
pub const RECORD_FORMAT: u32 = 1;

/// The result of one key: its artifacts, and the fingerprint that the key is the digest of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ActionRecord {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// The digest of the fingerprint.
    pub key: Digest,
    /// The stage's name when it was made (`train.base`). Not part of the key.
    pub stage: String,
    /// The stage's kind.
    pub kind: String,
    /// The fingerprint, one canonical line for each value: path -> value.
    pub lines: BTreeMap<String, String>,
    /// The artifacts, by name.
    #[serde(serialize_with = "as_map")]
    pub artifacts: Artifacts,
    /// The object that contains the log.
    pub log: Option<Digest>,
    /// Where and how it was made.
    pub made: Provenance,
    /// The main numbers, in the stage's order.
    pub numbers: Vec<Number>,
    /// The identity of the `objects` folder that contained the artifacts. The store fills it in.
    #[serde(default)]
    pub home: Option<String>,
}

/// The artifacts of a stage, by name. Usually one or two, so a map in one block is smallest.
pub type Artifacts = LiteMap<String, StoredArtifact>;

/// One artifact of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoredArtifact {
    /// Of its content.
    pub digest: Digest,
    /// The name of its file below `out` (`model.safetensors`). A folder, whose object is packed, ends with a slash
    /// (`plots/`).
    pub file: Below,
    /// Its size in bytes.
    pub size: u64,
    /// The object's stat tuple when it was published or last checked. While it is the same, the object is trusted.
    pub stat: Option<StatTuple>,
}

/// The digest of a fingerprint: of its lines `path = value`, each with a newline at its end. Neither side contains a
/// newline (strings are quoted), so different lines never give the same bytes.
#[must_use]
pub fn key_of(lines: &BTreeMap<String, String>) -> Digest {
    let length = lines.iter().map(|(path, value)| path.len() + value.len() + 4).sum();
    let mut text = String::with_capacity(length);
    for (path, value) in lines {
        for part in [path, " = ", value, "\n"] {
            text.push_str(part);
        }
    }
    Digest::of(text.as_bytes())
}

impl ActionRecord {
    /// The record as other stores can use it: without what is true of this store only.
    #[must_use]
    pub fn portable(mut self) -> Self {
        self.home = None;
        self.artifacts.iter_mut().for_each(|(_, artifact)| artifact.stat = None);
        self
    }

    /// The digests of all its objects.
    pub fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.artifacts.values().map(|artifact| artifact.digest).chain(self.log)
    }
}

impl StoredArtifact {
    /// Whether it is a folder, stored as one packed object.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.file.is_folder()
    }
}

/// By itself, an empty map would be written as a list.
fn as_map<S: serde::Serializer>(artifacts: &Artifacts, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(artifacts.iter())
}

/// Where and how a result was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Provenance {
    /// The device (`cpu`, `cuda:0 NVIDIA H200`).
    pub device: String,
    /// The machine's name.
    pub host: String,
    /// Versions of libraries that may change a result: libtorch, CUDA, HDF5.
    pub versions: BTreeMap<String, String>,
    /// The number of threads.
    pub threads: usize,
    /// When it started, in RFC 3339.
    pub started: String,
    /// How long it took, in seconds.
    #[serde(with = "crate::finite")]
    pub seconds: f64,
    /// Where it continued the partial work of an earlier attempt, if it did (`epoch 3 of a run that ...`).
    pub resumed: Option<String>,
    /// The version of pcamflow.
    pub pcamflow: String,
    /// The peak memory of its processes in bytes, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// How many attempts of the same run failed before this one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failed_attempts: u32,
}

/// For fields that are left out if they have their default value.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
pub(super) mod examples {
    use super::*;

    /// A record of an artifact-less action.
    pub(in crate::store) fn record(key: &str, stage: &str) -> ActionRecord {
        ActionRecord {
            format: RECORD_FORMAT,
            key: Digest::of(key.as_bytes()),
            stage: stage.to_owned(),
            kind: "train".to_owned(),
            lines: BTreeMap::from([("parameters.epochs".to_owned(), key.to_owned())]),
            artifacts: Artifacts::new(),
            log: None,
            made: Provenance { device: "cpu".to_owned(), seconds: 1.5, ..Provenance::default() },
            numbers: vec![Number { name: "accuracy".to_owned(), value: 0.1 + 0.2 }],
            home: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_can_be_read_again() {
        for value in [0.1 + 0.2, f64::MIN_POSITIVE, -1e300, f64::NAN, f64::INFINITY] {
            let text = serde_json::to_string(&Number { name: "x".to_owned(), value }).unwrap();
            let read: Number = serde_json::from_str(&text).unwrap();
            if value.is_finite() {
                assert_eq!(read.value.to_bits(), value.to_bits());
            } else {
                assert!(read.value.is_nan());
            }
        }
    }

    #[test]
    fn records_from_before_there_were_attempts_and_peaks_are_read() {
        let mut json = serde_json::to_value(Provenance::default()).unwrap();
        assert!(json.get("peak-memory").is_none() && json.get("failed-attempts").is_none());
        assert_eq!(serde_json::from_value::<Provenance>(json.clone()).unwrap(), Provenance::default());
        json["peak-memory"] = 7.into();
        json["failed-attempts"] = 2.into();
        let read: Provenance = serde_json::from_value(json).unwrap();
        assert_eq!((read.peak_memory, read.failed_attempts), (Some(7), 2));
    }

    #[test]
    fn a_record_is_json_that_people_can_read() {
        let json = serde_json::to_value(examples::record("5", "train.base")).unwrap();
        assert_eq!(json["stage"], "train.base");
        assert_eq!(json["lines"]["parameters.epochs"], "5");
        assert_eq!(json["made"]["seconds"], 1.5);
    }
}
