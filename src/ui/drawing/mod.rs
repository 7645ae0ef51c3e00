//! Draws pipelines: as a list, for Graphviz and Mermaid, and as JSON.
//!
//! Knows stages, edges and plans; knows neither pipeline files nor the store. The repeats of a stage are one node
//! (`train.base@{1,2,3}`), except in JSON.

mod dot;
mod drawn;
mod json;
mod mermaid;
mod nodes;
mod reduction;
mod text;

use super::view::{view_of_stdout, write};
use nodes::Nodes;

pub use drawn::{Drawing, DrawnStage, Edge};

/// The format of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A list of the stages and what they read
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// A Mermaid flowchart, as Markdown on GitHub shows it
    Mermaid,
    /// All stages and edges, for programs
    Json,
}

/// Draws on standard output.
pub fn show(drawing: &Drawing, format: Format, all_edges: bool) {
    let text = match format {
        Format::Text => text::text(&Nodes::new(drawing, true), &view_of_stdout()),
        Format::Dot => dot::text(&Nodes::new(drawing, all_edges)),
        Format::Mermaid => mermaid::text(&Nodes::new(drawing, all_edges)),
        Format::Json => json::text(drawing),
    };
    write(&text);
}
