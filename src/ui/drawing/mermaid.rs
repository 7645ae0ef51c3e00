//! A pipeline as a Mermaid flowchart, which Markdown on GitHub and GitLab shows as a picture.

use std::fmt::Write as _;

use super::{
    dot::short,
    nodes::{Node, Nodes, Standing},
};

/// A flowchart from top to bottom.
pub(super) fn text(nodes: &Nodes) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (index, node) in nodes.nodes.iter().enumerate() {
        let class = node.standing.map(|standing| format!(":::{}", standing.word())).unwrap_or_default();
        let _ = writeln!(text, "  s{index}[\"{}\"]{class}", label(node));
    }
    for (from, to, artifacts) in &nodes.edges {
        let _ = writeln!(text, "  s{from} -->|\"{}\"| s{to}", escaped(&artifacts.join(", ")));
    }
    for standing in Standing::ALL {
        if nodes.nodes.iter().any(|node| node.standing == Some(standing)) {
            let [fill, line] = standing.colours();
            let _ = writeln!(text, "  classDef {} fill:{fill},stroke:{line},color:#222222", standing.word());
        }
    }
    text
}

fn label(node: &Node) -> String {
    let name = escaped(&node.label);
    match (node.standing, node.note.as_str()) {
        (None, _) => name,
        (Some(standing), "") => format!("{name}<br/>{}", standing.word()),
        (Some(standing), note) => format!("{name}<br/>{}: {}", standing.word(), escaped(&short(note))),
    }
}

/// Mermaid has no escapes, but knows entities by their number.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, letter| {
        match letter {
            '"' | '#' | '<' | '>' | '&' | '`' | ';' => drop(write!(text, "#{};", u32::from(letter))),
            letter => text.push(letter),
        }
        text
    })
}
