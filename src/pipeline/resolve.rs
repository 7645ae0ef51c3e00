//! Resolves references between stages: what each slot of each stage reads.

use std::{collections::BTreeMap, path::Path};

use super::{
    FileOfUser, ResolvedInput, Source, StageNode, edges, pick::pick, read::ReadStage, repeat::listed,
    sources::Sources, unpacked,
};
use crate::{
    graph::Graph,
    stages::{AnyStage, ArtifactRef, ArtifactType, Input, Origin, Problem, SourceFile, StageName, Topic},
};

/// Resolves every input of every stage. `None` if a stage could not be read.
pub(super) fn resolve(
    stages: Vec<ReadStage<'_>>,
    root: &Path,
    data: &Path,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<(Vec<StageNode>, Graph)> {
    let by_name = stages.iter().enumerate().map(|(index, stage)| (stage.name.clone(), index)).collect();
    let resolver = Resolver { stages: &stages, by_name, root, data, sources };
    let mut inputs = Vec::new();
    let mut wrong: Option<StageName> = None;
    for (index, read) in stages.iter().enumerate() {
        let (resolved, mut found) = resolver.inputs(index, 0);
        inputs.push(resolved);
        found.extend(resolver.check_peers(index));
        // The repeats of a stage are adjacent. Only the problems of the first one are reported.
        if !found.is_empty() && wrong.replace(read.name.written()) != Some(read.name.written()) {
            problems.extend(found);
        }
    }
    let graph = Graph::new(inputs.len(), edges(inputs.iter()));
    if let Some(cycle) = graph.cycle() {
        problems.push(cycle_problem(&stages, &cycle));
    }
    let nodes = stages.into_iter().zip(inputs);
    let nodes = nodes.map(|(read, inputs)| Some(StageNode { name: read.name, stage: read.stage?, inputs }));
    Some((nodes.collect::<Option<_>>()?, graph))
}

fn cycle_problem(stages: &[ReadStage<'_>], cycle: &[usize]) -> Problem {
    let path: Vec<String> = cycle.iter().map(|index| stages[*index].name.to_string()).collect();
    let message = format!("a stage cannot depend on itself: {}", path.join(" -> "));
    Problem::at(stages[cycle[0]].table.span(), message)
        .help("each stage in this list is an input of the next")
}

struct Resolver<'a> {
    stages: &'a [ReadStage<'a>],
    by_name: BTreeMap<StageName, usize>,
    root: &'a Path,
    data: &'a Path,
    sources: &'a Sources,
}

