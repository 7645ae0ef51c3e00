//! What the pictures have in common: nodes, in which repeats are one, and the edges worth drawing.

use std::collections::BTreeMap;

use console::truncate_str;

use super::{Drawing, DrawnStage, shape};
use crate::{
    engine::tell::event::Planned,
    ui::{
        format,
        paint::Tone,
        repeated::{grouped, one_name, parts},
    },
};

/// The longest reason that is drawn, in columns.
const LONGEST: usize = 100;

/// How a stage stands, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Failed,
    Run,
    Maybe,
    Blocked,
    Cached,
}

impl Standing {
    pub(super) const ALL: [Self; 5] = [Self::Failed, Self::Run, Self::Maybe, Self::Blocked, Self::Cached];

    /// How a stage stands and why, where a plan was asked for.
    pub(super) fn of(stage: &DrawnStage) -> Option<(Self, String)> {
        let planned = stage.planned.as_ref()?;
        if let Some(failure) = &stage.failure {
            // What follows the first line is for `pcamflow log`.
            let first = format::one_line(failure.lines().next().unwrap_or_default());
            return Some((Self::Failed, truncate_str(&first, LONGEST, "…").into_owned()));
        }
        let standing = match planned.state {
            Planned::Cached => Self::Cached,
            Planned::Run => Self::Run,
            Planned::Maybe => Self::Maybe,
            Planned::Blocked => Self::Blocked,
        };
        Some((standing, format::one_line(&planned.why)))
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Run => "run",
            Self::Maybe => "maybe",
            Self::Blocked => "blocked",
            Self::Cached => "cached",
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Failed | Self::Blocked => Tone::Bad,
            Self::Run => Tone::Active,
            Self::Maybe => Tone::Warning,
            Self::Cached => Tone::Good,
        }
    }

    /// Its mark in the terminal: told apart without colours, too.
    pub(super) fn glyph(self) -> &'static str {
        match self {
            Self::Failed => "✗",
            Self::Run => "○",
            Self::Maybe => "◌",
            Self::Blocked => "⊘",
            Self::Cached => "●",
        }
    }

    /// Fill and line, as pictures have them.
    pub(super) fn colours(self) -> [&'static str; 2] {
        match self {
            Self::Failed => ["#fbdcd9", "#b3261e"],
            Self::Run => ["#d6e9fb", "#1f6fb2"],
            Self::Maybe => ["#fdf1cc", "#9a7500"],
            Self::Blocked => ["#ececec", "#6b6b6b"],
            Self::Cached => ["#dcf1e3", "#2e7d4f"],
        }
    }
}

/// Fill and line of a node without a plan.
pub(super) const PLAIN: [&str; 2] = ["#ffffff", "#444444"];

/// One node: a stage, or all its repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) label: String,
    pub(super) standing: Option<Standing>,
    /// Why, or of repeats that differ how many stand how.
    pub(super) note: String,
}

/// A picture's nodes, each after what it needs.
#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) pipeline: String,
    pub(super) nodes: Vec<Node>,
    /// From, to, and the artifacts that go there.
    pub(super) edges: Vec<(usize, usize, Vec<String>)>,
}

impl Nodes {
    /// Folds repeats, and leaves out the edges that a longer way says already, unless all are asked for.
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
        let pairs: Vec<(usize, usize)> = edges.keys().copied().collect();
        let kept = if all_edges { pairs } else { shape::reduced(groups.len(), &pairs) };
        let node = |group: &Vec<usize>| {
            let stages: Vec<&DrawnStage> = group.iter().map(|stage| &stages[*stage]).collect();
            node(&stages)
        };
        Self {
            pipeline: format::one_line(&drawing.pipeline),
            nodes: groups.iter().map(node).collect(),
            edges: kept
                .into_iter()
                .map(|(from, to)| (from, to, edges.remove(&(from, to)).unwrap_or_default()))
                .collect(),
        }
    }

    /// Whom each node feeds.
    pub(super) fn feeds(&self) -> Vec<Vec<usize>> {
        let pairs: Vec<(usize, usize)> = self.edges.iter().map(|(from, to, _)| (*from, *to)).collect();
        shape::feeds(self.nodes.len(), &pairs)
    }

    /// How many stand how, in words; empty without a plan.
    pub(super) fn standings(drawn: &[Option<Standing>]) -> String {
        let of = |standing| drawn.iter().filter(|other| **other == Some(standing)).count();
        crate::ui::words::counts(&Standing::ALL.map(|standing| (of(standing), standing.word())))
    }
}

fn node(stages: &[&DrawnStage]) -> Node {
    let names: Vec<&str> = stages.iter().map(|stage| stage.stage.as_str()).collect();
    let label = format::one_line(&one_name(&names));
    let found: Vec<Option<(Standing, String)>> = stages.iter().map(|stage| Standing::of(stage)).collect();
    let standings: Vec<Option<Standing>> =
        found.iter().map(|found| found.as_ref().map(|(standing, _)| *standing)).collect();
    let urgent = found.iter().flatten().zip(&names).min_by_key(|((standing, _), _)| *standing);
    let Some(((standing, why), name)) = urgent else {
        return Node { label, standing: None, note: String::new() };
    };
    let alike = standings.iter().all(|other| *other == Some(*standing));
    let note = match (alike, parts(name).1) {
        (false, _) => Nodes::standings(&standings),
        (true, Some(seed)) if stages.len() > 1 => why.replace(&format!("@{seed}/"), "/"),
        (true, _) => why.clone(),
    };
    Node { label, standing: Some(*standing), note }
}
