//! pcamflow: declarative, cached pipelines that train and explain patch classifiers on PatchCamelyon.
//!
//! # Bird's-eye view
//!
//! A pipeline is a TOML file: a DAG of stages. The engine gives every stage a key, the digest of
//! everything that can change its result, looks it up in a content-addressed store, and computes what
//! is not there, in other processes. There are two binaries: `pcamflow`, the engine, small and without
//! libtorch, and `pcamflow-worker`, which loads libtorch and serves the stages that need tensors.
//!
//! ```text
//! file.toml --pipeline--> stages + graph --engine--> keys --store--> cached | run
//!                                                                          |
//!                               protocol (JSON lines) <--------------------+
//!                               |                     |
//!                        pcamflow (jobs)       pcamflow-worker (tensors)
//! ```
//!
//! # Code map, in reading order
//!
//! | module | responsible for |
//! |---|---|
//! | [`digest`], [`fsx`], [`nearest`], `finite` | content digests; the only code that writes, renames, locks and deletes files; "did you mean"; numbers in JSON |
//! | [`stages`] | one file per kind: parameters, inputs, artifacts, checks, `VERSION`; the registry |
//! | [`pipeline`], [`graph`] | TOML text to a checked pipeline, every problem with its place; the DAG |
//! | [`store`] | objects, action records, digests of sources, locks, partial work, what is shown |
//! | [`engine`] | fingerprints, plan, run loop, attempts, executors, events |
//! | [`protocol`], [`serve`] | what crosses the process boundary; the serving side of it |
//! | [`offspring`] | the processes that programs start: found, and ended with them |
//! | [`data`] | HDF5 and CSV in and out, splitting, synthetic patches |
//! | [`inspect`] | what is in a file, for people |
//! | [`metrics`], [`report`] | pure mathematics; pictures and texts |
//! | [`jobs`] | the stages that need no libtorch, computed in a child of the engine |
//! | [`ui`], [`cli`] | progress, summaries, JSON events; arguments in, exit code out |
//! | `src/worker/` | the second binary, and the only place that names `tch` |
//!
//! # Invariants
//!
//! **Imports run downwards only**: `cli -> ui, engine -> store, graph -> pipeline -> stages -> digest,
//! fsx`; nothing imports the worker. The engine emits events and knows no listener; metrics and report
//! know neither engine nor files. Within a module, no files import each other, directly or in a circle: plain
//! data has a file below those that use it. Tests read the imports and check this.
//!
//! **One traversal hashes and explains**: a fingerprint is a list of lines; the key is their digest,
//! the action record keeps them, "why did this run" compares them.
//!
//! **What is not in the fingerprint is not read**: inputs enter by content, inherited ones included;
//! settings that only say how to compute (`run`) never enter.
//!
//! **A result exists whole or not at all**: artifacts are written aside, published by rename, and the
//! record comes last. Any crash leaves a store that the next plain run can use.
//!
//! **No process outlives the engine**: what computes reads its standard input, and ends with it; before that it
//! ends whatever the program of a `command` stage started.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod data;
pub mod digest;
pub mod engine;
mod finite;
pub mod fsx;
pub mod graph;
pub mod inspect;
pub mod jobs;
pub mod metrics;
pub mod nearest;
pub mod offspring;
pub mod pipeline;
pub mod protocol;
pub mod report;
pub mod serve;
pub mod stages;
pub mod store;
#[doc(hidden)]
pub mod testing;
pub mod ui;
