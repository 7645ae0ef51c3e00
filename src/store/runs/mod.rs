//! Run records: which runs there were, and what came of each.
//!
//! ```text
//! runs/000017.full.json   the record of run 17, of the pipeline `full`
//! runs/000017.full.again  how often it was repeated, and found everything in the store
//! runs/live/17            locked by run 17 while it lives
//! runs/lock               locked for the giving of a number
//! ```
//!
//! A record is written when a run starts to compute, and replaced once when that ends; a run that finds
//! everything in the store is written once, at its end, and where it is the same as the last one of its
//! pipeline, only counted beside that ([`RunRecord::repeated`]): so reruns in CI do not fill the store.
//!
//! **Numbers, not times, are the order.** A run gets the next free number, under a lock that is held for the
//! writing of one small file. So two runs never share a number, and a clock that is set back confuses nothing.
//!
//! **Killed or alive?** A run that has not ended holds a kernel lock on its file in `runs/live`; the lock
//! goes with the process, however that ends. No process number decides anything.
//!
//! A record is sealed like an action record: one that was cut off or modified is named and never misread. It
//! is history alone: nothing is decided by it but what `gc --keep-runs` keeps.

mod again;
mod file;
mod keep;
mod record;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Result, Store, layout::Layout, seal};
use crate::fsx::{self, FileLock, Gate, TryLock};

use again::{Again, Beside};
pub use file::RunFile;
use file::name_of;
pub(super) use keep::Kept;
#[cfg(test)]
pub(super) use record::examples;
pub use record::{
    Asked, Ended, Git, Outcome, RUN_FORMAT, Requirement, RunRecord, RunStage, SweepTrial, Text,
};

/// What is in the file of a run record.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadRun {
    /// A sound record.
    Record(Box<RunRecord>),
    /// Written by another version of pcamflow, in its format of that number.
    Foreign(u32),
    /// No sound record: why.
    Damaged(&'static str),
    /// Nothing: it was removed since it was listed.
    Absent,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It goes on.
    Running,
    /// Everything that was asked for is there.
    Done,
    /// A stage failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// Its process is gone, and did not say how it ended.
    Killed,
    /// It has not ended, and this file system has no locks: nobody can know whether it goes on.
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

/// A recorded run that goes on. Dropped, or gone with its process, the run counts as killed until
/// [`LiveRun::end`] has written how it ended.
#[derive(Debug)]
pub struct LiveRun {
    layout: Arc<Layout>,
    file: RunFile,
    _lock: Option<FileLock>,
}

impl Store {
    /// The run records, oldest first. Reads none of them.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunFile>> {
        list(&self.layout)
    }

    /// Reads a run record, and says how the run stands.
    ///
    /// # Errors
    /// Where the store cannot be read (a damaged record is no error).
    pub fn look(&self, file: &RunFile) -> Result<(ReadRun, RunState)> {
        for _ in 0..2 {
            match self.run(file)? {
                ReadRun::Record(record) => match self.state(&record)? {
                    // It may have ended between the two looks: then its record says how.
                    RunState::Killed if record.ended.is_none() => {}
                    state => return Ok((ReadRun::Record(record), state)),
                },
                other => return Ok((other, RunState::Unknown)),
            }
        }
        let read = self.run(file)?;
        let ended = if let ReadRun::Record(record) = &read { record.ended } else { None };
        Ok((read, ended.map_or(RunState::Killed, RunState::from)))
    }

    /// Reads a run record.
    ///
    /// # Errors
    /// Where there is one that cannot be read (a damaged one is no error).
    pub fn run(&self, file: &RunFile) -> Result<ReadRun> {
        let mut read = match fsx::read_if_there(&file.path) {
            Ok(Some(bytes)) => parse(&bytes, file),
            Ok(None) => fsx::oddity(&file.path).map_or(ReadRun::Absent, ReadRun::Damaged),
            Err(error) if error.kind().is_the_files_own() => {
                ReadRun::Damaged(fsx::oddity(&file.path).unwrap_or("it may not be read"))
            }
            Err(error) => return Err(error.into()),
        };
        if let ReadRun::Record(record) = &mut read {
            again::add(file, record)?;
        }
        Ok(read)
    }

    /// Records a run that starts to compute, and gives it its number.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn begin_run(&self, record: &mut RunRecord) -> Result<LiveRun> {
        let _lock = alone(&self.layout)?;
        let file = next(&self.layout, &self.runs()?, record)?;
        let lock = live(&self.layout, file.id)?;
        write(&self.layout, &file, record)?;
        Ok(LiveRun { layout: Arc::clone(&self.layout), file, _lock: lock })
    }

    /// Records a run that has ended and was not recorded before. One that found everything in the store, just
    /// as the last of its pipeline did, is counted there. Returns its number.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn add_run(&self, record: &mut RunRecord) -> Result<u64> {
        let _lock = alone(&self.layout)?;
        let files = self.runs()?;
        if record.is_all_cached()
            && let Some((file, mut again)) = self.last_like(&files, record)?
        {
            again.times += 1;
            again.last.clone_from(&record.started);
            record.id = file.id;
            again::write(&self.layout, &file, &again)?;
            return Ok(file.id);
        }
        let file = next(&self.layout, &files, record)?;
        write(&self.layout, &file, record)?;
        Ok(file.id)
    }

    /// How a run stands whose record was read.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn state(&self, record: &RunRecord) -> Result<RunState> {
        match record.ended {
            Some(ended) => Ok(ended.into()),
            None => self.liveness(record.id),
        }
    }

    /// How a run stands that had not ended when its record was read.
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

    /// The last run of the pipeline, if it was the same, and how often.
    fn last_like(&self, files: &[RunFile], record: &RunRecord) -> Result<Option<(RunFile, Again)>> {
        // Of a sweep the last record is of another trial: who runs it knows whether all trials were so before.
        if record.sweep.is_some() {
            return Ok(None);
        }
        let like = record.likeness();
        let last = files.iter().rfind(|file| file.is_of(&record.pipeline));
        let Some(file) = last else { return Ok(None) };
        match again::read(file)? {
            // Counted before: the record need not be read.
            Beside::Again(again) if again.like == like => return Ok(Some((file.clone(), again))),
            Beside::Again(_) => return Ok(None),
            Beside::Damaged | Beside::Nothing => {}
        }
        Ok(match self.run(file)? {
            ReadRun::Record(last) if last.likeness() == like => {
                Some((file.clone(), Again { like, times: 0, last: String::new() }))
            }
            ReadRun::Record(_) | ReadRun::Foreign(_) | ReadRun::Damaged(_) | ReadRun::Absent => None,
        })
    }
}

