//! `cache verify`: reads every byte of a store again, to find bits that rotted on the disk.
//!
//! Objects are hashed whatever their stat tuples say, records are checked by their seals, and the objects of every
//! result must exist. Bad files are quarantined and the results that need them are forgotten, so that the next run
//! computes them again. Runs, collections and other verifications may happen at the same time.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    ActionRecord, Check, Damage, Result, Store, TryKey,
    meter::{Meter, Progress},
    quarantine::{quarantine, quarantine_unless_changed},
    survey::{Content, Entry, Survey},
    users::{Users, users},
};
use crate::{
    digest::Digest,
    fsx::{self, Kind, StatTuple},
};

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    /// Results whose records were checked.
    pub results: usize,
    /// Run records that were checked.
    pub runs: usize,
    /// Objects that were read.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Results whose objects never were in this store, for example because only records were restored.
    pub elsewhere: usize,
    /// What was wrong.
    pub damaged: Vec<Flaw>,
}

/// A file that is damaged or gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flaw {
    /// Where it was.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What it was: `train.base/model` for an artifact, `train.base` for a record or a log. Several if several
    /// results had the same bytes; empty if no record names it.
    pub made_by: Vec<String>,
    /// The pipelines of these stages, as far as the store knows.
    pub pipelines: Vec<String>,
    /// Where it is now; `None` if it is gone, or could not be moved (a read-only store).
    pub moved_to: Option<PathBuf>,
}

impl From<Damage> for Flaw {
    fn from(damage: Damage) -> Self {
        let Damage { path, what, moved_to } = damage;
        Self { path, what, made_by: Vec::new(), pipelines: Vec::new(), moved_to }
    }
}

/// The stat tuple of every good object, and the flaw of every bad one.
type Hashed = HashMap<Digest, Result<StatTuple, Flaw>>;

/// A verification in progress.
struct Verification<'a> {
    store: &'a Store,
    users: Users,
    hashed: Hashed,
    flaws: BTreeMap<PathBuf, Flaw>,
    elsewhere: usize,
}

impl Store {
    /// Hashes every object, checks every record, quarantines what is bad and forgets the results that need it.
    /// `progress` (in bytes) is called from several threads.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn verify(&self, progress: &(dyn Fn(Progress) + Sync)) -> Result<Verified> {
        let survey = Survey::of(self, &Survey::default())?;
        let hashed = hash_all(self, &survey, progress)?;
        let bad = hashed.values().filter_map(|found| found.as_ref().err());
        let flaws = bad.map(|flaw| (flaw.path.clone(), flaw.clone())).collect();
        let users = users(self, &survey.latest)?;
        let mut verification = Verification { store: self, users, hashed, flaws, elsewhere: 0 };
        for (key, entry) in &survey.results {
            match &*entry.content {
                Content::Result(record) => verification.result(key, entry, record)?,
                Content::Damaged(what) => verification.damaged_record(key, entry, what)?,
                Content::Foreign(_) => {}
            }
        }
        let Verification { hashed, mut flaws, elsewhere, .. } = verification;
        let runs = self.verify_runs(&mut flaws)?;
        self.verify_small_files(&mut flaws)?;
        Ok(Verified {
            results: survey.results.len(),
            runs,
            objects: hashed.len(),
            bytes: hashed.keys().filter_map(|digest| survey.objects.get(digest)).sum(),
            elsewhere,
            damaged: flaws.into_values().collect(),
        })
    }

    /// Notes why a result is gone, for "why does it run?".
    fn explain_loss(&self, key: &Digest, what: &str) {
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        let day = now.split('T').next().unwrap_or_default();
        let why = format!("its {what} was damaged or lost, and put aside by `cache verify` on {day}");
        if let Err(error) = self.note_loss(key, &why) {
            tracing::debug!("cannot note why a result is gone: {error}");
        }
    }
}

