//! Reads everything that the page of a pipeline shows.
//!
//! A part whose artifacts cannot be read is left out, and the page says so.

use std::collections::BTreeSet;

use super::{Error, compared, evaluated, explained, parts, shelf::Shelf, stages, trained};
use crate::{
    cli::git::git,
    engine::{Engine, plan::results::StageResult},
    html::{Evaluated, Report},
    pipeline::Pipeline,
    stages::default_classes,
    ui,
};

/// What the results cannot tell.
pub(super) struct Origin {
    /// The title.
    pub(super) name: String,
    /// The version of pcamflow.
    pub(super) version: String,
    /// The commit of the project.
    pub(super) commit: Option<String>,
    /// Commands that make the results again.
    pub(super) commands: Vec<String>,
}

/// The latest results of a pipeline. `ran`: the stages that the last run computed.
pub(super) fn latest(
    engine: &Engine<'_>,
    pipeline: &Pipeline,
    ran: &BTreeSet<&str>,
) -> Result<Report, Error> {
    let results = engine.results(&mut *ui::observer(ui::Mode::Quiet))?;
    let origin = Origin {
        name: pipeline.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: git(&pipeline.root).map(|git| git.commit),
        commands: vec![engine.run_all()],
    };
    Ok(report(engine, pipeline, &results, ran, origin))
}

/// The page of these results.
pub(super) fn report(
    engine: &Engine<'_>,
    pipeline: &Pipeline,
    results: &[StageResult],
    ran: &BTreeSet<&str>,
    origin: Origin,
) -> Report {
    let mut shelf = Shelf::new(engine, pipeline, results);
    let evaluations = evaluated::all(&mut shelf);
    let threshold = evaluations.first().map_or(0.5, |evaluated| evaluated.numbers.threshold);
    let comparisons = compared::comparisons(&mut shelf);
    let (parts, leaks) = parts::all(&mut shelf);
    Report {
        name: origin.name,
        file: pipeline.file.display().to_string(),
        version: origin.version,
        commit: origin.commit,
        classes: classes(&evaluations),
        stages: stages::all(&shelf, ran),
        leaks,
        parts,
        trainings: trained::all(&mut shelf),
        explanations: explained::all(&mut shelf, threshold),
        evaluations,
        comparisons,
        sanities: compared::sanities(&mut shelf),
        texts: pipeline.texts().map(|(name, text)| (name.to_owned(), text.to_string())).collect(),
        commands: origin.commands,
        gaps: shelf.gaps,
    }
}

/// The names of the classes.
fn classes(evaluations: &[Evaluated]) -> [String; 2] {
    let named = evaluations.first().map(|evaluated| evaluated.numbers.classes.clone());
    named.unwrap_or_else(default_classes)
}
