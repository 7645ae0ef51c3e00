//! The pipeline of a recorded run, as it was then.
//!
//! Loaded from the texts and overrides in the record, whatever the files have become since.

use std::{collections::BTreeMap, path::Path};

use crate::{
    pipeline::{self, Invalid, Options, Pipeline},
    store::RunRecord,
};

/// The pipeline of a run.
///
/// # Errors
/// This version of pcamflow refuses the text.
pub fn pipeline_of(record: &RunRecord) -> Result<Pipeline, Invalid> {
    let texts: BTreeMap<_, _> = record.texts.iter().map(|it| (it.name.clone(), it.text.clone())).collect();
    pipeline::recorded(Path::new(&record.file), &texts, &options(record))
}

/// The options that the run had.
fn options(record: &RunRecord) -> Options {
    Options { set: record.all_set(), data: record.data.as_ref().map(Into::into) }
}
