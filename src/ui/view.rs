//! Writes to standard output.

use std::{
    io::{IsTerminal, stdout},
    path::Path,
};

use console::Term;

use super::{
    format,
    out::{Out, Stdout},
    paint::Paint,
};

/// The width and colours of standard output.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) paint: Paint,
    /// Columns of the terminal; `None` if it is not a terminal.
    pub(super) width: Option<usize>,
}

pub(super) fn view_of_stdout() -> View {
    let columns = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let width = if stdout().is_terminal() { columns() } else { None };
    View { paint: Paint::for_stdout(), width }
}

pub(super) fn write(text: &str) {
    let mut out = Out::new(Stdout);
    out.write(text);
    out.flush();
}

/// Writes a line to standard output.
pub fn line(text: &str) {
    write(&format!("{text}\n"));
}

/// A path relative to the current folder, if that is shorter.
#[must_use]
pub fn seen_from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    format::path(path, &here)
}
