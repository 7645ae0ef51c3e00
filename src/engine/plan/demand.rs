//! What can be known of a requirement before anything runs: its stages, and the numbers of stored results.

use crate::engine::{
    plan::{forecast::Forecast, planner::Planner, select},
    tell::{
        event::Planned,
        require::{Demand, Lack, Named, Place, Requirement, in_artifact, main_number},
    },
};
use crate::{nearest::nearest, pipeline::Pipeline, stages::AnyStage};

/// The requirements on the stages in scope.
///
/// # Errors
/// Stages that are not there, or not in scope, and artifacts that are not there, or have no numbers.
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

/// The artifact, which may be called by its file, and the keys behind it.
fn in_json(name: &str, text: &str, stage: &AnyStage) -> Result<Place, String> {
    let declared = stage.artifacts();
    let behind = |word: &str| match text.strip_prefix(word)? {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    };
    let found = declared.iter().find_map(|artifact| {
        // The file first: `metrics.json.auc` is no key `json` of `metrics`.
        Some((artifact, behind(&artifact.file).or_else(|| behind(&artifact.name))?))
    });
    let Some((artifact, path)) = found else { return Err(no_artifact(name, text, stage)) };
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

fn no_artifact(name: &str, text: &str, stage: &AnyStage) -> String {
    let word = text.split('.').next().unwrap_or(text);
    let declared = stage.artifacts();
    let names: Vec<&str> = declared.iter().map(|artifact| artifact.name.as_ref()).collect();
    match nearest(word, names.iter().copied()) {
        Some(near) => format!("`{name}` has no artifact `{word}`: did you mean `{near}`?"),
        None => format!("`{name}` has no artifact `{word}`: it writes {}", names.join(", ")),
    }
}

impl Demand {
    /// A number that a result, which is in the store and will be taken from there, does not have.
    pub(in crate::engine) fn refused(&self, planner: &Planner<'_>, forecast: &Forecast) -> Option<String> {
        let unknown = |stage: &usize| {
            let outlook = forecast.of(*stage).filter(|outlook| outlook.state == Planned::Cached)?;
            let record = planner.present(outlook)?;
            let name = planner.pipeline.stages[*stage].name.to_string();
            let numbers = record.numbers.iter().map(|number| (number.name.as_str(), number.value));
            let read = match &self.place {
                Place::Main(number) => main_number(&name, numbers, number),
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
