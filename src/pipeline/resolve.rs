//! References between stages: what each slot of each stage really reads.

use std::{collections::BTreeMap, path::Path};

use super::{
    FileOfUser, ResolvedInput, Source, StageNode, pick::pick, read::ReadStage, repeat::listed,
    sources::Sources,
};
use crate::{
    graph::Graph,
    stages::{
        AnyStage, ArtifactRef, ArtifactType, Input, Kind, Matter, Origin, Problem, SourceFile, StageName,
    },
};

/// Resolves every input of every stage. `None` where a stage could not be read or a reference is wrong.
pub(super) fn resolve(
    stages: Vec<ReadStage<'_>>,
    [root, data]: [&Path; 2],
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<(Vec<StageNode>, Graph)> {
    let resolver = Resolver::new(&stages, [root, data], sources);
    let mut inputs = Vec::new();
    let mut wrong: Option<StageName> = None;
    for (index, read) in stages.iter().enumerate() {
        let (resolved, mut found) = match resolver.inputs(index, 0) {
            Ok(resolved) => (resolved, Vec::new()),
            Err(found) => (Vec::new(), found),
        };
        inputs.push(resolved);
        found.extend(resolver.beside_peers(index));
        // Repeats stand side by side: a problem is reported for the first one only.
        if !found.is_empty() && wrong.replace(read.name.written()) != Some(read.name.written()) {
            problems.extend(found);
        }
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
            Source::File(_) => None,
        })
    });
    Graph::new(inputs.len(), edges)
}

fn cycle_problem(stages: &[ReadStage<'_>], cycle: &[usize]) -> Problem {
    let path: Vec<String> = cycle.iter().map(|index| stages[*index].name.to_string()).collect();
    Problem::at(
        stages[cycle[0]].table.span(),
        format!("a stage cannot depend on itself: {}", path.join(" -> ")),
    )
    .help("each stage of this list is an input of the next")
}

struct Resolver<'a> {
    stages: &'a [ReadStage<'a>],
    by_name: BTreeMap<StageName, usize>,
    root: &'a Path,
    data: &'a Path,
    sources: &'a Sources,
}

type Resolved = Result<Vec<ResolvedInput>, Vec<Problem>>;

impl<'a> Resolver<'a> {
    fn new(stages: &'a [ReadStage<'a>], [root, data]: [&'a Path; 2], sources: &'a Sources) -> Self {
        let by_name = stages.iter().enumerate().map(|(index, stage)| (stage.name.clone(), index)).collect();
        Self { stages, by_name, root, data, sources }
    }

    /// What the stage reads. `depth` counts inheritance, which a cycle would make endless.
    fn inputs(&self, index: usize, depth: usize) -> Resolved {
        let read = &self.stages[index];
        let Some(stage) = &read.stage else { return Ok(Vec::new()) };
        let mut resolved = Vec::new();
        let mut problems = Vec::new();
        for input in stage.inputs() {
            match self
                .input(read, &input, depth)
                .and_then(|found| self.join(read, &input, &mut resolved, found))
            {
                Ok(()) => (),
                Err(found) => problems.extend(found),
            }
        }
        // Most stages read one thing or two, and a vector that grows begins with room for four.
        resolved.shrink_to_fit();
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }

    fn input(&self, read: &ReadStage<'_>, input: &Input, depth: usize) -> Resolved {
        let at = |problem: Problem| vec![Problem { span: Some(read.place(input)), ..problem }];
        match &input.from {
            Origin::Artifact { reference, wants } => {
                let source = self.artifact(read, reference, *wants).map_err(at)?;
                Ok(source
                    .into_iter()
                    .map(|source| ResolvedInput { slot: input.slot.clone(), source })
                    .collect())
            }
            Origin::File(file) => Ok(vec![self.file(read, input, file)]),
            Origin::Inherited { stage, through, slot } => self
                .inherited(read, stage, through, slot, depth)
                .map_err(|problems| problems.into_iter().flat_map(at).collect()),
        }
    }

    /// What the stage says of itself beside the others.
    fn beside_peers(&self, index: usize) -> Vec<Problem> {
        let read = &self.stages[index];
        let peers = |name: &StageName| Some(self.stages[self.find(read, name)?].stage.as_ref()?.as_any());
        read.stage.as_ref().map_or_else(Vec::new, |stage| stage.check_peers(&peers, &read.table))
    }

    /// Adds what an input stands for. What several stages hand on under one slot has to be the same.
    fn join(
        &self,
        read: &ReadStage<'_>,
        input: &Input,
        all: &mut Vec<ResolvedInput>,
        found: Vec<ResolvedInput>,
    ) -> Result<(), Vec<Problem>> {
        for new in found {
            match all.iter().find(|old| old.slot == new.slot) {
                None => all.push(new),
                Some(old) if self.describe(&old.source) == self.describe(&new.source) => (),
                Some(old) => {
                    let (old, new, slot) =
                        (self.describe(&old.source), self.describe(&new.source), &new.slot);
                    let message = format!("`{slot}` must be the same throughout: it is {old} and {new}");
                    return Err(vec![Problem::at(read.place(input), message)]);
                }
            }
        }
        Ok(())
    }

    /// What people call a source; two sources of one name are the same.
    fn describe(&self, source: &Source) -> String {
        match source {
            Source::Artifact { stage, artifact } => format!("{}/{artifact}", self.stages[*stage].name),
            Source::File(user) => user.path.display().to_string(),
        }
    }

