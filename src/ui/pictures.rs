//! Names the folder of the results, and the pictures and reports that a run made.
//!
//! Reads the folders in which artifacts are shown; knows file endings, not stages.

use std::path::Path;

use super::{
    View,
    fold::LIMIT,
    format,
    paint::Tone,
    repeated::{grouped, one_name, parts},
    table::Table,
};
use crate::engine::tell::event::{FinishedStage, Summary};

/// A line with the folder, and a line for each stage that made pictures or reports.
#[must_use]
pub(super) fn text(summary: &Summary, view: &View) -> String {
    if summary.finished.is_empty() {
        return String::new();
    }
    let made = |stage: &FinishedStage| {
        let folder = stage.folder.as_deref().filter(|_| !stage.cached)?;
        Some((stage.stage.clone(), worth_a_look(folder).join("  "))).filter(|(_, names)| !names.is_empty())
    };
    let all: Vec<(String, String)> = summary.finished.iter().filter_map(made).collect();
    let groups = grouped(&all, |(stage, names)| parts(stage).1.map(|_| (parts(stage).0, names)));
    let mut table = Table::new("ll");
    for group in groups.iter().take(LIMIT) {
        let stages: Vec<&str> = group.iter().map(|(stage, _)| stage.as_str()).collect();
        table.row([one_name(&stages), group[0].1.clone()]);
    }
    let more = match groups.iter().skip(LIMIT).map(Vec::len).sum() {
        0 => String::new(),
        more => format!("  and of {} more\n", format::plural(more, "stage")),
    };
    let out = view.paint.tone(Tone::Strong, &super::seen_from_here(&summary.out));
    format!("\nresults in {out}\n{}{more}", table.indented(2).text(view))
}

/// Reports first, then pictures. Of a picture as PNG and SVG, only the PNG.
fn worth_a_look(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_by_key(|name| (!name.starts_with("report."), name.clone()));
    let interesting = |name: &String| match name.rsplit_once('.') {
        Some(("report", _)) | Some((_, "png" | "html")) => true,
        Some((stem, "svg")) => !names.contains(&format!("{stem}.png")),
        _ => false,
    };
    names.iter().filter(|name| interesting(name)).map(|name| format::one_line(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_first_and_a_picture_is_named_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["roc.svg", "roc.png", "only.svg", "metrics.json", "report.txt", "confusion.png"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(worth_a_look(folder.path()), ["report.txt", "confusion.png", "only.svg", "roc.png"]);
        assert!(worth_a_look(&folder.path().join("gone")).is_empty());
    }
}
