//! Takes over what another store has: records without their bytes, and the bytes of objects.
//!
//! Bytes become an object only after they were hashed. What arrives of an object before a failure stays in `incoming/`,
//! so that the next attempt can go on. Does not know where records and bytes come from.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::PathBuf,
};

use super::{
    ActionRecord, Check, Damage, Error, Existing, Result, Store, check::examine, layout::Layout,
    quarantine::quarantine,
};
use crate::{
    digest::Digest,
    fsx::{self, FileLock, TryLock},
};

/// What the names of the locks of objects that are being received begin with.
const INCOMING_LOCK: &str = "incoming-";

/// An object that is being received. Only one process has it at a time.
#[derive(Debug)]
pub struct Incoming<'a> {
    layout: &'a Layout,
    digest: Digest,
    path: PathBuf,
    file: File,
    len: u64,
    _lock: FileLock,
}

/// What can be done about an object that is not here.
#[derive(Debug)]
pub enum Receive<'a> {
    /// It is here meanwhile.
    Here,
    /// Another process receives it now.
    Busy,
    /// It can be received.
    Open(Incoming<'a>),
}

/// What became of received bytes.
#[derive(Debug)]
pub enum Received {
    /// They are the object.
    Object,
    /// They are not, and were quarantined.
    Wrong(Damage),
}

impl Store {
    /// Takes over the record of another store, unless the key has one here. Its bytes are not here: it
    /// is a hit as long as no stage needs them. True if it was taken.
    ///
    /// # Errors
    /// Where it says something wrong about an object that is here, or the store cannot be written.
    pub fn adopt(&self, record: ActionRecord) -> Result<bool> {
        for (name, artifact) in &record.artifacts {
            let here = fsx::stat(&self.layout.object(&artifact.digest))?;
            // Otherwise the object would count as damaged.
            if here.is_some_and(|here| here.size != artifact.size) {
                return Err(Error::Refused(format!("it says that `{name}` has {} bytes", artifact.size)));
            }
        }
        self.write(&record.portable(), Existing::Keep)
    }

    /// Begins to receive an object, or goes on with it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn receive(&self, digest: &Digest) -> Result<Receive<'_>> {
        let layout = &*self.layout;
        layout.prepare(&layout.locks)?;
        let lock = layout.locks.join(format!("{INCOMING_LOCK}{}", digest.hex()));
        let TryLock::Acquired(lock) =
            layout.healing(&lock, || Ok(FileLock::try_acquire(&lock, "fetching")?))?
        else {
            return Ok(Receive::Busy);
        };
        if self.has(digest) {
            return Ok(Receive::Here);
        }
        layout.prepare(&layout.incoming)?;
        let path = layout.incoming.join(digest.hex());
        let open = || Ok(open(&path)?);
        let file = layout.healing(&path, open)?;
        let len = file.metadata().map_err(fsx::Error::at("read", &path))?.len();
        Ok(Receive::Open(Incoming { layout, digest: *digest, path, file, len, _lock: lock }))
    }

    /// Keeps wrong bytes that came from elsewhere in the quarantine, for inspection. Where they are now, if they could
    /// be written.
    #[must_use]
    pub fn put_aside(&self, name: &str, bytes: &[u8]) -> Option<PathBuf> {
        let path = self.layout.quarantine.join(format!("{name}.{}", fsx::unique_name()));
        self.layout.write(&path, bytes).ok()?;
        Some(path)
    }
}

fn open(path: &std::path::Path) -> fsx::Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(fsx::Error::at("write", path))
}