    fn file(&self, read: &ReadStage<'_>, input: &Input, file: &SourceFile) -> ResolvedInput {
        let place = self.sources.line(&read.span(input.field));
        let path = match file.path.strip_prefix("./") {
            // Programs come with the project, not with the data.
            Some(path) if read.name.kind == Kind::Command => self.root.join(path.trim_end_matches('/')),
            _ if read.name.kind == Kind::Command => self.data.join(file.path.trim_end_matches('/')),
            _ => self.data.join(&file.path),
        };
        let source = Source::File(Box::new(FileOfUser { file: file.clone(), path, place }));
        ResolvedInput { slot: input.slot.clone(), source }
    }

    /// The artifact that a reference means; `None` where its stage could not be read.
    fn artifact(
        &self,
        read: &ReadStage<'_>,
        reference: &ArtifactRef,
        wants: ArtifactType,
    ) -> Result<Option<Source>, Problem> {
        let index = self.stage(read, &reference.stage)?;
        let Some(stage) = &self.stages[index].stage else { return Ok(None) };
        let artifact = pick(stage, reference, wants)?;
        Ok(Some(Source::Artifact { stage: index, artifact: artifact.name }))
    }

    fn stage(&self, read: &ReadStage<'_>, name: &StageName) -> Result<usize, Problem> {
        self.find(read, name).ok_or_else(|| {
            if name.repeat.is_some() && self.stages.iter().any(|stage| stage.name.written() == name.written())
            {
                return self.no_repeat(name);
            }
            let names: Vec<String> =
                self.stages.iter().map(|stage| stage.name.written().to_string()).collect();
            let word = name.written().to_string();
            Problem::unplaced(format!("there is no stage `{word}`"))
                .about(Matter::NoStage(word.clone()))
                .did_you_mean(&word, names.iter().map(String::as_str))
        })
    }

    /// The stage that a name means to who reads it: to a repeat, the repeat of the same seed.
    fn find(&self, read: &ReadStage<'_>, name: &StageName) -> Option<usize> {
        let named = |name: &StageName| self.by_name.get(name).copied();
        let unreadable = |index: &usize| self.stages[*index].stage.is_none();
        named(name).or_else(|| match (name.repeat, read.name.repeat) {
            // Its seeds may be what could not be read.
            (Some(_), _) => named(&name.written()).filter(unreadable),
            // That the seeds of the two are different was reported: any repeat will do for what follows.
            (None, Some(seed)) => named(&name.repeated(seed)).or_else(|| self.repeats(name).next()),
            (None, None) => None,
        })
    }

    /// The stages of one name in the file: the repeats of a stage, or just the one.
    fn repeats(&self, name: &StageName) -> impl Iterator<Item = usize> {
        let written = name.written();
        let all = self.stages.iter().enumerate();
        all.filter(move |(_, stage)| stage.name.written() == written).map(|(index, _)| index)
    }

    fn no_repeat(&self, name: &StageName) -> Problem {
        let seeds: Vec<u64> = self.repeats(name).filter_map(|index| self.stages[index].name.repeat).collect();
        let written = name.written();
        match seeds.as_slice() {
            [] => Problem::unplaced(format!("there is no `{name}`: `{written}` is not repeated"))
                .help(format!("write `{written}`, or give it `seeds`")),
            seeds => Problem::unplaced(format!(
                "there is no `{name}`: `{written}` has the seeds {}",
                listed(seeds)
            )),
        }
    }

    fn inherited(
        &self,
        read: &ReadStage<'_>,
        name: &StageName,
        through: &[&str],
        slot: &str,
        depth: usize,
    ) -> Resolved {
        let index = self.stage(read, name).map_err(|problem| vec![problem])?;
        if depth > self.stages.len() || self.stages[index].stage.is_none() {
            return Ok(Vec::new()); // A cycle, or a stage that could not be read: reported already.
        }
        // What is wrong with that stage's own inputs is reported there.
        let Ok(mut inputs) = self.inputs(index, depth + 1) else { return Ok(Vec::new()) };
        if let [step, rest @ ..] = through {
            let maker = self.maker(name, step, &inputs).map_err(|problem| vec![problem])?;
            return maker.map_or(Ok(Vec::new()), |maker| self.inherited(read, maker, rest, slot, depth + 1));
        }
        let below = format!("{slot}.");
        inputs.retain(|input| slot.is_empty() || input.slot == slot || input.slot.starts_with(&below));
        match inputs.is_empty() {
            // Declared, and come to nothing: in a cycle, which is reported elsewhere.
            true if self.declares(index, slot) => Ok(inputs),
            // It may come through a stage that could not be read.
            true if self.stages.iter().any(|stage| stage.stage.is_none()) => Ok(inputs),
            true => Err(vec![Problem::unplaced(format!("`{name}` reads no `{slot}`"))]),
            false => Ok(inputs),
        }
    }

    /// Whether a stage says that it reads something under a slot, whatever that comes to.
    fn declares(&self, index: usize, slot: &str) -> bool {
        let inputs = self.stages[index].stage.as_ref().map_or_else(Vec::new, AnyStage::inputs);
        inputs.iter().any(|input| input.slot == slot)
    }

    /// The stage that makes what a stage reads under a slot; `None` where that is not known for an error
    /// that is reported elsewhere.
    fn maker(
        &self,
        name: &StageName,
        slot: &str,
        inputs: &[ResolvedInput],
    ) -> Result<Option<&StageName>, Problem> {
        match inputs.iter().find(|input| input.slot == slot).map(|input| &input.source) {
            None => Ok(None),
            Some(Source::Artifact { stage, .. }) => Ok(Some(&self.stages[*stage].name)),
            Some(Source::File(user)) => {
                let message = format!(
                    "`{slot}` of `{name}` is the file {}, and how that was made is unknown",
                    user.path.display()
                );
                Err(Problem::unplaced(message))
            }
        }
    }
}
