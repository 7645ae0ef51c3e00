//! Integration tests, through the public library and the built binaries.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "torch")]
mod adaptive;
mod advice;
mod architecture;
mod browser;
mod cache;
mod cache_gc;
mod caching;
mod cli;
mod command;
mod command_children;
mod command_folders;
mod compared;
#[cfg(feature = "torch")]
mod densenet;
mod doctor;
mod editors;
mod elsewhere;
mod engine;
mod events;
mod examples;
#[cfg(feature = "torch")]
mod explainers;
mod faithfulness;
mod faults;
#[cfg(feature = "remote")]
mod fetch;
mod frozen;
mod graph;
mod guide;
mod hdf5_files;
mod import;
mod imports;
mod init;
mod json_schema;
mod keys;
mod language;
#[cfg(feature = "torch")]
mod launcher;
mod leaks;
mod outside;
mod pins;
mod plan;
#[cfg(feature = "torch")]
mod precision;
mod preview;
mod processes;
mod projects;
#[cfg(feature = "torch")]
mod references;
mod remembered;
#[cfg(feature = "remote")]
mod remote;
mod repeats;
mod report;
mod require;
#[cfg(feature = "torch")]
mod resnet;
mod results;
mod resumed;
mod robust;
mod runs;
mod sandbox;
#[cfg(feature = "torch")]
mod sanity;
mod shared_store;
mod shells;
mod sides;
#[cfg(feature = "torch")]
mod slurm;
mod source_checks;
mod spelling;
mod split;
mod summary;
mod sweep;
#[cfg(feature = "torch")]
mod torchscript;
#[cfg(feature = "torch")]
mod torchvision;
mod training;
mod unpack;
mod unwritten;
mod verify_stage;
mod watch;
#[cfg(feature = "torch")]
mod weights;
mod wrong_inputs;
