//! A pipeline for Graphviz: `pcamflow graph p.toml --format dot | dot -Tpdf > p.pdf`.

use std::fmt::Write as _;

use super::nodes::{Node, Nodes, PLAIN, State};

/// A directed graph from top to bottom.
pub(super) fn text(nodes: &Nodes) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&nodes.pipeline));
    text += "  rankdir = TB;\n  node [shape = box, style = \"rounded,filled\", fontname = \"sans-serif\"];\n";
    text +=
        "  edge [fontname = \"sans-serif\", fontsize = 10, color = \"#777777\", fontcolor = \"#555555\"];\n";
    for node in &nodes.nodes {
        let [fill, line] = node.state.map_or(PLAIN, State::colours);
        let (name, label) = (quoted(&node.label), label(node));
        let _ = writeln!(text, "  {name} [label = {label}, fillcolor = \"{fill}\", color = \"{line}\"];");
    }
    for (from, to, artifacts) in &nodes.edges {
        let [from, to] = [from, to].map(|node| quoted(&nodes.nodes[*node].label));
        let _ = writeln!(text, "  {from} -> {to} [label = {}];", quoted(&artifacts.join(", ")));
    }
    text + "}\n"
}

/// The lines of a node; `\n` is a line break in the language.
fn label(node: &Node) -> String {
    let lines: Vec<String> = node.lines().iter().map(|line| escaped(line)).collect();
    format!("\"{}\"", lines.join("\\n"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::drawing::nodes::State;

    #[test]
    fn quotes_in_a_message_do_not_end_the_text() {
        let note = r#"no "x" in C:\new"#.to_owned();
        let node = Node { label: "split.d".to_owned(), state: Some(State::Failed), note };
        assert_eq!(label(&node), r#""split.d\nfailed: no \"x\" in C:\\new""#);
    }
}
