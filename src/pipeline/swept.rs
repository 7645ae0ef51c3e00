//! From a pipeline file and what is to be tried to the pipeline of all trials, or to everything wrong with
//! them.
//!
//! Each trial is the pipeline loaded again with its own `--set`s, so that every check and every place holds; what
//! is wrong with any of them is told before anything runs.

use std::{fmt::Write, path::Path};

use super::{
    Invalid, Options, Pipeline,
    combine::combine,
    load::load,
    sweep::SweepSpec,
    trials::{Draft, named},
    union::{Trial, union},
};

/// What is wrong with a sweep.
#[derive(Debug)]
pub enum Wrong {
    /// With what is to be tried.
    Spec(Vec<String>),
    /// With the pipeline of some trials: which, and what.
    Trials(Vec<(Vec<String>, Invalid)>),
}

/// Problems of trials are told in full for so many.
const TOLD: usize = 5;

impl Wrong {
    /// Everything that is wrong, and how many problems that is.
    #[must_use]
    pub fn render(&self, colour: bool) -> (String, usize) {
        match self {
            Self::Spec(problems) => {
                let text: Vec<String> = problems.iter().map(|problem| format!("error: {problem}")).collect();
                (text.join("\n"), problems.len())
            }
            Self::Trials(trials) => {
                let mut text = String::new();
                for (names, invalid) in trials.iter().take(TOLD) {
                    let _ = writeln!(text, "{}:\n{}\n", of_trials(names), invalid.render(colour));
                }
                if trials.len() > TOLD {
                    let more = trials.iter().skip(TOLD).map(|(names, _)| names.len()).sum::<usize>();
                    let _ = writeln!(text, "and other problems of {more} more trials");
                }
                (text.trim_end().to_owned(), trials.iter().map(|(_, invalid)| invalid.count()).sum())
            }
        }
    }
}

/// `trial epochs=3`, `4 trials, epochs=3 the first`.
fn of_trials(names: &[String]) -> String {
    match names {
        [one] => format!("trial {one}"),
        [first, ..] => format!("{} trials, the first is {first}", names.len()),
        [] => String::new(),
    }
}

/// The pipeline of all trials. `options` are those of every trial.
///
/// # Errors
/// What is wrong with the sweep, or with the pipeline of any trial.
pub fn swept(file: &Path, spec: &SweepSpec, options: &Options) -> Result<Pipeline, Wrong> {
    let drafts = combine(spec).map_err(Wrong::Spec)?;
    let sets: Vec<Vec<String>> = drafts.iter().map(sets).collect();
    let trials = named(drafts).map_err(Wrong::Spec)?;
    let mut loaded: Vec<(Trial, Pipeline)> = Vec::with_capacity(trials.len());
    let mut wrong: Vec<(String, Vec<String>, Invalid)> = Vec::new();
    for (trial, set) in trials.into_iter().zip(sets) {
        let set: Vec<String> = options.set.iter().cloned().chain(set).collect();
        match load(file, &Options { set: set.clone(), ..options.clone() }) {
            Ok(pipeline) => loaded.push((Trial { set, ..trial }, pipeline)),
            Err(invalid) => note(&mut wrong, trial.name, invalid),
        }
    }
    if !wrong.is_empty() {
        return Err(Wrong::Trials(wrong.into_iter().map(|(_, names, invalid)| (names, invalid)).collect()));
    }
    one_for_all(&loaded).map_err(Wrong::Spec)?;
    union(loaded).ok_or_else(|| Wrong::Spec(vec!["there is no trial".to_owned()]))
}

/// What is wrong in the same way with several trials is told once.
fn note(wrong: &mut Vec<(String, Vec<String>, Invalid)>, trial: String, invalid: Invalid) {
    let told = invalid.render(false);
    match wrong.iter_mut().find(|(known, ..)| *known == told) {
        Some((_, trials, _)) => trials.push(trial),
        None => wrong.push((told, vec![trial], invalid)),
    }
}

/// What a trial sets, as `--set` has it.
fn sets(draft: &Draft) -> Vec<String> {
    draft.values.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Whether two trials are the same in something.
type Same = fn(&Pipeline, &Pipeline) -> bool;

/// What stands beside the stages has to be the same in all trials: they are one run.
fn one_for_all(trials: &[(Trial, Pipeline)]) -> Result<(), Vec<String>> {
    let Some(((first, pipeline), others)) = trials.split_first() else { return Ok(()) };
    let mut problems = Vec::new();
    let what: [(&str, Same); 2] = [
        ("`[pipeline] name`", |one, other| one.name == other.name),
        ("`[run]`", |one, other| one.run == other.run),
    ];
    for (name, same) in what {
        if let Some((other, _)) = others.iter().find(|(_, other)| !same(pipeline, other)) {
            problems.push(format!(
                "{name} has to be the same in all trials, and `{}` and `{}` differ in it: it changes no result",
                first.name, other.name
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
