//! Reads every byte of a store again: for bits that rotted on the disk, and for peace of mind.
//!
//! Objects are hashed whatever their stat tuples say, records are checked by their seals, and every result
//! for whether its bytes are still here. What is wrong is moved into `quarantine/`, and the result that it
//! was part of is forgotten: so the store is sound afterwards, and the next run that wants that result
//! computes it again. May run beside runs, collections and other verifications.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Check, Damage, Progress, Result, Store, TryKey,
    quarantine::put_away,
    survey::{Content, Entry, Facts, Survey},
    whose::Whose,
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
    /// Results whose bytes never were in this store, for one because only records were restored.
    pub elsewhere: usize,
    /// What was wrong.
    pub damaged: Vec<Flaw>,
}

/// One file that is wrong or gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flaw {
    /// Where it was.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What it was: `train.base/model` for an artifact, `train.base` for a record or a log. Several where
    /// several results had the same bytes, none if no record speaks of it.
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

impl Flaw {
    /// It was (also) made by that, in these pipelines.
    fn add(&mut self, made_by: String, pipelines: impl IntoIterator<Item = String>) {
        self.made_by.push(made_by);
        self.pipelines.extend(pipelines);
        self.pipelines.sort();
        self.pipelines.dedup();
    }
}

/// What hashing says of every object that was there: its stat tuple if it is sound.
type Hashed = HashMap<Digest, Result<StatTuple, Flaw>>;

impl Store {
    /// Hashes every object, checks every record, moves away what is wrong and forgets what it was part of.
    /// `progress` (in bytes) is called from several threads.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn verify(&self, progress: &(dyn Fn(Progress) + Sync)) -> Result<Verified> {
        let survey = Survey::of(self, &Survey::default())?;
        let hashed = hash_all(self, &survey, progress)?;
        let whose = Whose::new(self, &survey.latest);
        let mut verified = Verified {
            results: survey.results.len(),
            objects: hashed.len(),
            bytes: hashed.keys().filter_map(|digest| survey.objects.get(digest)).sum(),
            ..Verified::default()
        };
        let mut flaws: BTreeMap<PathBuf, Flaw> = hashed
            .values()
            .filter_map(|found| found.clone().err())
            .map(|flaw| (flaw.path.clone(), flaw))
            .collect();
        for (key, entry) in &survey.results {
            match &*entry.content {
                Content::Result(facts) => {
                    self.judge((key, entry, facts), &whose, &hashed, &mut flaws, &mut verified)?
                }
                Content::Damaged(what) => self.damaged_record(&whose, key, entry, what, &mut flaws)?,
                Content::Foreign(_) => {}
            }
        }
        verified.runs = self.verify_runs(&mut flaws)?;
        self.verify_small_files(&mut flaws)?;
        verified.damaged = flaws.into_values().collect();
        Ok(verified)
    }

    /// Compares a result with what was found of its objects.
    fn judge(
        &self,
        (key, entry, facts): (&Digest, &Entry, &Facts),
        whose: &Whose<'_>,
        hashed: &Hashed,
        flaws: &mut BTreeMap<PathBuf, Flaw>,
        verified: &mut Verified,
    ) -> Result<()> {
        let mut lost = Vec::new();
        let mut touched = false;
        let mut elsewhere = false;
        for part in &facts.artifacts {
            match hashed.get(&part.digest) {
                Some(Ok(stat)) => touched |= part.stat != Some(*stat),
                Some(Err(_)) => lost.push(part),
                None if self.is_lost(key, entry, facts, &part.digest)? => lost.push(part),
                None => elsewhere |= fsx::stat_there(&self.layout.object(&part.digest))?.is_none(),
            }
        }
        for part in &lost {
            let path = self.layout.object(&part.digest);
            let gone = || Flaw {
                path: path.clone(),
                what: "it is gone".into(),
                made_by: Vec::new(),
                pipelines: Vec::new(),
                moved_to: None,
            };
            let flaw = flaws.entry(path.clone()).or_insert_with(gone);
            flaw.add(format!("{}/{}", facts.stage, part.name), whose.pipelines(key));
        }
        if let Some(flaw) = facts.log.and_then(|log| flaws.get_mut(&self.layout.object(&log))) {
            flaw.add(facts.stage.clone(), whose.pipelines(key));
        }
        verified.elsewhere += usize::from(elsewhere);
        if !lost.is_empty() {
            let names: Vec<String> = lost.iter().map(|part| format!("`{}`", part.name)).collect();
            self.set_aside(key, entry, &names.join(", "));
        } else if touched {
            self.remember_as_sound(key, hashed)?;
        }
        Ok(())
    }

    /// Whether an absent object was here, and is not merely collected together with its record.
    fn is_lost(&self, key: &Digest, entry: &Entry, facts: &Facts, object: &Digest) -> Result<bool> {
        let absent = fsx::stat_there(&self.layout.object(object))?.is_none();
        // The record is asked last: a collection removes it first.
        Ok(absent
            && self.layout.home()?.is(facts.home.as_deref())
            && fsx::stat_there(&self.layout.record(key))? == Some(entry.stat))
    }

    /// Moves a record away, unless somebody is making that result again just now.
    fn set_aside(&self, key: &Digest, entry: &Entry, lost: &str) {
        if let Ok(TryKey::Acquired(_lock)) = self.try_lock(key, "setting aside a damaged result") {
            let damage = put_away(&self.layout, &self.layout.record(key), &entry.stat, String::new());
            if damage.moved_to.is_some() {
                self.tell_loss(key, lost);
            }
        }
    }

    /// Leaves word for "why does it run?". Failing that costs the explanation.
    fn tell_loss(&self, key: &Digest, what: &str) {
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        let day = now.split('T').next().unwrap_or_default();
        let why = format!("its {what} was damaged or lost, and put aside by `cache verify` on {day}");
        if let Err(error) = self.note_loss(key, &why) {
            tracing::debug!("why a result is gone could not be noted: {error}");
        }
    }

    fn damaged_record(
        &self,
        whose: &Whose<'_>,
        key: &Digest,
        entry: &Entry,
        what: &str,
        flaws: &mut BTreeMap<PathBuf, Flaw>,
    ) -> Result<()> {
        let path = self.layout.record(key);
        if fsx::stat_there(&path)? != Some(entry.stat) {
            return Ok(());
        }
        let damage = put_away(&self.layout, &path, &entry.stat, what.to_owned());
        if damage.moved_to.is_none() && fsx::stat_there(&path)? != Some(entry.stat) {
            return Ok(());
        }
        if damage.moved_to.is_some() {
            self.tell_loss(key, "record");
        }
        // The record itself cannot be asked any more.
        let made_by = whose.stages(key).into_iter().collect();
        let pipelines = whose.pipelines(key).into_iter().collect();
        flaws.insert(path, Flaw { made_by, pipelines, ..damage.into() });
        Ok(())
    }

    /// Objects that are sound but were touched need not be hashed again by the next run.
    fn remember_as_sound(&self, key: &Digest, hashed: &Hashed) -> Result<()> {
        let Some(record) = self.record(key)?.found() else { return Ok(()) };
        let check = |digest: &Digest| match hashed.get(digest) {
            Some(Ok(stat)) => Check::IntactButTouched(*stat),
            _ => Check::Elsewhere,
        };
        let checks = record.artifacts.iter().map(|(name, part)| (name.clone(), check(&part.digest)));
        self.refresh(&record, &checks.collect()).map(drop)
    }
}

