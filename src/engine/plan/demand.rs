//! Checks requirements before anything runs: their stages, and the numbers of results in the store.

use crate::engine::{
    plan::{forecast::Forecast, planner::Planner, select},
    tell::{
        event::Planned,
        require::{Demand, Lack, Named, Place, Requirement, in_artifact, instead, main_number},
    },
};
use crate::{pipeline::Pipeline, stages::AnyStage};

/// Finds the stages and numbers of requirements.
///
/// # Errors
/// Stages that do not exist or are not in scope, and artifacts that do not exist or have no numbers.
pub(in crate::engine) fn demands(
    pipeline: &Pipeline,
    order: &[usize],
    requirements: &[Requirement],
) -> Result<Vec<Demand>, Vec<String>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for requirement in requirements {
        match demand(pipeline, order, requirement) {
            Ok(demand) => found.push(demand),
            Err(problem) => problems.push(told(requirement, &problem)),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn told(requirement: &Requirement, problem: &str) -> String {
    format!("--require '{}': {problem}", requirement.text)
}

fn demand(pipeline: &Pipeline, order: &[usize], requirement: &Requirement) -> Result<Demand, String> {
    let name = &requirement.stage;
    let stages = select::stages(pipeline, name)?;
    if stages.iter().any(|stage| !order.contains(stage)) {
        return Err(format!("`{name}` is no part of this run: name it among the stages to run"));
    }
    let place = match (&requirement.number, stages.first()) {
        (Named::Main(number), _) => Place::Main(number.clone()),
        (Named::InArtifact(text), Some(first)) => in_json(name, text, &pipeline.stages[*first].stage)?,
        (Named::InArtifact(_), None) => return Err(format!("there is no stage `{name}`")),
    };
    Ok(Demand { requirement: requirement.clone(), stages, place })
}

/// The artifact, by its name or its file, and the keys after it.
fn in_json(name: &str, text: &str, stage: &AnyStage) -> Result<Place, String> {
    let declared = stage.artifacts();
    let behind = |word: &str| match text.strip_prefix(word)? {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    };
    let found = declared.iter().find_map(|artifact| {
        // The file first: `metrics.json.auc` is not the key `json` of `metrics`.
        Some((artifact, behind(&artifact.file).or_else(|| behind(&artifact.name))?))
    });
    let Some((artifact, path)) = found else {
        let word = text.split('.').next().unwrap_or(text);
        let names: Vec<&str> = declared.iter().map(|artifact| artifact.name.as_ref()).collect();
        return Err(format!("`{name}` has no artifact `{word}`: {}", instead(word, &names)));
    };
    if !artifact.file.ends_with(".json") {
        return Err(format!(
            "`{name}/{}` is {}: numbers are read from JSON alone",
            artifact.name, artifact.file
        ));
    }
    if path.is_empty() {
        return Err(format!("which number in `{name}/{}`? `pcamflow show` prints them", artifact.name));
    }
    let path = path.split('.').map(str::to_owned).collect();
    Ok(Place::Json { artifact: artifact.name.to_string(), path })
}

impl Demand {
    /// The problem if a result that will be taken from the store does not have the number.
    pub(in crate::engine) fn refused(&self, planner: &Planner<'_>, forecast: &Forecast) -> Option<String> {
        let unknown = |stage: &usize| {
            let outlook = forecast.of(*stage).filter(|outlook| outlook.state == Planned::Cached)?;
            let record = planner.present(outlook)?;
            let name = planner.pipeline.stages[*stage].name.to_string();
            let read = match &self.place {
                Place::Main(number) => main_number(&name, &record.numbers, number),
                Place::Json { artifact, path } => {
                    in_artifact(planner.findings.store, &name, &record.artifacts, artifact, path)
                }
            };
            match read {
                Err(Lack::Unknown(problem)) => Some(told(&self.requirement, &problem)),
                Err(Lack::Undefined(_)) | Ok(_) => None,
            }
        };
        self.stages.iter().find_map(unknown)
    }
}
