//! pcamflow: declarative, cached pipelines that train and explain patch classifiers on PatchCamelyon.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[doc(hidden)]
pub mod testing;
pub mod digest;
