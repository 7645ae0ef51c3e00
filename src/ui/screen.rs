//! A terminal that may be closed during a run.
//!
//! indicatif panics if a write fails, which would end the run. Here, no write fails.

use std::{io, sync::Arc};

use indicatif::TermLike;

/// A terminal whose writes never fail.
#[derive(Debug, Clone)]
pub(super) struct Screen(pub(super) Arc<dyn TermLike>);

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.0.width()
    }
    fn height(&self) -> u16 {
        self.0.height()
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n).or(Ok(()))
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n).or(Ok(()))
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n).or(Ok(()))
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n).or(Ok(()))
    }
    fn write_line(&self, s: &str) -> io::Result<()> {
        self.0.write_line(s).or(Ok(()))
    }
    fn write_str(&self, s: &str) -> io::Result<()> {
        self.0.write_str(s).or(Ok(()))
    }
    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line().or(Ok(()))
    }
    fn flush(&self) -> io::Result<()> {
        self.0.flush().or(Ok(()))
    }
}
