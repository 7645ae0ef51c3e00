//! pcamflow: declarative, cached pipelines that train and explain patch classifiers on PatchCamelyon.
//!
//! This page is a map of the source. How to use pcamflow is in the [`guide`].
//!
//! # Bird's-eye view
//!
//! A pipeline is a TOML file: a DAG of stages. The engine gives every stage a key, which is the digest of everything
//! that can change its result, looks it up in a content-addressed store, and computes what is missing in other
//! processes. There are two binaries: `pcamflow`, the engine, which is small and does not load libtorch, and
//! `pcamflow-worker`, which loads libtorch and computes the stages that need tensors.
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
//! | [`digest`], [`fsx`], [`nearest`], `finite`, [`cpu`], [`side`] | content digests; the only code that writes, renames, locks and deletes files; "did you mean"; numbers in JSON; the processor; the size of patches |
//! | [`stages`] | one file per kind: parameters, inputs, artifacts, checks, `VERSION`; the registry |
//! | [`pipeline`], [`graph`] | TOML text to a checked pipeline, every problem with its place; the DAG |
//! | [`store`] | objects, action records, digests of sources, locks, partial work, shown files |
//! | [`remote`] | a store that a team shares, in a bucket or a folder: looks up, fetches, pushes |
//! | [`slurm`] | Slurm's commands: submits jobs, asks for their states, cancels them |
//! | [`engine`] | fingerprints, plan, run loop, attempts, executors, events |
//! | [`protocol`], [`serve`], `place` | the messages between engine and processes; the serving side of them; where they compute, and whether both see the same folders |
//! | [`offspring`] | the processes that programs start: finds and ends them |
//! | [`data`] | reading and writing HDF5 and CSV, splitting, synthetic patches |
//! | [`inspect`] | the contents of a file, for people |
//! | [`metrics`], [`report`] | pure mathematics; pictures and texts |
//! | [`html`] | the report of a pipeline as one page, from plain data |
//! | [`jobs`] | the stages that need no libtorch, computed in a child of the engine |
//! | [`guide`] | the pages about how to use pcamflow: read them here or with `pcamflow guide` |
//! | [`ui`], [`cli`] | progress, summaries, JSON events; arguments in, exit code out |
//! | `src/worker/` | the second binary, and the only code that uses `tch` |
//!
//! # Invariants
//!
//! **Imports run downwards only**: `cli -> ui, engine -> store, graph -> pipeline -> stages -> digest,
//! fsx`; nothing imports the worker. The engine emits events and knows no listeners; metrics and report
//! know neither engine nor files. Within a module, no files import each other, directly or in a circle: plain
//! data is in a file below those that use it. Tests read the imports and check this.
//!
//! **One traversal hashes and explains**: a fingerprint is a list of lines. The key is their digest,
//! the action record keeps them, and "why did this run?" compares them.
//!
//! **A stage reads nothing that is not in its fingerprint**: inputs, also inherited ones, enter by content.
//! Settings that only say how to compute (`run`) never enter.
//!
//! **A result exists whole or not at all**: artifacts are written elsewhere and published by rename, and the
//! record is written last. After any crash, the next plain run can use the store.
//!
//! **A method is two files and two lines**: an explainer's settings in [`stages::explain`] and its mathematics in
//! `src/worker/explain/`, with a line in the registry of each. The engine, the other stages, the report and the command
//! line know no method. What else can be added, and where, is in `pcamflow guide develop`.
//!
//! **No process outlives the engine**: a process that computes ends with its standard input. Before that, it ends
//! everything that the program of a `command` stage has started.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod cpu;
pub mod data;
pub mod digest;
pub mod engine;
mod finite;
pub mod fsx;
pub mod graph;
pub mod guide;
pub mod html;
pub mod inspect;
pub mod jobs;
pub mod metrics;
pub mod nearest;
pub mod offspring;
pub mod pipeline;
mod place;
pub mod protocol;
pub mod remote;
pub mod report;
pub mod serve;
pub mod side;
pub mod slurm;
pub mod stages;
pub mod store;
#[doc(hidden)]
pub mod testing;
pub mod ui;