impl Verification<'_> {
    /// Checks the objects of a result.
    fn result(&mut self, key: &Digest, entry: &Entry, record: &ActionRecord) -> Result<()> {
        let layout = &self.store.layout;
        let (mut lost, mut touched, mut elsewhere) = (Vec::new(), false, false);
        for (name, artifact) in &record.artifacts {
            match self.hashed.get(&artifact.digest) {
                Some(Ok(stat)) => touched |= artifact.stat != Some(*stat),
                Some(Err(_)) => lost.push((name, artifact.digest)),
                // Published since the survey.
                None if fsx::stat_there(&layout.object(&artifact.digest))?.is_some() => {}
                // The record is checked last, because a collection removes it before its objects.
                None if layout.home()?.is(record.home.as_deref())
                    && fsx::stat_there(&layout.record(key))? == Some(entry.stat) =>
                {
                    lost.push((name, artifact.digest));
                }
                None => elsewhere = true,
            }
        }
        self.elsewhere += usize::from(elsewhere);
        for (name, digest) in &lost {
            let (path, what) = (self.store.layout.object(digest), "it is gone".to_owned());
            let gone = || Damage { path: path.clone(), what, moved_to: None }.into();
            self.flaws.entry(path.clone()).or_insert_with(gone);
            self.name_flaw(digest, key, format!("{}/{name}", record.stage));
        }
        if let Some(log) = record.log {
            self.name_flaw(&log, key, record.stage.clone());
        }
        if !lost.is_empty() {
            let names: Vec<String> = lost.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.forget(key, entry, &names.join(", "));
        } else if touched {
            self.remember_as_intact(key)?;
        }
        Ok(())
    }

    /// Says of a bad object which result it was part of.
    fn name_flaw(&mut self, object: &Digest, key: &Digest, made_by: String) {
        if let Some(flaw) = self.flaws.get_mut(&self.store.layout.object(object)) {
            flaw.made_by.push(made_by);
            flaw.pipelines
                .extend(self.users.get(key).into_iter().flatten().map(|(pipeline, _)| pipeline.clone()));
            flaw.pipelines.sort();
            flaw.pipelines.dedup();
        }
    }

    /// Quarantines a record, unless its result is being made again at this moment.
    fn forget(&self, key: &Digest, entry: &Entry, lost: &str) {
        let layout = &self.store.layout;
        if let Ok(TryKey::Acquired(_lock)) = self.store.try_lock(key, "setting aside a damaged result")
            && quarantine(layout, &layout.record(key), &entry.stat, String::new()).moved_to.is_some()
        {
            self.store.explain_loss(key, lost);
        }
    }

    fn damaged_record(&mut self, key: &Digest, entry: &Entry, what: &str) -> Result<()> {
        let (layout, path) = (&self.store.layout, self.store.layout.record(key));
        if fsx::stat_there(&path)? != Some(entry.stat) {
            return Ok(());
        }
        let damage = quarantine_unless_changed(layout, &path, &entry.stat, what.to_owned())?;
        let Some(damage) = damage else { return Ok(()) };
        if damage.moved_to.is_some() {
            self.store.explain_loss(key, "record");
        }
        let users = self.users.get(key).into_iter().flatten().cloned();
        let (mut pipelines, mut made_by): (Vec<_>, Vec<_>) = users.unzip();
        for names in [&mut pipelines, &mut made_by] {
            names.sort();
            names.dedup();
        }
        self.flaws.insert(path, Flaw { made_by, pipelines, ..damage.into() });
        Ok(())
    }

    /// Spares the next run from hashing objects that are good but were touched.
    fn remember_as_intact(&self, key: &Digest) -> Result<()> {
        let Some(record) = self.store.record(key)?.found() else { return Ok(()) };
        let check = |digest: &Digest| match self.hashed.get(digest) {
            Some(Ok(stat)) => Check::IntactButTouched(*stat),
            _ => Check::Elsewhere,
        };
        let checks = record.artifacts.iter().map(|(name, part)| (name.clone(), check(&part.digest)));
        self.store.refresh(&record, &checks.collect()).map(drop)
    }
}

fn hash_all(store: &Store, survey: &Survey, progress: &(dyn Fn(Progress) + Sync)) -> Result<Hashed> {
    let meter = Meter::new(survey.objects.values().sum(), progress);
    let packed = survey.packed();
    let hashed = survey.objects.par_iter().map(|(digest, _)| {
        let found = hash(store, digest, packed.contains(digest), &|bytes| meter.add(bytes))?;
        Ok(found.map(|found| (*digest, found)))
    });
    hashed.filter_map(Result::transpose).collect()
}

/// How often an object is read if it is touched meanwhile.
const ATTEMPTS: usize = 3;

