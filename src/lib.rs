//! pcamflow: declarative, cached pipelines that train and explain patch classifiers on PatchCamelyon.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod data;
pub mod digest;
pub mod engine;
pub mod protocol;
pub mod serve;
pub mod stages;
#[doc(hidden)]
pub mod testing;
