//! What the small files of a store, and shown folders, say, remembered with their stat tuples, so that a run of
//! many stages that finds everything as it was opens none of them.
//!
//! One file for each pipeline, read at once and written at most once a run, at its end, if anything was learnt.
//! It is never the truth: what it says counts while the stat tuple of the file that said it is the same, and
//! else the file is read. A file that is damaged, of another version or gone is no memory, and failing to write
//! it is no error: the next run reads more.
//!
//! Knows bytes and stat tuples; what the bytes mean is the callers' matter.
//!
//! ```text
//! "pcamflow recall 3.1\n"   what it is
//! count                   of entries, 8 bytes (all numbers: little-endian)
//! count entries           sorted by ID: ID (32), stat tuple (4 x 8), end of its bytes (8), age (8)
//! bytes                   of all entries
//! BLAKE3                  of all that comes before (32)
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

/// Its own version, and that of the action records of which it has parts.
const HEAD: &[u8] = b"pcamflow recall 3.1\n";
const _: () = assert!(RECORD_FORMAT == 1, "the second number in `HEAD` is that of the records");
const COUNT: usize = HEAD.len() + 8;
const ENTRY: usize = 32 + 4 * 8 + 8 + 8;
const SEAL: usize = 32;

/// After how many runs that learnt something, and did not need it, an entry is forgotten.
const AGE: u64 = 8;

/// The memory of an opened store: empty, and learning nothing, until a pipeline is named.
#[derive(Debug)]
pub(super) struct Recall {
    layout: Arc<Layout>,
    book: OnceLock<Book>,
    fresh: Mutex<BTreeMap<Digest, (StatTuple, Vec<u8>)>>,
}

/// What was remembered when the run began.
#[derive(Debug)]
struct Book {
    path: PathBuf,
    bytes: Vec<u8>,
    /// By entry, whether anybody asked for it.
    used: Vec<AtomicBool>,
}

/// One entry, without its bytes.
struct Entry {
    id: Digest,
    stat: StatTuple,
    age: u64,
}

impl Recall {
    pub(super) fn new(layout: Arc<Layout>) -> Self {
        Self { layout, book: OnceLock::new(), fresh: Mutex::default() }
    }

    /// From now on remembers from run to run of that pipeline.
    pub(super) fn open_for(&self, pipeline: &str) {
        self.book.get_or_init(|| Book::load(self.layout.recall(pipeline)));
    }

    /// Whether there is any use in learning.
    pub(super) fn is_wanted(&self) -> bool {
        self.book.get().is_some()
    }

