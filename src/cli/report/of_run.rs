//! The page of an earlier run, from its record: the pipeline as it was then, with the results that the run used.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::gather::{self, Origin};
use crate::{
    cli::{Error, history::History},
    engine::{
        self, Engine,
        tell::{given::Given, history::pipeline_of},
    },
    html,
    pipeline::Pipeline,
    store::{Git, RunRecord},
};

/// The number of the run that a word names, and its page.
pub(super) fn page(store: Option<&Path>, word: &str) -> Result<(u64, String), Error> {
    let history = History::open(None, store)?;
    let (_, record, _) = history.run(word, "`pcamflow compare 3..7 --page FILE` puts several on one page")?;
    let pipeline = pipeline_of(&record).map_err(|invalid| {
        let texts = invalid.render(false);
        Error::failed(format!("this pcamflow cannot read the pipeline of run {}:\n{texts}", record.id))
    })?;
    let report = report(&history, &pipeline, &record, store)?;
    Ok((record.id, html::page(&report)))
}

fn report(
    history: &History,
    pipeline: &Pipeline,
    record: &RunRecord,
    store: Option<&Path>,
) -> Result<html::Report, Error> {
    let keys: BTreeMap<_, _> =
        record.stages.iter().filter_map(|stage| Some((stage.name.clone(), stage.key?))).collect();
    let data = record.data.as_ref().map(PathBuf::from);
    let given = Given { set: record.all_set(), data, store: store.map(Path::to_owned), remote: None };
    let options = engine::Options { targets: record.targets.clone(), given, ..engine::Options::default() };
    let engine = Engine::new(pipeline, &history.store, options)?;
    let results = engine.results_of(&keys);
    if results.iter().all(|result| result.record.is_none()) {
        let (run, again) = (record.id, engine.run_all());
        return Err(Error::failed(format!(
            "no result of run {run} is in the store: `{again}` makes them again"
        )));
    }
    let ran: BTreeSet<&str> = record.computed().collect();
    let origin = Origin {
        name: name(record),
        version: record.pcamflow.clone(),
        commit: record.git.as_ref().map(commit),
        commands: vec![
            format!("pcamflow runs show {} --text  # the pipeline as it was", record.id),
            engine.run_all(),
        ],
    };
    Ok(gather::report(&engine, pipeline, &results, &ran, origin))
}

/// `quickstart, run 12`, with the trial if the run is one of a sweep.
fn name(record: &RunRecord) -> String {
    let trial = record.sweep.as_ref().map(|trial| format!(" ({})", trial.trial)).unwrap_or_default();
    format!("{}, run {}{trial}", record.pipeline, record.id)
}

fn commit(git: &Git) -> String {
    let changed = if git.dirty == Some(true) { ", with changes that are not committed" } else { "" };
    format!("{}{changed}", git.commit)
}
