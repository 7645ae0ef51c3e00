//! Behaviour of the whole, through the public library and through the real binaries.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod cache;
mod caching;
mod cli;
mod engine;
mod examples;
mod faithfulness;
mod faults;
mod hdf5_files;
mod preview;
#[cfg(feature = "torch")]
mod references;
mod repeats;
#[cfg(feature = "torch")]
mod resnet;
mod sandbox;
#[cfg(feature = "torch")]
mod sanity;
mod split;
#[cfg(feature = "torch")]
mod training;
mod wrong_inputs;
