//! Finds the artifact of a stage that a reference means.

use crate::stages::{AnyStage, Artifact, ArtifactRef, ArtifactType, Kind, Problem};

/// The named artifact, or the only one of the expected type.
pub(super) fn pick(
    stage: &AnyStage,
    reference: &ArtifactRef,
    expected: ArtifactType,
) -> Result<Artifact, Problem> {
    let artifacts = stage.artifacts();
    // What an unpacked file holds is seen when it is read, as with any file.
    let any = expected == ArtifactType::Anything || reference.stage.kind == Kind::Unpack;
    let fits = |artifact: &Artifact| any || artifact.holds == expected;
    let fitting: Vec<&Artifact> = artifacts.iter().filter(|artifact| fits(artifact)).collect();
    let found = match (&reference.artifact, fitting.as_slice()) {
        (None, [one]) => return Ok((*one).clone()),
        (None, []) => {
            let word = reference.stage.kind.word();
            let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("`{reference}` is {article} `{word}` stage")
        }
        (None, _) => format!("`{reference}` has several artifacts that fit"),
        (Some(name), _) => match artifacts.iter().find(|artifact| artifact.name == *name) {
            Some(artifact) if fits(artifact) => return Ok(artifact.clone()),
            Some(artifact) => format!("`{reference}` is {}", artifact.holds.noun()),
            None => return Err(no_artifact(&reference.stage.to_string(), name, &artifacts)),
        },
    };
    let problem = Problem::unplaced(format!("{found}, but {} are expected here", plural(expected)));
    let choices: Vec<String> =
        fitting.iter().map(|artifact| format!("`{}/{}`", reference.stage, artifact.name)).collect();
    Err(match choices.as_slice() {
        [] if reference.stage.kind == Kind::Command => problem.help(format!(
            "if `{}` writes such a file, declare its content: {{ path = \"...\", holds = \"...\" }}",
            reference.stage
        )),
        [] => problem,
        _ => problem.help(format!("write {}", choices.join(" or "))),
    })
}

fn no_artifact(stage: &str, name: &str, artifacts: &[Artifact]) -> Problem {
    let names: Vec<&str> = artifacts.iter().map(|artifact| artifact.name.as_ref()).collect();
    Problem::unplaced(format!("`{stage}` makes no artifact `{name}`"))
        .help(format!("it makes {}", names.join(", ")))
        .did_you_mean(name, names)
}

fn plural(expected: ArtifactType) -> &'static str {
    match expected {
        ArtifactType::Model => "a model's weights",
        ArtifactType::Checkpoint => "a checkpoint's contents",
        ArtifactType::Anything => "the contents of one artifact",
        other => other.noun(),
    }
}
