//! The contents of small files, remembered with their stat tuples: a run that finds everything in the store opens none
//! of these files.
//!
//! One file for each pipeline, read at once, and written at the end of a run that learnt something. It is only a cache:
//! an entry counts while the file that it was read from has the same stat tuple. A damaged, foreign or missing file is
//! ignored. This module knows bytes and stat tuples; the callers know what the bytes mean.
//!
//! ```text
//! "pcamflow recall 3.1\n"   version
//! count                   of entries, 8 bytes (all numbers are little-endian)
//! count entries           sorted by ID: ID (32), stat tuple (4 x 8), end of its bytes (8), age (8)
//! bytes                   of all entries
//! BLAKE3                  of everything before (32)
//! ```

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{RECORD_FORMAT, Result, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple, now_ns, unsettled_for},
};

/// The version of this format, and that of the action records.
const HEAD: &[u8] = b"pcamflow recall 3.1\n";
const _: () = assert!(RECORD_FORMAT == 1, "the second number in `HEAD` is the version of the records");
const COUNT: usize = HEAD.len() + 8;
const ID: usize = 32;
const ENTRY: usize = ID + 6 * 8;
const SEAL: usize = 32;

/// An entry is forgotten after so many runs that learnt something and did not need it.
const AGE: u64 = 8;

/// The memory of an opened store. Empty until it is opened for a pipeline.
#[derive(Debug)]
pub(super) struct Recall {
    layout: Arc<Layout>,
    book: OnceLock<Book>,
    fresh: Mutex<BTreeMap<Digest, (StatTuple, Vec<u8>)>>,
}

/// What was remembered when the run began: a file of the format above.
#[derive(Debug)]
struct Book {
    path: PathBuf,
    bytes: Vec<u8>,
    /// For each entry, whether this run needed it.
    used: Vec<AtomicBool>,
}

/// One entry, without its ID.
struct Entry<'a> {
    stat: StatTuple,
    age: u64,
    bytes: &'a [u8],
}

impl Recall {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self { layout, book: OnceLock::new(), fresh: Mutex::default() }
    }

    /// From now on remembers from run to run of this pipeline.
    pub(super) fn open_for(&self, pipeline: &str) {
        self.book.get_or_init(|| Book::load(self.layout.recall_of(pipeline)));
    }

    pub(super) fn is_open(&self) -> bool {
        self.book.get().is_some()
    }

    /// The content of a file that had this stat tuple, decoded by `read`.
    pub(super) fn get<T>(
        &self,
        id: &Digest,
        stat: &StatTuple,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        if let Some((_, bytes)) = self.fresh().get(id).filter(|(seen, _)| seen == stat) {
            return read(bytes);
        }
        let book = self.book.get()?;
        let place = book.table().binary_search_by(|entry| entry[..ID].cmp(id.as_bytes())).ok()?;
        let entry = book.entry(place);
        let content = (entry.stat == *stat).then(|| read(entry.bytes))??;
        book.used[place].store(true, Ordering::Relaxed);
        Some(content)
    }

    /// Remembers the content of a file with this stat tuple.
    pub(super) fn learn(&self, id: Digest, stat: StatTuple, bytes: impl FnOnce() -> Vec<u8>) {
        if self.is_open() {
            self.fresh().insert(id, (stat, bytes()));
        }
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeMap<Digest, (StatTuple, Vec<u8>)>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn save(&self) -> Result<()> {
        let Some(book) = self.book.get() else { return Ok(()) };
        let mut fresh = std::mem::take(&mut *self.fresh());
        // A file that was written just now could change again with the same stat tuple.
        let now = now_ns();
        fresh.retain(|_, (stat, _)| unsettled_for(stat, now).is_zero());
        if fresh.is_empty() {
            return Ok(());
        }
        let mut all: BTreeMap<&[u8], Entry<'_>> = BTreeMap::new();
        for (place, used) in book.used.iter().enumerate() {
            let mut entry = book.entry(place);
            entry.age = if used.load(Ordering::Relaxed) { 0 } else { entry.age + 1 };
            if entry.age <= AGE {
                all.insert(&book.table()[place][..ID], entry);
            }
        }
        for (id, (stat, bytes)) in &fresh {
            all.insert(id.as_bytes(), Entry { stat: *stat, age: 0, bytes });
        }
        self.layout.write(&book.path, &encode(&all))
    }
}

fn encode(all: &BTreeMap<&[u8], Entry<'_>>) -> Vec<u8> {
    let size: usize = all.values().map(|entry| ENTRY + entry.bytes.len()).sum();
    let mut text = Vec::with_capacity(COUNT + size + SEAL);
    text.extend_from_slice(HEAD);
    text.extend_from_slice(&(all.len() as u64).to_le_bytes());
    let mut end = 0;
    for (id, Entry { stat, age, bytes }) in all {
        end += bytes.len() as u64;
        let [mtime, ctime] = [stat.mtime_ns, stat.ctime_ns].map(i64::cast_unsigned);
        text.extend_from_slice(id);
        text.extend(
            [stat.size, mtime, stat.inode, ctime, end, *age].iter().flat_map(|number| number.to_le_bytes()),
        );
    }
    all.values().for_each(|entry| text.extend_from_slice(entry.bytes));
    let seal = blake3::hash(&text);
    text.extend_from_slice(seal.as_bytes());
    text
}

