//! Which artifact of a stage a reference means, and the message if none fits.

use crate::stages::{AnyStage, Artifact, ArtifactRef, ArtifactType, Kind, Problem};

/// The artifact that is named, or the only one that fits.
pub(super) fn pick(
    stage: &AnyStage,
    reference: &ArtifactRef,
    wants: ArtifactType,
) -> Result<Artifact, Problem> {
    let artifacts = stage.artifacts();
    let fits = |artifact: &Artifact| wants == ArtifactType::Anything || artifact.holds == wants;
    let fitting: Vec<&Artifact> = artifacts.iter().filter(|artifact| fits(artifact)).collect();
    let Some(name) = &reference.artifact else {
        return only(&fitting, reference, wants);
    };
    match artifacts.iter().find(|artifact| artifact.name == *name) {
        Some(artifact) if fits(artifact) => Ok(artifact.clone()),
        Some(artifact) => {
            Err(misfit(format!("`{reference}` is {}", artifact.holds.noun()), &fitting, reference, wants))
        }
        None => {
            let message = format!("`{}` makes no artifact `{name}`", reference.stage);
            let names: Vec<&str> = artifacts.iter().map(|artifact| artifact.name.as_ref()).collect();
            let known = format!("it makes {}", names.join(", "));
            let suggested = Problem::unplaced(message).did_you_mean(name, names);
            Err(if suggested.help.is_some() { suggested } else { suggested.help(known) })
        }
    }
}

fn only(fitting: &[&Artifact], reference: &ArtifactRef, wants: ArtifactType) -> Result<Artifact, Problem> {
    match fitting {
        [one] => Ok((*one).clone()),
        [] => Err(misfit(
            format!("`{reference}` is {} stage", with_article(reference.stage.kind.word())),
            fitting,
            reference,
            wants,
        )),
        _ => Err(misfit(format!("`{reference}` has several artifacts that fit"), fitting, reference, wants)),
    }
}

fn misfit(what: String, fitting: &[&Artifact], reference: &ArtifactRef, wants: ArtifactType) -> Problem {
    let choices: Vec<String> =
        fitting.iter().map(|artifact| format!("`{}/{}`", reference.stage, artifact.name)).collect();
    let problem = Problem::unplaced(format!("{what}, but {} are expected here", plural(wants)));
    match choices.as_slice() {
        [] if reference.stage.kind == Kind::Command => problem.help(format!(
            "if `{}` writes such a file, declare what it holds: {{ path = \"...\", holds = \"...\" }}",
            reference.stage
        )),
        [] => problem,
        _ => problem.help(format!("write {}", choices.join(" or "))),
    }
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} `{word}`")
}

fn plural(wants: ArtifactType) -> &'static str {
    match wants {
        ArtifactType::Model => "a model's weights",
        ArtifactType::Checkpoint => "a checkpoint's contents",
        ArtifactType::Anything => "the contents of one artifact",
        other => other.noun(),
    }
}
