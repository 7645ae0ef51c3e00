//! All trials of a sweep as one pipeline. A stage that is the same in several trials is one stage of it.
//!
//! Two stages are the same if they have the same name, parameters and inputs. The name of a stage that only some
//! trials have contains these: `train.base[epochs=3]`. Takes linear time in the number of all stages. Knows pipelines,
//! but no keys and no store.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Pipeline, ResolvedInput, Source, StageNode, edges,
    trials::{Trial, TrialValue, joined},
};
use crate::{graph::Graph, stages::StageName};

/// The pipeline of all trials; `None` if there are none. Everything but the stages (`[run]`, folders) is that of the
/// first trial.
#[must_use]
pub(super) fn union(trials: Vec<(Trial, Pipeline)>) -> Option<Pipeline> {
    let mut all = All::default();
    let mut first: Option<Pipeline> = None;
    let mut named = Vec::with_capacity(trials.len());
    for (trial, mut pipeline) in trials {
        let stages = all.add(&mut pipeline);
        named.push(Trial { stages, ..trial });
        first.get_or_insert(pipeline);
    }
    let graph = Graph::new(all.nodes.len(), edges(all.nodes.iter().map(|node| &node.inputs)));
    let mut stages = all.nodes;
    for (node, label) in stages.iter_mut().zip(labels(&all.names, &named)) {
        node.name.trial = label;
    }
    Some(Pipeline { stages, graph, trials: named, ..first? })
}

/// The stages of all trials so far.
#[derive(Default)]
struct All {
    nodes: Vec<StageNode>,
    /// Their names within the trials.
    names: Vec<StageName>,
    /// The index of each stage by its identity.
    known: HashMap<String, usize>,
}

impl All {
    /// Adds the stages of a trial. Returns their indices, each after those of its inputs.
    fn add(&mut self, pipeline: &mut Pipeline) -> Vec<usize> {
        let order = pipeline.graph.order();
        let mut places = vec![0; pipeline.stages.len()];
        let mut nodes: Vec<Option<StageNode>> =
            std::mem::take(&mut pipeline.stages).into_iter().map(Some).collect();
        for stage in &order {
            let Some(mut node) = nodes[*stage].take() else { continue };
            for input in &mut node.inputs {
                if let Source::Artifact { stage: maker, .. } = &mut input.source {
                    *maker = places[*maker];
                }
            }
            places[*stage] = self.place(node);
        }
        order.into_iter().map(|stage| places[stage]).collect()
    }

    fn place(&mut self, node: StageNode) -> usize {
        *self.known.entry(identity(&node)).or_insert_with(|| {
            self.names.push(node.name.clone());
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }
}

/// A text that is equal for two stages only if they are the same.
fn identity(node: &StageNode) -> String {
    let stage = serde_json::to_string(&node.stage).expect("parameters are plain data with text keys");
    let mut text = format!("{}\n{stage}\n", node.name);
    for ResolvedInput { slot, source } in &node.inputs {
        let read = match source {
            Source::Artifact { stage, artifact } => format!("{stage}/{artifact}"),
            Source::File(user) => format!("{:?} {:?}", user.path, user.file.blake3),
        };
        text.push_str(&format!("{slot:?} {read}\n"));
    }
    text
}

/// For each stage, the trials that have it, in words; `None` if all have it.
fn labels(names: &[StageName], trials: &[Trial]) -> Vec<Option<Arc<str>>> {
    let mut of: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (index, trial) in trials.iter().enumerate() {
        trial.stages.iter().for_each(|stage| of[*stage].push(index));
    }
    let partial = |stage: &usize| of[*stage].len() < trials.len();
    let mut labels: Vec<Option<Arc<str>>> = vec![None; names.len()];
    let mut used: HashMap<(&StageName, Arc<str>), usize> = HashMap::new();
    for stage in (0..names.len()).filter(partial) {
        let label: Arc<str> = in_common(&of[stage], trials).into();
        *used.entry((&names[stage], Arc::clone(&label))).or_default() += 1;
        labels[stage] = Some(label);
    }
    for stage in 0..names.len() {
        let Some(label) = labels[stage].clone() else { continue };
        // Stages with the same name have different first trials.
        if label.is_empty() || used.get(&(&names[stage], label)).is_some_and(|count| *count > 1) {
            labels[stage] = Some(by_first(&of[stage], trials).into());
        }
    }
    labels
}

/// What some of the trials have in common: the name of a single one, or the values that are the same in all of them.
fn in_common(of: &[usize], trials: &[Trial]) -> String {
    let [first, others @ ..] = of else { return String::new() };
    if others.is_empty() {
        return trials[*first].name.clone();
    }
    let mut same: Vec<&TrialValue> = trials[*first].values.iter().collect();
    for other in others {
        let values: HashSet<(&str, &str)> = trials[*other].values.iter().map(pair).collect();
        same.retain(|value| values.contains(&pair(value)));
    }
    joined(same.into_iter())
}

fn pair(value: &TrialValue) -> (&str, &str) {
    (&value.key, &value.value)
}

fn by_first(of: &[usize], trials: &[Trial]) -> String {
    let first = of.first().map_or("", |first| trials[*first].name.as_str());
    format!("{first}+{}", of.len().saturating_sub(1))
}
