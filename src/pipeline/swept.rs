//! Makes the pipeline of all trials of a sweep, or reports all problems of the trials before anything runs.
//!
//! For each trial, the pipeline is loaded again with the trial's `--set`s, so that all checks and places apply.

use std::{fmt::Write, path::Path};

use super::{
    Invalid, Options, Pipeline,
    combine::combine,
    load::{parse_trial, text_of},
    sweep::SweepSpec,
    trials::{Draft, Trial, named},
    union::union,
};

/// The problems of a sweep.
#[derive(Debug)]
pub enum Wrong {
    /// Problems of the values to try.
    Spec(Vec<String>),
    /// Problems of the pipeline of some trials.
    Trials(Vec<OfTrials>),
}

/// A problem of some trials.
#[derive(Debug)]
pub struct OfTrials {
    /// Their names.
    trials: Vec<String>,
    /// The problem as text, with and without colours.
    texts: [String; 2],
}

/// How many problems of trials are shown.
const SHOWN: usize = 12;

impl Wrong {
    /// The problems as text, and their number.
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
                for OfTrials { trials, texts: [coloured, plain] } in trials.iter().take(SHOWN) {
                    if *above != **trials {
                        let _ = writeln!(text, "{}:", of_trials(trials));
                    }
                    let _ = writeln!(text, "{}\n", if colour { coloured } else { plain });
                    above = trials;
                }
                if let Some(more) = trials.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                    let _ = writeln!(text, "and {more} more");
                }
                (text.trim_end().to_owned(), trials.len())
            }
        }
    }
}

/// `trial epochs=3`, `4 trials, the first is epochs=3`.
fn of_trials(names: &[String]) -> String {
    match names {
        [one] => format!("trial {one}"),
        [first, ..] => format!("{} trials, the first is {first}", names.len()),
        [] => String::new(),
    }
}

/// The pipeline of all trials. `options` apply to every trial.
///
/// # Errors
/// The problems of the sweep, or of the pipelines of its trials.
pub fn swept(file: &Path, spec: &SweepSpec, options: &Options) -> Result<Pipeline, Wrong> {
    let drafts = combine(spec).map_err(Wrong::Spec)?;
    let sets: Vec<(Vec<String>, Vec<String>)> =
        drafts.iter().map(|draft| (sets(draft), draft.places.clone())).collect();
    let trials = named(drafts).map_err(Wrong::Spec)?;
    // Read once, so that all trials are of the same text.
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

/// Adds the problems of a trial. One that several trials share is reported once.
fn note(wrong: &mut Vec<OfTrials>, trial: &str, invalid: &Invalid) {
    for texts in invalid.each() {
        match wrong.iter_mut().find(|known| known.texts == texts) {
            Some(known) => known.trials.push(trial.to_owned()),
            None => wrong.push(OfTrials { trials: vec![trial.to_owned()], texts }),
        }
    }
}

/// The values of a trial, as `--set` options.
fn sets(draft: &Draft) -> Vec<String> {
    draft.values.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Checks that the settings of the whole run are the same in all trials.
fn one_for_all(trials: &[(Trial, Pipeline)]) -> Result<(), Vec<String>> {
    let Some(((first, pipeline), others)) = trials.split_first() else { return Ok(()) };
    let problem = |name: &str, differs: &dyn Fn(&Pipeline) -> bool| {
        let (other, _) = others.iter().find(|(_, other)| differs(other))?;
        Some(format!(
            "{name} changes no result, so it must be the same in all trials: `{}` and `{}` have different values",
            first.name, other.name
        ))
    };
    let problems = [
        problem("`[pipeline] name`", &|other| other.name != pipeline.name),
        problem("`[run]`", &|other| other.run != pipeline.run),
    ];
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
