//! The identity of the folder `objects/`: see [`super::check`] for its purpose.
//!
//! It changes whenever that folder is created anew. A damaged identity is restored from the newest record; with a new
//! one, every lost object of an older record would count as never here.

use super::{
    ActionRecord, Result, Store,
    layout::Layout,
    read::{FileRead, files, key_of, read_file},
    records::{Parsed, parse},
};
use crate::{
    digest::Digest,
    fsx::{self, Durability},
};

/// The length of an identity, which is a [`fsx::unique_name`].
const DIGITS: usize = 16;

/// Which folder `objects/` this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// It does not exist.
    None,
    /// It exists, but its identity is lost.
    Unknown,
    /// The folder with this identity.
    Is(String),
}

impl Home {
    /// Whether the objects of a record were in this folder. If that is unknown, they were: to compute again is never
    /// wrong.
    pub(super) fn is(&self, of_record: Option<&str>) -> bool {
        match self {
            Self::None => false,
            Self::Unknown => of_record.is_some(),
            Self::Is(home) => of_record == Some(home),
        }
    }

    /// The identity, if it is known.
    pub(super) fn identity(self) -> Option<String> {
        match self {
            Self::Is(home) => Some(home),
            Self::None | Self::Unknown => None,
        }
    }
}

/// The identity in the bytes of the file `home`, unless they are damaged.
pub(super) fn identity_in(bytes: &[u8]) -> Option<&str> {
    let home = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (home.len() == DIGITS && home.bytes().all(is_digit)).then_some(home)
}

impl Layout {
    /// Which folder `objects/` is here now.
    pub(super) fn home(&self) -> Result<Home> {
        if fsx::stat(&self.objects)?.is_none() {
            return Ok(Home::None);
        }
        let bytes = read_file(&self.home_file)?.bytes();
        let identity = bytes.as_deref().and_then(identity_in);
        Ok(identity.map_or(Home::Unknown, |identity| Home::Is(identity.to_owned())))
    }

    /// Makes sure that the folder `objects/` exists and has an identity.
    pub(super) fn prepare_objects(&self) -> Result<()> {
        if matches!(self.home()?, Home::Is(_)) {
            return Ok(());
        }
        let _lock = self.short_lock("layout")?;
        let known = match self.home()? {
            Home::Is(_) => return Ok(()),
            Home::Unknown => newest_home(self)?,
            Home::None => None,
        };
        // The identity comes first, so that a new `objects/` never has an old one.
        let home = format!("{}\n", known.unwrap_or_else(fsx::unique_name));
        self.quarantine_non_file(&self.home_file);
        let draft = self.draft(&self.home_file, home.as_bytes())?;
        if fsx::stat(&self.home_file)?.is_some() {
            draft.publish(&self.home_file, Durability::Durable)?;
        } else {
            // Without working locks, two processes may get here: the first identity counts.
            draft.publish_new(&self.home_file, Durability::Durable)?;
        }
        Ok(fsx::create_folder(&self.objects)?)
    }
}

/// The home in the newest record. Reads all records, but only after damage.
fn newest_home(layout: &Layout) -> Result<Option<String>> {
    let mut newest = None;
    for key in files(&layout.actions, |_, name| Ok(key_of(name)))? {
        let Ok(FileRead::Bytes(_, bytes)) = read_file(&layout.record(&key)) else { continue };
        if let Parsed::Record(record) = parse(&bytes, &key) {
            let ActionRecord { home, made, .. } = *record;
            newest = newest.max(home.map(|home| (made.started, home)));
        }
    }
    Ok(newest.map(|(_, home)| home))
}

impl Store {
    /// The keys of all records, in order. Lists many folders.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn keys(&self) -> Result<Vec<Digest>> {
        files(&self.layout.actions, |_, name| Ok(key_of(name)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Check, Options, testing::Case};

    fn open(root: &std::path::Path) -> Layout {
        Layout::open(root, Durability::Relaxed).unwrap()
    }

    #[test]
    fn eight_at_once_create_one_store_with_one_home() {
        let folder = tempfile::tempdir().unwrap();
        let homes: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let create = || {
                let layout = open(folder.path());
                layout.prepare_objects().unwrap();
                layout.home().unwrap().identity().unwrap()
            };
            let handles: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        assert_eq!(homes.len(), 1);
    }

    #[test]
    fn objects_made_anew_have_a_new_home() {
        let folder = tempfile::tempdir().unwrap();
        let layout = open(folder.path());
        layout.prepare_objects().unwrap();
        let first = layout.home().unwrap();
        layout.prepare_objects().unwrap();
        assert_eq!(layout.home().unwrap(), first);
        fs::remove_dir(&layout.objects).unwrap();
        assert_eq!(layout.home().unwrap(), Home::None);
        layout.prepare_objects().unwrap();
        let second = layout.home().unwrap();
        assert!(second != first && second != Home::Unknown);
    }

    #[test]
    fn a_lost_object_stays_lost_when_the_home_is_damaged_and_when_it_is_made_good() {
        for damage in [&b""[..], b"\n", b"garbage\n", b"\xff\xfe", b"0123456789ABCDEF\n", b"0123456789abcdef"]
        {
            let case = Case::new();
            let record = case.record(&["content", "other"]);
            let home = case.store.layout.home().unwrap();
            fs::remove_file(case.object(&record, "0")).unwrap();
            fs::write(&case.store.layout.home_file, damage).unwrap();
            assert_eq!(case.check(&record), Check::Missing, "{damage:?}");
            assert_eq!(case.checks(&record)["1"], Check::Intact);
            // What is published next makes the identity good; no record ever gets the garbage.
            case.publish(b"of another stage");
            assert_eq!(case.store.layout.home().unwrap(), home, "{damage:?}");
            assert_eq!(case.check(&record), Check::Missing, "{damage:?}");
        }
    }

    #[test]
    fn a_verification_names_a_damaged_home_and_what_is_lost() {
        let case = Case::new();
        let record = case.record(&["content"]);
        fs::write(&case.store.layout.home_file, "").unwrap();
        fs::remove_file(case.object(&record, "0")).unwrap();
        let what = |store: &Store| {
            store.verify(&|_| ()).unwrap().damaged.into_iter().map(|flaw| flaw.what).collect::<Vec<_>>()
        };
        let mut flaws = what(&case.store);
        flaws.sort();
        assert_eq!(flaws, ["it contains no identity", "it is gone"]);
        let again = Store::open(case.store.root(), Options::default()).unwrap();
        assert_eq!(what(&again), Vec::<String>::new());
    }
}
