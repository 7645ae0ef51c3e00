//! Every stage with its result, for the section about the pipeline.

use std::{collections::BTreeSet, fs};

use super::shelf::Shelf;
use crate::html::Stage;

/// The lines of a log that the page shows.
const LINES: usize = 30;
/// The most bytes of a log that are looked at.
const BYTES: usize = 64 << 10;

/// All stages, each after its inputs.
pub(super) fn all(shelf: &Shelf<'_>, ran: &BTreeSet<&str>) -> Vec<Stage> {
    shelf.engine.order().iter().map(|at| stage(shelf, *at, ran)).collect()
}

fn stage(shelf: &Shelf<'_>, at: usize, ran: &BTreeSet<&str>) -> Stage {
    let node = &shelf.pipeline.stages[at];
    let (name, result) = (node.name.to_string(), shelf.result(node));
    Stage {
        ran: ran.contains(name.as_str()),
        record: result.and_then(|result| result.record.clone()),
        outdated: result.and_then(|result| result.outdated.clone()),
        inputs: result.map(|result| result.inputs.clone().into_iter().collect()).unwrap_or_default(),
        log: log(shelf, at).unwrap_or_default(),
        name,
    }
}

/// The end of a stage's log, without control characters.
fn log(shelf: &Shelf<'_>, at: usize) -> Option<String> {
    let result = shelf.result(&shelf.pipeline.stages[at])?;
    let path = result
        .record
        .as_ref()
        .and_then(|record| shelf.engine.log(record))
        .or_else(|| result.attempt.clone())?;
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(BYTES)..]).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let last: Vec<String> =
        lines[lines.len().saturating_sub(LINES)..].iter().map(|line| plain(line)).collect();
    Some(last.join("\n"))
}

fn plain(line: &str) -> String {
    crate::ui::format::one_line(line)
}
