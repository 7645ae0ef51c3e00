//! Shows what the store contains, and what was verified or removed; and a bar for slow operations.
//!
//! Knows the counts of the store, and not how they are made.

use std::{fmt::Write as _, path::Path, time::Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::{
    View, format,
    paint::Tone,
    seen_from_here,
    table::{Table, cell},
    view_of_stdout,
};
use crate::store::{Collected, Flaw, Progress, Removed, Share, Usage, Verified};

/// The progress of an operation on bytes, as a template.
pub const BYTES: &str = "{binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}";
/// The progress of an operation on files.
pub const FILES: &str = "{human_pos}/{human_len} files";

/// A bar on standard error, if that is a terminal.
#[derive(Debug)]
pub struct Meter {
    started: Instant,
    bar: ProgressBar,
}

impl Meter {
    /// Draws nothing yet.
    #[must_use]
    pub fn new(what: &str, progress: &str) -> Self {
        let template = format!("{what}  [{{bar:24}}] {progress}  {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = if super::can_draw() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        Self { started: Instant::now(), bar: bar.with_style(style.progress_chars("=> ")) }
    }

    /// Shows the progress; may be called from several threads.
    pub fn show(&self, progress: Progress) {
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Removes the bar, and returns the seconds since the start.
    pub fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.started.elapsed().as_secs_f64()
    }
}

/// What uses the space of a store, as tables.
#[must_use]
pub fn usage(store: &Path, usage: &Usage) -> String {
    usage_text(&seen_from_here(store), usage, &view_of_stdout())
}

fn usage_text(store: &str, usage: &Usage, view: &View) -> String {
    let results = format::plural(usage.results, "result");
    let objects = format::plural(usage.objects.count, "object");
    let head = format!("{store}: {}, {results} in {objects}", HumanBytes(usage.bytes));
    let mut table = Table::new("lrrr");
    let superseded = Share { name: "(superseded)".to_owned(), ..usage.superseded.clone() };
    let sections: [(&str, &[Share], Option<&Share>); 3] = [
        ("stage kind", &usage.kinds, None),
        ("pipeline (latest results)", &usage.pipelines, Some(&superseded).filter(|it| it.results > 0)),
        ("last use", &usage.ages, None),
    ];
    for (title, shares, more) in sections.into_iter().filter(|(_, shares, _)| !shares.is_empty()) {
        table.row([title, "results", "objects", "size"].map(|text| cell(Tone::Faint, text)));
        shares.iter().chain(more).for_each(|share| table.row(row(share)));
        table.row([""]);
    }
    let head = view.paint.tone(Tone::Strong, &head);
    format!("{head}\n\n{}{}", table.text(view), others(usage, view))
}

fn row(share: &Share) -> [String; 4] {
    let [results, objects] = [share.results, share.objects].map(|count| format::count(count as u64));
    [format::one_line(&share.name), results, objects, HumanBytes(share.bytes).to_string()]
}

/// Everything that is not a result.
fn others(usage: &Usage, view: &View) -> String {
    let mut table = Table::headed("lrr", ["other", "files", "size"]);
    let rows = [
        ("no result's (`cache gc` removes them)", usage.garbage),
        ("partial work", usage.partial_work),
        ("being written", usage.staging),
        ("quarantined", usage.quarantine),
        ("run records", usage.runs),
    ];
    for (name, amount) in rows.into_iter().filter(|(_, amount)| amount.count > 0) {
        let (count, bytes) = (format::count(amount.count as u64), HumanBytes(amount.bytes).to_string());
        table.row([name, &count, &bytes]);
    }
    table.row(["records", "", &HumanBytes(usage.records).to_string()]);
    table.text(view)
}

/// The result of a verification: a paragraph for each damaged file, and a summary.
#[must_use]
pub fn verified(verified: &Verified, seconds: f64) -> String {
    let mut text: String = verified.damaged.iter().map(damaged).collect();
    let objects = format::plural(verified.objects, "object");
    let results = format::plural(verified.results, "result");
    let (bytes, time) = (HumanBytes(verified.bytes), format::duration(seconds));
    let _ = write!(text, "{objects} ({bytes}) and {results} verified in {time}: ");
    text += &match verified.damaged.len() {
        0 => "all sound".to_owned(),
        count => format!("{count} damaged; the next run computes what it needs of them again"),
    };
    if verified.elsewhere > 0 {
        let results = format::plural(verified.elsewhere, "result");
        let _ =
            write!(text, "\n{results} without bytes in this store: computed again if the bytes are needed");
    }
    text + "\n"
}

fn damaged(flaw: &Flaw) -> String {
    let quoted = |name: &String| format!("`{}`", format::one_line(name));
    let mut of = match flaw.made_by.as_slice() {
        [] => "a file that no result names".to_owned(),
        made_by => made_by.iter().map(quoted).collect::<Vec<_>>().join(", "),
    };
    if !flaw.pipelines.is_empty() {
        of = format!("{of} of {}", format::one_line(&flaw.pipelines.join(", ")));
    }
    let moved = flaw.moved_to.as_ref().map(|path| format!("\n  moved to {}", seen_from_here(path)));
    let (what, path) = (format::one_line(&flaw.what), seen_from_here(&flaw.path));
    format!("damaged: {of}: {what}\n  {path}{}\n", moved.unwrap_or_default())
}

/// What a collection removed, and what is left.
#[must_use]
pub fn collected(collected: &Collected) -> String {
    let removed: [(&Removed, &str); 7] = [
        (&collected.results, "result"),
        (&collected.objects, "object"),
        (&collected.partial_work, "partial work folder"),
        (&collected.quarantine, "quarantined file"),
        (&collected.staging, "leftover folder"),
        (&collected.runs, "run record"),
        (&collected.recall, "recall file"),
    ];
    let some = removed.iter().filter(|(removed, _)| removed.count > 0);
    let some: Vec<String> = some.map(|(removed, what)| format::plural(removed.count, what)).collect();
    let bytes = HumanBytes(collected.bytes());
    let mut text = match (some.is_empty(), collected.dry_run) {
        (true, _) => "nothing to remove".to_owned(),
        (false, true) => format!("would remove {} ({bytes})", some.join(", ")),
        (false, false) => format!("removed {} ({bytes})", some.join(", ")),
    };
    let left = format::plural(collected.results_left, "result");
    let objects = format::plural(collected.objects_left.count, "object");
    let _ = write!(text, "; {left} in {objects} left ({})", HumanBytes(collected.objects_left.bytes));
    if collected.in_use > 0 {
        let _ = write!(text, "\n{} kept because a run uses them", format::plural(collected.in_use, "result"));
    }
    if let Some(first) = collected.not_removed.first() {
        let count = format::plural(collected.not_removed.len(), "file");
        let _ = write!(text, "\n{count} could not be removed: {}", format::one_line(first));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::Paint;

    fn share(name: &str, results: usize, bytes: u64) -> Share {
        Share { name: name.to_owned(), results, objects: 3 * results, bytes }
    }

    #[test]
    fn the_tables_line_up_and_have_no_empty_rows() {
        let usage = Usage {
            bytes: 3 << 20,
            results: 3,
            objects: Removed { count: 9, bytes: 3 << 20 },
            kinds: vec![share("train", 2, 2 << 20), share("split", 1, 1 << 20)],
            pipelines: vec![share("full", 2, 2 << 20)],
            superseded: share("superseded", 1, 1 << 20),
            ages: vec![share("last day", 3, 3 << 20)],
            garbage: Removed { count: 1, bytes: 5 },
            records: 2048,
            ..Usage::default()
        };
        let text = usage_text(".pcamflow", &usage, &View { paint: Paint::OFF, width: None });
        let expected = "\
.pcamflow: 3.00 MiB, 3 results in 9 objects

stage kind                 results  objects      size
train                            2        6  2.00 MiB
split                            1        3  1.00 MiB

pipeline (latest results)  results  objects      size
full                             2        6  2.00 MiB
(superseded)                     1        3  1.00 MiB

last use                   results  objects      size
last day                         3        9  3.00 MiB

other                                  files      size
no result's (`cache gc` removes them)      1       5 B
records                                       2.00 KiB
";
        assert_eq!(text, expected);
    }

    #[test]
    fn removed_files_are_counted_by_kind() {
        let removed = Collected {
            objects: Removed { count: 2, bytes: 1024 },
            partial_work: Removed { count: 2, bytes: 0 },
            in_use: 1,
            ..Collected::default()
        };
        assert_eq!(
            collected(&removed),
            "removed 2 objects, 2 partial work folders (1.00 KiB); 0 results in 0 objects left (0 B)\n\
             1 result kept because a run uses them\n"
        );
        assert_eq!(
            collected(&Collected { dry_run: true, ..Collected::default() }),
            "nothing to remove; 0 results in 0 objects left (0 B)\n"
        );
    }

    #[test]
    fn a_damaged_file_is_named_with_its_stage_and_pipelines() {
        let flaw = Flaw {
            path: "/s/objects/ab/abcd".into(),
            what: "its content has the digest 0123456789".to_owned(),
            made_by: vec!["split.d/train".to_owned()],
            pipelines: vec!["full".to_owned(), "mini".to_owned()],
            moved_to: Some("/s/quarantine/abcd.1".into()),
        };
        let text = verified(
            &Verified { objects: 2, bytes: 5, results: 1, damaged: vec![flaw], ..Verified::default() },
            0.5,
        );
        assert_eq!(
            text,
            "damaged: `split.d/train` of full, mini: its content has the digest 0123456789\n  /s/objects/ab/abcd\n  \
             moved to /s/quarantine/abcd.1\n2 objects (5 B) and 1 result verified in 0.5 s: 1 damaged; the \
             next run computes what it needs of them again\n"
        );
    }
}
