//! What `path`, `log`, `show` and `export` share: the results of the stages that a reference names.

use std::path::PathBuf;

use clap::Args;

use super::{
    Exit,
    args::PipelineArguments,
    check::load_to_read,
    complain,
    project::{open_store, tell},
};
use crate::{
    engine::{Engine, Options, plan::results::StageResult},
    nearest::nearest,
    store::StoredArtifact,
    ui,
};

/// Whose results.
#[derive(Debug, Args)]
pub(super) struct ResultArguments {
    /// Which pipeline.
    #[command(flatten)]
    pub(super) pipeline: PipelineArguments,
    /// The stage (`train.base`; `*` matches any text), or one of its artifacts (`train.base/model`, or its
    /// file: `train.base/model.safetensors`)
    #[arg(value_name = "STAGE[/ARTIFACT]")]
    pub(super) what: String,
    /// The store [default: .pcamflow in the project's folder]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
}

/// One artifact of a result.
pub(super) struct Found<'a> {
    pub(super) result: &'a StageResult,
    pub(super) name: &'a str,
    pub(super) artifact: &'a StoredArtifact,
}

/// What a reference names.
pub(super) struct Results<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) all: &'a [StageResult],
    pub(super) artifact: Option<&'a str>,
    /// Where a run shows artifacts by default.
    pub(super) out: PathBuf,
}

/// Finds the results, says of each that is older that it is, and hands them on. A stage without any is an
/// error, unless `optional`: then what is older is the caller's to say, too.
pub(super) fn with_results(
    arguments: &ResultArguments,
    optional: bool,
    then: impl FnOnce(&Results<'_>) -> Exit,
) -> Exit {
    let opened = load_to_read(&arguments.pipeline)
        .and_then(|mut pipeline| Ok((open_store(&mut pipeline, arguments.store.as_ref())?, pipeline)));
    let (store, pipeline) = match opened {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let (stage, artifact) = match arguments.what.split_once('/') {
        Some((stage, artifact)) => (stage, Some(artifact)),
        None => (arguments.what.as_str(), None),
    };
    let given = arguments.pipeline.given(arguments.store.as_ref());
    let options = Options { targets: vec![stage.to_owned()], given, ..Options::default() };
    let engine = match Engine::new(&pipeline, &store, options) {
        Ok(engine) => engine,
        Err(refused) => return tell(&refused),
    };
    let all = match engine.results(&mut *ui::observer(ui::Mode::Quiet)) {
        Ok(all) => all,
        Err(refused) => return tell(&refused),
    };
    let out = pipeline.root.join("out");
    let results = Results { engine: &engine, all: &all, artifact, out };
    match results.check(optional) {
        Ok(()) => then(&results),
        Err(exit) => exit,
    }
}

impl<'a> Results<'a> {
    fn check(&self, optional: bool) -> Result<(), Exit> {
        for result in self.all {
            if let Some(artifact) = self.artifact {
                declared(result, artifact)?;
            }
            match (&result.record, &result.outdated) {
                (None, why) if !optional => {
                    let (stage, why) = (&result.stage, why.as_deref().unwrap_or_default());
                    let run = self.engine.run_of(stage);
                    complain(&format!("error: `{stage}` has no result yet ({why}): `{run}` makes one"));
                    return Err(Exit::Failed);
                }
                // Where there need not be one, it is not yet clear that this is what is shown.
                _ if !optional => tell_if_older(result),
                _ => {}
            }
        }
        Ok(())
    }

    /// The artifacts that are meant: the one that is named, or all.
    pub(super) fn artifacts(&self) -> Result<Vec<Found<'a>>, Exit> {
        let mut found = Vec::new();
        for result in self.all {
            let wanted = self.artifact.map(|artifact| declared(result, artifact)).transpose()?;
            let before = found.len();
            let all = result.record.iter().flat_map(|record| &record.artifacts);
            let meant = all.filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name.as_str()));
            found.extend(meant.map(|(name, artifact)| Found { result, name, artifact }));
            if let (Some(wanted), true) = (wanted, found.len() == before) {
                complain(&format!(
                    "error: this older result of `{}` has no artifact `{wanted}`",
                    result.stage
                ));
                return Err(Exit::Failed);
            }
        }
        Ok(found)
    }

    /// Whether the bytes of an artifact are here; says what to do if not.
    pub(super) fn is_here(&self, found: &Found<'_>) -> Result<(), Exit> {
        match self.engine.absence(found.result, found.artifact) {
            None => Ok(()),
            Some(absence) => {
                complain(&format!("error: `{}/{}`: {absence}", found.result.stage, found.name));
                Err(Exit::Failed)
            }
        }
    }
}

/// Says of a result that it is not what the pipeline asks for.
pub(super) fn tell_if_older(result: &StageResult) {
    if let (Some(_), Some(why)) = (&result.record, &result.outdated) {
        let what = match result.unknown {
            true => {
                "the latest result: whether it is what the pipeline asks for cannot be told without its sources"
            }
            false => "an older result, not what the pipeline asks for",
        };
        complain(&format!("note: {}: {what}: {why}", result.stage));
    }
}

/// The name of the artifact that a stage declares under a name, or a file's name.
fn declared<'a>(result: &'a StageResult, word: &str) -> Result<&'a str, Exit> {
    let known = result.declared.iter().find(|(name, file)| *name == word || *file == word);
    known.map(|(name, _)| name.as_ref()).ok_or_else(|| {
        let stage = &result.stage;
        let names = result.declared.iter().flat_map(|(name, file)| [name.as_ref(), file.as_ref()]);
        complain(&match nearest(word, names) {
            Some(near) => format!("error: `{stage}` has no artifact `{word}`: did you mean `{near}`?"),
            None => format!("error: `{stage}` has no artifact `{word}`: {}", listed(result)),
        });
        Exit::Usage
    })
}

/// `it writes model, checkpoint, history`.
pub(super) fn listed(result: &StageResult) -> String {
    let names: Vec<&str> = result.declared.iter().map(|(name, _)| name.as_ref()).collect();
    format!("it writes {}", names.join(", "))
}
