//! Pipelines as pictures: in the terminal, for Graphviz and Mermaid, and as JSON.
//!
//! Knows names, edges and plans; knows neither pipeline files nor the store. Every picture shows the
//! same nodes: the repeats of a stage are one (`train.base@{1,2,3}`); JSON has them one by one.

mod dot;
mod drawn;
mod json;
mod mermaid;
mod nodes;
mod shape;
mod text;

use super::view::{view_of_stdout, write};
use nodes::Nodes;

pub use drawn::{Drawing, DrawnStage, Edge};
pub use json::SCHEMA;

/// How a pipeline is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Lines in the terminal
    #[default]
    Text,
    /// The language of Graphviz, which draws it
    Dot,
    /// A Mermaid flowchart, as Markdown on GitHub shows it
    Mermaid,
    /// All stages and edges, for programs
    Json,
}

/// Draws on standard output.
pub fn show(drawing: &Drawing, format: Format, all_edges: bool) {
    let nodes = || Nodes::new(drawing, all_edges);
    let text = match format {
        Format::Text => text::text(&nodes(), &view_of_stdout()),
        Format::Dot => dot::text(&nodes()),
        Format::Mermaid => mermaid::text(&nodes()),
        Format::Json => json::text(drawing),
    };
    write(&text);
}
