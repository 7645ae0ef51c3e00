//! The page of an earlier run, from its record: the pipeline as it was then, with the results that the run used.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    Error, ReportArguments, computed,
    gather::{self, Origin},
    write as write_page,
};
use crate::{
    cli::history::History,
    engine::{
        self, Engine,
        tell::{given::Given, history::pipeline_of},
    },
    html,
    pipeline::Pipeline,
    store::{Git, RunRecord},
};

/// Writes the page of a run and returns its path.
pub(super) fn write(arguments: &ReportArguments, word: &str) -> Result<PathBuf, Error> {
    if !arguments.set.is_empty() || arguments.data.is_some() {
        return Err(Error::usage(
            "`--set` and `--data` are for a pipeline file: a run has those of its record",
        ));
    }
    let history = History::open(None, arguments.store.as_deref())?;
    let (_, record, _) = history.run(word, "`pcamflow compare 3..7 --page FILE` puts several on one page")?;
    let pipeline = pipeline_of(&record).map_err(|invalid| {
        let texts = invalid.render(false);
        Error::failed(format!("this pcamflow cannot read the pipeline of run {}:\n{texts}", record.id))
    })?;
    let page = html::page(&report(&history, &pipeline, &record, arguments)?);
    let to = arguments.to.clone().unwrap_or_else(|| PathBuf::from(format!("run-{}.html", record.id)));
    write_page(&page, &to)?;
    Ok(to)
}

fn report(
    history: &History,
    pipeline: &Pipeline,
    record: &RunRecord,
    arguments: &ReportArguments,
) -> Result<html::Report, Error> {
    let keys: BTreeMap<_, _> =
        record.stages.iter().filter_map(|stage| Some((stage.name.clone(), stage.key?))).collect();
    let data = record.data.as_ref().map(PathBuf::from);
    let given = Given { set: record.all_set(), data, store: arguments.store.clone() };
    let options = engine::Options { targets: record.targets.clone(), given, ..engine::Options::default() };
    let engine = Engine::new(pipeline, &history.store, options)?;
    let results = engine.results_of(&keys);
    if results.iter().all(|result| result.record.is_none()) {
        let (run, again) = (record.id, engine.run_all());
        return Err(Error::failed(format!(
            "no result of run {run} is in the store: `{again}` makes them again"
        )));
    }
    let ran: BTreeSet<&str> = computed(record).collect();
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
