//! The repeats of a stage together: mean and spread of each of its main numbers.
//!
//! Knows stages by name and their numbers. `spread` has the statistics, `files` writes the files.

mod files;
mod spread;

use crate::engine::tell::ended::FinishedStage;
use crate::stages::StageName;

pub(in crate::engine) use files::show;
pub use spread::{Repeated, Spread};

/// The repeats of one stage: each seed with its result.
pub(in crate::engine) fn together(name: &StageName, each: Vec<(u64, Option<&FinishedStage>)>) -> Repeated {
    let missing = each.iter().filter(|(_, result)| result.is_none());
    let numbers = each.iter().map(|(_, result)| result.map_or(&[][..], |result| &result.numbers));
    Repeated {
        stage: name.to_string(),
        missing: missing.map(|(seed, _)| *seed).collect(),
        numbers: Spread::of_each(&numbers.collect::<Vec<_>>()),
        seeds: each.iter().map(|(seed, _)| *seed).collect(),
    }
}
