//! The command line: arguments in, exit code out.

mod args;
mod cache;
mod check;
mod commands;
mod compare;
mod complete;
mod completions;
mod doctor;
mod explain;
mod export;
mod follow;
mod git;
mod graph;
mod guide;
mod headline;
mod history;
mod init;
mod intervals;
mod job;
mod latest;
mod log;
mod logging;
mod mlflow;
mod official;
mod outcome;
mod page;
mod path;
mod pin;
mod plan;
mod plot;
mod project;
mod push;
mod record;
mod remote;
mod report;
mod results;
mod run;
mod runs;
mod schema;
mod show;
mod signals;
mod start;
mod status;
mod sweep;
mod tensorboard;
mod verify;
mod watch;
mod worker;

use crate::ui::line as say;
use outcome::{Error, Exit, Outcome, colour, complain};

pub use start::main;

/// The hidden command with which the engine starts itself to compute a stage.
pub const SERVE: &str = "__serve";

/// The hidden command with which a job of a cluster computes its stage.
const JOB: &str = "__job";
