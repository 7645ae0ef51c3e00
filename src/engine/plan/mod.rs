//! Decides what has to run, and why: fingerprints, the planner, the plan of a whole run, reasons in words.
//!
//! Reads records and file times. Runs nothing and shows nothing.

pub(in crate::engine) mod ask;
pub mod batch_options;
pub(in crate::engine) mod certain;
pub mod change;
pub(in crate::engine) mod demand;
pub mod details;
pub(in crate::engine) mod engine;
pub(in crate::engine) mod expected;
pub(in crate::engine) mod findings;
pub mod fingerprint;
pub(in crate::engine) mod forecast;
pub(in crate::engine) mod keys;
pub(in crate::engine) mod kin;
pub(in crate::engine) mod known;
pub(in crate::engine) mod leaks;
pub(in crate::engine) mod planner;
pub(in crate::engine) mod reason;
pub(in crate::engine) mod remarks;
pub mod results;
pub(in crate::engine) mod select;
pub mod why;
