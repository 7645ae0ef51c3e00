//! All trials of a sweep as one pipeline: what is the same in several trials is one stage.
//!
//! Two stages are the same if they have the same name, the same table and read the same things. One that
//! not all trials have says in its name of which it is: `train.base[epochs=3]`. Linear in the number of stages
//! of all trials together. Knows pipelines; knows neither keys nor what a store has.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Pipeline, ResolvedInput, Source, StageNode,
    trials::{Trial, TrialValue, joined},
};
use crate::{graph::Graph, stages::StageName};

/// The pipeline of all trials; `None` where there are none. What stands beside the stages (`[run]`, folders)
/// is the first trial's.
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
    let graph = Graph::new(all.nodes.len(), edges(&all.nodes));
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
    /// Their names, as their trials have them.
    names: Vec<StageName>,
    /// Everything that makes a stage what it is, and where it stands.
    known: HashMap<String, usize>,
}

impl All {
    /// Adds the stages of a trial; returns where each stands, each after what it needs.
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

/// A text that two stages share only if they are the same.
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

fn edges(nodes: &[StageNode]) -> impl Iterator<Item = (usize, usize)> {
    nodes.iter().enumerate().flat_map(|(to, node)| {
        node.inputs.iter().filter_map(move |input| match input.source {
            Source::Artifact { stage, .. } => Some((stage, to)),
            Source::File(_) => None,
        })
    })
}

/// For each stage, of which trials it is, in words; `None` where all have it.
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
        // Two of one name: their first trials are different ones.
        if label.is_empty() || used.get(&(&names[stage], label)).is_some_and(|count| *count > 1) {
            labels[stage] = Some(by_first(&of[stage], trials).into());
        }
    }
    labels
}

/// What some trials, and not all, have in common: the name of the only one, or the values that are the same in
/// all of them.
fn in_common(of: &[usize], trials: &[Trial]) -> String {
    let [first, others @ ..] = of else { return String::new() };
    if others.is_empty() {
        return trials[*first].name.clone();
    }
    let mut same: BTreeMap<&str, &TrialValue> =
        trials[*first].values.iter().map(|value| (value.key.as_str(), value)).collect();
    for other in others {
        let values: BTreeMap<&str, &TrialValue> =
            trials[*other].values.iter().map(|value| (value.key.as_str(), value)).collect();
        same.retain(|key, value| values.get(key).is_some_and(|other| other.value == value.value));
    }
    let values = trials[*first].values.iter().filter(|value| same.contains_key(value.key.as_str()));
    joined(values)
}

fn by_first(of: &[usize], trials: &[Trial]) -> String {
    let first = of.first().map_or("", |first| trials[*first].name.as_str());
    format!("{first}+{}", of.len().saturating_sub(1))
}
