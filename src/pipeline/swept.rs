//! From a pipeline file and what is to be tried to the pipeline of all trials, or to everything wrong with
//! them.
//!
//! Each trial is the pipeline loaded again with its own `--set`s, so that every check and every place holds; what
//! is wrong with any of them is reported before anything runs.

use std::{fmt::Write, path::Path};

use super::{
    Invalid, Options, Pipeline,
    combine::combine,
    load::{parse_trial, text_of},
    sweep::SweepSpec,
    trials::{Draft, Trial, named},
    union::union,
};

/// What is wrong with a sweep.
#[derive(Debug)]
pub enum Wrong {
    /// With what is to be tried.
    Spec(Vec<String>),
    /// With the pipeline of some trials.
    Trials(Vec<OfTrials>),
}

/// One thing that is wrong with some trials.
#[derive(Debug)]
pub struct OfTrials {
    /// Their names.
    trials: Vec<String>,
    /// What is wrong, with and without colours.
    told: [String; 2],
}

/// So many problems of trials are shown in full.
const TOLD: usize = 12;

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
                let mut above: &[String] = &[];
                for OfTrials { trials, told: [coloured, plain] } in trials.iter().take(TOLD) {
                    if *above != **trials {
                        let _ = writeln!(text, "{}:", of_trials(trials));
                    }
                    let _ = writeln!(text, "{}\n", if colour { coloured } else { plain });
                    above = trials;
                }
                if let Some(more) = trials.len().checked_sub(TOLD).filter(|more| *more > 0) {
                    let _ = writeln!(text, "and {more} more");
                }
                (text.trim_end().to_owned(), trials.len())
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
    let sets: Vec<(Vec<String>, Vec<String>)> =
        drafts.iter().map(|draft| (sets(draft), draft.places.clone())).collect();
    let trials = named(drafts).map_err(Wrong::Spec)?;
    // Once: an edit meanwhile must not make trials of two texts.
    let text = text_of(file).map_err(|invalid| {
        let mut wrong = Vec::new();
        trials.iter().for_each(|trial| note(&mut wrong, &trial.name, &invalid));
        Wrong::Trials(wrong)
    })?;
    let mut loaded: Vec<(Trial, Pipeline)> = Vec::with_capacity(trials.len());
    let mut wrong: Vec<OfTrials> = Vec::new();
    for (trial, (set, places)) in trials.into_iter().zip(sets) {
        let set: Vec<String> = options.set.iter().cloned().chain(set).collect();
        let options = Options { set: set.clone(), ..options.clone() };
        match parse_trial(file, text.clone(), &options, &places) {
            Ok(pipeline) => loaded.push((Trial { set, ..trial }, pipeline)),
            Err(invalid) => note(&mut wrong, &trial.name, &invalid),
        }
    }
    if !wrong.is_empty() {
        return Err(Wrong::Trials(wrong));
    }
    one_for_all(&loaded).map_err(Wrong::Spec)?;
    union(loaded).ok_or_else(|| Wrong::Spec(vec!["there is no trial".to_owned()]))
}

/// A problem that several trials share is reported once.
fn note(wrong: &mut Vec<OfTrials>, trial: &str, invalid: &Invalid) {
    for told in invalid.each() {
        match wrong.iter_mut().find(|known| known.told == told) {
            Some(known) => known.trials.push(trial.to_owned()),
            None => wrong.push(OfTrials { trials: vec![trial.to_owned()], told }),
        }
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
                "{name} changes no result, so it must be the same in all trials: `{}` and `{}` differ in it",
                first.name, other.name
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
