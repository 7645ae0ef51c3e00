//! A pipeline as lines in the terminal, as version control draws histories: what is made stands above
//! what reads it.

use console::{Alignment, measure_text_width, pad_str, truncate_str};
use renderdag::{Ancestor, GraphRowRenderer, Renderer};

use super::{
    nodes::{Node, Nodes, Standing},
    shape,
};
use crate::ui::{View, paint::Tone};

/// One line a stage, between them the lines that lead on; with a plan, its state and why beside it.
pub(super) fn text(nodes: &Nodes, view: &View) -> String {
    let rows = rows(nodes, view);
    let drawn = rows.iter().map(|Row { first, .. }| measure_text_width(first)).max().unwrap_or(0);
    let named = nodes.nodes.iter().map(|node| measure_text_width(&node.label)).max().unwrap_or(0);
    let mut text = String::new();
    for Row { apart, first, below, node } in &rows {
        text += apart;
        let first = pad_str(first, drawn, Alignment::Left, None);
        let name = pad_str(&node.label, named, Alignment::Left, None);
        let line = format!("{first}  {name}  {}", status(node, view));
        let line = view.width.map_or(line.as_str().into(), |width| truncate_str(&line, width, "…"));
        text += line.trim_end();
        text.push('\n');
        text += below;
    }
    let standings: Vec<Option<Standing>> = nodes.nodes.iter().map(|node| node.standing).collect();
    let counts = Nodes::standings(&standings);
    if !counts.is_empty() {
        text += &format!("\n{}\n", view.paint.tone(Tone::Strong, &counts));
    }
    text
}

/// One stage in the drawing.
struct Row<'a> {
    /// A line that keeps it apart from the one above, which it does not read.
    apart: String,
    /// Its mark, and the ways beside it.
    first: String,
    /// The lines below it up to the next stage's.
    below: String,
    node: &'a Node,
}

/// Every stage from the top.
fn rows<'a>(nodes: &'a Nodes, view: &View) -> Vec<Row<'a>> {
    let feeds = nodes.feeds();
    let mut renderer = GraphRowRenderer::new().output().with_min_row_height(1).build_box_drawing();
    // Where a mark stands whose stage has no reader: right below it, another would look like its reader.
    let mut ended: Option<usize> = None;
    let mut row = |index: usize| {
        let node = &nodes.nodes[index];
        let readers = feeds[index].iter().map(|reader| Ancestor::Parent(*reader)).collect();
        let (tone, glyph) = node.standing.map_or((Tone::Normal, "●"), |it| (it.tone(), it.glyph()));
        // Without a text: the renderer would begin each where its lines end, and names in a column read best.
        let mark = view.paint.tone(tone, glyph).to_string();
        let drawn = renderer.next_row(index, readers, mark.clone(), String::new());
        let (first, below) = drawn.split_once('\n').unwrap_or((&drawn, ""));
        let column = first.find(&mark).map(|at| measure_text_width(&first[..at]));
        let apart = match column.is_some() && column == ended {
            true => format!("{}\n", first.replacen(&mark, " ", 1).trim_end()),
            false => String::new(),
        };
        ended = column.filter(|_| feeds[index].is_empty());
        Row { apart, first: first.trim_end().to_owned(), below: below.to_owned(), node }
    };
    shape::order(&feeds).into_iter().map(&mut row).collect()
}

fn status(node: &Node, view: &View) -> String {
    let Some(standing) = node.standing else { return String::new() };
    let word = view.paint.tone(standing.tone(), &format!("{:7}", standing.word()));
    format!("{word}  {}", node.note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::tell::event::{Planned, PlannedStage},
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
        };
        DrawnStage { stage: name.to_owned(), planned: state.map(planned), ..DrawnStage::default() }
    }

    fn drawing(stages: Vec<DrawnStage>, edges: &[(usize, usize)]) -> Drawing {
        let edge = |(from, to): &(usize, usize)| Edge { from: *from, to: *to, artifacts: vec![] };
        Drawing { stages, edges: edges.iter().map(edge).collect(), ..Drawing::default() }
    }

    fn drawn(drawing: &Drawing, width: Option<usize>) -> String {
        text(&Nodes::new(drawing, false), &View { paint: Paint::OFF, width })
    }

    #[test]
    fn repeats_are_one_node_and_a_way_that_is_said_already_is_left_out() {
        let names = ["split.d", "train.a@1", "train.a@2", "evaluate.e@1", "evaluate.e@2", "preview.p"];
        let stages = names.map(|name| stage(name, None)).to_vec();
        let edges = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 3), (2, 4), (0, 5)];
        let expected = "\
●    split.d
├─╮
● │  train.a@{1,2}
● │  evaluate.e@{1,2}
  ●  preview.p
";
        assert_eq!(drawn(&drawing(stages, &edges), None), expected);
    }

    #[test]
    fn stages_that_do_not_read_each_other_stand_apart() {
        let stages = ["split.a", "split.b", "train.b", "split.c"].map(|name| stage(name, None)).to_vec();
        let expected = "\
●  split.a

●  split.b
●  train.b

●  split.c
";
        assert_eq!(drawn(&drawing(stages, &[(1, 2)]), None), expected);
    }

    #[test]
    fn a_status_says_what_runs_and_counts_it_and_a_failure_stands_first() {
        let mut failed = stage("train.a@2", Some(Planned::Run));
        failed.failure = Some("the loss is not finite\nin epoch 2".to_owned());
        let stages = vec![
            stage("split.d", Some(Planned::Cached)),
            stage("train.a@1", Some(Planned::Cached)),
            failed,
            stage("evaluate.e@1", Some(Planned::Run)),
        ];
        let text = drawn(&drawing(stages, &[(0, 1), (0, 2), (1, 3)]), None);
        let expected = "\
●  split.d        cached
✗  train.a@{1,2}  failed   1 failed, 1 cached
○  evaluate.e@1   run      never ran

1 failed, 1 run, 1 cached
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_reasons() {
        let text = drawn(&drawing(vec![stage("split.d", Some(Planned::Run))], &[]), Some(23));
        assert_eq!(text.lines().next(), Some("○  split.d  run      n…"));
    }
}
