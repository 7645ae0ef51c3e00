//! pcamflow: declarative, cached pipelines that train and explain patch classifiers on PatchCamelyon.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod digest;
pub mod fsx;
pub mod store;
#[doc(hidden)]
pub mod testing;
