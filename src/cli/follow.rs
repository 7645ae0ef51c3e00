//! `pcamflow log --follow`: prints the log of a stage while it grows, until the stage ends.
//!
//! A stage is running as long as its key is locked. Knows no formats: a log is lines.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    thread::sleep,
    time::Duration,
};

use super::{
    Error, complain,
    results::{ResultArguments, Results, with_results},
};
use crate::{cli::Exit, digest::Digest, engine::plan::results::StageResult, fsx, store::Store, ui};

/// The time between two looks at a log.
const OFTEN: Duration = Duration::from_millis(200);

/// What following has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// The stage has not begun.
    NotYet,
    /// The stage has ended, or its output is closed.
    ToAnEnd,
}

/// Waits until the stage has begun, and prints its log until it ends. A finished stage's log is printed at once.
pub(super) fn follow(arguments: &ResultArguments) -> Result<(), Error> {
    let mut said = false;
    loop {
        let mut came = Came::NotYet;
        with_results(arguments, true, |results| {
            let [result] = results.all else {
                return Err(Error::usage("one log is followed at a time: name one stage"));
            };
            came = look(results, result)?;
            if came == Came::NotYet && !std::mem::replace(&mut said, true) {
                complain(&format!("note: waiting for {} to start (Ctrl-C ends this)", result.stage));
            }
            Ok(Exit::Done)
        })?;
        if came == Came::ToAnEnd {
            return Ok(());
        }
        sleep(OFTEN);
    }
}

/// Follows an attempt, or prints a finished log.
fn look(results: &Results<'_>, result: &StageResult) -> Result<Came, Error> {
    if let (Some(attempt), Some(key)) = (&result.attempt, result.key) {
        // A stage that is done by now has no log here: the next look finds its result.
        let Ok(tail) = Tail::of(attempt) else { return Ok(Came::NotYet) };
        let unreadable = |error| Error::environment(format!("the log cannot be read: {error}"));
        tail.follow_to_the_end(|| is_running(results.engine.store(), &key)).map_err(unreadable)?;
        return Ok(Came::ToAnEnd);
    }
    let Some(record) = result.record.as_ref().filter(|_| result.outdated.is_none()) else {
        return Ok(Came::NotYet);
    };
    if let Some(log) = results.engine.log(record) {
        ui::plain_text(&String::from_utf8_lossy(&fsx::read(&log)?));
    }
    Ok(Came::ToAnEnd)
}

/// A store that cannot be written has no running stages.
fn is_running(store: &Store, key: &Digest) -> bool {
    store.is_locked(key).unwrap_or(false)
}

/// A file that grows. It stays readable when it is removed, as the log of a finished attempt is.
struct Tail {
    file: File,
    read: u64,
    /// The beginning of a line that is not whole yet.
    rest: Vec<u8>,
}

impl Tail {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, read: 0, rest: Vec::new() })
    }

    /// Prints what is added while the stage runs.
    fn follow_to_the_end(mut self, is_running: impl Fn() -> bool) -> io::Result<()> {
        while is_running() && self.pass_on(ui::text_as_it_comes)? {
            sleep(OFTEN);
        }
        // What was written before the stage ended.
        self.pass_on(ui::text_as_it_comes)?;
        self.end(ui::text_as_it_comes);
        Ok(())
    }

    /// Passes on the whole lines that were added; returns whether they were taken.
    fn pass_on(&mut self, take: impl FnOnce(&str) -> bool) -> io::Result<bool> {
        let size = self.file.metadata()?.len();
        if size < self.read {
            // The middle of a long log was cut out, and its end is what was read last.
            self.read = size;
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let added = (&self.file).take(size - self.read).read_to_end(&mut self.rest)?;
        self.read += added as u64;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        Ok(take(&String::from_utf8_lossy(&lines)))
    }

    /// Passes on a last line without an end.
    fn end(self, take: impl FnOnce(&str) -> bool) {
        if !self.rest.is_empty() {
            take(&String::from_utf8_lossy(&self.rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    fn added(tail: &mut Tail) -> String {
        let mut text = String::new();
        let taken = tail.pass_on(|added| {
            text.push_str(added);
            true
        });
        assert!(taken.unwrap());
        text
    }

    #[test]
    fn whole_lines_are_passed_on_as_they_are_added_also_after_the_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        fs::write(&path, "epoch 1\nepo").unwrap();
        let mut tail = Tail::of(&path).unwrap();
        assert_eq!(added(&mut tail), "epoch 1\n");
        assert_eq!(added(&mut tail), "");
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"ch 2\nend").unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(added(&mut tail), "epoch 2\n");
        let mut last = String::new();
        tail.end(|text| {
            last.push_str(text);
            true
        });
        assert_eq!(last, "end");
    }

    #[test]
    fn a_log_whose_middle_is_cut_out_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        fs::write(&path, "a\nb\nc\nd\n").unwrap();
        let mut tail = Tail::of(&path).unwrap();
        assert_eq!(added(&mut tail), "a\nb\nc\nd\n");
        let mut file = File::options().append(true).open(&path).unwrap();
        file.set_len(4).unwrap();
        assert_eq!(added(&mut tail), "");
        file.write_all(b"e\n").unwrap();
        assert_eq!(added(&mut tail), "e\n");
    }
}
