//! References between stages: what each slot of each stage really reads.

use std::{collections::BTreeMap, path::Path};

use super::{ResolvedInput, Source, StageNode, read::ReadStage, sources::Sources};
use crate::{
    graph::Graph,
    stages::{AnyStage, Artifact, ArtifactRef, ArtifactType, Input, Origin, Problem, SourceFile, StageName},
};

/// Resolves every input of every stage. `None` where a stage could not be read or a reference is wrong.
pub(super) fn resolve(
    stages: Vec<ReadStage<'_>>,
    data: &Path,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<(Vec<StageNode>, Graph)> {
    let resolver = Resolver::new(&stages, data, sources);
    let mut inputs = Vec::new();
    for index in 0..stages.len() {
        inputs.push(resolver.inputs(index, 0).unwrap_or_else(|found| {
            problems.extend(found);
            Vec::new()
        }));
    }
    let graph = graph(&inputs);
    if let Some(cycle) = graph.cycle() {
        problems.push(cycle_problem(&stages, &cycle));
    }
    let nodes: Option<Vec<StageNode>> = stages
        .into_iter()
        .zip(inputs)
        .map(|(read, inputs)| Some(StageNode { name: read.name, stage: read.stage?, inputs }))
        .collect();
    Some((nodes?, graph))
}

fn graph(inputs: &[Vec<ResolvedInput>]) -> Graph {
    let edges = inputs.iter().enumerate().flat_map(|(to, inputs)| {
        inputs.iter().filter_map(move |input| match input.source {
            Source::Artifact { stage, .. } => Some((stage, to)),
            Source::File { .. } => None,
        })
    });
    Graph::new(inputs.len(), edges)
}

fn cycle_problem(stages: &[ReadStage<'_>], cycle: &[usize]) -> Problem {
    let path: Vec<String> = cycle.iter().map(|index| stages[*index].name.to_string()).collect();
    Problem::at(stages[cycle[0]].table.span(), format!("a stage cannot need itself: {}", path.join(" -> ")))
        .help("read from left to right: each stage is read by the next")
}

struct Resolver<'a> {
    stages: &'a [ReadStage<'a>],
    by_name: BTreeMap<&'a StageName, usize>,
    data: &'a Path,
    sources: &'a Sources,
}

type Resolved = Result<Vec<ResolvedInput>, Vec<Problem>>;

impl<'a> Resolver<'a> {
    fn new(stages: &'a [ReadStage<'a>], data: &'a Path, sources: &'a Sources) -> Self {
        let by_name = stages.iter().enumerate().map(|(index, stage)| (&stage.name, index)).collect();
        Self { stages, by_name, data, sources }
    }

    /// What the stage reads. `depth` counts inheritance, which a cycle would make endless.
    fn inputs(&self, index: usize, depth: usize) -> Resolved {
        let read = &self.stages[index];
        let Some(stage) = &read.stage else { return Ok(Vec::new()) };
        let mut resolved = Vec::new();
        let mut problems = Vec::new();
        for input in stage.inputs() {
            match self.input(read, &input, depth) {
                Ok(found) => resolved.extend(found),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }

    fn input(&self, read: &ReadStage<'_>, input: &Input, depth: usize) -> Resolved {
        let at = |problem: Problem| vec![Problem { span: Some(read.span(input.field)), ..problem }];
        match &input.from {
            Origin::Artifact { reference, wants } => {
                let source = self.artifact(reference, *wants).map_err(at)?;
                Ok(source
                    .into_iter()
                    .map(|source| ResolvedInput { slot: input.slot.clone(), source })
                    .collect())
            }
            Origin::File(file) => Ok(vec![self.file(read, input, file)]),
            Origin::Inherited { stage, slot } => self
                .inherited(stage, slot, depth)
                .map_err(|problems| problems.into_iter().flat_map(at).collect()),
        }
    }

    fn file(&self, read: &ReadStage<'_>, input: &Input, file: &SourceFile) -> ResolvedInput {
        let place = self.sources.line(&read.span(input.field));
        let source = Source::File { file: file.clone(), path: self.data.join(&file.path), place };
        ResolvedInput { slot: input.slot.clone(), source }
    }

    /// The artifact that a reference means; `None` where its stage could not be read.
    fn artifact(&self, reference: &ArtifactRef, wants: ArtifactType) -> Result<Option<Source>, Problem> {
        let index = self.stage(&reference.stage)?;
        let Some(stage) = &self.stages[index].stage else { return Ok(None) };
        let artifact = pick(stage, reference, wants)?;
        Ok(Some(Source::Artifact { stage: index, artifact: artifact.name }))
    }

    fn stage(&self, name: &StageName) -> Result<usize, Problem> {
        self.by_name.get(name).copied().ok_or_else(|| {
            let names: Vec<String> = self.stages.iter().map(|stage| stage.name.to_string()).collect();
            let word = name.to_string();
            problem(format!("there is no stage `{word}`"))
                .did_you_mean(&word, names.iter().map(String::as_str))
        })
    }

    fn inherited(&self, name: &StageName, slot: &str, depth: usize) -> Resolved {
        let index = self.stage(name).map_err(|problem| vec![problem])?;
        if depth > self.stages.len() {
            return Ok(Vec::new()); // A cycle: the graph reports it.
        }
        let below = format!("{slot}.");
        let mut inputs = self.inputs(index, depth + 1)?;
        inputs.retain(|input| input.slot == slot || input.slot.starts_with(&below));
        Ok(inputs)
    }
}

fn problem(message: String) -> Problem {
    Problem { span: None, message, help: None }
}

/// The artifact that is named, or the only one that fits.
fn pick(stage: &AnyStage, reference: &ArtifactRef, wants: ArtifactType) -> Result<Artifact, Problem> {
    let artifacts = stage.artifacts();
    let fitting: Vec<&Artifact> = artifacts.iter().filter(|artifact| artifact.holds == wants).collect();
    let Some(name) = &reference.artifact else {
        return only(&fitting, reference, wants);
    };
    match artifacts.iter().find(|artifact| artifact.name == name) {
        Some(artifact) if artifact.holds == wants => Ok(*artifact),
        Some(artifact) => {
            Err(misfit(format!("`{reference}` is {}", artifact.holds.noun()), &fitting, reference, wants))
        }
        None => {
            let message = format!("`{}` makes no artifact `{name}`", reference.stage);
            let names: Vec<&str> = artifacts.iter().map(|artifact| artifact.name).collect();
            let known = format!("it makes {}", names.join(", "));
            let suggested = problem(message).did_you_mean(name, names);
            Err(if suggested.help.is_some() { suggested } else { suggested.help(known) })
        }
    }
}

fn only(fitting: &[&Artifact], reference: &ArtifactRef, wants: ArtifactType) -> Result<Artifact, Problem> {
    match fitting {
        [one] => Ok(**one),
        [] => Err(misfit(
            format!("`{reference}` is a `{}` stage", reference.stage.kind.word()),
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
    let problem = problem(format!("{what}, but {} are due here", plural(wants)));
    match choices.as_slice() {
        [] => problem,
        _ => problem.help(format!("write {}", choices.join(" or "))),
    }
}

fn plural(wants: ArtifactType) -> &'static str {
    match wants {
        ArtifactType::Model => "a model's weights",
        ArtifactType::Checkpoint => "a checkpoint's contents",
        other => other.noun(),
    }
}