/// `None` if the object is no longer there.
fn hash(
    store: &Store,
    digest: &Digest,
    packed: bool,
    read: &(dyn Fn(u64) + Sync),
) -> Result<Option<Result<StatTuple, Flaw>>> {
    let path = store.layout.object(digest);
    for attempt in 1.. {
        let Some(seen) = fsx::stat_there(&path)? else { break };
        let what = match fsx::hash_file_with(&path, read) {
            // Even with the right digest, a packed folder may be one that must not be unpacked.
            Ok(hashed) if hashed.digest == *digest => {
                match if packed { fsx::check_packed(&path) } else { Ok(()) } {
                    Ok(()) => return Ok(Some(Ok(hashed.stat))),
                    Err(error) => error.words(),
                }
            }
            Ok(hashed) => format!("its content has the digest {}", hashed.digest.short()),
            Err(error) if error.kind() == Kind::Changing && attempt < ATTEMPTS => continue,
            Err(error) if error.kind() == Kind::NotFound => match fsx::non_file(&path) {
                Some(what) => what.to_owned(),
                None => break,
            },
            Err(error) => error.words(),
        };
        let damage = quarantine_unless_changed(&store.layout, &path, &seen, what)?;
        return Ok(damage.map(|damage| Err(damage.into())));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Existing, Lookup, testing::Case};

    fn verify(case: &Case) -> Verified {
        case.store.verify(&|_| ()).unwrap()
    }

    #[test]
    fn a_sound_store_is_counted_and_left_as_it_is() {
        let case = Case::new();
        let record = case.record(&["content", "other"]);
        let verified = verify(&case);
        assert_eq!((verified.results, verified.objects, verified.bytes), (1, 2, 12));
        assert_eq!(verified.damaged, []);
        assert_eq!(case.check(&record), Check::Intact);
    }

    #[test]
    fn a_flip_that_no_stat_tuple_shows_is_found_and_named_and_the_result_forgotten() {
        let case = Case::new();
        let mut record = case.record(&["content", "other"]);
        case.tamper(&record, |path| fs::write(path, "kontent").unwrap());
        // As if the disk had rotted: the record knows the damaged file's stat tuple.
        let path = case.store.layout.object(&record.artifacts.get("0").unwrap().digest);
        record.artifacts.get_mut("0").unwrap().stat = fsx::stat(&path).unwrap();
        case.store.commit(record.clone(), Existing::Replace).unwrap();
        assert_eq!(case.check(&record), Check::Intact, "nothing but reading it tells");
        let flaws = verify(&case).damaged;
        assert_eq!((flaws.len(), flaws[0].made_by.as_slice()), (1, &["train.base/0".to_owned()][..]));
        assert_eq!(fs::read_to_string(flaws[0].moved_to.as_ref().unwrap()).unwrap(), "kontent");
        assert_eq!(case.store.record(&record.key).unwrap(), Lookup::Absent);
        let loss = case.store.loss(&record.key).unwrap().unwrap();
        assert!(
            loss.starts_with("its `0` was damaged or lost, and put aside by `cache verify` on 2"),
            "{loss}"
        );
        case.store.remove_work(&record.key).unwrap();
        assert_eq!(case.store.loss(&record.key).unwrap(), None, "with its next result it is forgotten");
        assert_eq!(verify(&case).damaged, [], "clean afterwards");
    }

    #[test]
    fn what_is_gone_is_named_and_what_never_was_here_is_counted() {
        let case = Case::new();
        let record = case.record(&["content"]);
        fs::remove_file(case.store.layout.object(&record.artifacts.get("0").unwrap().digest)).unwrap();
        let flaws = verify(&case).damaged;
        assert_eq!((flaws.len(), flaws[0].what.as_str()), (1, "it is gone"));
        assert_eq!(verify(&case).damaged, []);
        case.record(&["content"]);
        fs::remove_dir_all(&case.store.layout.objects).unwrap();
        let verified = verify(&case);
        assert_eq!((verified.damaged.len(), verified.elsewhere), (0, 1));
        assert!(case.store.record(&record.key).unwrap().found().is_some(), "a hit without bytes");
    }

    #[test]
    fn a_torn_record_is_moved_away_and_its_stage_known_from_who_had_it_last() {
        let case = Case::new();
        let record = case.record(&["content"]);
        case.store.note_latest("full", "train.base", &record.key).unwrap();
        let path = case.store.layout.record(&record.key);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        let flaws = verify(&case).damaged;
        assert_eq!((flaws.len(), flaws[0].made_by.as_slice()), (1, &["train.base".to_owned()][..]));
        assert!(!path.exists());
        assert_eq!(verify(&case).damaged, []);
    }

    #[test]
    fn touched_objects_are_remembered_as_sound() {
        let case = Case::new();
        let record = case.record(&["content"]);
        case.tamper(&record, |path| fs::write(path, "content").unwrap());
        assert_eq!(verify(&case).damaged, []);
        let record = case.store.record(&record.key).unwrap().found().unwrap();
        assert_eq!(case.check(&record), Check::Intact);
    }
}
