//! Writing where the reader may have gone: after the first error, nothing more is written.
//!
//! `pcamflow run ... | head` must neither panic nor end the run: what is computed is kept either way.

use std::io::Write;

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
