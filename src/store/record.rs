//! The action record: what one key gave, and how it came about.

use std::collections::BTreeMap;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    finite::Number,
    fsx::{Below, StatTuple},
};

/// The version of [`ActionRecord`]. A record of another version counts as absent.
pub const RECORD_FORMAT: u32 = 1;

/// What one key gave: key -> artifacts, with the whole fingerprint behind the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ActionRecord {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// The digest of the fingerprint.
    pub key: Digest,
    /// The stage's name when it was made, as people know it (`train.base`). No part of the key.
    pub stage: String,
    /// The stage's kind.
    pub kind: String,
    /// The whole fingerprint, one canonical line each: path -> value.
    pub lines: BTreeMap<String, String>,
    /// What the stage wrote, by the artifact's name.
    #[serde(serialize_with = "as_map")]
    pub artifacts: Artifacts,
    /// The object that holds the log. Nobody's input.
    pub log: Option<Digest>,
    /// Who made it, where and how long it took. Nobody's input.
    pub made: Provenance,
    /// The main numbers for summaries, in the stage's order.
    pub numbers: Vec<Number>,
    /// The identity of the `objects` folder that the artifacts were published in. The store fills it in.
    #[serde(default)]
    pub home: Option<String>,
}

/// What a stage wrote, by the artifact's name. Mostly one or two: they stand side by side.
pub type Artifacts = LiteMap<String, StoredArtifact>;

/// One artifact of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoredArtifact {
    /// Of its content.
    pub digest: Digest,
    /// The name of its file when shown to people (`model.safetensors`); of a folder, with a slash at its end
    /// (`plots/`): its object is the packed folder.
    pub file: Below,
    /// Its size in bytes.
    pub size: u64,
    /// The object's stat tuple when it was published or last found sound; while it is equal, the object is
    /// trusted unread.
    pub stat: Option<StatTuple>,
}

impl StoredArtifact {
    /// Whether it is a folder, and its object a packed one.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.file.is_folder()
    }
}

/// The map's own way is a list where it is empty.
fn as_map<S: serde::Serializer>(artifacts: &Artifacts, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(artifacts.iter())
}

/// Who made a result, where, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Provenance {
    /// What computed (`cpu`, `cuda:0 NVIDIA H200`).
    pub device: String,
    /// The machine's name.
    pub host: String,
    /// Versions of what may change a result: libtorch, CUDA, HDF5.
    pub versions: BTreeMap<String, String>,
    /// Threads that computed.
    pub threads: usize,
    /// When it started, in RFC 3339.
    pub started: String,
    /// How long it took, in seconds.
    #[serde(with = "crate::finite")]
    pub seconds: f64,
    /// From where it went on, if an earlier attempt had left partial work (`epoch 3 of a run that ...`).
    pub resumed: Option<String>,
    /// The version of pcamflow.
    pub pcamflow: String,
    /// The most memory that its processes held at once, in bytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// How many attempts of the same run failed before the one that succeeded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_attempts: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
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
