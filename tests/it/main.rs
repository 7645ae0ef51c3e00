//! Behaviour of the whole, through the public library and through the real binaries.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;
mod examples;
