//! Pipelines as pictures: in the terminal, for Graphviz and Mermaid, and as JSON.
//!
//! Knows names, edges and plans; knows neither pipeline files nor the store. Every picture shows the
//! same nodes: the repeats of a stage are one (`train.base@{1,2,3}`); JSON has them one by one.

mod dot;
mod json;
mod mermaid;
mod nodes;
mod shape;
mod text;

use std::io::stdout;

use super::{out::Out, view_of_stdout};
use crate::engine::tell::event::PlannedStage;
use nodes::Nodes;

pub use json::SCHEMA;

/// How a pipeline is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Lines in the terminal
    #[default]
    Text,
    /// The language of Graphviz; `| dot -Tsvg > p.svg` makes a picture
    Dot,
    /// A Mermaid flowchart, as Markdown on GitHub shows it
    Mermaid,
    /// All stages and edges, for programs
    Json,
}

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its stages, each after what it needs.
    pub stages: Vec<DrawnStage>,
    /// Who reads whom.
    pub edges: Vec<Edge>,
}

/// One stage.
#[derive(Debug, Clone, Default)]
pub struct DrawnStage {
    /// Its name.
    pub stage: String,
    /// Its kind.
    pub kind: String,
    /// What a run would do with it, where that was asked for.
    pub planned: Option<PlannedStage>,
    /// What its last attempt said, where that failed.
    pub failure: Option<String>,
}

/// One stage reads something of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Who makes it, by index.
    pub from: usize,
    /// Who reads it, by index.
    pub to: usize,
    /// What it is.
    pub artifacts: Vec<String>,
}

/// Draws on standard output; a closed one is nobody's error.
pub fn show(drawing: &Drawing, format: Format, all_edges: bool) {
    let nodes = || Nodes::new(drawing, all_edges);
    let text = match format {
        Format::Text => text::text(&nodes(), &view_of_stdout()),
        Format::Dot => dot::text(&nodes()),
        Format::Mermaid => mermaid::text(&nodes()),
        Format::Json => json::text(drawing),
    };
    let mut out = Out::new(stdout());
    out.write(&text);
    out.flush();
}
