//! Which results recorded runs used, and which run records are old or damaged.
//!
//! Only runs that ended say what they used. If one of the latest runs of a pipeline did not (it was killed, or its
//! record is damaged or of another version), the latest results of the pipeline's stages are kept as well. So are those
//! of a pipeline without recorded runs.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use super::{
    super::{
        Result, Store,
        collect::{Collected, Policy},
        measure::age,
        quarantine::quarantine_unless_changed,
        survey::Latest,
        verify::Flaw,
    },
    ReadRun, RunFile, RunState, live_path, name_of,
    repeats::{self, Beside},
};
use crate::{
    digest::Digest,
    fsx::{self, StatTuple},
};

/// What is kept because of recorded runs.
#[derive(Debug, Default)]
pub(in crate::store) struct Kept {
    /// Keys that the latest runs used.
    keys: HashSet<Digest>,
    /// Pipelines with recorded runs that all say what they used.
    complete: HashSet<String>,
    /// The records of earlier runs.
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

    /// The trials of a sweep count together as one run.
    fn add(&mut self, store: &Store, pipeline: String, mut files: Vec<RunFile>, most: usize) -> Result<()> {
        let (mut counted, mut sweep, mut is_complete) = (0, None, true);
        while let Some(file) = files.pop() {
            let read = store.run(&file)?;
            let of = match &read {
                ReadRun::Record(record) => record.sweep.as_ref().map(|trial| trial.id.clone()),
                ReadRun::Foreign(_) | ReadRun::Damaged(_) | ReadRun::Absent => None,
            };
            let is_same_sweep = of.is_some() && of == sweep;
            if counted >= most && !is_same_sweep {
                files.push(file);
                break;
            }
            match read {
                ReadRun::Record(record) if record.ended.is_some() => {
                    self.keys.extend(record.keys());
                    counted += usize::from(!is_same_sweep);
                    sweep = of;
                }
                ReadRun::Absent => {}
                ReadRun::Record(_) | ReadRun::Foreign(_) | ReadRun::Damaged(_) => is_complete = false,
            }
        }
        if is_complete {
            self.complete.insert(pipeline);
        }
        self.older.extend(files);
        Ok(())
    }

    /// All keys that stay, given the latest keys of all stages.
    pub(in crate::store) fn with_latest(&self, latest: &[Latest]) -> HashSet<Digest> {
        let is_complete = |latest: &Latest| {
            latest.names.as_ref().is_some_and(|(pipeline, _)| self.complete.contains(name_of(pipeline)))
        };
        let other = latest.iter().filter(|latest| !is_complete(latest)).map(|latest| latest.key);
        self.keys.iter().copied().chain(other).collect()
    }
}

impl Store {
    /// Removes the records of runs before the latest so many of each pipeline, if they are old enough for the policy.
    pub(in crate::store) fn clear_runs(
        &self,
        most: usize,
        policy: &Policy,
        collected: &mut Collected,
    ) -> Result<()> {
        for file in Kept::by_runs(self, most)?.older {
            let Some(stat) = fsx::stat_there(&file.path)? else { continue };
            let repeats = fsx::stat_there(&repeats::path(&file))?;
            let last = repeats.map_or(stat.mtime_ns, |repeats| repeats.mtime_ns.max(stat.mtime_ns));
            let is_young = policy.older_than.is_some_and(|limit| age(last) < limit);
            if is_young || self.liveness(file.id)? == RunState::Running {
                continue;
            }
            let bytes = stat.size + repeats.map_or(0, |repeats| repeats.size);
            collected.remove(
                |all| &mut all.runs,
                bytes,
                || {
                    for path in [repeats::path(&file), file.path.clone(), live_path(&self.layout, file.id)] {
                        fsx::remove_tree(&path)?;
                    }
                    Ok(())
                },
            );
        }
        Ok(())
    }

    /// Quarantines damaged run records. Returns how many run records there are.
    pub(in crate::store) fn verify_runs(&self, flaws: &mut BTreeMap<PathBuf, Flaw>) -> Result<usize> {
        let files = self.runs()?;
        for file in &files {
            let seen = fsx::stat_there(&file.path)?;
            if let ReadRun::Damaged(what) = self.run(file)? {
                self.damaged_run(file, &file.path, seen, what, flaws)?;
            }
            let path = repeats::path(file);
            let seen = fsx::stat_there(&path)?;
            if let Beside::Damaged = repeats::read(file)? {
                let what = "how often it was repeated is damaged: it counts from one again".to_owned();
                self.damaged_run(file, &path, seen, what, flaws)?;
            }
        }
        Ok(files.len())
    }

    fn damaged_run(
        &self,
        file: &RunFile,
        path: &Path,
        seen: Option<StatTuple>,
        what: String,
        flaws: &mut BTreeMap<PathBuf, Flaw>,
    ) -> Result<()> {
        let Some(seen) = seen else { return Ok(()) };
        if let Some(damage) = quarantine_unless_changed(&self.layout, path, &seen, what)? {
            let made_by = vec![format!("run {} of {}", file.id, file.pipeline)];
            flaws.insert(path.to_owned(), Flaw { made_by, ..damage.into() });
        }
        Ok(())
    }
}
