//! Writing where the reader may have gone: after the first error, nothing more is written.
//!
//! `pcamflow run ... | head` must neither panic nor end the run: what is computed is kept either way. Why
//! standard output could not be written is remembered, so that the program can say so at its end.

use std::{
    io::{self, Write},
    sync::OnceLock,
};

/// The first error of standard output that is no closed pipe.
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

/// Remembers an error of standard output, unless the reader has just gone or the call is made again.
pub fn remembered(error: io::Error) -> io::Error {
    if !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted) {
        let _ = LOST.set(error.kind().into());
    }
    error
}

/// Flushes standard output, and says why some of it could not be written.
pub fn lost() -> Option<&'static io::Error> {
    let _ = Stdout.flush();
    LOST.get()
}

/// A writer that falls silent instead of failing.
#[derive(Debug)]
pub(super) struct Out<W> {
    writer: Option<W>,
}

impl<W: Write> Out<W> {
    /// Writes to `writer` while that works.
    pub(super) fn new(writer: W) -> Self {
        Self { writer: Some(writer) }
    }

    /// Writes a text.
    pub(super) fn write(&mut self, text: &str) {
        self.attempt(|writer| writer.write_all(text.as_bytes()));
    }

    /// Hands over what is buffered.
    pub(super) fn flush(&mut self) {
        self.attempt(Write::flush);
    }

    fn attempt(&mut self, action: impl FnOnce(&mut W) -> std::io::Result<()>) {
        if self.writer.as_mut().is_some_and(|writer| action(writer).is_err()) {
            self.writer = None;
        }
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
    fn falls_silent_when_the_reader_has_gone() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut out = Out::new(writer);
        out.write("a line\n");
        assert!(out.writer().is_none());
        out.write("another\n");
        out.flush();
    }
}
