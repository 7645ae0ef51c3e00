//! Run records: which runs there were, and how they ended.
//!
//! ```text
//! runs/000017.full.json   the record of run 17, of the pipeline `full`
//! runs/000017.full.again  how often it was repeated with everything in the store
//! runs/live/17            locked by run 17 while it lives
//! runs/lock               locked while a run gets its number
//! ```
//!
//! A record is written when a run starts to compute, and replaced when the run ends. A run that finds everything in the
//! store is written once, at its end. If it repeats the last run of its pipeline, it is only counted
//! ([`RunRecord::repeated`]), so reruns in CI do not fill the store.
//!
//! Numbers give the order of runs, not times, so a clock that is set back confuses nothing. Numbers are given under a
//! lock, so two runs never share one. A kernel lock, not a process number, says whether a run that has not ended is
//! alive.
//!
//! A record is sealed like an action record. It is history: it decides nothing except what `gc --keep-runs` keeps.

mod file;
mod keep;
mod record;
mod repeats;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Result, Store,
    layout::Layout,
    read::{FileRead, read_file},
    seal,
};
use crate::fsx::{self, FileLock, Gate};

pub use file::RunFile;
use file::name_of;
pub(super) use keep::Kept;
#[cfg(test)]
pub(super) use record::examples;
pub use record::{
    Asked, Ended, Git, Outcome, RUN_FORMAT, Requirement, RunRecord, RunStage, SweepTrial, Text,
};
use repeats::{Beside, Repeats};

/// The content of the file of a run record.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadRun {
    /// A sound record.
    Record(Box<RunRecord>),
    /// The record of another version of pcamflow, in this format.
    Foreign(u32),
    /// A damaged record, and what is wrong with it.
    Damaged(String),
    /// Nothing: it was removed since it was listed.
    Absent,
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It is running.
    Running,
    /// Everything that was asked for is in the store.
    Done,
    /// A stage failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// Its process is gone without having recorded the end.
    Killed,
    /// It has not ended, and there are no working locks that say whether it is running.
    Unknown,
}

impl From<Ended> for RunState {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Done => Self::Done,
            Ended::Failed => Self::Failed,
            Ended::Interrupted => Self::Interrupted,
        }
    }
}

/// A recorded run that is running. If it is dropped before [`LiveRun::end`], the run counts as killed.
#[derive(Debug)]
pub struct LiveRun {
    layout: Arc<Layout>,
    file: RunFile,
    _lock: FileLock,
}

impl Store {
    /// The run records, oldest first. Reads none of them.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunFile>> {
        let folder = &self.layout.runs;
        let names = fsx::list(folder)?;
        let mut files: Vec<RunFile> = names.iter().filter_map(|name| named(folder, name.to_str()?)).collect();
        files.sort();
        Ok(files)
    }

    /// Reads a run record, and says in which state the run is.
    ///
    /// # Errors
    /// Where the store cannot be read (a damaged record is no error).
    pub fn look(&self, file: &RunFile) -> Result<(ReadRun, RunState)> {
        let read = self.run(file)?;
        let ReadRun::Record(record) = &read else { return Ok((read, RunState::Unknown)) };
        let state = record.ended.map_or_else(|| self.liveness(file.id), |ended| Ok(ended.into()))?;
        if state != RunState::Killed {
            return Ok((read, state));
        }
        // It may have ended between the two looks. Its lock is free, so now its record is final.
        let read = self.run(file)?;
        let ended = if let ReadRun::Record(record) = &read { record.ended } else { None };
        Ok((read, ended.map_or(RunState::Killed, RunState::from)))
    }

    /// Reads a run record.
    ///
    /// # Errors
    /// Where there is one that cannot be read (a damaged one is no error).
    pub fn run(&self, file: &RunFile) -> Result<ReadRun> {
        let mut read = match read_file(&file.path)? {
            FileRead::Bytes(_, bytes) => parse(&bytes, file),
            FileRead::Absent => ReadRun::Absent,
            FileRead::Unreadable(what) => ReadRun::Damaged(what),
        };
        if let ReadRun::Record(record) = &mut read
            && let Beside::Repeats(repeats) = repeats::read(file)?
        {
            record.repeated += repeats.times;
            record.repeated_last = Some(repeats.last);
        }
        Ok(read)
    }

    /// Records a run that starts to compute, and gives it its number.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn begin_run(&self, record: &mut RunRecord) -> Result<LiveRun> {
        let _lock = lock_numbers(&self.layout)?;
        let file = next(&self.layout, &self.runs()?, record)?;
        let live = live_path(&self.layout, file.id);
        self.layout.prepare(&fsx::parent(&live))?;
        let lock = FileLock::acquire(&live, "")?;
        write(&self.layout, &file, record)?;
        Ok(LiveRun { layout: Arc::clone(&self.layout), file, _lock: lock })
    }

    /// Records a run that has ended and was not recorded before, and returns its number. A run that found everything in
    /// the store, like the last one of its pipeline, is only counted.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn add_run(&self, record: &mut RunRecord) -> Result<u64> {
        let _lock = lock_numbers(&self.layout)?;
        let files = self.runs()?;
        if record.is_all_cached()
            && let Some((file, mut repeats)) = self.last_like(&files, record)?
        {
            repeats.times += 1;
            repeats.last.clone_from(&record.started);
            record.id = file.id;
            repeats::write(&self.layout, file, &repeats)?;
            return Ok(file.id);
        }
        let file = next(&self.layout, &files, record)?;
        write(&self.layout, &file, record)?;
        Ok(file.id)
    }

    /// The state of a run that had not ended when its record was read.
    fn liveness(&self, id: u64) -> Result<RunState> {
        let path = live_path(&self.layout, id);
        if fsx::stat(&path)?.is_none() {
            return Ok(RunState::Killed);
        }
        Ok(match Gate::try_alone(&path)? {
            None => RunState::Running,
            Some(gate) if gate.is_enforced() => RunState::Killed,
            Some(_) => RunState::Unknown,
        })
    }

    /// The last run of the pipeline and its repetitions, if it did the same.
    fn last_like<'f>(
        &self,
        files: &'f [RunFile],
        record: &RunRecord,
    ) -> Result<Option<(&'f RunFile, Repeats)>> {
        // The last record of a sweep is of another trial; the caller knows whether all trials were repeated.
        if record.sweep.is_some() {
            return Ok(None);
        }
        let like = record.likeness();
        let Some(file) = files.iter().rfind(|file| file.is_of(&record.pipeline)) else { return Ok(None) };
        if let Beside::Repeats(repeats) = repeats::read(file)? {
            return Ok((repeats.like == like).then_some((file, repeats)));
        }
        Ok(match self.run(file)? {
            ReadRun::Record(last) if last.likeness() == like => {
                Some((file, Repeats { like, times: 0, last: String::new() }))
            }
            ReadRun::Record(_) | ReadRun::Foreign(_) | ReadRun::Damaged(_) | ReadRun::Absent => None,
        })
    }
}

