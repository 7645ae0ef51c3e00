//! Finds the results and artifacts that `path`, `log`, `show` and `export` name.

use std::path::PathBuf;

use clap::Args;

use super::{Error, Outcome, args::ProjectArguments, complain, project::open};
use crate::{
    engine::{Engine, plan::results::StageResult},
    nearest::nearest,
    remote::Wanted,
    store::StoredArtifact,
    ui,
};

/// A stage or an artifact.
#[derive(Debug, Args)]
pub(super) struct ResultArguments {
    /// The pipeline and its store.
    #[command(flatten)]
    pub(super) project: ProjectArguments,
    /// The stage (`train.base`; `*` matches any text), or one of its artifacts (`train.base/model`, or its
    /// file: `train.base/model.safetensors`)
    #[arg(value_name = "STAGE[/ARTIFACT]")]
    pub(super) what: String,
}

/// An artifact of a result.
pub(super) struct Found<'a> {
    pub(super) result: &'a StageResult,
    pub(super) name: &'a str,
    pub(super) artifact: &'a StoredArtifact,
}

/// The results that the command line names.
pub(super) struct Results<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) all: &'a [StageResult],
    pub(super) artifact: Option<&'a str>,
    /// The folder in which a run shows artifacts by default.
    pub(super) out: PathBuf,
}

/// Finds the results and passes them on. A stage without a result is an error, and a note tells if a result is not
/// up to date; with `optional`, both are left to the caller.
pub(super) fn with_results(
    arguments: &ResultArguments,
    optional: bool,
    then: impl FnOnce(&Results<'_>) -> Outcome,
) -> Outcome {
    let (pipeline, store) = open(&arguments.project)?;
    let (stage, artifact) = match arguments.what.split_once('/') {
        Some((stage, artifact)) => (stage, Some(artifact)),
        None => (arguments.what.as_str(), None),
    };
    let engine = Engine::new(&pipeline, &store, arguments.project.engine(&pipeline, &[stage.to_owned()])?)?;
    let all = engine.results(&mut *ui::observer(ui::Mode::Quiet))?;
    let results = Results { engine: &engine, all: &all, artifact, out: pipeline.root.join("out") };
    for result in &all {
        if let Some(artifact) = artifact {
            declared(result, artifact)?;
        }
        if !optional {
            results.check(result)?;
        }
    }
    then(&results)
}

impl<'a> Results<'a> {
    fn check(&self, result: &StageResult) -> Result<(), Error> {
        if result.record.is_some() {
            note_if_outdated(result);
            return Ok(());
        }
        let (stage, why) = (&result.stage, result.outdated.as_deref().unwrap_or_default());
        let run = self.engine.run_of(stage);
        Err(Error::failed(format!("`{stage}` has no result yet ({why}): `{run}` makes one")))
    }

    /// Fetches what is not here from the store that a team shares, if there is one; shows how far it is.
    pub(super) fn fetch(&self, wanted: Vec<Wanted>) -> Result<(), Error> {
        let meter = ui::cache::Meter::new("fetching", ui::cache::BYTES);
        let failed = self.engine.fetch(wanted, &|progress| meter.show(progress));
        meter.finish();
        failed.first().map_or(Ok(()), |failed| Err(Error::environment(failed)))
    }

    /// The artifact that was named, or all, of every stage; an error if its bytes are neither in the store nor in the
    /// one that a team shares.
    pub(super) fn artifacts(&self) -> Result<Vec<Found<'a>>, Error> {
        let mut found = Vec::new();
        for result in self.all {
            let wanted = self.artifact.map(|artifact| declared(result, artifact)).transpose()?;
            let before = found.len();
            let all = result.record.iter().flat_map(|record| &record.artifacts);
            let named: Vec<_> =
                all.filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name.as_str())).collect();
            let fetched =
                named.iter().map(|(name, artifact)| Wanted::artifact(&result.stage, name, artifact));
            self.fetch(fetched.collect())?;
            for (name, artifact) in named {
                if let Some(absence) = self.engine.absence(result, artifact) {
                    return Err(Error::failed(format!("`{}/{name}`: {absence}", result.stage)));
                }
                found.push(Found { result, name, artifact });
            }
            if let Some(wanted) = wanted.filter(|_| found.len() == before) {
                let stage = &result.stage;
                return Err(Error::failed(format!(
                    "this older result of `{stage}` has no artifact `{wanted}`"
                )));
            }
        }
        Ok(found)
    }
}

/// Notes that a result is not, or may not be, the one that the pipeline asks for.
pub(super) fn note_if_outdated(result: &StageResult) {
    if let (Some(_), Some(why)) = (&result.record, &result.outdated) {
        let what = match result.unknown {
            true => {
                "the latest result: whether it is what the pipeline asks for is not known without its sources"
            }
            false => "an older result, not what the pipeline asks for",
        };
        complain(&format!("note: {}: {what}: {why}", result.stage));
    }
}

/// The name of the declared artifact that a word names, by its name or its file.
fn declared<'a>(result: &'a StageResult, word: &str) -> Result<&'a str, Error> {
    let known = result.declared.iter().find(|(name, file)| *name == word || *file == word);
    known.map(|(name, _)| name.as_ref()).ok_or_else(|| {
        let names = result.declared.iter().flat_map(|(name, file)| [name.as_ref(), file.as_ref()]);
        let help = match nearest(word, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => listed(result),
        };
        Error::usage(format!("`{}` has no artifact `{word}`: {help}", result.stage))
    })
}

/// `it writes model, checkpoint, history`.
pub(super) fn listed(result: &StageResult) -> String {
    let names: Vec<&str> = result.declared.iter().map(|(name, _)| name.as_ref()).collect();
    format!("it writes {}", names.join(", "))
}
