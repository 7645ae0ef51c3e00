//! The part of an action record that a run needs when it finds a result in the store, in few bytes.
//!
//! The fingerprint and the provenance are most of a record. Only explanations and verifications need them, and those
//! read the record itself.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{ActionRecord, Artifacts, Number, Provenance, RECORD_FORMAT};
use crate::digest::Digest;

/// The part of an action record that a run needs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Brief<'a> {
    stage: Cow<'a, str>,
    kind: Cow<'a, str>,
    artifacts: Cow<'a, Artifacts>,
    log: Option<Digest>,
    device: Cow<'a, str>,
    seconds: f64,
    resumed: Option<Cow<'a, str>>,
    numbers: Cow<'a, [Number]>,
    home: Option<Cow<'a, str>>,
}

impl<'a> Brief<'a> {
    pub(super) fn of(record: &'a ActionRecord) -> Self {
        Self {
            stage: record.stage.as_str().into(),
            kind: record.kind.as_str().into(),
            artifacts: Cow::Borrowed(&record.artifacts),
            log: record.log,
            device: record.made.device.as_str().into(),
            seconds: record.made.seconds,
            resumed: record.made.resumed.as_deref().map(Cow::from),
            numbers: record.numbers.as_slice().into(),
            home: record.home.as_deref().map(Cow::from),
        }
    }

    /// Its bytes; empty if it cannot be encoded, which reads back as `None`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Decodes it; `None` if these bytes are not a brief.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// The record of this key, without what a brief leaves out.
    pub(super) fn record(self, key: Digest) -> ActionRecord {
        ActionRecord {
            format: RECORD_FORMAT,
            key,
            stage: self.stage.into_owned(),
            kind: self.kind.into_owned(),
            lines: Default::default(),
            artifacts: self.artifacts.into_owned(),
            log: self.log,
            made: Provenance {
                device: self.device.into_owned(),
                seconds: self.seconds,
                resumed: self.resumed.map(Cow::into_owned),
                ..Provenance::default()
            },
            numbers: self.numbers.into_owned(),
            home: self.home.map(Cow::into_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{StoredArtifact, record::examples},
        *,
    };
    use crate::fsx::{Below, StatTuple};

    #[test]
    fn what_a_run_asks_for_comes_back_and_cut_bytes_are_none() {
        let mut record = examples::record("k", "train.b\u{e4}se");
        let stat = Some(StatTuple { size: 5, mtime_ns: -7, inode: u64::MAX, ctime_ns: i64::MAX });
        for (name, stat) in [("model", stat), ("history", None)] {
            let (digest, file) = (Digest::of(name.as_bytes()), Below::new(format!("{name}.csv")).unwrap());
            record.artifacts.insert(name.to_owned(), StoredArtifact { digest, file, size: 5, stat });
        }
        record.numbers.push(Number { name: "undefined".to_owned(), value: f64::INFINITY });
        record.made.resumed = Some("epoch 3".to_owned());
        (record.log, record.home) = (Some(Digest::of(b"log")), Some("home".to_owned()));
        let bytes = Brief::of(&record).bytes();
        let read = Brief::read(&bytes).unwrap().record(record.key);
        record.lines.clear();
        let nan = read.numbers.last().unwrap().value;
        assert!(nan.is_nan(), "as in the record's own file");
        record.numbers.last_mut().unwrap().value = 0.0;
        let read = ActionRecord { numbers: record.numbers.clone(), ..read };
        assert_eq!(read, record);
        for end in 0..bytes.len() {
            assert!(Brief::read(&bytes[..end]).is_none(), "cut at {end}");
        }
    }
}
