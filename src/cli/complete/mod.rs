//! What the scripts of `pcamflow completions` ask while a command is typed: the words that may stand there.
//!
//! The scripts themselves know commands and options; only the program knows the stages of a pipeline, their
//! artifacts, keys and numbers. Which of these fits follows from the value's name in the command
//! line (`STAGE`, `KEY=VALUE`), so that a new command needs nothing here. On any problem there are simply no
//! candidates.

mod candidates;
mod line;

use super::{Exit, args::CompleteArguments, say};

/// The names of the values of options that are known.
pub(super) const KNOWN: [&str; 3] = ["STAGE", "KEY=VALUE", "REQUIREMENT"];

/// Prints one candidate a line, each for the whole last word.
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