impl Incoming<'_> {
    /// How many bytes have arrived.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has arrived yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(fsx::Error::at("write", &self.path))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what has arrived.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(fsx::Error::at("write", &self.path))?;
        self.len = 0;
        Ok(())
    }

    /// All bytes have arrived: they become the object if they are right.
    ///
    /// # Errors
    /// Where they cannot be read or moved.
    pub fn finish(self) -> Result<Received> {
        let Self { layout, digest, path, len, .. } = &self;
        let Some(stat) = fsx::stat_there(path)? else {
            return Err(fsx::Error::changing(path).into());
        };
        if let Check::Damaged(damage) = examine(layout, path, digest, *len, stat)? {
            return Ok(Received::Wrong(damage));
        }
        let object = layout.object(digest);
        layout.prepare_objects()?;
        layout.prepare(&fsx::parent(&object))?;
        fsx::make_read_only(path)?;
        if !fsx::publish_new(path, &object, layout.durability)? {
            // Another process made the same object meanwhile; a damaged one is found when it is used.
            fsx::remove_file(path)?;
        }
        Ok(Received::Object)
    }

    /// The bytes that have arrived are wrong before all are here: there are more than the object has.
    #[must_use]
    pub fn reject(self, what: String) -> Option<Damage> {
        let stat = fsx::stat_there(&self.path).ok()??;
        Some(quarantine(self.layout, &self.path, &stat, what))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Lookup, record::examples, testing::Case};

    fn open_in<'a>(case: &'a Case, digest: &Digest) -> Incoming<'a> {
        let Receive::Open(incoming) = case.store.receive(digest).unwrap() else { panic!("it is not open") };
        incoming
    }

    /// A record whose artifact `0` has this content, published nowhere.
    fn elsewhere(content: &str) -> ActionRecord {
        let other = Case::new();
        other.record(&[content])
    }

    #[test]
    fn an_adopted_record_is_a_hit_whose_bytes_are_elsewhere_until_they_are_received() {
        let case = Case::new();
        let record = elsewhere("content");
        assert!(record.home.is_some());
        assert!(case.store.adopt(record.clone()).unwrap());
        assert!(!case.store.adopt(record.clone()).unwrap(), "the first stays");
        let Lookup::Found(here) = case.store.record(&record.key).unwrap() else { panic!("no record") };
        assert_eq!(case.check(&here), Check::Elsewhere);

        let digest = here.artifacts.get("0").unwrap().digest;
        let mut incoming = open_in(&case, &digest);
        incoming.append(b"con").unwrap();
        drop(incoming);
        let mut incoming = open_in(&case, &digest);
        assert!(matches!(case.store.receive(&digest).unwrap(), Receive::Busy), "one process at a time");
        assert_eq!(incoming.len(), 3, "what arrived before a failure is kept");
        incoming.append(b"tent").unwrap();
        assert!(matches!(incoming.finish().unwrap(), Received::Object));
        assert!(matches!(case.store.receive(&digest).unwrap(), Receive::Here));
        let checks = case.checks(&here);
        assert!(matches!(checks["0"], Check::IntactButTouched(_)));
        assert!(case.store.refresh(&here, &checks).unwrap());
        let here = case.store.record(&record.key).unwrap().found().unwrap();
        assert_eq!(case.check(&here), Check::Intact);
    }

    #[test]
    fn a_record_that_would_make_a_sound_object_look_damaged_is_refused() {
        let case = Case::new();
        let mine = case.record(&["content"]);
        let mut wrong = elsewhere("content");
        wrong.key = Digest::of(b"another key");
        wrong.artifacts.iter_mut().for_each(|(_, artifact)| artifact.size += 1);
        assert!(case.store.adopt(wrong).is_err());
        assert_eq!(case.check(&mine), Check::Intact);
    }

    #[test]
    fn wrong_bytes_never_become_an_object() {
        let case = Case::new();
        let digest = elsewhere("content").artifacts.get("0").unwrap().digest;
        for wrong in [&b"conteNt"[..], b"", b"content and more"] {
            let mut incoming = open_in(&case, &digest);
            incoming.append(wrong).unwrap();
            let Received::Wrong(damage) = incoming.finish().unwrap() else { panic!("{wrong:?}") };
            let aside = damage.moved_to.unwrap();
            assert_eq!(fs::read(aside).unwrap(), wrong);
            assert!(!case.store.has(&digest));
            assert!(open_in(&case, &digest).is_empty(), "the next attempt begins anew");
        }
    }

    #[test]
    fn sealed_records_come_back_and_damaged_ones_do_not() {
        let record = examples::record("k", "train.base").portable();
        let sealed = record.sealed();
        assert_eq!(ActionRecord::unsealed(sealed.as_bytes(), &record.key), Ok(Some(record.clone())));
        let other = Digest::of(b"other");
        assert!(ActionRecord::unsealed(sealed.as_bytes(), &other).unwrap_err().contains("another key"));
        assert!(ActionRecord::unsealed(&sealed.as_bytes()[1..], &record.key).is_err());
    }
}
