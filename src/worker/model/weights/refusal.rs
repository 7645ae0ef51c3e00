//! Why a file is not the weights of a network: one message with everything that is wrong, and what to do.

use anyhow::{Error, Result, anyhow};
use pcamflow::stages::resume_train::in_words;

use super::reading::{Reading, Stored, Want};
use crate::model::fit::shortened;

/// The error if several ways to read a file fit.
pub(super) fn several(name: &str, readings: &[Reading]) -> Error {
    let place = |reading: &Reading| match reading.prefix.as_str() {
        "" => "without a prefix".to_owned(),
        prefix => format!("below `{prefix}`"),
    };
    let places: Vec<_> = readings.iter().map(place).collect();
    anyhow!("{name} holds several networks: {}; save the tensors of one of them alone", places.join(", "))
}

/// The error if no way to read a file fits: everything that is wrong in the nearest one.
pub(super) fn none(name: &str, stored: &Stored, readings: Vec<Result<Reading>>, want: Want<'_>) -> Error {
    let mut unknown = None;
    let mut nearest: Option<Reading> = None;
    for reading in readings {
        match reading {
            // The first one has the prefix of all names. Another one may be nearer.
            Ok(reading) if nearest.as_ref().is_none_or(|other| reading.is_nearer_than(other)) => {
                nearest = Some(reading);
            }
            Ok(_) => {}
            Err(error) => unknown = unknown.or(Some(error)),
        }
    }
    match nearest {
        Some(reading) => misfit(name, stored, &reading, want),
        None => no_network(name, stored, unknown),
    }
}

fn no_network(name: &str, stored: &Stored, why: Option<Error>) -> Error {
    let names: Vec<_> = stored.keys().collect();
    let holds = match names.is_empty() {
        true => "it holds no tensors".to_owned(),
        false => format!("its tensors are {}", shortened(&names, |name| format!("`{name}`"))),
    };
    let why = why.unwrap_or_else(|| anyhow!("{name} holds no network"));
    anyhow!("{why:#}; {holds}")
}

fn misfit(name: &str, stored: &Stored, reading: &Reading, want: Want<'_>) -> Error {
    let below = match reading.prefix.as_str() {
        "" => String::new(),
        prefix => format!(", read below `{prefix}`,"),
    };
    let advice = advice(name, stored, reading, want).map(|text| format!("; {text}")).unwrap_or_default();
    anyhow!("{name}{below} does not fit the network: {}{advice}", reading.misfit.in_words())
}

/// What to do about a reading that does not fit, where that is known.
fn advice(name: &str, stored: &Stored, reading: &Reading, want: Want<'_>) -> Option<String> {
    let head = &reading.needed.head;
    match want {
        Want::Any if reading.misfit.is_only_of(head) => Some(format!(
            "a model has one output, `{head}`: `train` can start from these weights with `replace-head = true`"
        )),
        Want::Any => None,
        Want::Start { .. } if reading.misfit.is_only_of(head) => {
            Some(format!("with `replace-head = true`, `{head}` starts from the initialisation instead"))
        }
        Want::Start { architecture, .. } => {
            let found = Reading::new(name, &reading.prefix, stored, Want::Any).ok()?;
            let other = found.architecture.form() != architecture.form();
            (other && found.misfit.is_only_of(&found.needed.head)).then(|| {
                format!("these are the tensors of {}: set `architecture`", in_words(&found.architecture))
            })
        }
    }
}
