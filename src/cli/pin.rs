//! `pcamflow pin`: the digests of the source files, written where the pipeline names them.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;

use super::{
    Exit,
    args::PipelineArguments,
    complain,
    project::{open, tell},
    say,
};
use crate::{
    digest::Digest,
    engine::{Engine, Options, Refused},
    fsx::{self, Durability},
    pipeline::{Mention, Pipeline, Rewritten},
    ui,
};

/// What to pin, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
With pins, keys are computed without the files. `plan`, `run` and `graph --status` then work on a
machine without the data, and a file that does not match its pin is an error. Comments and layout
of the pipeline file stay.")]
pub(super) struct PinArguments {
    /// The pipeline file. Files that it extends are changed too if they name sources
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only the sources of these stages and of what they need (`*` matches any text)
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Change nothing. The exit code is 1 unless every source is pinned and matches its pin
    #[arg(long, conflicts_with = "update")]
    check: bool,
    /// Replace the pins of files that have changed
    #[arg(long)]
    update: bool,
    /// The folder of the source files [default: `[pipeline] data`, else `data`; env: PCAMFLOW_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The store, where digests are remembered [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// What is to be done about one source.
enum Standing {
    /// Pinned, and so it is.
    Right,
    /// Pinned, and not here.
    Away,
    /// Neither pinned nor here.
    Missing,
    /// Not pinned.
    Unpinned(Digest),
    /// Pinned, and something else is there.
    Wrong { pin: Digest, found: Digest },
}

/// Writes digests, or says which are missing or wrong.
pub(super) fn pin(arguments: &PinArguments) -> Exit {
    let PinArguments { file, data, store, .. } = arguments;
    let of = PipelineArguments { file: file.clone(), set: Vec::new(), data: data.clone() };
    let (pipeline, store) = match open(&of, store.as_ref()) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let given = of.given(arguments.store.as_ref());
    let options = Options { targets: arguments.stages.clone(), given, ..Options::default() };
    let digests = |engine: &Engine<'_>| -> Result<_, Refused> {
        let digests = engine.source_digests(&mut *ui::observer(ui::Mode::Auto))?;
        Ok((pipeline.mentions(engine.order()), digests))
    };
    match Engine::new(&pipeline, &store, options).and_then(|engine| digests(&engine)) {
        Ok((mentions, digests)) => decided(arguments, &pipeline, &mentions, &digests),
        Err(refused) => tell(&refused),
    }
}

fn decided(
    arguments: &PinArguments,
    pipeline: &Pipeline,
    mentions: &[Mention],
    digests: &BTreeMap<PathBuf, Digest>,
) -> Exit {
    let standings: Vec<(&Mention, Standing)> = mentions
        .iter()
        .map(|mention| (mention, standing(mention.pin, digests.get(&mention.path).copied())))
        .collect();
    let hindrances =
        standings.iter().filter_map(|(mention, standing)| hindrance(arguments, mention, standing));
    let hindrances: Vec<String> = hindrances.collect();
    for (mention, standing) in &standings {
        if matches!(standing, Standing::Away) {
            complain(&format!(
                "note: {}: {} is not here: its pin stays, unchecked",
                mention.place, mention.name
            ));
        }
    }
    if !hindrances.is_empty() {
        hindrances.iter().for_each(|hindrance| complain(&format!("error: {hindrance}")));
        return Exit::Failed;
    }
    let pins: Vec<(&Mention, Digest)> = standings
        .iter()
        .filter_map(|(mention, standing)| match standing {
            Standing::Unpinned(found) | Standing::Wrong { found, .. } => Some((*mention, *found)),
            Standing::Right | Standing::Away | Standing::Missing => None,
        })
        .collect();
    written(pipeline, &pins, standings.len())
}

fn standing(pin: Option<Digest>, found: Option<Digest>) -> Standing {
    match (pin, found) {
        (Some(pin), Some(found)) if pin == found => Standing::Right,
        (Some(pin), Some(found)) => Standing::Wrong { pin, found },
        (Some(_), None) => Standing::Away,
        (None, Some(found)) => Standing::Unpinned(found),
        (None, None) => Standing::Missing,
    }
}

/// Why nothing is written.
fn hindrance(arguments: &PinArguments, mention: &Mention, standing: &Standing) -> Option<String> {
    let Mention { place, name, path, .. } = mention;
    match standing {
        Standing::Right | Standing::Away => None,
        Standing::Missing => Some(format!(
            "{place}: there is no file {} (--data DIR and PCAMFLOW_DATA say where sources are)",
            path.display()
        )),
        Standing::Unpinned(found) => {
            arguments.check.then(|| format!("{place}: {name} is not pinned: its BLAKE3 is {found}"))
        }
        Standing::Wrong { .. } if arguments.update => None,
        Standing::Wrong { pin, found } => Some(format!(
            "{place}: {name} is not the file that is pinned here: its BLAKE3 is {found}, not {pin} (--update \
             replaces the pin)"
        )),
    }
}

/// Writes what is to be pinned.
fn written(pipeline: &Pipeline, pins: &[(&Mention, Digest)], all: usize) -> Exit {
    let files = match pipeline.with_pins(pins) {
        Ok(files) => files,
        Err(message) => {
            complain(&format!("error: {message}"));
            return Exit::Failed;
        }
    };
    for Rewritten { file, old, new } in &files {
        match fsx::rewrite(file, old.as_bytes(), new.as_bytes(), Durability::Relaxed) {
            Ok(true) => {}
            Ok(false) => {
                complain(&format!("error: {} was changed meanwhile: try again", file.display()));
                return Exit::Failed;
            }
            Err(error) => {
                complain(&format!("error: {error}"));
                return Exit::Environment;
            }
        }
    }
    for (mention, digest) in pins {
        let was = mention.pin.map(|pin| format!("{} -> ", pin.short())).unwrap_or_default();
        say(&format!("{}: pinned {} ({was}{})", mention.place, mention.name, digest.short()));
    }
    let sources = if all == 1 { "source" } else { "sources" };
    say(&match pins.len() {
        0 if all == 0 => "nothing to pin: it reads no source files".to_owned(),
        0 => format!("nothing to pin: {all} {sources}, pinned already"),
        new => format!("pinned {new} of {all} {sources}"),
    });
    Exit::Done
}