impl LiveRun {
    /// The run's number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.file.id
    }

    /// Writes how the run ended, and lets go of it.
    ///
    /// # Errors
    /// Where the store cannot be written: then the run counts as killed.
    pub fn end(self, record: &mut RunRecord) -> Result<()> {
        record.id = self.file.id;
        write(&self.layout, &self.file, record)
    }
}

/// The lock under which numbers are given: on a file that stays, because every run takes it.
fn alone(layout: &Layout) -> Result<Gate> {
    layout.prepare(&layout.runs())?;
    let path = layout.runs().join("lock");
    layout.healing(&path, || Ok(Gate::alone(&path)?))
}

fn live_path(layout: &Layout, id: u64) -> PathBuf {
    layout.runs().join("live").join(id.to_string())
}

/// Locks the file of a live run; `None` where a reader just looks at an old one of that number.
fn live(layout: &Layout, id: u64) -> Result<Option<FileLock>> {
    let path = live_path(layout, id);
    layout.prepare(&fsx::parent(&path))?;
    // A reader holds it for microseconds.
    for _ in 0..100 {
        if let TryLock::Acquired(lock) = FileLock::try_acquire(&path, "")? {
            return Ok(Some(lock));
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Ok(None)
}

/// The number, and the file, of a new run. Only for a holder of the lock.
fn next(layout: &Layout, files: &[RunFile], record: &mut RunRecord) -> Result<RunFile> {
    record.id = files.last().map_or(1, |last| last.id + 1);
    let pipeline = name_of(&record.pipeline).to_owned();
    let path = layout.runs().join(format!("{:06}.{pipeline}.json", record.id));
    let file = RunFile { id: record.id, pipeline, path };
    // What was counted beside a record of that number that is gone.
    again::remove(&file)?;
    Ok(file)
}

fn list(layout: &Layout) -> Result<Vec<RunFile>> {
    let folder = layout.runs();
    let names = fsx::list(&folder)?;
    let mut files: Vec<RunFile> = names.iter().filter_map(|name| named(&folder, name.to_str()?)).collect();
    files.sort();
    Ok(files)
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

/// Reads the bytes of the record of a run.
fn parse(bytes: &[u8], file: &RunFile) -> ReadRun {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let Some(text) = seal::open(bytes) else { return ReadRun::Damaged("it was cut off or modified") };
    match serde_json::from_str::<Head>(text) {
        Ok(head) if head.format == RUN_FORMAT => {}
        Ok(head) => return ReadRun::Foreign(head.format),
        Err(_) => return ReadRun::Foreign(0),
    }
    match serde_json::from_str::<RunRecord>(text) {
        Ok(record) if record.id != file.id => ReadRun::Damaged("it is the record of another run"),
        Ok(record) => ReadRun::Record(Box::new(record)),
        // The seal holds, so this is what was written: by a version with other fields.
        Err(_) => ReadRun::Foreign(RUN_FORMAT),
    }
}

#[cfg(test)]
mod tests;
