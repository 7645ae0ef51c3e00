//! Action records on the disk: looked up by key, written last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ActionRecord, Check, Damage, RECORD_FORMAT, Result, Store, TryKey,
    brief::Brief,
    layout::Layout,
    quarantine::quarantine,
    read::{FileRead, read_file},
    seal,
};
use crate::{
    digest::Digest,
    fsx::{self, Below, StatTuple},
};

/// What the store has under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// A record.
    Found(Box<ActionRecord>),
    /// Nothing.
    Absent,
    /// A damaged record, which was quarantined: a miss that people should hear of.
    Damaged(Damage),
}

impl Lookup {
    /// The record, if there is a sound one.
    #[must_use]
    pub fn found(self) -> Option<ActionRecord> {
        match self {
            Self::Found(record) => Some(*record),
            Self::Absent | Self::Damaged(_) => None,
        }
    }
}

/// What to do if the key already has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Existing {
    /// The first result of a key wins.
    Keep,
    /// The new one replaces it: the user forced it, or the bytes of the first are lost.
    Replace,
}

/// What happened to a record that was to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Committed {
    /// It is the key's first.
    New,
    /// It replaced this one.
    Replaced(Box<ActionRecord>),
    /// This one existed before and stays.
    Kept(Box<ActionRecord>),
}

impl Store {
    /// The record of a key.
    ///
    /// # Errors
    /// Where there is one that cannot be read (a damaged one is no error).
    pub fn record(&self, key: &Digest) -> Result<Lookup> {
        let (lookup, seen) = read(&self.layout, key)?;
        if let (Lookup::Found(record), Some(seen)) = (&lookup, seen) {
            self.recall.learn(*key, seen, || Brief::of(record).bytes());
        }
        Ok(lookup)
    }

    /// The brief part of a key's record (without fingerprint and provenance), if it is remembered from an earlier run.
    /// Costs one stat. On `None`, ask [`Store::record`].
    #[must_use]
    pub fn recalled(&self, key: &Digest) -> Option<Box<ActionRecord>> {
        if !self.recall.is_open() {
            return None;
        }
        let seen = fsx::stat(&self.layout.record(key)).ok().flatten()?;
        let brief = self.recall.get(key, &seen, Brief::read)?;
        Some(Box::new(brief.record(*key)))
    }

    /// Writes a record; with [`Existing::Keep`] only if there is none. True if it was written.
    pub(super) fn write(&self, record: &ActionRecord, existing: Existing) -> Result<bool> {
        let (path, text) = (self.layout.record(&record.key), text_of(record));
        let is_written = match existing {
            Existing::Keep => self.layout.write_new(&path, text.as_bytes())?,
            Existing::Replace => self.layout.write(&path, text.as_bytes()).map(|()| true)?,
        };
        if is_written
            && self.recall.is_open()
            && let Ok(Some(seen)) = fsx::stat(&path)
        {
            self.recall.learn(record.key, seen, || Brief::of(record).bytes());
        }
        Ok(is_written)
    }

    /// Writes the record of an action whose artifacts are all published.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn commit(&self, mut record: ActionRecord, existing: Existing) -> Result<Committed> {
        record.home = self.layout.home()?.identity();
        let mut before = self.record(&record.key)?;
        if matches!(before, Lookup::Absent) && existing == Existing::Keep {
            if self.write(&record, Existing::Keep)? {
                return Ok(Committed::New);
            }
            // Another process was faster (if there are no locks), or there is a record of another version.
            before = self.record(&record.key)?;
        }
        match (before, existing) {
            (Lookup::Found(first), Existing::Keep) => Ok(Committed::Kept(first)),
            (Lookup::Found(old), Existing::Replace) => {
                self.write(&record, Existing::Replace)?;
                Ok(Committed::Replaced(old))
            }
            (Lookup::Absent | Lookup::Damaged(_), _) => {
                self.write(&record, Existing::Replace)?;
                Ok(Committed::New)
            }
        }
    }

    /// Remembers the stat tuples of objects that are intact but were touched, so that they need not be hashed again.
    /// False, with nothing changed, if the key is being executed, its record has changed, or the store cannot be
    /// written.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn refresh(&self, record: &ActionRecord, checks: &BTreeMap<String, Check>) -> Result<bool> {
        let Ok(TryKey::Acquired(_lock)) = self.try_lock(&record.key, "an update of its record") else {
            return Ok(false);
        };
        let Lookup::Found(mut now) = self.record(&record.key)? else { return Ok(false) };
        let before = text_of(&now);
        if before != text_of(record) {
            return Ok(false);
        }
        for (name, check) in checks {
            if let (Some(artifact), Check::IntactButTouched(stat)) = (now.artifacts.get_mut(name), check) {
                artifact.stat = Some(*stat);
            }
        }
        if now.artifacts.keys().all(|name| checks.get(name).is_some_and(Check::is_here)) {
            now.home = self.layout.home()?.identity();
        }
        Ok(before == text_of(&now) || self.write(&now, Existing::Replace).is_ok())
    }
}