impl LiveRun {
    /// Records how the run ended.
    ///
    /// # Errors
    /// Where the store cannot be written: then the run counts as killed.
    pub fn end(self, record: &mut RunRecord) -> Result<()> {
        record.id = self.file.id;
        write(&self.layout, &self.file, record)
    }
}

/// The lock under which numbers are given. Its file stays, because every run takes it.
fn lock_numbers(layout: &Layout) -> Result<Gate> {
    layout.prepare(&layout.runs)?;
    let path = layout.runs.join("lock");
    layout.healing(&path, || Ok(Gate::alone(&path)?))
}

fn live_path(layout: &Layout, id: u64) -> PathBuf {
    layout.runs.join("live").join(id.to_string())
}

/// The number and the file of a new run. Only for the holder of the lock.
fn next(layout: &Layout, files: &[RunFile], record: &mut RunRecord) -> Result<RunFile> {
    record.id = files.last().map_or(1, |last| last.id + 1);
    let pipeline = name_of(&record.pipeline).to_owned();
    let path = layout.runs.join(format!("{:06}.{pipeline}.json", record.id));
    let file = RunFile { id: record.id, pipeline, path };
    // An earlier record of this number may be gone, but not its repetitions.
    fsx::remove_tree(&repeats::path(&file))?;
    Ok(file)
}

fn named(folder: &Path, name: &str) -> Option<RunFile> {
    let (id, pipeline) = name.strip_suffix(".json")?.split_once('.')?;
    let id = id.parse().ok().filter(|id| *id < u64::MAX)?;
    Some(RunFile { id, pipeline: pipeline.to_owned(), path: folder.join(name) })
}

fn write(layout: &Layout, file: &RunFile, record: &RunRecord) -> Result<()> {
    let json = serde_json::to_string(record).expect("a record has only text keys and plain values");
    layout.write(&file.path, seal::close(&(json + "\n")).as_bytes())
}

/// Decodes the file of a run record.
fn parse(bytes: &[u8], file: &RunFile) -> ReadRun {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let damaged = |what: &str| ReadRun::Damaged(what.to_owned());
    let Some(text) = seal::open(bytes) else { return damaged("it was cut off or modified") };
    match serde_json::from_str::<Head>(text) {
        Ok(head) if head.format == RUN_FORMAT => {}
        Ok(head) => return ReadRun::Foreign(head.format),
        Err(_) => return ReadRun::Foreign(0),
    }
    match serde_json::from_str::<RunRecord>(text) {
        Ok(record) if record.id != file.id => damaged("it is the record of another run"),
        Ok(record) => ReadRun::Record(Box::new(record)),
        // The seal is unbroken, so another version wrote this.
        Err(_) => ReadRun::Foreign(RUN_FORMAT),
    }
}

#[cfg(test)]
mod tests;
