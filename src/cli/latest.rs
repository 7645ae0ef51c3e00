//! Chooses runs that can be compared: the latest whole ones of a pipeline with different results, or the trials of a
//! sweep.

use std::{collections::BTreeSet, path::Path};

use super::{
    Error, complain,
    history::{Found, History},
};
use crate::{
    digest::Digest,
    engine::tell::history::Facts,
    store::{Outcome, RunFile, RunRecord, RunState},
    ui::format,
};

/// A run with what it is compared by.
pub(super) type Run = (RunRecord, RunState, Facts);

/// Reads a run; a note names a record that cannot be read.
pub(super) fn read(history: &History, file: &RunFile) -> Result<Option<Run>, Error> {
    Ok(match history.look(file)? {
        Found::Run(run, state) => {
            let facts = Facts::of(&history.store, &run);
            Some((*run, state, facts))
        }
        Found::Unreadable(why) => {
            complain(&format!("note: run {} is left out: {why}", file.id));
            None
        }
        Found::Gone => None,
    })
}

/// The latest runs of a pipeline that have results. Of several runs with the same results, only the last one. Runs
/// that failed or computed only named stages are left out, unless there are no others.
pub(super) fn latest(history: &History, pipeline: &str, most: u32) -> Result<Vec<Run>, Error> {
    let name = history.name_of(Path::new(pipeline));
    let mut seen: BTreeSet<Vec<(String, Option<Digest>)>> = BTreeSet::new();
    let (mut whole, mut partial) = (Vec::new(), Vec::new());
    for file in history.files.iter().rev().filter(|file| file.is_of(&name)) {
        if whole.len() >= most as usize {
            break;
        }
        let Some(run) = read(history, file)? else { continue };
        let results: Vec<_> = run.0.stages.iter().map(|stage| (stage.name.clone(), stage.key)).collect();
        if results.iter().any(|(_, key)| key.is_some()) && seen.insert(results) {
            if is_whole(&run.0) { whole.push(run) } else { partial.push(run) }
        }
    }
    let mut runs = chosen(whole, partial, most);
    runs.reverse();
    Ok(runs)
}

/// The whole runs; the others if there are no whole ones.
fn chosen(whole: Vec<Run>, mut partial: Vec<Run>, most: u32) -> Vec<Run> {
    if whole.is_empty() {
        partial.truncate(most as usize);
        return partial;
    }
    if !partial.is_empty() {
        let runs = format::plural(partial.len(), "run");
        complain(&format!(
            "note: {runs} left out: failed, or of named stages only (`pcamflow runs` has their numbers)"
        ));
    }
    whole
}

/// Whether a run was asked for all stages and has all their results.
fn is_whole(run: &RunRecord) -> bool {
    let is_done = |outcome| matches!(outcome, Outcome::Computed | Outcome::Cached);
    run.targets.is_empty() && run.stages.iter().all(|stage| is_done(stage.outcome))
}

/// The trials of a sweep. If it ran several times, the last run of each trial.
pub(super) fn of_sweep(history: &History, id: &str) -> Result<Vec<Run>, Error> {
    let mut id = (id != "latest").then(|| id.to_owned());
    let mut trials: Vec<Run> = Vec::new();
    for file in history.files.iter().rev() {
        let Found::Run(run, state) = history.look(file)? else { continue };
        let Some(trial) = &run.sweep else { continue };
        let id = id.get_or_insert_with(|| trial.id.clone());
        let same = |(other, ..): &Run| other.sweep.as_ref().is_some_and(|it| it.trial == trial.trial);
        if trial.id == *id && !trials.iter().any(same) {
            let facts = Facts::of(&history.store, &run);
            trials.push((*run, state, facts));
        }
    }
    trials.reverse();
    // Records are numbered in the order in which trials began to compute.
    trials.sort_by_key(|(run, ..)| run.sweep.as_ref().and_then(|trial| trial.place));
    match id.filter(|_| trials.is_empty()) {
        Some(id) => Err(Error::usage(format!("there is no sweep `{id}`: `pcamflow runs` lists the trials"))),
        None => Ok(trials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RunStage;

    fn run(id: u64, targets: &[&str], outcomes: &[Outcome]) -> RunRecord {
        let stages = outcomes.iter().map(|outcome| RunStage { outcome: *outcome, ..RunStage::default() });
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        RunRecord { id, targets, stages: stages.collect(), ..RunRecord::default() }
    }

    #[test]
    fn a_run_is_whole_if_it_was_asked_for_everything_and_has_it() {
        let done = [Outcome::Computed, Outcome::Cached];
        assert!(is_whole(&run(1, &[], &done)));
        assert!(!is_whole(&run(1, &["train.base"], &done)));
        for outcome in [Outcome::Failed, Outcome::Blocked, Outcome::NotRun] {
            assert!(!is_whole(&run(1, &[], &[Outcome::Computed, outcome])));
        }
    }

    #[test]
    fn runs_that_are_not_whole_are_left_out_unless_there_are_no_others() {
        let of = |id| (run(id, &[], &[]), RunState::Done, Facts::default());
        let ids = |runs: Vec<Run>| runs.iter().map(|(run, ..)| run.id).collect::<Vec<_>>();
        assert_eq!(ids(chosen(vec![of(4)], vec![of(3), of(5)], 10)), [4]);
        assert_eq!(ids(chosen(Vec::new(), vec![of(5), of(3)], 1)), [5]);
    }
}