fn read(layout: &Layout, key: &Digest) -> Result<(Lookup, Option<StatTuple>)> {
    let path = layout.record(key);
    let damaged = |seen: &StatTuple, what| Lookup::Damaged(quarantine(layout, &path, seen, what));
    Ok(match read_file(&path)? {
        FileRead::Bytes(seen, bytes) => {
            let lookup = match parse(&bytes, key) {
                Parsed::Record(record) => Lookup::Found(record),
                Parsed::Foreign => Lookup::Absent,
                Parsed::Damaged(what) => damaged(&seen, what.to_owned()),
            };
            (lookup, Some(seen))
        }
        FileRead::Absent => (Lookup::Absent, None),
        FileRead::Unreadable(what) => {
            let seen = fsx::stat_there(&path)?;
            (seen.map_or(Lookup::Absent, |seen| damaged(&seen, what)), None)
        }
    })
}

/// What the bytes of a record's file are.
pub(super) enum Parsed {
    /// A sound record.
    Record(Box<ActionRecord>),
    /// A sound record of another version of pcamflow, with other fields.
    Foreign,
    /// A damaged record, and what is wrong with it.
    Damaged(&'static str),
}

/// Decodes the file of a key's record.
pub(super) fn parse(bytes: &[u8], key: &Digest) -> Parsed {
    let Some(text) = seal::open(bytes) else { return Parsed::Damaged("it was cut off or modified") };
    match serde_json::from_str::<ActionRecord>(text) {
        Ok(record) if record.format != RECORD_FORMAT => Parsed::Foreign,
        Ok(record) if record.key != *key => Parsed::Damaged("it is the record of another key"),
        Ok(record) => Parsed::Record(Box::new(record)),
        Err(_) if names_file_outside(text) => Parsed::Damaged("it names a file outside its folder"),
        // The seal is unbroken, so another version wrote this.
        Err(_) => Parsed::Foreign,
    }
}

/// Whether a record names a file that would be written outside its folder.
fn names_file_outside(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        file: String,
    }
    #[derive(serde::Deserialize)]
    struct Names {
        artifacts: BTreeMap<String, Named>,
    }
    let names = serde_json::from_str::<Names>(text);
    names.is_ok_and(|names| names.artifacts.into_values().any(|named| Below::new(named.file).is_err()))
}

impl ActionRecord {
    /// The bytes of its file, which show damage.
    #[must_use]
    pub fn sealed(&self) -> String {
        text_of(self)
    }

    /// Reads such bytes as the record of a key; `None` if another version of pcamflow wrote them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn unsealed(bytes: &[u8], key: &Digest) -> Result<Option<Self>, &'static str> {
        match parse(bytes, key) {
            Parsed::Record(record) => Ok(Some(*record)),
            Parsed::Foreign => Ok(None),
            Parsed::Damaged(what) => Err(what),
        }
    }
}