impl Resolver<'_> {
    /// What a stage reads, and the problems of its inputs. `depth` counts inheritance, which is endless in a cycle.
    fn inputs(&self, index: usize, depth: usize) -> (Vec<ResolvedInput>, Vec<Problem>) {
        let read = &self.stages[index];
        let mut resolved = Vec::new();
        let mut problems = Vec::new();
        for input in read.stage.iter().flat_map(AnyStage::inputs) {
            let added = self.input(read, &input, depth).and_then(|found| self.join(&mut resolved, found));
            if let Err(problem) = added {
                problems.push(Problem { span: Some(read.place(&input)), ..problem });
            }
        }
        // Most stages read one or two things, and a growing vector begins with room for four.
        resolved.shrink_to_fit();
        (resolved, problems)
    }

    fn input(
        &self,
        read: &ReadStage<'_>,
        input: &Input,
        depth: usize,
    ) -> Result<Vec<ResolvedInput>, Problem> {
        let source = match &input.from {
            Origin::Artifact { reference, expected } => self.artifact(read, reference, *expected)?,
            Origin::File(file) => Some(match unpacked::stage_for(self.stages, read.name.kind, file) {
                Some(stage) => Source::Artifact { stage, artifact: "file".into() },
                None => self.file(read, input, file),
            }),
            Origin::Inherited { stage, through, slot } => {
                return self.inherited(read, stage, through, slot, depth);
            }
        };
        Ok(source.into_iter().map(|source| ResolvedInput { slot: input.slot.clone(), source }).collect())
    }

    /// The problems of a stage that depend on other stages.
    fn check_peers(&self, index: usize) -> Vec<Problem> {
        let read = &self.stages[index];
        let peers = |name: &StageName| Some(self.stages[self.find(read, name)?].stage.as_ref()?.as_any());
        read.stage.as_ref().map_or_else(Vec::new, |stage| stage.check_peers(&peers, &read.table))
    }

    /// Adds inputs. If several stages provide the same slot, it must be the same input.
    fn join(&self, all: &mut Vec<ResolvedInput>, found: Vec<ResolvedInput>) -> Result<(), Problem> {
        for new in found {
            let Some(old) = all.iter().find(|old| old.slot == new.slot) else {
                all.push(new);
                continue;
            };
            let [one, other] = [old, &new].map(|input| self.describe(&input.source));
            if one != other {
                let message = format!("`{}` must be the same throughout: it is {one} and {other}", new.slot);
                return Err(Problem::unplaced(message));
            }
        }
        Ok(())
    }

    /// The name of a source in messages; no two sources share one.
    fn describe(&self, source: &Source) -> String {
        match source {
            Source::Artifact { stage, artifact } => format!("{}/{artifact}", self.stages[*stage].name),
            Source::File(user) => user.path.display().to_string(),
        }
    }

    fn file(&self, read: &ReadStage<'_>, input: &Input, file: &SourceFile) -> Source {
        let place = self.sources.line(&read.span(input.field));
        let path = match file.path.strip_prefix("./") {
            // Programs, for example, are part of the project, not of the data.
            Some(path) if read.name.kind.reads_folders() => self.root.join(path.trim_end_matches('/')),
            _ if read.name.kind.reads_folders() => self.data.join(file.path.trim_end_matches('/')),
            _ => self.data.join(&file.path),
        };
        Source::File(Box::new(FileOfUser { file: file.clone(), path, place }))
    }

    /// The artifact of a reference; `None` if its stage could not be read.
    fn artifact(
        &self,
        read: &ReadStage<'_>,
        reference: &ArtifactRef,
        expected: ArtifactType,
    ) -> Result<Option<Source>, Problem> {
        let index = self.find(read, &reference.stage).ok_or_else(|| self.no_stage(&reference.stage))?;
        let Some(stage) = &self.stages[index].stage else { return Ok(None) };
        let artifact = pick(stage, reference, expected)?;
        Ok(Some(Source::Artifact { stage: index, artifact: artifact.name }))
    }

    /// The stage with a name, for a stage that reads it. A repeat reads the repeat with the same seed.
    fn find(&self, read: &ReadStage<'_>, name: &StageName) -> Option<usize> {
        let named = |name: &StageName| self.by_name.get(name).copied();
        let unreadable = |index: &usize| self.stages[*index].stage.is_none();
        named(name).or_else(|| match (name.repeat, read.name.repeat) {
            // Perhaps its seeds could not be read.
            (Some(_), _) => named(&name.written()).filter(unreadable),
            // If the two have different seeds, that is reported elsewhere, and any repeat will do.
            (None, Some(seed)) => named(&name.repeated(seed)).or_else(|| self.repeats(name).next()),
            (None, None) => None,
        })
    }

    /// The stages with one name in the file: the repeats of a stage, or one stage.
    fn repeats(&self, name: &StageName) -> impl Iterator<Item = usize> {
        let written = name.written();
        let all = self.stages.iter().enumerate();
        all.filter(move |(_, stage)| stage.name.written() == written).map(|(index, _)| index)
    }

    fn no_stage(&self, name: &StageName) -> Problem {
        let written = name.written().to_string();
        if self.repeats(name).next().is_none() {
            let names: Vec<String> =
                self.stages.iter().map(|stage| stage.name.written().to_string()).collect();
            return Problem::unplaced(format!("there is no stage `{written}`"))
                .about(Topic::NoStage(written.clone()))
                .did_you_mean(&written, names.iter().map(String::as_str));
        }
        let seeds: Vec<u64> = self.repeats(name).filter_map(|index| self.stages[index].name.repeat).collect();
        match seeds.as_slice() {
            [] => Problem::unplaced(format!("there is no `{name}`: `{written}` is not repeated"))
                .help(format!("write `{written}`, or give it `seeds`")),
            seeds => {
                let seeds = listed(seeds);
                Problem::unplaced(format!("there is no `{name}`: `{written}` has the seeds {seeds}"))
            }
        }
    }

    /// What another stage reads. A stage that does not exist, that could not be read or that has problems of its own
    /// is reported elsewhere.
    fn inherited(
        &self,
        read: &ReadStage<'_>,
        name: &StageName,
        through: &[&str],
        slot: &str,
        depth: usize,
    ) -> Result<Vec<ResolvedInput>, Problem> {
        let readable = |index: &usize| self.stages[*index].stage.is_some();
        let Some(index) = self.find(read, name).filter(readable) else { return Ok(Vec::new()) };
        if depth > self.stages.len() {
            return Ok(Vec::new()); // a cycle
        }
        let (mut inputs, problems) = self.inputs(index, depth + 1);
        if !problems.is_empty() {
            return Ok(Vec::new());
        }
        if let [step, rest @ ..] = through {
            let maker = self.maker(name, step, &inputs)?;
            return maker.map_or(Ok(Vec::new()), |maker| self.inherited(read, maker, rest, slot, depth + 1));
        }
        let below = format!("{slot}.");
        inputs.retain(|input| slot.is_empty() || input.slot == slot || input.slot.starts_with(&below));
        // In a cycle, or behind a stage that could not be read, a declared input may be empty.
        let declared =
            || self.stages[index].stage.iter().flat_map(AnyStage::inputs).any(|input| input.slot == slot);
        match inputs.is_empty() && !declared() && self.stages.iter().all(|stage| stage.stage.is_some()) {
            true => Err(Problem::unplaced(format!("`{name}` does not read `{slot}`"))),
            false => Ok(inputs),
        }
    }

    /// The stage that makes what another one reads under a slot; `None` if that is not known because of a problem that
    /// is reported elsewhere.
    fn maker(
        &self,
        name: &StageName,
        slot: &str,
        inputs: &[ResolvedInput],
    ) -> Result<Option<&StageName>, Problem> {
        match inputs.iter().find(|input| input.slot == slot).map(|input| &input.source) {
            None => Ok(None),
            Some(Source::Artifact { stage, .. }) => Ok(Some(&self.stages[*stage].name)),
            Some(Source::File(user)) => Err(Problem::unplaced(format!(
                "`{slot}` of `{name}` is the file {}, and it is not known how that was made",
                user.path.display()
            ))),
        }
    }
}
