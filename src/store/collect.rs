//! Garbage collection: removes what nobody needs, and results that a [`Policy`] gives up.
//!
//! Without a policy it removes what no result needs: objects that no record names, what dead runs left
//! (staging folders, drafts, leases), partial work on keys that have their result, quarantined files that
//! are old. It never touches what a live run relies on ([`super::lease`]), nor objects that a shown folder
//! links to.
//!
//! What takes long, reading all records, is done before the gate is shut; then only what changed since is
//! read again, and after some seconds runs get their turn. Records go before their objects, so that a collection that is killed anywhere leaves whole
//! results and garbage, and the next one goes on. Linear in the number of files.

mod memory;
mod rules;

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rayon::prelude::*;
use serde::Serialize;

use super::{
    Error, Progress, Result, Store, TryKey,
    lease::claimed,
    measure::{age, now_ns, weight},
    runs::Kept,
    survey::Survey,
    work::remove_leftovers,
};
use crate::{
    digest::Digest,
    fsx::{self, Gate},
};
use rules::Rules;

pub use rules::{Keep, Policy};

/// How long runs that decide or publish are kept waiting at a time while files are removed.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long quarantined files are kept where nothing else is said.
const QUARANTINE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Things of one sort that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// How many.
    pub count: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Removed {
    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Collected {
    /// Whether nothing was removed, because only the question was asked.
    pub dry_run: bool,
    /// Results given up (the bytes of their records).
    pub results: Removed,
    /// Objects.
    pub objects: Removed,
    /// Partial work of stages that have their result, or that nobody went on with.
    pub partial_work: Removed,
    /// Files put aside as damaged.
    pub quarantine: Removed,
    /// Staging folders of dead runs.
    pub staging: Removed,
    /// Records of runs before the latest ones.
    pub runs: Removed,
    /// What was remembered of the small files of pipelines that nobody runs any more.
    pub recall: Removed,
    /// Results that the rules would have given up, but that a live run relies on.
    pub in_use: usize,
    /// Results that stay.
    pub results_left: usize,
    /// Objects that stay.
    pub objects_left: Removed,
}

impl Collected {
    /// The bytes of everything that was removed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sorts().iter().map(|one| one.bytes).sum()
    }

    /// How much was removed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorts().iter().map(|one| one.count).sum()
    }

    fn sorts(&self) -> [Removed; 7] {
        let Self { results, objects, partial_work, quarantine, staging, runs, recall, .. } = *self;
        [results, objects, partial_work, quarantine, staging, runs, recall]
    }
}

impl Store {
    /// Removes garbage and the results that the policy gives up. `progress` counts files removed and is
    /// called from several threads. Waits for runs that decide or publish just now; those that compute go on.
    ///
    /// # Errors
    /// Where the store cannot be read or written, or where its file system has no locks: then nobody can
    /// know what live runs rely on.
    pub fn collect(&self, policy: &Policy, progress: &(dyn Fn(Progress) + Sync)) -> Result<Collected> {
        let mut collected = Collected { dry_run: policy.dry_run, ..Collected::default() };
        if !self.layout.exists()? {
            return Ok(collected);
        }
        let mut survey = Survey::of(self, &Survey::default())?;
        loop {
            let _gate = self.shut_gate(policy)?;
            survey = Survey::of(self, &survey)?;
            if self.sweep(policy, &survey, progress, &mut collected)? {
                break;
            }
        }
        self.clear_work(policy, &mut collected)?;
        self.clear_quarantine(policy, &mut collected)?;
        self.clear_staging(policy, &mut collected)?;
        if let Keep::Runs(most) = policy.keep {
            self.clear_runs(most, policy.older_than, policy.dry_run, &mut collected.runs)?;
        }
        self.clear_recall(policy, &mut collected.recall)?;
        Ok(collected)
    }

    fn shut_gate(&self, policy: &Policy) -> Result<Option<Gate>> {
        if policy.dry_run {
            return Ok(None);
        }
        let path = self.layout.gate();
        let gate = self.layout.healing(&path, || Ok(Gate::alone(&path)?))?;
        if gate.is_enforced() { Ok(Some(gate)) } else { Err(Error::NoLocks { root: self.root().to_owned() }) }
    }

