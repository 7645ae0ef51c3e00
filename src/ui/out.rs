//! Writers that do not fail: after the first error, nothing more is written.
//!
//! `pcamflow run ... | head` must neither panic nor end the run. An error of standard output is remembered, and
//! reported when the program ends.

use std::{
    io::{self, Write},
    sync::OnceLock,
};

/// The first error of standard output, except closed pipes.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Standard output, whose errors are remembered.
#[derive(Debug)]
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes).map_err(remembered)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().map_err(remembered)
    }
}

/// Remembers an error of standard output, unless the pipe is closed or the call is repeated.
pub fn remembered(error: io::Error) -> io::Error {
    if !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted) {
        let _ = LOST.set(error.kind().into());
    }
    error
}

/// Flushes standard output, and returns why some of it could not be written.
pub fn lost() -> Option<&'static io::Error> {
    let _ = Stdout.flush();
    LOST.get()
}

/// A writer that stops instead of failing.
#[derive(Debug)]
pub(super) struct Out<W> {
    writer: Option<W>,
}

impl<W: Write> Out<W> {
    /// Writes to `writer` until it fails.
    pub(super) fn new(writer: W) -> Self {
        Self { writer: Some(writer) }
    }

    /// Writes a text.
    pub(super) fn write(&mut self, text: &str) {
        self.attempt(|writer| writer.write_all(text.as_bytes()));
    }

    /// Flushes the writer.
    pub(super) fn flush(&mut self) {
        self.attempt(Write::flush);
    }

    fn attempt(&mut self, action: impl FnOnce(&mut W) -> std::io::Result<()>) {
        if self.writer.as_mut().is_some_and(|writer| action(writer).is_err()) {
            self.writer = None;
        }
    }

    /// Whether nothing has failed so far.
    pub(super) fn is_open(&self) -> bool {
        self.writer.is_some()
    }

    /// The writer, if it never failed.
    #[cfg(test)]
    pub(super) fn writer(&self) -> Option<&W> {
        self.writer.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_when_the_reader_is_gone() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut out = Out::new(writer);
        out.write("a line\n");
        assert!(out.writer().is_none());
        out.write("another\n");
        out.flush();
    }
}
