//! A pipeline as a Mermaid flowchart, which Markdown on GitHub and GitLab shows as a picture.

use std::fmt::Write as _;

use super::nodes::{Nodes, State};

/// A flowchart from top to bottom.
pub(super) fn text(nodes: &Nodes) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (index, node) in nodes.nodes.iter().enumerate() {
        let class = node.state.map(|state| format!(":::{}", state.word())).unwrap_or_default();
        let lines: Vec<String> = node.lines().iter().map(|line| escaped(line)).collect();
        let _ = writeln!(text, "  s{index}[\"{}\"]{class}", lines.join("<br/>"));
    }
    for (from, to, artifacts) in &nodes.edges {
        let _ = writeln!(text, "  s{from} -->|\"{}\"| s{to}", escaped(&artifacts.join(", ")));
    }
    for state in State::ALL {
        if nodes.nodes.iter().any(|node| node.state == Some(state)) {
            let [fill, line] = state.colours();
            let _ = writeln!(text, "  classDef {} fill:{fill},stroke:{line},color:#222222", state.word());
        }
    }
    text
}

/// Mermaid has no escapes, but numeric entities.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, letter| {
        match letter {
            '"' | '#' | '<' | '>' | '&' | '`' | ';' => drop(write!(text, "#{};", u32::from(letter))),
            letter => text.push(letter),
        }
        text
    })
}
