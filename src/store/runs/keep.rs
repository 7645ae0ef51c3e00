//! Which results recorded runs used, and which records are older than anybody wants to keep.
//!
//! Only runs that ended tell what they used. Where one that did not (it was killed, or its record is damaged
//! or of another version) is among the latest, what the stages of that pipeline had last stays as well: that
//! is what it left. So does what a pipeline has whose runs were never recorded.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    super::{Result, Store, collect::Removed, measure::age, survey::Latest, verify::Flaw},
    ReadRun, RunFile, RunState,
    again::{self, Beside},
    live_path, name_of,
};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

/// What is kept for the sake of recorded runs.
#[derive(Debug, Default)]
pub(in crate::store) struct Kept {
    /// Keys that the latest runs used.
    keys: HashSet<Digest>,
    /// Pipelines of which runs tell all that they need.
    told: HashSet<String>,
    /// The records that are older than the latest ones.
    older: Vec<RunFile>,
}

impl Kept {
    /// What the latest so many runs of each pipeline used.
    pub(in crate::store) fn by_runs(store: &Store, most: usize) -> Result<Self> {
        let mut by_pipeline: BTreeMap<String, Vec<RunFile>> = BTreeMap::new();
        for file in store.runs()? {
            by_pipeline.entry(file.pipeline.clone()).or_default().push(file);
        }
        let mut kept = Self::default();
        for (pipeline, files) in by_pipeline {
            kept.add(store, pipeline, files, most)?;
        }
        Ok(kept)
    }

    /// The trials of a sweep count as one run, together.
    fn add(&mut self, store: &Store, pipeline: String, mut files: Vec<RunFile>, most: usize) -> Result<()> {
        let (mut counted, mut sweep, mut all_told) = (0, None, true);
        while let Some(file) = files.pop() {
            let read = store.run(&file)?;
            let of = match &read {
                ReadRun::Record(record) => record.sweep.as_ref().map(|trial| trial.id.clone()),
                ReadRun::Foreign(_) | ReadRun::Damaged(_) | ReadRun::Absent => None,
            };
            let same = of.is_some() && of == sweep;
            if counted >= most && !same {
                files.push(file);
                break;
            }
            match read {
                ReadRun::Record(record) if record.ended.is_some() => {
                    self.keys.extend(record.keys());
                    counted += usize::from(!same);
                    sweep = of;
                }
                ReadRun::Absent => {}
                ReadRun::Record(_) | ReadRun::Foreign(_) | ReadRun::Damaged(_) => all_told = false,
            }
        }
        if all_told {
            self.told.insert(pipeline);
        }
        self.older.extend(files);
        Ok(())
    }

    /// All keys that stay, given what stages had last.
    pub(in crate::store) fn with_latest(&self, latest: &[Latest]) -> HashSet<Digest> {
        let told = |latest: &Latest| {
            latest.names.as_ref().is_some_and(|(pipeline, _)| self.told.contains(name_of(pipeline)))
        };
        let untold = latest.iter().filter(|latest| !told(latest)).map(|latest| latest.key);
        self.keys.iter().copied().chain(untold).collect()
    }
}

impl Store {
    /// Removes the records of runs before the latest so many of each pipeline, if they are at least so old,
    /// and what killed runs left beside theirs.
    pub(in crate::store) fn clear_runs(
        &self,
        most: usize,
        older_than: Option<Duration>,
        dry_run: bool,
        removed: &mut Removed,
        not_removed: &mut Vec<String>,
    ) -> Result<()> {
        let remove = |file: &RunFile| -> Result<()> {
            again::remove(file)?;
            fsx::remove_tree(&file.path)?;
            Ok(fsx::remove_file(&live_path(&self.layout, file.id)).map(drop)?)
        };
        for file in Kept::by_runs(self, most)?.older {
            let Some(stat) = fsx::stat_there(&file.path)? else { continue };
            // A run that was repeated is as young as the last time.
            let again = fsx::stat_there(&again::path(&file))?;
            let last = again.as_ref().map_or(stat.mtime_ns, |again| again.mtime_ns.max(stat.mtime_ns));
            let young = older_than.is_some_and(|limit| age(last, fsx::now_ns()) < limit);
            if young || self.liveness(file.id)? == RunState::Running {
                continue;
            }
            match if dry_run { Ok(()) } else { remove(&file) } {
                Ok(()) => removed.add(stat.size + again.map_or(0, |again| again.size)),
                Err(error) => not_removed.push(error.to_string()),
            }
        }
        Ok(())
    }

    /// How many run records there are, and which are damaged: those are moved away.
    pub(in crate::store) fn verify_runs(&self, flaws: &mut BTreeMap<PathBuf, Flaw>) -> Result<usize> {
        let files = self.runs()?;
        for file in &files {
            let Some(seen) = fsx::stat_there(&file.path)? else { continue };
            if let ReadRun::Damaged(what) = self.run(file)? {
                self.damaged_run(file, &file.path, &seen, what, flaws)?;
            }
            let beside = again::path(file);
            if let Some(seen) = fsx::stat_there(&beside)?
                && matches!(again::read(file)?, Beside::Damaged)
            {
                let what = "how often it was repeated is damaged: it counts from one again";
                self.damaged_run(file, &beside, &seen, what, flaws)?;
            }
        }
        Ok(files.len())
    }

    fn damaged_run(
        &self,
        file: &RunFile,
        path: &Path,
        seen: &StatTuple,
        what: &str,
        flaws: &mut BTreeMap<PathBuf, Flaw>,
    ) -> Result<()> {
        let damage = super::super::quarantine::put_away(&self.layout, path, seen, what.to_owned());
        if damage.moved_to.is_some() || fsx::stat_there(path)? == Some(*seen) {
            let made_by = vec![format!("run {} of {}", file.id, file.pipeline)];
            flaws.insert(path.to_owned(), Flaw { made_by, ..damage.into() });
        }
        Ok(())
    }
}
