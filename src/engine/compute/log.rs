//! The log of a stage: every line that it reports, in a file of bounded size.
//!
//! If the log grows too long, its middle is replaced by a line that says so. Knows no stage.

use std::{
    fs::File,
    io::{Result, Write},
    os::unix::fs::FileExt,
    path::Path,
};

/// How many bytes are always kept of the beginning, and of the end.
const KEPT: usize = 1 << 20;

/// A log that is written.
pub(super) struct Log {
    /// `None` if it cannot be written: a stage must not fail for that.
    file: Option<File>,
    kept: usize,
}

impl Log {
    /// Continues the log of earlier attempts, if there is one.
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

/// Cuts the middle out of a log that is three times as long as what is kept of each end.
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
    // One line may be longer than all that is kept.
    if end < begin || end == size {
        end = size - kept;
    }
    file.set_len(begin.min(end) as u64)?;
    file.write_all(NOTE.as_bytes())?;
    file.write_all(&text[end..])
}

/// The line in place of what was cut out.
const NOTE: &str = "[... the middle of this log was left out here ...]\n";

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
    fn a_long_log_keeps_both_ends() {
        let all: Vec<String> = (0..5000).map(|line| format!("line {line}")).collect();
        let text = written(all.iter().cloned(), 500);
        assert!(text.len() < 2000, "{}", text.len());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1] == "line 0" && lines.last() == Some(&"line 4999"), "{text}");
        assert_eq!(text.matches(NOTE).count(), 1, "{text}");
        // The others are whole lines, in order.
        let numbers = lines.iter().filter_map(|line| line.strip_prefix("line ")?.parse::<usize>().ok());
        assert!(numbers.clone().is_sorted() && numbers.count() == lines.len() - 2, "{text}");
    }

    #[test]
    fn an_endless_line_is_cut() {
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