impl Book {
    /// The book at `path`; an empty one if there is no sound file.
    fn load(path: PathBuf) -> Self {
        let mut bytes = fsx::read_if_there(&path).ok().flatten().unwrap_or_default();
        let count = count(&bytes).unwrap_or_else(|| {
            bytes.clear();
            0
        });
        Self { path, bytes, used: (0..count).map(|_| AtomicBool::new(false)).collect() }
    }

    fn table(&self) -> &[[u8; ENTRY]] {
        let table = self.bytes.get(COUNT..).unwrap_or_default().as_chunks().0;
        &table[..self.used.len()]
    }

    fn entry(&self, place: usize) -> Entry<'_> {
        let table = self.table();
        let number = |place: usize, index: usize| number_at(&table[place], ID + 8 * index);
        let stat = StatTuple {
            size: number(place, 0),
            mtime_ns: number(place, 1).cast_signed(),
            inode: number(place, 2),
            ctime_ns: number(place, 3).cast_signed(),
        };
        let begin = COUNT + table.len() * ENTRY;
        let at = |end: u64| begin.saturating_add(usize::try_from(end).unwrap_or(usize::MAX));
        let from = if place == 0 { begin } else { at(number(place - 1, 4)) };
        let bytes = self.bytes.get(from..at(number(place, 4))).unwrap_or_default();
        Entry { stat, age: number(place, 5), bytes }
    }
}

fn number_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

/// The number of entries in a file, if the file is sound.
fn count(bytes: &[u8]) -> Option<usize> {
    let (text, seal) = bytes.split_last_chunk::<SEAL>()?;
    let is_sound = text.len() >= COUNT && text.starts_with(HEAD) && blake3::hash(text).as_bytes() == seal;
    if !is_sound {
        return None;
    }
    let count = usize::try_from(number_at(text, HEAD.len())).ok()?;
    (count.checked_mul(ENTRY)?.checked_add(COUNT)? <= text.len()).then_some(count)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Options, Store};

    fn open(root: &std::path::Path) -> Store {
        let store = Store::open(root, Options::default()).unwrap();
        store.recall_for("full");
        store
    }

    fn stat(number: u64) -> StatTuple {
        StatTuple { size: number, mtime_ns: -1, inode: 3, ctime_ns: 0 }
    }

    fn said(store: &Store, id: &str, number: u64) -> Option<String> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        store.recall.get(&Digest::of(id.as_bytes()), &stat(number), text)
    }

    #[test]
    fn what_was_learnt_is_known_for_that_stat_tuple_alone_now_and_after_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        for id in ["one", "two", "three"] {
            store.recall.learn(Digest::of(id.as_bytes()), stat(1), || id.as_bytes().to_vec());
        }
        let check = |store: &Store| {
            for id in ["one", "two", "three"] {
                assert_eq!(said(store, id, 1).as_deref(), Some(id));
                assert_eq!(said(store, id, 2), None, "another stat tuple");
            }
            assert_eq!(said(store, "four", 1), None);
        };
        check(&store);
        assert!(!folder.path().join("recall").exists(), "nothing is written before the end");
        store.remember();
        check(&open(folder.path()));
        let other = Store::open(folder.path(), Options::default()).unwrap();
        other.recall_for("other");
        assert_eq!(said(&other, "one", 1), None, "each pipeline has its own");
    }

    #[test]
    fn unused_entries_are_forgotten_and_used_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let learn = |store: &Store, id: &str| {
            store.recall.learn(Digest::of(id.as_bytes()), stat(1), || id.as_bytes().to_vec());
            store.remember();
        };
        let store = open(folder.path());
        learn(&store, "idle");
        learn(&open(folder.path()), "used");
        for round in 0..=AGE {
            let store = open(folder.path());
            assert!(said(&store, "used", 1).is_some());
            learn(&store, &round.to_string());
        }
        let store = open(folder.path());
        assert_eq!((said(&store, "idle", 1), said(&store, "used", 1).as_deref()), (None, Some("used")));
    }

    #[test]
    fn what_was_written_just_now_is_not_remembered_beyond_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let new = StatTuple { ctime_ns: now_ns(), ..stat(1) };
        store.recall.learn(Digest::of(b"new"), new, Vec::new);
        store.remember();
        assert!(!folder.path().join("recall").exists());
    }

    #[test]
    fn a_damaged_memory_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.recall.learn(Digest::of(b"one"), stat(1), || b"1".to_vec());
        store.remember();
        let path = store.layout.recall_of("full");
        let sound = fs::read(&path).unwrap();
        for end in 0..sound.len() {
            fs::write(&path, &sound[..end]).unwrap();
            assert_eq!(said(&open(folder.path()), "one", 1), None, "cut at {end}");
        }
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert_eq!(said(&open(folder.path()), "one", 1), None, "flipped at {at}");
        }
        fs::write(&path, sound).unwrap();
        assert!(said(&open(folder.path()), "one", 1).is_some());
    }
}
