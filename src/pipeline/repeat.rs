//! Repeats: a stage with `seeds`, and every stage that depends on it, becomes one stage per seed.
//!
//! `train.base` with `seeds = [1, 2]` becomes `train.base@1` and `train.base@2`, and `evaluate.test`, which reads
//! `train.base`, becomes `evaluate.test@1` and `evaluate.test@2`. References stay as written: `resolve` decides which
//! repeat a stage reads. A reference to one repeat, `train.base@2`, does not repeat the stage that reads it.
//!
//! Knows names and references, but no artifacts and no files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use toml::{Spanned, de::DeTable};

use super::read::ReadStage;
use crate::stages::{Origin, Problem, StageName};

/// The stages, each replaced by its repeats.
pub(super) fn expand<'a>(stages: Vec<ReadStage<'a>>, problems: &mut Vec<Problem>) -> Vec<ReadStage<'a>> {
    if stages.iter().all(|stage| stage.seeds.is_none()) {
        return stages;
    }
    let Spread { owners, meeting } = spread(&stages);
    problems.extend(meeting.map(|meeting| meeting.problem(&stages)));
    let seeds_of = |owner: usize| seeds(&stages[owner]);
    let lists: Vec<Option<Vec<u64>>> = owners.into_iter().map(|owner| owner.map(seeds_of)).collect();
    let repeated = stages.into_iter().zip(lists).map(|(stage, seeds)| match seeds {
        None => vec![stage],
        Some(seeds) => repeats(&stage, &seeds, problems),
    });
    repeated.flatten().collect()
}

/// A stage for each seed.
fn repeats<'a>(stage: &ReadStage<'a>, seeds: &[u64], problems: &mut Vec<Problem>) -> Vec<ReadStage<'a>> {
    let Some(own) = &stage.seeds else {
        let copy = |seed: &u64| copy(stage, *seed, stage.table.clone());
        return seeds.iter().map(copy).collect();
    };
    let with_seed = |(seed, table): (u64, Spanned<DeTable<'a>>)| {
        let read = stage.name.kind.read(&table).map_err(|found| {
            // The repeats mostly have the same problems.
            let new: Vec<Problem> = found.into_iter().filter(|problem| !problems.contains(problem)).collect();
            problems.extend(new);
        });
        ReadStage { stage: read.ok(), ..copy(stage, seed, table) }
    };
    own.values().zip(own.tables(&stage.table)).map(with_seed).collect()
}

fn copy<'a>(of: &ReadStage<'_>, seed: u64, table: Spanned<DeTable<'a>>) -> ReadStage<'a> {
    ReadStage { name: of.name.repeated(seed), stage: of.stage.clone(), table, seeds: None }
}

/// Which stages are repeated.
struct Spread {
    /// For each stage, the stage with the `seeds` with which it is repeated.
    owners: Vec<Option<usize>>,
    /// A stage in which different seeds meet. They meet again downstream, so one is enough: if there is one, a stage
    /// that has `seeds` itself.
    meeting: Option<Meeting>,
}

/// A stage in which different seeds meet.
struct Meeting {
    stage: usize,
    /// The two stages with `seeds`.
    owners: [usize; 2],
}

/// Follows references downstream from the stages with `seeds`. Terminates in a cycle as well.
fn spread(stages: &[ReadStage<'_>]) -> Spread {
    let readers = readers(stages);
    let mut owners: Vec<Option<usize>> =
        stages.iter().enumerate().map(|(index, stage)| stage.seeds.as_ref().map(|_| index)).collect();
    let mut meetings: Vec<Meeting> = Vec::new();
    let mut queue: VecDeque<(usize, usize)> = owners.iter().flatten().map(|owner| (*owner, *owner)).collect();
    while let Some((stage, owner)) = queue.pop_front() {
        for reader in &readers[stage] {
            match owners[*reader] {
                None => {
                    owners[*reader] = Some(owner);
                    queue.push_back((*reader, owner));
                }
                Some(other) if pair_up(&stages[other], &stages[owner]) => {}
                Some(other) => meetings.push(Meeting { stage: *reader, owners: [other, owner] }),
            }
        }
    }
    let first = meetings.iter().position(Meeting::is_root).unwrap_or(0);
    Spread { owners, meeting: meetings.into_iter().nth(first) }
}

/// For each stage, the stages that refer to it, other than to one of its repeats.
fn readers(stages: &[ReadStage<'_>]) -> Vec<Vec<usize>> {
    let by_name: BTreeMap<&StageName, usize> =
        stages.iter().enumerate().map(|(index, stage)| (&stage.name, index)).collect();
    let mut readers = vec![Vec::new(); stages.len()];
    for (reader, stage) in stages.iter().enumerate() {
        let inputs = stage.stage.iter().flat_map(|stage| stage.inputs());
        for input in inputs {
            let name = match &input.from {
                Origin::Artifact { reference, .. } => &reference.stage,
                Origin::Inherited { stage, .. } => stage,
                Origin::File(_) => continue,
            };
            if let Some(maker) = by_name.get(name) {
                readers[*maker].push(reader);
            }
        }
    }
    readers
}

/// Whether two stages have the same seeds, in any order.
fn pair_up(one: &ReadStage<'_>, other: &ReadStage<'_>) -> bool {
    let set = |stage| seeds(stage).into_iter().collect::<BTreeSet<u64>>();
    set(one) == set(other)
}

fn seeds(stage: &ReadStage<'_>) -> Vec<u64> {
    stage.seeds.iter().flat_map(|seeds| seeds.values()).collect()
}

impl Meeting {
    /// Whether the stage has `seeds` itself.
    fn is_root(&self) -> bool {
        self.owners[0] == self.stage
    }

    fn problem(&self, stages: &[ReadStage<'_>]) -> Problem {
        let [one, other] = self.owners.map(|owner| &stages[owner]);
        let stage = &stages[self.stage];
        let [first, second] = [one, other].map(|owner| format!("the seeds {}", listed(&seeds(owner))));
        let (name, one_name, other_name) = (&stage.name, &one.name, &other.name);
        let message = match self.is_root() {
            true => format!("`{name}` has {first}, and depends on `{other_name}` with {second}"),
            false => {
                format!("`{name}` depends on `{one_name}` with {first}, and on `{other_name}` with {second}")
            }
        };
        let span = stage.seeds.as_ref().map_or_else(|| stage.table.span(), |seeds| seeds.span.clone());
        let repeat = other_name.repeated(seeds(other).first().copied().unwrap_or_default());
        Problem::at(span, message).help(format!(
            "repeats are paired by seed: give both the same `seeds`, or refer to one repeat, as in `{repeat}`"
        ))
    }
}

/// `1, 2, 3`; only the first few of many.
pub(super) fn listed(seeds: &[u64]) -> String {
    const FEW: usize = 8;
    let first: Vec<String> = seeds.iter().take(FEW).map(u64::to_string).collect();
    let more = if seeds.len() > FEW { ", ..." } else { "" };
    first.join(", ") + more
}

#[cfg(test)]
mod tests;
