//! What a stage says while a job computes it: written by the job, read by the engine as the file grows.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::engine::exec::Listener;
use crate::protocol::{EpochEnd, Level, Progress, Reply};

/// The shortest time between two reports of progress: each is a line, and a training takes days.
const EVERY: Duration = Duration::from_secs(5);

/// Writes events.
pub(super) struct Writer {
    /// `None` if it cannot be written: a stage must not fail for that.
    file: RefCell<Option<File>>,
    reported: Cell<Option<Instant>>,
}

impl Writer {
    /// Continues the events of earlier attempts.
    pub(super) fn open(path: &Path) -> Self {
        let file = File::options().create(true).append(true).open(path).ok();
        Self { file: RefCell::new(file), reported: Cell::new(None) }
    }

    fn write(&self, reply: &Reply) {
        let mut file = self.file.borrow_mut();
        let Some(open) = file.as_mut() else { return };
        let written = serde_json::to_vec(reply).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            open.write_all(&line)
        });
        if written.is_err() {
            *file = None;
        }
    }
}

impl Listener for Writer {
    fn progress(&self, progress: Progress) {
        if self.reported.get().is_none_or(|last| last.elapsed() >= EVERY) {
            self.reported.set(Some(Instant::now()));
            self.write(&Reply::Progress(progress));
        }
    }

    fn epoch(&self, end: EpochEnd, losses: Vec<f32>) {
        self.write(&Reply::Epoch { end, losses });
    }

    fn log(&self, level: Level, text: &str) {
        // All lines are in the stage's log.
        if level == Level::Warning {
            self.write(&Reply::Log { level, text: text.to_owned() });
        }
    }
}

/// Reads events from the beginning, as far as they are written.
pub(super) struct Reader {
    path: PathBuf,
    read: u64,
    /// The beginning of a line that is not written whole.
    begun: Vec<u8>,
}

impl Reader {
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path, read: 0, begun: Vec::new() }
    }

    /// Passes on the events that were written since the last call. Only the latest progress is passed on, and lines that
    /// are not events are skipped.
    pub(super) fn read(&mut self, hear: &mut dyn FnMut(Reply)) {
        if self.more().is_err() {
            return;
        }
        let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut progress = None;
        for line in self.begun[..whole].split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Reply::Progress(now)) => progress = Some(now),
                Ok(reply) => hear(reply),
                Err(_) => {}
            }
        }
        self.begun.drain(..whole);
        progress.into_iter().for_each(|progress| hear(Reply::Progress(progress)));
    }

    fn more(&mut self) -> std::io::Result<()> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        if length < self.read {
            // Another job has begun.
            (self.read, self.begun) = (0, Vec::new());
        }
        if length > self.read {
            file.seek(SeekFrom::Start(self.read))?;
            self.read += file.take(length - self.read).read_to_end(&mut self.begun)? as u64;
        }
        Ok(())
    }
}

/// How much of the events is read for the last progress.
const TAIL: u64 = 64 << 10;

/// The last progress that a job has reported, unless it was long ago.
pub(super) fn last_progress(path: PathBuf) -> Option<Progress> {
    let length = path.metadata().ok()?.len();
    let (mut reader, mut last) = (Reader { read: length.saturating_sub(TAIL), ..Reader::of(path) }, None);
    reader.read(&mut |reply| {
        if let Reply::Progress(progress) = reply {
            last = Some(progress);
        }
    });
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64) -> Progress {
        Progress { done, total: 9, unit: "images".to_owned(), at: String::new() }
    }

    #[test]
    fn what_is_written_is_read_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut reader = Reader::of(path.clone());
        let mut heard = Vec::new();
        reader.read(&mut |reply| heard.push(reply));
        let writer = Writer::open(&path);
        writer.progress(progress(1));
        writer.progress(progress(2));
        writer.log(Level::Info, "only for the log");
        writer.log(Level::Warning, "for people");
        reader.read(&mut |reply| heard.push(reply));
        let warning = Reply::Log { level: Level::Warning, text: "for people".to_owned() };
        assert_eq!(heard, [warning.clone(), Reply::Progress(progress(1))], "reports are rare");
        // A line that is not whole yet, garbage, and a folder that a new job has emptied.
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"garbage\n{\"progress\":").unwrap();
        reader.read(&mut |reply| heard.push(reply));
        assert_eq!(heard.len(), 2);
        std::fs::write(&path, "").unwrap();
        reader.read(&mut |reply| heard.push(reply));
        Writer::open(&path).log(Level::Warning, "for people");
        reader.read(&mut |reply| heard.push(reply));
        assert_eq!(heard[2..], [warning]);
        assert_eq!(last_progress(path), None);
    }

    #[test]
    fn events_that_cannot_be_written_fail_nothing() {
        Writer::open(Path::new("/nowhere/events")).progress(progress(1));
        Writer::open(Path::new("/dev/full")).progress(progress(1));
    }
}
