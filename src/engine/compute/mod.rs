//! Computes one stage whose key is locked, from plain data: attempts, publication, the record.
//!
//! The engine does this for the stages that it computes itself, and a job on a cluster for its one stage. Knows no other
//! stages and no run.

mod log;
mod retry;
mod stop;
mod work;
mod written;

pub(in crate::engine) use retry::{concerns, last, slept, warning};
pub(in crate::engine) use stop::until_stopped;
pub(in crate::engine) use work::{Lost, Site, Work};
pub(in crate::engine) use written::{check_written, path_of};
