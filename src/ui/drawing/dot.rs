//! A pipeline in the language of Graphviz: `pcamflow graph p.toml --format dot | dot -Tpdf > p.pdf`.

use std::fmt::Write as _;

use super::nodes::{Node, Nodes, PLAIN, Standing};

/// A directed graph from top to bottom.
pub(super) fn text(nodes: &Nodes) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&nodes.pipeline));
    text += "  rankdir = TB;\n  node [shape = box, style = \"rounded,filled\", fontname = \"sans-serif\"];\n";
    text +=
        "  edge [fontname = \"sans-serif\", fontsize = 10, color = \"#777777\", fontcolor = \"#555555\"];\n";
    for node in &nodes.nodes {
        let [fill, line] = node.standing.map_or(PLAIN, Standing::colours);
        let _ = writeln!(
            text,
            "  {} [label = {}, fillcolor = \"{fill}\", color = \"{line}\"];",
            quoted(&node.label),
            label(node)
        );
    }
    for (from, to, artifacts) in &nodes.edges {
        let [from, to] = [from, to].map(|node| quoted(&nodes.nodes[*node].label));
        let _ = writeln!(text, "  {from} -> {to} [label = {}];", quoted(&artifacts.join(", ")));
    }
    text + "}\n"
}

/// The name, and below it how the stage stands: `\n` is the language's line break.
fn label(node: &Node) -> String {
    let name = escaped(&node.label);
    match (node.standing, node.note.as_str()) {
        (None, _) => format!("\"{name}\""),
        (Some(standing), "") => format!("\"{name}\\n{}\"", standing.word()),
        (Some(standing), note) => format!("\"{name}\\n{}: {}\"", standing.word(), escaped(&short(note))),
    }
}

/// Long reasons would make boxes that no page holds.
pub(super) fn short(note: &str) -> String {
    console::truncate_str(note, 60, "…").into_owned()
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
    use crate::ui::drawing::nodes::Standing;

    #[test]
    fn what_a_failure_said_cannot_end_the_text() {
        let note = r#"no "x" in C:\new"#.to_owned();
        let node = Node { label: "split.d".to_owned(), standing: Some(Standing::Failed), note };
        assert_eq!(label(&node), r#""split.d\nfailed: no \"x\" in C:\\new""#);
    }
}