    /// What a file said when it had that stat tuple, read with `read`.
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
        let place = book.place(id)?;
        if book.entry(place).stat != *stat {
            return None;
        }
        let read = read(book.bytes_of(place))?;
        book.used[place].store(true, Ordering::Relaxed);
        Some(read)
    }

    /// Learns what a file says that has that stat tuple.
    pub(super) fn learn(&self, id: Digest, stat: StatTuple, bytes: Vec<u8>) {
        if self.is_wanted() {
            self.fresh().insert(id, (stat, bytes));
        }
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeMap<Digest, (StatTuple, Vec<u8>)>> {
        // A panic elsewhere leaves what was true when it was put in.
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn save(&self) -> Result<()> {
        let Some(book) = self.book.get() else { return Ok(()) };
        let mut fresh = std::mem::take(&mut *self.fresh());
        // What was written just now could be written once more without showing.
        let now = now_ns();
        fresh.retain(|_, (stat, _)| unsettled_for(stat, now).is_zero());
        if fresh.is_empty() {
            return Ok(());
        }
        let mut all: BTreeMap<Digest, (Entry, &[u8])> = BTreeMap::new();
        for place in 0..book.used.len() {
            let mut entry = book.entry(place);
            entry.age = if book.used[place].load(Ordering::Relaxed) { 0 } else { entry.age + 1 };
            if entry.age <= AGE {
                all.insert(entry.id, (entry, book.bytes_of(place)));
            }
        }
        for (id, (stat, bytes)) in &fresh {
            all.insert(*id, (Entry { id: *id, stat: *stat, age: 0 }, bytes));
        }
        self.layout.write(&book.path, &written(&all))
    }
}

fn written(all: &BTreeMap<Digest, (Entry, &[u8])>) -> Vec<u8> {
    let size: usize = all.values().map(|(_, bytes)| ENTRY + bytes.len()).sum();
    let mut text = Vec::with_capacity(COUNT + size + SEAL);
    text.extend_from_slice(HEAD);
    text.extend_from_slice(&(all.len() as u64).to_le_bytes());
    let mut end = 0;
    for (Entry { id, stat, age }, bytes) in all.values() {
        end += bytes.len() as u64;
        text.extend_from_slice(id.as_bytes());
        for number in
            [stat.size, stat.mtime_ns.cast_unsigned(), stat.inode, stat.ctime_ns.cast_unsigned(), end, *age]
        {
            text.extend_from_slice(&number.to_le_bytes());
        }
    }
    all.values().for_each(|(_, bytes)| text.extend_from_slice(bytes));
    let seal = blake3::hash(&text);
    text.extend_from_slice(seal.as_bytes());
    text
}

impl Book {
    fn load(path: PathBuf) -> Self {
        let bytes = fsx::read_if_there(&path).ok().flatten().unwrap_or_default();
        match count(&bytes) {
            Some(count) => {
                let used = (0..count).map(|_| AtomicBool::new(false)).collect();
                Self { path, bytes, used }
            }
            None => Self { path, bytes: Vec::new(), used: Vec::new() },
        }
    }

    fn id(&self, place: usize) -> &[u8] {
        let at = COUNT + place * ENTRY;
        &self.bytes[at..at + 32]
    }

    fn number(&self, place: usize, number: usize) -> u64 {
        number_at(&self.bytes, COUNT + place * ENTRY + 32 + number * 8)
    }

    fn entry(&self, place: usize) -> Entry {
        let stat = StatTuple {
            size: self.number(place, 0),
            mtime_ns: self.number(place, 1).cast_signed(),
            inode: self.number(place, 2),
            ctime_ns: self.number(place, 3).cast_signed(),
        };
        let id = self.id(place).try_into().expect("32 bytes");
        Entry { id: Digest::from(blake3::Hash::from_bytes(id)), stat, age: self.number(place, 5) }
    }

    /// The bytes of an entry; empty where it does not say what it should (its seal holds, so it does).
    fn bytes_of(&self, place: usize) -> &[u8] {
        let begin = COUNT + self.used.len() * ENTRY;
        let at = |end: u64| begin.saturating_add(usize::try_from(end).unwrap_or(usize::MAX));
        let from = if place == 0 { begin } else { at(self.number(place - 1, 4)) };
        self.bytes.get(from..at(self.number(place, 4))).unwrap_or_default()
    }

    fn place(&self, id: &Digest) -> Option<usize> {
        let (mut low, mut high) = (0, self.used.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.id(middle).cmp(id.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

fn number_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

/// How many entries these bytes hold, if they are sound.
fn count(bytes: &[u8]) -> Option<usize> {
    let (said, seal) = bytes.split_last_chunk::<SEAL>()?;
    let sound = said.len() >= COUNT && said.starts_with(HEAD) && blake3::hash(said).as_bytes() == seal;
    if !sound {
        return None;
    }
    let count = usize::try_from(number_at(said, HEAD.len())).ok()?;
    (count.checked_mul(ENTRY)?.checked_add(COUNT)? <= said.len()).then_some(count)
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
            store.recall.learn(Digest::of(id.as_bytes()), stat(1), id.as_bytes().to_vec());
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
    fn what_nobody_needs_is_forgotten_and_what_is_used_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let learn = |store: &Store, id: &str| {
            store.recall.learn(Digest::of(id.as_bytes()), stat(1), id.as_bytes().to_vec());
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
        store.recall.learn(Digest::of(b"new"), new, Vec::new());
        store.remember();
        assert!(!folder.path().join("recall").exists());
    }

    #[test]
    fn a_damaged_memory_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.recall.learn(Digest::of(b"one"), stat(1), b"1".to_vec());
        store.remember();
        let path = store.layout.recall("full");
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
