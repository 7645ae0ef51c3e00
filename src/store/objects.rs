//! Puts artifacts into the store, by the digest of their content: whole, read-only, never written again.
//!
//! If the same content is published again, also by several processes at once, the first object and its stat tuple
//! stay. See [`super::check`] for when an object is trusted afterwards.

use std::{os::unix::fs::MetadataExt, path::Path};

use super::{Check, Error, Result, Store, StoredArtifact, check::examine, layout::Layout};
use crate::{
    digest::Digest,
    fsx::{self, Below, Kind, StatTuple},
};

impl Store {
    /// Moves a finished file into the store. An intact object with the same content stays.
    ///
    /// # Errors
    /// Where it is not a regular file, is still being written, or the store cannot be written.
    pub fn publish(&self, file: &Path) -> Result<StoredArtifact> {
        let name = Below::new(file.file_name().unwrap_or_default().to_string_lossy())?;
        let (digest, stat) = publish(&self.layout, file)?;
        Ok(StoredArtifact { digest, file: name, size: stat.size, stat: Some(stat) })
    }

    /// Copies a finished folder into the store, as one packed object: see [`fsx::pack`].
    ///
    /// # Errors
    /// Where it contains something that cannot be packed, or the store cannot be written.
    pub fn publish_folder(&self, folder: &Path) -> Result<StoredArtifact> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = Below::new(format!("{name}/"))?;
        self.layout.prepare(&self.layout.tmp)?;
        let mut draft = fsx::Draft::create_in(&self.layout.tmp)?;
        fsx::pack(folder, std::io::BufWriter::with_capacity(1 << 16, &mut draft))?;
        let (digest, stat) = publish(&self.layout, draft.path())?;
        Ok(StoredArtifact { digest, file: name, size: stat.size, stat: Some(stat) })
    }
}

