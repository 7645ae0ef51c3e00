//! A pipeline as a list: a line for each stage, with its state and what it reads.

use super::nodes::{Nodes, State, counts};
use crate::ui::{
    View,
    paint::Tone,
    table::{Cell, Table, cell},
};

/// A table of the stages, and with a plan the number of stages in each state.
pub(super) fn text(nodes: &Nodes, view: &View) -> String {
    let states: Vec<State> = nodes.nodes.iter().filter_map(|node| node.state).collect();
    let mut table = match states.is_empty() {
        true => Table::headed("ll", ["stage", "reads"]),
        false => Table::headed("llll", ["stage", "state", "reads", "why"]),
    };
    for (node, reads) in nodes.nodes.iter().zip(reads(nodes)) {
        let (stage, reads) = (Cell::from(node.label.as_str()), Cell::from(reads.join(", ")));
        match node.state {
            None => table.row([stage, reads]),
            Some(state) => {
                let state = cell(state.tone(), state.word());
                table.row([stage, state, reads, cell(Tone::Faint, node.note.as_str())]);
            }
        }
    }
    let counts = match counts(&states) {
        empty if empty.is_empty() => empty,
        counts => format!("\n{}\n", view.paint.tone(Tone::Strong, &counts)),
    };
    table.text(view) + &counts
}

/// For each node, the artifacts that it reads: `split.d/train`, `synthesize.s/{images,labels}`.
fn reads(nodes: &Nodes) -> Vec<Vec<String>> {
    let mut reads = vec![Vec::new(); nodes.nodes.len()];
    for (from, to, artifacts) in &nodes.edges {
        let stage = &nodes.nodes[*from].label;
        reads[*to].push(match artifacts.as_slice() {
            [one] => format!("{stage}/{one}"),
            several => format!("{stage}/{{{}}}", several.join(",")),
        });
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{
            StageStatus,
            tell::event::{Planned, PlannedStage},
        },
        ui::{
            drawing::{Drawing, DrawnStage, Edge},
            paint::Paint,
        },
    };

    fn stage(name: &str, state: Option<Planned>) -> DrawnStage {
        let planned = |state| PlannedStage {
            stage: name.to_owned(),
            state,
            why: if state == Planned::Cached { "" } else { "never ran" }.to_owned(),
            seconds: None,
            expected: None,
        };
        let status = state.map(|state| StageStatus { planned: planned(state), failure: None });
        DrawnStage { stage: name.to_owned(), status, ..DrawnStage::default() }
    }

    fn listed(stages: Vec<DrawnStage>, edges: &[(usize, usize, &[&str])]) -> String {
        let edge = |(from, to, artifacts): &(usize, usize, &[&str])| Edge {
            from: *from,
            to: *to,
            artifacts: artifacts.iter().map(|name| (*name).to_owned()).collect(),
        };
        let edges = edges.iter().map(edge).collect();
        let nodes = Nodes::new(&Drawing { stages, edges, ..Drawing::default() }, true);
        text(&nodes, &View { paint: Paint::OFF, width: None })
    }

    #[test]
    fn repeats_are_one_line_with_everything_that_they_read() {
        let names = ["split.d", "train.a@1", "train.a@2", "evaluate.e@1", "evaluate.e@2"];
        let stages = names.map(|name| stage(name, None)).to_vec();
        let parts: &[&str] = &["train", "validation"];
        let (model, test): (&[&str], &[&str]) = (&["model"], &["test"]);
        let edges = [(0, 1, parts), (0, 2, parts), (0, 3, test), (0, 4, test), (1, 3, model), (2, 4, model)];
        let expected = "\
stage             reads
split.d
train.a@{1,2}     split.d/{train,validation}
evaluate.e@{1,2}  split.d/test, train.a@{1,2}/model
";
        assert_eq!(listed(stages, &edges), expected);
    }

    #[test]
    fn states_are_shown_and_counted() {
        let mut failed = stage("train.a@2", Some(Planned::Run));
        failed.status.as_mut().unwrap().failure = Some("the loss is not finite\nin epoch 2".to_owned());
        let stages = vec![
            stage("split.d", Some(Planned::Cached)),
            stage("train.a@1", Some(Planned::Cached)),
            failed,
            stage("evaluate.e@1", Some(Planned::Run)),
        ];
        let model: &[&str] = &["model"];
        let expected = "\
stage          state   reads                why
split.d        cached
train.a@{1,2}  failed                       1 failed, 1 cached
evaluate.e@1   run     train.a@{1,2}/model  never ran

1 failed, 1 run, 1 cached
";
        assert_eq!(listed(stages, &[(1, 3, model)]), expected);
    }
}