fn text_of(record: &ActionRecord) -> String {
    let json = serde_json::to_string_pretty(record).expect("a record has only text keys and plain values");
    seal::close(&(json + "\n"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::{super::record::examples, *};
    use crate::store::{Options, StoredArtifact};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("a störe"), Options::default()).unwrap();
        (folder, store)
    }

    #[test]
    fn the_first_record_wins_and_a_forced_one_replaces_and_says_so() {
        let (_folder, store) = store();
        let first = examples::record("k", "train.base");
        let mut second = first.clone();
        second.stage = "train.other".to_owned();
        assert_eq!(store.record(&first.key).unwrap(), Lookup::Absent);
        assert_eq!(store.commit(first.clone(), Existing::Keep).unwrap(), Committed::New);
        let kept = store.commit(second.clone(), Existing::Keep).unwrap();
        assert_eq!(kept, Committed::Kept(Box::new(first.clone())));
        assert_eq!(store.record(&first.key).unwrap().found(), Some(first.clone()));
        let replaced = store.commit(second.clone(), Existing::Replace).unwrap();
        assert_eq!(replaced, Committed::Replaced(Box::new(first.clone())));
        assert_eq!(store.record(&first.key).unwrap().found(), Some(second));
        assert!(fsx::list(&store.layout.tmp).unwrap().is_empty(), "no temporary file is left");
    }

    #[test]
    fn eight_threads_that_commit_one_key_agree_on_one_record() {
        let (_folder, store) = store();
        std::thread::scope(|scope| {
            for i in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    let record = examples::record("k", &format!("train.{i}"));
                    let ours = record.clone();
                    let won = match store.commit(record, Existing::Keep).unwrap() {
                        Committed::New => ours,
                        Committed::Kept(first) => *first,
                        Committed::Replaced(_) => panic!("a plain run replaces nothing"),
                    };
                    assert_eq!(store.record(&won.key).unwrap().found(), Some(won));
                });
            }
        });
    }

    #[test]
    fn a_damaged_record_is_moved_away_said_and_replaced() {
        let (_folder, store) = store();
        let record = examples::record("k", "train.base");
        store.commit(record.clone(), Existing::Keep).unwrap();
        let path = store.layout.record(&record.key);
        let sound = fs::read(&path).unwrap();
        fs::write(&path, &sound[..sound.len() / 2]).unwrap();
        let Lookup::Damaged(damage) = store.record(&record.key).unwrap() else { panic!("not noticed") };
        assert!(damage.moved_to.as_ref().unwrap().exists() && !path.exists());
        assert!(damage.to_string().contains("is damaged: it was cut off or modified; it was moved to"));
        assert_eq!(store.record(&record.key).unwrap(), Lookup::Absent);
        assert_eq!(store.commit(record, Existing::Keep).unwrap(), Committed::New);
        assert_eq!(fs::read(&path).unwrap(), sound);
    }

    #[test]
    fn a_record_under_another_key_is_never_taken_for_that_ones() {
        let (_folder, store) = store();
        let record = examples::record("k", "train.base");
        store.commit(record.clone(), Existing::Keep).unwrap();
        let other = Digest::of(b"other");
        let path = store.layout.record(&other);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(store.layout.record(&record.key), &path).unwrap();
        assert!(matches!(store.record(&other).unwrap(), Lookup::Damaged(_)));
    }

    #[test]
    fn a_record_of_another_version_is_a_miss_and_not_damage() {
        let (_folder, store) = store();
        let record = examples::record("k", "train.base");
        let path = store.layout.record(&record.key);
        for text in
            ["{\"format\": 2, \"anything\": []}", &text_of(&ActionRecord { format: 2, ..record.clone() })]
        {
            store.layout.write(&path, seal::close(text).as_bytes()).unwrap();
            assert_eq!(store.record(&record.key).unwrap(), Lookup::Absent);
            assert!(path.exists());
        }
        assert_eq!(store.commit(record.clone(), Existing::Keep).unwrap(), Committed::New);
        assert_eq!(store.record(&record.key).unwrap().found(), Some(record));
    }

    #[test]
    fn a_record_that_names_a_file_elsewhere_is_damaged() {
        let (_folder, store) = store();
        let mut record = examples::record("k", "train.base");
        let name = "model.safetensors";
        let file = fsx::Below::new(name).unwrap();
        let artifact = StoredArtifact { digest: record.key, file, size: 1, stat: None };
        record.artifacts.insert("model".into(), artifact);
        let text = serde_json::to_string(&record).unwrap();
        for bad in ["../../x", "/etc/x", "a/../../x", ""] {
            let text = text.replace(&format!("\"{name}\""), &format!("\"{bad}\""));
            store.layout.write(&store.layout.record(&record.key), seal::close(&text).as_bytes()).unwrap();
            let lookup = store.record(&record.key).unwrap();
            let Lookup::Damaged(damage) = lookup else { panic!("{bad:?}: {lookup:?}") };
            assert!(damage.what.contains("outside its folder"), "{damage}");
        }
    }

    #[test]
    fn a_record_cut_at_any_byte_is_never_misread() {
        let (_folder, store) = store();
        let record = examples::record("k", "train.bäse");
        let sound = text_of(&record).into_bytes();
        let path = store.layout.record(&record.key);
        for end in 0..sound.len() {
            store.layout.write(&path, &sound[..end]).unwrap();
            let lookup = store.record(&record.key).unwrap();
            assert!(matches!(lookup, Lookup::Damaged(_)), "cut at {end} of {}: {lookup:?}", sound.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_record_comes_back_as_it_was_and_any_flipped_bit_is_noticed(
            stage in "(?s).{0,20}",
            lines in prop::collection::btree_map("(?s).{0,10}", "(?s).{0,10}", 0..4),
            sizes in prop::collection::btree_map("[a-z]{1,5}", any::<(u64, i64, u64, i64)>(), 0..4),
            value: f64,
            bit in any::<prop::sample::Index>(),
        ) {
            let (_folder, store) = store();
            let mut record = examples::record("k", &stage);
            record.lines = lines;
            record.numbers[0].value = if value.is_finite() { value } else { 0.0 };
            record.artifacts = sizes.into_iter().map(|(name, (size, mtime_ns, inode, ctime_ns))| {
                let stat = Some(StatTuple { size, mtime_ns, inode, ctime_ns });
                let (digest, file) = (Digest::of(name.as_bytes()), Below::new(name.as_str()).unwrap());
                (name, StoredArtifact { digest, file, size, stat })
            }).collect();
            store.commit(record.clone(), Existing::Keep).unwrap();
            prop_assert_eq!(store.record(&record.key).unwrap().found(), Some(record.clone()));
            let path = store.layout.record(&record.key);
            let mut bytes = fs::read(&path).unwrap();
            let bit = bit.index(8 * bytes.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            prop_assert!(matches!(store.record(&record.key).unwrap(), Lookup::Damaged(_)));
        }
    }
}