    /// Removes results and objects, for as long as runs may be kept waiting. True if all is removed. Only for
    /// whoever has shut the gate.
    fn sweep(
        &self,
        policy: &Policy,
        survey: &Survey,
        progress: &(dyn Fn(Progress) + Sync),
        collected: &mut Collected,
    ) -> Result<bool> {
        let mut spared = claimed(&self.layout)?;
        let kept = self.kept(policy.keep, survey)?;
        collected.in_use = 0;
        let doomed = Rules { policy, survey, claimed: &spared, kept: &kept, now: now_ns() }.doomed(collected);
        spared.extend(policy.shown.iter().flat_map(|folder| linked(folder)));
        let stays = survey.results.iter().filter(|(key, _)| !doomed.contains(*key));
        spared.extend(stays.flat_map(|(_, entry)| entry.digests()));
        let (left, gone): (Vec<_>, Vec<_>) =
            survey.objects.iter().partition(|(digest, _)| spared.contains(*digest));
        collected.results_left = survey.results.len() - doomed.len();
        collected.objects_left = Removed::default();
        left.iter().for_each(|(_, size)| collected.objects_left.add(**size));
        let record = |key: &Digest| (self.layout.record(key), survey.results[key].stat.size);
        let records: Vec<(PathBuf, u64)> = doomed.iter().map(record).collect();
        let objects: Vec<(PathBuf, u64)> =
            gone.into_iter().map(|(digest, size)| (self.layout.object(digest), *size)).collect();
        let sweep = Sweep {
            dry_run: policy.dry_run,
            until: Instant::now() + PATIENCE,
            progress,
            total: (records.len() + objects.len()) as u64,
            done: AtomicU64::new(0),
        };
        // Records first, all of them: a result must never stand without its bytes.
        let done = sweep.remove(&records, &mut collected.results)?
            && sweep.remove(&objects, &mut collected.objects)?;
        if done && !policy.dry_run {
            self.clear_latest(survey, &doomed)?;
        }
        Ok(done)
    }

    /// The keys that no rule gives up.
    fn kept(&self, keep: Keep, survey: &Survey) -> Result<HashSet<Digest>> {
        Ok(match keep {
            Keep::Latest => survey.latest.iter().map(|latest| latest.key).collect(),
            Keep::Runs(most) => Kept::by_runs(self, most)?.with_latest(&survey.latest),
            Keep::Nothing => HashSet::new(),
        })
    }

    /// What points to no record explains nothing.
    fn clear_latest(&self, survey: &Survey, doomed: &HashSet<Digest>) -> Result<()> {
        for latest in &survey.latest {
            if doomed.contains(&latest.key) || !survey.results.contains_key(&latest.key) {
                fsx::remove_file(&latest.path)?;
            }
        }
        Ok(())
    }

    /// Removes partial work on keys that have a result, and what nobody went on with for too long.
    fn clear_work(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let folder = self.layout.all_work();
        for name in fsx::list(&folder)? {
            let Some(key) = name.to_str().and_then(|name| name.parse::<Digest>().ok()) else { continue };
            let (bytes, newest) = weight(&folder.join(&name));
            let old = policy.older_than.is_some_and(|limit| age(newest, now_ns()) >= limit);
            if !old && fsx::stat(&self.layout.record(&key))?.is_none() {
                continue;
            }
            if policy.dry_run {
                collected.partial_work.add(bytes);
            } else if let TryKey::Acquired(_lock) = self.try_lock(&key, "garbage collection")? {
                self.remove_work(&key)?;
                collected.partial_work.add(bytes);
            }
        }
        Ok(())
    }

    fn clear_quarantine(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let folder = self.layout.quarantine();
        let limit = policy.older_than.unwrap_or(QUARANTINE);
        for name in fsx::list(&folder)? {
            let path = folder.join(name);
            let Some(stat) = fsx::stat_link(&path)? else { continue };
            // A file's ctime tells when it was moved there.
            if age(stat.ctime_ns, now_ns()) < limit {
                continue;
            }
            collected.quarantine.add(stat.size);
            if !policy.dry_run {
                fsx::remove_tree(&path)?;
            }
        }
        Ok(())
    }

    fn clear_staging(&self, policy: &Policy, collected: &mut Collected) -> Result<()> {
        let sizes = || -> Result<BTreeMap<_, u64>> {
            let folder = self.layout.staging();
            let names = fsx::list(&folder)?.into_iter().filter(|name| folder.join(name).is_dir());
            Ok(names.map(|name| (name.clone(), weight(&folder.join(name)).0)).collect())
        };
        if policy.dry_run {
            return Ok(());
        }
        let before = sizes()?;
        remove_leftovers(&self.layout);
        let left = sizes()?;
        before
            .iter()
            .filter(|(name, _)| !left.contains_key(*name))
            .for_each(|(_, size)| collected.staging.add(*size));
        Ok(())
    }
}

/// Files being removed.
struct Sweep<'a> {
    dry_run: bool,
    until: Instant,
    progress: &'a (dyn Fn(Progress) + Sync),
    total: u64,
    done: AtomicU64,
}

