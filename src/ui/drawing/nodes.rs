//! The nodes and edges that all drawings share. The repeats of a stage are one node.

use std::collections::BTreeMap;

use console::truncate_str;

use super::{Drawing, DrawnStage, reduction};
use crate::{
    engine::tell::event::Planned,
    ui::{
        format,
        paint::Tone,
        plan,
        repeated::{grouped, one_name, parts},
        words,
    },
};

/// The largest width of a reason.
const LONGEST: usize = 100;

/// The state of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Failed,
    Planned(Planned),
}

impl State {
    /// All states, most urgent first.
    pub(super) const ALL: [Self; 5] = [
        Self::Failed,
        Self::Planned(Planned::Run),
        Self::Planned(Planned::Maybe),
        Self::Planned(Planned::Blocked),
        Self::Planned(Planned::Cached),
    ];

    /// The state of a stage and the reason, if they are known.
    pub(super) fn of(stage: &DrawnStage) -> Option<(Self, String)> {
        let status = stage.status.as_ref()?;
        let Some(failure) = &status.failure else {
            return Some((Self::Planned(status.planned.state), format::one_line(&status.planned.why)));
        };
        let first = format::one_line(failure.lines().next().unwrap_or_default());
        Some((Self::Failed, truncate_str(&first, LONGEST, "…").into_owned()))
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Planned(planned) => plan::state(planned).1,
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Failed => Tone::Bad,
            Self::Planned(planned) => plan::state(planned).0,
        }
    }

    /// The colours of a node and its outline.
    pub(super) fn colours(self) -> [&'static str; 2] {
        match self {
            Self::Failed => ["#fbdcd9", "#b3261e"],
            Self::Planned(Planned::Run) => ["#d6e9fb", "#1f6fb2"],
            Self::Planned(Planned::Maybe) => ["#fdf1cc", "#9a7500"],
            Self::Planned(Planned::Blocked) => ["#ececec", "#6b6b6b"],
            Self::Planned(Planned::Cached) => ["#dcf1e3", "#2e7d4f"],
        }
    }

    fn urgency(self) -> Option<usize> {
        Self::ALL.iter().position(|other| *other == self)
    }
}

/// The colours of a node without a state.
pub(super) const PLAIN: [&str; 2] = ["#ffffff", "#444444"];

/// One node: a stage, or all its repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) label: String,
    /// The state; of repeats, the most urgent one.
    pub(super) state: Option<State>,
    /// The reason; of repeats with several states, their counts.
    pub(super) note: String,
}

impl Node {
    /// The text of a box: the name, and below it the state and a short reason.
    pub(super) fn lines(&self) -> Vec<String> {
        let state = self.state.map(|state| match truncate_str(&self.note, 60, "…") {
            note if note.is_empty() => state.word().to_owned(),
            note => format!("{}: {note}", state.word()),
        });
        std::iter::once(self.label.clone()).chain(state).collect()
    }
}

/// The nodes of a drawing, each after the nodes that it reads.
#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) pipeline: String,
    pub(super) nodes: Vec<Node>,
    /// From, to, and the artifacts between them.
    pub(super) edges: Vec<(usize, usize, Vec<String>)>,
}

impl Nodes {
    /// Joins repeats. Without `all_edges`, edges that a longer path implies are left out.
    pub(super) fn new(drawing: &Drawing, all_edges: bool) -> Self {
        let stages = &drawing.stages;
        let mark = |index: usize| parts(&stages[index].stage).1.map(|_| parts(&stages[index].stage).0);
        let groups = grouped(0..stages.len(), mark);
        let mut place = vec![0; stages.len()];
        for (node, group) in groups.iter().enumerate() {
            group.iter().for_each(|stage| place[*stage] = node);
        }
        let mut edges: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        for edge in &drawing.edges {
            let artifacts = edges.entry((place[edge.from], place[edge.to])).or_default();
            let new = edge.artifacts.iter().filter(|artifact| !artifacts.contains(artifact));
            let new: Vec<String> = new.cloned().collect();
            artifacts.extend(new);
        }
        let mut kept: Vec<(usize, usize)> = edges.keys().copied().collect();
        if !all_edges {
            kept = reduction::reduced(groups.len(), &kept);
        }
        let edges = kept.into_iter().map(|ends| (ends.0, ends.1, edges.remove(&ends).unwrap_or_default()));
        Self {
            pipeline: format::one_line(&drawing.pipeline),
            nodes: groups.iter().map(|group| node(group, stages)).collect(),
            edges: edges.collect(),
        }
    }
}

/// The number of stages in each state: `2 run, 1 cached`.
pub(super) fn counts(states: &[State]) -> String {
    let of = |state| states.iter().filter(|other| **other == state).count();
    words::counts(&State::ALL.map(|state| (of(state), state.word())))
}

fn node(group: &[usize], stages: &[DrawnStage]) -> Node {
    let names: Vec<&str> = group.iter().map(|stage| stages[*stage].stage.as_str()).collect();
    let label = format::one_line(&one_name(&names));
    let found: Vec<(State, String)> = group.iter().filter_map(|stage| State::of(&stages[*stage])).collect();
    let states: Vec<State> = found.iter().map(|(state, _)| *state).collect();
    let urgent = found.iter().zip(&names).min_by_key(|((state, _), _)| state.urgency());
    let Some(((state, why), name)) = urgent else {
        return Node { label, state: None, note: String::new() };
    };
    let note = match parts(name).1 {
        _ if states.iter().any(|other| other != state) => counts(&states),
        Some(seed) if group.len() > 1 => plan::of_any_seed(why, seed),
        _ => why.clone(),
    };
    Node { label, state: Some(*state), note }
}
