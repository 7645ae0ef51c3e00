//! What has to run, and why: fingerprints, the planner, the plan of a whole run, reasons in words.
//!
//! Reads records and file times. Runs nothing and shows nothing.

pub(in crate::engine) mod certain;
pub mod change;
pub mod details;
pub mod fingerprint;
pub(in crate::engine) mod forecast;
pub(in crate::engine) mod keys;
pub(in crate::engine) mod kin;
pub(in crate::engine) mod known;
pub(in crate::engine) mod leaks;
pub(in crate::engine) mod past;
pub(in crate::engine) mod planner;
pub mod results;
pub(in crate::engine) mod select;
pub(in crate::engine) mod status;
pub mod why;