impl Sweep<'_> {
    /// Removes files, given with their sizes, until the time is over. True if all are gone.
    fn remove(&self, files: &[(PathBuf, u64)], removed: &mut Removed) -> Result<bool> {
        let gone =
            files.par_iter().map(|(path, bytes)| Ok::<_, Error>(self.remove_one(path)?.then_some(*bytes)));
        let gone = gone.collect::<Result<Vec<Option<u64>>>>()?;
        gone.iter().flatten().for_each(|bytes| removed.add(*bytes));
        Ok(gone.iter().all(Option::is_some))
    }

    /// False if there was no time for it.
    fn remove_one(&self, path: &Path) -> Result<bool> {
        if self.dry_run {
            return Ok(true);
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // One at least, or it would never end.
        if done > 1 && Instant::now() >= self.until {
            return Ok(false);
        }
        if fsx::remove_file(path).is_err() {
            // Somebody put a folder in its place.
            fsx::remove_tree(path)?;
        }
        (self.progress)(Progress { done, total: self.total });
        Ok(true)
    }
}

/// The objects that links below a folder point to.
fn linked(folder: &Path) -> Vec<Digest> {
    let mut found = Vec::new();
    for name in fsx::list(folder).unwrap_or_default() {
        let path = folder.join(name);
        match fsx::link_target(&path) {
            Ok(Some(target)) => {
                found.extend(target.file_name().and_then(|name| name.to_str()?.parse::<Digest>().ok()));
            }
            _ if path.is_dir() => found.extend(linked(&path)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use super::*;
    use crate::store::{ActionRecord, Check, Existing, Lookup, case::Case, record::examples};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn collect(case: &Case, policy: Policy) -> Collected {
        case.store.collect(&policy, &|_| ()).unwrap()
    }

    /// A record with one object, used so many days ago.
    fn used(case: &Case, name: &str, content: &str, days: u32) -> ActionRecord {
        let mut record = examples::record(name, &format!("train.{name}"));
        record.artifacts.insert("0".to_owned(), case.publish(content.as_bytes()));
        case.store.commit(record.clone(), Existing::Replace).unwrap();
        let file = fs::File::open(case.store.layout.record(&record.key)).unwrap();
        file.set_modified(SystemTime::now() - days * DAY).unwrap();
        record
    }

    fn is_there(case: &Case, record: &ActionRecord) -> bool {
        let found = matches!(case.store.record(&record.key).unwrap(), Lookup::Found(_));
        if found {
            assert_eq!(case.check(record), Check::Intact, "a result is there whole or not at all");
        }
        found
    }

    #[test]
    fn without_rules_only_garbage_goes_and_a_dry_run_says_the_same_and_removes_nothing() {
        let case = Case::new();
        let kept = used(&case, "kept", "kept", 400);
        let orphan = case.publish(b"orphan");
        fs::create_dir_all(case.store.layout.staging().join("dead-1")).unwrap();
        let (done, open) =
            (case.store.work(&kept.key).unwrap(), case.store.work(&Digest::of(b"open")).unwrap());
        fs::write(done.join("checkpoint"), "123").unwrap();
        fs::write(open.join("checkpoint"), "12345").unwrap();
        let told = collect(&case, Policy { dry_run: true, ..Policy::default() });
        assert!(case.store.object(&orphan.digest).exists() && done.exists());
        let collected = collect(&case, Policy::default());
        assert_eq!((told.objects, told.partial_work), (collected.objects, collected.partial_work));
        assert_eq!(collected.objects, Removed { count: 1, bytes: 6 });
        assert_eq!(collected.partial_work, Removed { count: 1, bytes: 3 });
        assert_eq!(collected.staging.count, 1);
        assert!(!case.store.object(&orphan.digest).exists() && !done.exists() && open.exists());
        assert!(is_there(&case, &kept));
        assert_eq!(collect(&case, Policy::default()).count(), 0);
    }

    #[test]
    fn old_results_go_but_for_the_latest_of_a_stage_unless_that_is_asked_for() {
        let case = Case::new();
        let (old, young) = (used(&case, "old", "old", 31), used(&case, "young", "young", 29));
        let latest = used(&case, "latest", "latest", 31);
        case.store.note_latest("full", "train.base", &latest.key).unwrap();
        used(&case, "latest", "latest", 31);
        let policy = Policy { older_than: Some(30 * DAY), ..Policy::default() };
        let collected = collect(&case, policy.clone());
        assert_eq!((collected.results.count, collected.results_left, collected.objects.count), (1, 2, 1));
        assert!(!is_there(&case, &old) && is_there(&case, &young) && is_there(&case, &latest));
        collect(&case, Policy { keep: Keep::Nothing, ..policy });
        assert!(!is_there(&case, &latest) && is_there(&case, &young));
        assert_eq!(case.store.previous("full", "train.base").unwrap(), None);
        collect(&case, Policy { all: true, ..Policy::default() });
        assert!(!is_there(&case, &young));
    }

    #[test]
    fn a_store_shrinks_to_its_limit_from_what_was_used_longest_ago() {
        let case = Case::new();
        let records: Vec<_> = (1..=5)
            .map(|days| used(&case, &days.to_string(), &format!("{days}").repeat(100), days))
            .collect();
        // Shares its bytes with the oldest: giving up only one of the two frees nothing.
        let twin = used(&case, "twin", &"5".repeat(100), 0);
        let collected = collect(&case, Policy { max_size: Some(250), ..Policy::default() });
        let left: Vec<bool> = records.iter().map(|record| is_there(&case, record)).collect();
        assert_eq!(left, [true, false, false, false, false]);
        assert!(is_there(&case, &twin));
        assert_eq!(collected.objects_left, Removed { count: 2, bytes: 200 });
    }

    #[test]
    fn what_a_live_run_relies_on_stays_and_goes_after_its_end() {
        let case = Case::new();
        let record = used(&case, "used", "used", 100);
        let lease = case.store.lease();
        let hold = lease.hold();
        lease.claim(&record);
        hold.release();
        // Replaced meanwhile by somebody who forced it: the run still reads the bytes of the first.
        let mut other = record.clone();
        other.artifacts.insert("0".to_owned(), case.publish(b"others"));
        case.store.commit(other, Existing::Replace).unwrap();
        let policy = Policy { all: true, keep: Keep::Nothing, ..Policy::default() };
        let collected = collect(&case, policy.clone());
        assert_eq!((collected.in_use, collected.results.count), (1, 0));
        assert!(case.store.object(&record.artifacts.get("0").unwrap().digest).exists());
        drop(lease);
        assert_eq!(collect(&case, policy).objects.count, 2);
    }

    #[test]
    fn links_in_shown_folders_keep_their_objects() {
        let case = Case::new();
        let out = case.folder.path().join("out");
        let path = case.folder.path().join("train.h5");
        fs::File::create(&path).unwrap().set_len(fsx::COPY_LIMIT + 1).unwrap();
        let big = case.store.publish(&path).unwrap();
        case.store.show(&out.join("split.s"), [&big]).unwrap();
        collect(&case, Policy { shown: vec![out.clone()], ..Policy::default() });
        assert_eq!(
            case.store.object(&big.digest).exists(),
            out.join("split.s/train.h5").is_symlink(),
            "where blocks are shared, nothing hangs on the object"
        );
    }

    #[test]
    fn the_objects_of_a_record_of_another_version_stay() {
        let case = Case::new();
        let object = case.publish(b"from the future");
        let text =
            crate::store::seal::close(&format!("{{\"format\": 9, \"parts\": [\"{}\"]}}", object.digest));
        case.store.layout.write(&case.store.layout.record(&Digest::of(b"k")), text.as_bytes()).unwrap();
        collect(&case, Policy::default());
        assert!(case.store.object(&object.digest).exists());
    }

    #[test]
    fn old_quarantine_goes_and_young_stays() {
        let case = Case::new();
        let folder = case.store.layout.quarantine();
        case.store.layout.prepare(&folder).unwrap();
        fs::write(folder.join("damaged"), "x").unwrap();
        assert_eq!(collect(&case, Policy::default()).quarantine.count, 0);
        let policy = Policy { older_than: Some(Duration::ZERO), ..Policy::default() };
        assert_eq!(collect(&case, policy).quarantine, Removed { count: 1, bytes: 1 });
    }

    #[test]
    #[ignore = "a measurement: 100,000 objects, prints times"]
    fn measure_100_000_objects() {
        let case = Case::new();
        let publish = |i: usize| {
            let mut record = examples::record(&i.to_string(), "train.base");
            record.lines = (0..30).map(|n| (format!("parameters.number-{n}"), format!("{n}e-3"))).collect();
            let file = case.file(&format!("a{i}"), i.to_string().as_bytes());
            record.artifacts.insert("0".to_owned(), case.store.publish(&file).unwrap());
            case.store.commit(record, Existing::Keep).unwrap();
        };
        (0..100_000).into_par_iter().for_each(publish);
        let timed = |what: &str, action: &dyn Fn()| {
            let start = std::time::Instant::now();
            action();
            println!("{what}: {:?}", start.elapsed());
        };
        timed("survey", &|| drop(Survey::of(&case.store, &Survey::default()).unwrap()));
        timed("verify", &|| assert_eq!(case.store.verify(&|_| ()).unwrap().damaged, []));
        timed("du", &|| assert_eq!(case.store.usage().unwrap().objects.count, 100_000));
        timed("collect, nothing to remove", &|| assert_eq!(collect(&case, Policy::default()).count(), 0));
        let all = Policy { all: true, keep: Keep::Nothing, ..Policy::default() };
        timed("collect all", &|| assert_eq!(collect(&case, all.clone()).count(), 200_000));
    }
}
