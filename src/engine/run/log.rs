//! A stage's log: everything that it says, as it says it, in a file of bounded size.
//!
//! Of a log that grows too long the beginning and the end stay, with a line between them that says how much
//! was left out. Knows no stage.

use std::{
    fs::File,
    io::{Result, Write},
    os::unix::fs::FileExt,
    path::Path,
};

/// What always stays of the beginning, and of the end, in bytes.
const KEPT: usize = 1 << 20;

/// A log that is written.
pub(super) struct Log {
    /// `None` where it cannot be written: that must not fail what it is about.
    file: Option<File>,
    kept: usize,
}

impl Log {
    /// Goes on with the log of earlier attempts, if there is one.
    pub(super) fn open(path: &Path) -> Self {
        Self { file: File::options().create(true).read(true).append(true).open(path).ok(), kept: KEPT }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        let written = file.write_all(format!("{text}\n").as_bytes()).and_then(|()| shorten(file, self.kept));
        if written.is_err() {
            self.file = None;
        }
    }
}

/// Cuts the middle out of a log that is three times as long as what stays of each end.
fn shorten(file: &mut File, kept: usize) -> Result<()> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if size < 3 * kept {
        return Ok(());
    }
    let mut text = vec![0; size];
    file.read_exact_at(&mut text, 0)?;
    let after_line =
        |from: usize| text[from..].iter().position(|byte| *byte == b'\n').map_or(from, |at| from + at + 1);
    let (begin, mut end) = (after_line(kept), after_line(size - kept));
    // One line may be longer than all that stays.
    if end < begin || end == size {
        end = size - kept;
    }
    let begin = begin.min(end);
    let (left_out, note) = left_out(&text[begin..end]);
    file.set_len(begin as u64)?;
    file.write_all(note_of(left_out - note).as_bytes())?;
    file.write_all(&text[end..])
}

const BEFORE: &str = "[... ";
const AFTER: &str = " bytes were left out here ...]\n";

fn note_of(bytes: usize) -> String {
    format!("{BEFORE}{bytes}{AFTER}")
}

/// How many bytes a middle has, with those that were left out of it before; and how many of them are the note
/// that says so.
fn left_out(middle: &[u8]) -> (usize, usize) {
    let first = middle.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let before = std::str::from_utf8(first)
        .ok()
        .and_then(|line| line.strip_prefix(BEFORE)?.strip_suffix(AFTER)?.parse().ok());
    let note = if before.is_some() { first.len() } else { 0 };
    (middle.len() + before.unwrap_or(0), note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: impl Iterator<Item = String>, kept: usize) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        std::fs::write(&path, "from an earlier attempt\n").unwrap();
        let mut log = Log { kept, ..Log::open(&path) };
        lines.for_each(|line| log.line(&line));
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn a_short_log_is_whole() {
        let text = written((0..10).map(|line| format!("line {line}")), 1000);
        assert!(text.starts_with("from an earlier attempt\nline 0\n") && text.ends_with("line 8\nline 9\n"));
        assert_eq!(text.lines().count(), 11);
    }

    #[test]
    fn a_long_log_keeps_both_ends_and_counts_what_it_left_out() {
        let all: Vec<String> = (0..5000).map(|line| format!("line {line}")).collect();
        let text = written(all.iter().cloned(), 500);
        let size = all.iter().map(|line| line.len() + 1).sum::<usize>() + 24;
        assert!(text.len() < 2000, "{}", text.len());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1] == "line 0" && lines.last() == Some(&"line 4999"), "{text}");
        let notes: Vec<&&str> = lines.iter().filter(|line| line.contains("left out")).collect();
        let [note] = notes[..] else { panic!("{text}") };
        let number: usize = note.strip_prefix(BEFORE).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert_eq!(number + text.len() - note.len() - 1, size);
        // Nothing but whole lines, in order.
        let numbers = lines.iter().filter_map(|line| line.strip_prefix("line ")?.parse::<usize>().ok());
        assert!(numbers.clone().is_sorted() && numbers.count() == lines.len() - 2, "{text}");
    }

    #[test]
    fn a_line_without_end_is_cut_too() {
        let text = written(std::iter::repeat_n("x".repeat(900), 50), 200);
        assert!(text.len() < 1600, "{}", text.len());
        assert!(text.starts_with("from an earlier attempt\n") && text.ends_with("xxx\n"));
    }

    #[test]
    fn a_log_that_cannot_be_written_fails_nothing() {
        Log::open(Path::new("/nowhere/log.txt")).line("said");
        Log::open(Path::new("/dev/full")).line("said");
    }
}
