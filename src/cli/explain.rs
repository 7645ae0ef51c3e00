//! `pcamflow explain`: what a measure is, in the words of the report.

use clap::Args;

use super::{Error, Exit, Outcome, say};
use crate::{
    html::terms::{self, Term},
    nearest::nearest,
};

/// The measure to explain.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The measure (`deletion-auc`); without it, all of them
    #[arg(value_name = "MEASURE")]
    measure: Option<String>,
}

/// Prints what one measure is, or all.
pub(super) fn explain(arguments: &ExplainArguments) -> Outcome {
    let Some(name) = &arguments.measure else {
        terms::all().for_each(print);
        return Ok(Exit::Done);
    };
    print(terms::term(name).ok_or_else(|| unknown(name))?);
    Ok(Exit::Done)
}

fn print(term: &Term) {
    say(&format!("{} ({})\n  {}\n  {}. {}.", term.name, term.title, term.sentence, term.range, term.source));
}

fn unknown(name: &str) -> Error {
    let names = terms::all().map(|term| term.name);
    let part = names.clone().find(|known| name.len() > 2 && known.contains(name));
    let help = match nearest(name, names.clone()).or(part) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the measures are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Error::usage(format!("there is no measure `{name}`: {help}"))
}
