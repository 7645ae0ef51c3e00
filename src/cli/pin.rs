//! `pcamflow pin`: writes the digests of source files into the pipeline.

use std::path::PathBuf;

use clap::Args;

use super::{
    Error, Exit, Outcome,
    args::{PipelineArguments, ProjectArguments},
    complain,
    project::open,
    say,
};
use crate::{
    digest::Digest,
    engine::Engine,
    fsx::{self, Durability},
    pipeline::{Mention, Pipeline, Rewritten},
    ui,
};

/// The pipeline and the stages to pin.
#[derive(Debug, Args)]
#[command(after_help = "\
With pins, keys are computed without the files. `plan`, `run` and `graph --status` then work on a
machine without the data, and a file that does not match its pin is an error. The comments and
the layout of the pipeline file are kept.")]
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

/// Writes digests, or lists the pins that are missing or wrong.
pub(super) fn pin(arguments: PinArguments) -> Outcome {
    let PinArguments { file, stages, check, update, data, store } = arguments;
    let project =
        ProjectArguments { pipeline: PipelineArguments { file, set: Vec::new(), data }, store, remote: None };
    let (pipeline, store) = open(&project)?;
    let engine = Engine::new(&pipeline, &store, project.local_engine(&stages))?;
    let digests = engine.source_digests(&mut *ui::observer(ui::Mode::Auto))?;
    let mentions = pipeline.mentions(engine.order());
    let mut errors: Vec<String> = Vec::new();
    let mut pins: Vec<(&Mention, Digest)> = Vec::new();
    for mention in &mentions {
        let Mention { place, name, path, .. } = mention;
        match (mention.pin, digests.get(path).copied()) {
            (Some(pin), Some(found)) if pin == found => {}
            (Some(_), None) => complain(&format!("note: {place}: {name} is not here: its pin stays, unchecked")),
            (None, None) => errors.push(format!(
                "{place}: there is no file {} (--data DIR and PCAMFLOW_DATA say where sources are)",
                path.display()
            )),
            (None, Some(found)) if check => {
                errors.push(format!("{place}: {name} is not pinned: its BLAKE3 is {found}"));
            }
            (Some(pin), Some(found)) if !update => errors.push(format!(
                "{place}: {name} is not the file that is pinned here: its BLAKE3 is {found}, not {pin} (--update \
                 replaces the pin)"
            )),
            (_, Some(found)) => pins.push((mention, found)),
        }
    }
    if !errors.is_empty() {
        return Err(Error::failed(errors.join("\n")));
    }
    write(&pipeline, &pins)?;
    report(&pins, mentions.len());
    Ok(Exit::Done)
}

fn write(pipeline: &Pipeline, pins: &[(&Mention, Digest)]) -> Result<(), Error> {
    for Rewritten { file, old, new } in pipeline.with_pins(pins).map_err(Error::failed)? {
        if !fsx::rewrite(&file, old.as_bytes(), new.as_bytes(), Durability::Relaxed)? {
            return Err(Error::failed(format!("{} was changed meanwhile: try again", file.display())));
        }
    }
    Ok(())
}

fn report(pins: &[(&Mention, Digest)], all: usize) {
    for (mention, digest) in pins {
        let was = mention.pin.map(|pin| format!("{} -> ", pin.short())).unwrap_or_default();
        say(&format!("{}: pinned {} ({was}{})", mention.place, mention.name, digest.short()));
    }
    let sources = ui::format::plural(all, "source");
    say(&match pins.len() {
        0 if all == 0 => "nothing to pin: it reads no source files".to_owned(),
        0 => format!("nothing to pin: {sources}, pinned already"),
        new => format!("pinned {new} of {sources}"),
    });
}