fn hash_all(store: &Store, survey: &Survey, progress: &(dyn Fn(Progress) + Sync)) -> Result<Hashed> {
    let total = survey.objects.values().sum();
    let packed = survey.packed();
    let done = AtomicU64::new(0);
    let read = |bytes: u64| {
        let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        progress(Progress { done, total });
    };
    let hashed = survey.objects.par_iter().map(|(digest, _)| {
        let found = hash(store, digest, packed.contains(digest), &read)?;
        Ok(found.map(|found| (*digest, found)))
    });
    hashed.filter_map(Result::transpose).collect()
}

/// How often an object is read that somebody touches meanwhile.
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
        let Some(seen) = fsx::stat_there(&path)? else { return Ok(None) };
        let what = match fsx::hash_file_with(&path, read) {
            // Its bytes are what was promised, which may be a folder that must never be unpacked.
            Ok(hashed) if hashed.digest == *digest => {
                match packed.then(|| fsx::check_packed(&path)).transpose() {
                    Ok(_) => return Ok(Some(Ok(hashed.stat))),
                    Err(error) => error.words(),
                }
            }
            Ok(hashed) => format!("its content has the digest {}", hashed.digest.short()),
            // It was collected, touched or replaced just now.
            Err(error) if error.kind() == Kind::Changing && attempt < ATTEMPTS => continue,
            Err(error) if error.kind() == Kind::NotFound => match fsx::oddity(&path) {
                Some(what) => what.to_owned(),
                None => return Ok(None),
            },
            // The disk cannot give it back, somebody writes into it, or it is no file.
            Err(error) => error.words(),
        };
        let damage = put_away(&store.layout, &path, &seen, what);
        let is_gone = damage.moved_to.is_none() && fsx::stat_there(&path)? != Some(seen);
        return Ok((!is_gone).then(|| Err(damage.into())));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Existing, Lookup, case::Case};

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
        let path = case.store.lend(&record.artifacts.get("0").unwrap().digest);
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
        fs::remove_file(case.store.lend(&record.artifacts.get("0").unwrap().digest)).unwrap();
        let flaws = verify(&case).damaged;
        assert_eq!((flaws.len(), flaws[0].what.as_str()), (1, "it is gone"));
        assert_eq!(verify(&case).damaged, []);
        case.record(&["content"]);
        fs::remove_dir_all(case.store.layout.objects()).unwrap();
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