fn publish(layout: &Layout, file: &Path) -> Result<(Digest, StatTuple)> {
    let metadata = file.symlink_metadata().map_err(fsx::Error::at("read", file))?;
    if !metadata.is_file() {
        let what = if metadata.is_symlink() { "a symbolic link" } else { "not a file" };
        let file = file.display();
        return Err(Error::Refused(format!("{file} is {what}: an artifact must be a regular file")));
    }
    if metadata.nlink() > 1 {
        // The file has another name: it must neither become read-only nor change the object later.
        return publish_copy(layout, file);
    }
    let hashed = fsx::hash_file(file)?;
    let path = layout.object(&hashed.digest);
    layout.prepare_objects()?;
    layout.prepare(&fsx::parent(&path))?;
    fsx::make_read_only(file)?;
    loop {
        if let Some(stat) = keep_existing(layout, &path, &hashed.digest, hashed.stat.size)? {
            fsx::remove_file(file)?;
            return Ok((hashed.digest, stat));
        }
        match fsx::publish_new(file, &path, layout.durability) {
            Ok(true) => return stat_of_published(file, &path, &hashed).map(|stat| (hashed.digest, stat)),
            // Another process published the same content meanwhile.
            Ok(false) => {}
            Err(error) if error.kind() == Kind::OtherFileSystem => return publish_copy(layout, file),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The stat tuple of an intact object that already exists; `None` if there is none.
fn keep_existing(layout: &Layout, path: &Path, digest: &Digest, size: u64) -> Result<Option<StatTuple>> {
    let Some(stat) = fsx::stat_there(path)? else { return Ok(None) };
    match examine(layout, path, digest, size, stat)? {
        Check::Intact => Ok(Some(stat)),
        Check::IntactButTouched(stat) => Ok(Some(stat)),
        Check::Missing | Check::Elsewhere => Ok(None),
        Check::Damaged(_) => {
            // It may not have been movable: then the error of the removal says why.
            fsx::remove_file(path)?;
            Ok(None)
        }
    }
}

/// The stat tuple of a published object. An error if the file was written to after it was hashed.
fn stat_of_published(file: &Path, path: &Path, hashed: &fsx::Hashed) -> Result<StatTuple> {
    let is_same = |stat: &StatTuple| (stat.size, stat.mtime_ns) == (hashed.stat.size, hashed.stat.mtime_ns);
    if let Some(stat) = fsx::stat(path)?.filter(is_same) {
        return Ok(stat);
    }
    fsx::remove_file(path)?;
    Err(fsx::Error::changing(file).into())
}

/// Publishes a copy in `tmp/` of a file that cannot itself become the object.
fn publish_copy(layout: &Layout, file: &Path) -> Result<(Digest, StatTuple)> {
    layout.prepare(&layout.tmp)?;
    let mut source = fsx::open(file)?;
    let mut draft = fsx::Draft::create_in(&layout.tmp)?;
    std::io::copy(&mut source, &mut draft).map_err(fsx::Error::at("write", draft.path()))?;
    let published = publish(layout, draft.path())?;
    fsx::remove_file(file)?;
    Ok(published)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

    use super::*;
    use crate::{
        fsx::{Durability, testing::Disk},
        store::{Damage, Existing, Options, record::examples, testing::Case},
    };

    #[test]
    fn what_is_published_comes_back_and_is_read_only() {
        let case = Case::new();
        for content in [&b""[..], b"x", &vec![7; 3_000_001]] {
            let artifact = case.publish(content);
            assert_eq!(artifact.digest, Digest::of(content));
            assert_eq!((artifact.size, &*artifact.file), (content.len() as u64, "mödel of one.safetensors"));
            let object = case.store.layout.object(&artifact.digest);
            assert_eq!(fs::read(&object).unwrap(), content);
            assert_eq!(object.metadata().unwrap().mode() & 0o777, 0o444);
            assert!(!artifact.file.under(case.folder.path()).exists(), "published means moved");
        }
        case.assert_nothing_passing_is_left();
    }

    #[test]
    fn publishing_the_same_again_keeps_the_first() {
        let case = Case::new();
        let first = case.publish(b"same");
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(case.publish(b"same"), first);
        assert!(!first.file.under(case.folder.path()).exists());
        let read_only = case.file("read-only", b"same too");
        fs::set_permissions(&read_only, fs::Permissions::from_mode(0o400)).unwrap();
        case.store.publish(&read_only).unwrap();
    }

    #[test]
    fn eight_threads_publish_the_same_and_all_stat_tuples_hold() {
        let case = Case::new();
        let content = vec![3; 1_000_000];
        for round in 0..5 {
            let publish = |i: usize| {
                let mut content = content.clone();
                content.push(round);
                case.store.publish(&case.file(&i.to_string(), &content)).unwrap()
            };
            let all: Vec<StoredArtifact> = std::thread::scope(|scope| {
                let publish = &publish;
                let handles: Vec<_> = (0..8).map(|i| scope.spawn(move || publish(i))).collect();
                handles.into_iter().map(|handle| handle.join().unwrap()).collect()
            });
            let record = examples::record("k", "train.base");
            assert!(all.iter().all(|artifact| case.store.check(&record, artifact).unwrap() == Check::Intact));
        }
        case.assert_nothing_passing_is_left();
    }

    #[test]
    fn publishing_over_a_damaged_object_heals_it() {
        let case = Case::new();
        let record = case.record(&["content"]);
        case.tamper(&record, |path| fs::write(path, "kontent").unwrap());
        let artifact = case.publish(b"content");
        assert_eq!(fs::read(case.store.layout.object(&artifact.digest)).unwrap(), b"content");
        assert_eq!(fsx::list(&case.store.layout.quarantine).unwrap().len(), 1);
    }

    #[test]
    fn only_regular_files_are_artifacts() {
        let case = Case::new();
        let link = case.folder.path().join("link");
        std::os::unix::fs::symlink(case.file("x", b"x"), &link).unwrap();
        let message = case.store.publish(&link).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("{} is a symbolic link: an artifact must be a regular file", link.display())
        );
        assert!(matches!(case.store.publish(case.folder.path()), Err(Error::Refused(_))));
        assert!(case.store.publish(&case.folder.path().join("absent")).is_err());
    }

    #[test]
    fn a_file_with_a_second_name_is_copied_and_left_as_it_was() {
        let case = Case::new();
        let mine = case.file("mine", b"content");
        let second = case.folder.path().join("artifact");
        fs::hard_link(&mine, &second).unwrap();
        let before = mine.metadata().unwrap().mode();
        let artifact = case.store.publish(&second).unwrap();
        assert_eq!(&*artifact.file, "artifact");
        assert!(!second.exists());
        assert_eq!(mine.metadata().unwrap().mode(), before);
        fs::write(&mine, "edited").unwrap();
        assert_eq!(fs::read(case.store.layout.object(&artifact.digest)).unwrap(), b"content");
        case.assert_nothing_passing_is_left();
    }

    #[test]
    fn a_file_from_another_file_system_is_copied() {
        let Some(disk) = Disk::of_bytes(1 << 20) else { return };
        let case = Case::new();
        let path = disk.path().join("artifact");
        fs::write(&path, "content").unwrap();
        let artifact = case.store.publish(&path).unwrap();
        assert_eq!(&*artifact.file, "artifact");
        assert!(!path.exists());
        let record = examples::record("k", "x.y");
        assert_eq!(case.store.check(&record, &artifact).unwrap(), Check::Intact);
        case.assert_nothing_passing_is_left();
    }

    #[test]
    fn a_full_disk_fails_with_its_name_and_the_store_goes_on_when_there_is_space() {
        let Some(disk) = Disk::of_bytes(1 << 20) else { return };
        let store = Store::open(&disk.path().join("store"), Options::default()).unwrap();
        let case = Case { folder: tempfile::tempdir().unwrap(), store };
        let kept = case.record(&["kept"]);
        let error = case.store.publish(&case.file("big", &vec![1; 4 << 20])).unwrap_err();
        assert!(error.is_environment() && error.to_string().contains("No space left on device"), "{error}");
        case.assert_nothing_passing_is_left();
        assert_eq!(case.check(&kept), Check::Intact);
        case.publish(b"small");
    }

    #[test]
    fn a_read_only_store_serves_hits_and_refuses_writers_by_name() {
        let Some(disk) = Disk::of_bytes(1 << 20) else { return };
        let root = disk.path().join("store");
        let folder = tempfile::tempdir().unwrap();
        let case = Case { store: Store::open(&root, Options::default()).unwrap(), folder };
        let record = case.record(&["content", "other"]);
        case.tamper(&record, |path| fs::write(path, "kontent").unwrap());
        disk.make_read_only();
        let case = Case { store: Store::open(&root, Options::default()).unwrap(), ..case };
        assert_eq!(case.store.record(&record.key).unwrap().found().as_ref(), Some(&record));
        let checks = case.checks(&record);
        assert_eq!(checks["1"], Check::Intact);
        assert!(matches!(&checks["0"], Check::Damaged(Damage { moved_to: None, .. })));
        assert!(!case.store.refresh(&record, &checks).unwrap());
        let key = record.key;
        let refused = [
            case.store.try_lock(&key, "").map(drop),
            case.store.attempt(&key).map(drop),
            case.store.work(&key).map(drop),
            case.store.commit(record.clone(), Existing::Replace).map(drop),
            case.store.note_latest("full", "train.base", &key),
            case.store.publish(&case.file("new", b"new")).map(drop),
        ];
        for result in refused {
            let error = result.unwrap_err();
            assert!(error.is_environment() && error.to_string().contains("Read-only file system"), "{error}");
        }
        let source = case.file("source", b"x");
        assert_eq!(case.store.sources().digest(&source).unwrap(), Digest::of(b"x"));
        disk.make_writable();
        assert_eq!(case.check(&case.record(&["content"])), Check::Intact);
    }

    #[test]
    fn durable_stores_work_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store"), Options { durable: true }).unwrap();
        assert_eq!(store.layout.durability, Durability::Durable);
        let case = Case { store, folder };
        let record = case.record(&["content"]);
        assert_eq!(case.check(&record), Check::Intact);
    }
}
