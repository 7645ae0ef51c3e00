//! Completes a word, for the scripts of `pcamflow completions`.
//!
//! The name of a value in the command's declaration (`STAGE`, `KEY=VALUE`) decides what its candidates are, so a new
//! command needs no code here. If anything goes wrong, there are no candidates.

mod candidates;
mod line;

use super::{Exit, args::CompleteArguments, say};

/// The values of options that have candidates.
pub(super) const COMPLETED: [&str; 2] = ["STAGE", "KEY=VALUE"];

/// Prints one candidate per line, each for the whole last word.
pub(super) fn complete(arguments: &CompleteArguments) -> Exit {
    let Some(line) = line::read(&arguments.words) else { return Exit::Done };
    let mut found = candidates::candidates(&line);
    found.retain(|candidate| candidate.starts_with(&line.typed) && *candidate != line.typed);
    found.sort();
    found.dedup();
    for candidate in found {
        say(&format!("{}{candidate}", line.prefix));
    }
    Exit::Done
}
