//! What is said of the store: tables and sentences for people, and a bar for what takes long.
//!
//! Knows what the store counted; knows nothing of how.

use std::{fmt::Write as _, path::Path, sync::OnceLock, time::Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::{
    View, format,
    paint::Tone,
    seen_from_here,
    table::{Table, cell},
    view_of_stdout,
};
use crate::store::{Collected, Flaw, Progress, Removed, Share, Usage, Verified};

/// What is counted while something takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files.
    Files,
}

/// A bar on standard error, where that is a terminal and from the first thing done on.
#[derive(Debug)]
pub struct Meter {
    what: &'static str,
    unit: Unit,
    started: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Meter {
    /// Nothing is drawn yet.
    #[must_use]
    pub fn new(what: &'static str, unit: Unit) -> Self {
        Self { what, unit, started: Instant::now(), bar: OnceLock::new() }
    }

    /// Shows how far it is; may be called from several threads.
    pub fn show(&self, progress: Progress) {
        if !super::can_draw() {
            return;
        }
        let bar = self.bar.get_or_init(|| self.bar(progress.total));
        bar.set_position(progress.done);
    }

    fn bar(&self, total: u64) -> ProgressBar {
        let amount = match self.unit {
            Unit::Bytes => "{binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}",
            Unit::Files => "{human_pos}/{human_len} files",
        };
        let template = format!("{}  [{{bar:24}}] {amount}  {{eta}} left", self.what);
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style.progress_chars("=> "))
    }

    /// Removes the bar; the seconds that it all took.
    pub fn finish(&self) -> f64 {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
        self.started.elapsed().as_secs_f64()
    }
}

/// What takes the space of a store, as tables.
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
    let text = format!("{}\n\n{}", view.paint.tone(Tone::Strong, &head), table.text(view));
    format!("{text}{}", others(usage, view))
}

fn row(share: &Share) -> [String; 4] {
    let [results, objects] = [share.results, share.objects].map(|count| format::count(count as u64));
    [format::one_line(&share.name), results, objects, HumanBytes(share.bytes).to_string()]
}

/// What is no result.
fn others(usage: &Usage, view: &View) -> String {
    let mut table = Table::new("lrr");
    let rows = [
        ("no result's (`cache gc` removes them)", usage.garbage),
        ("partial work", usage.partial_work),
        ("being written", usage.staging),
        ("quarantined", usage.quarantine),
        ("run records", usage.runs),
    ];
    table.row(["other", "files", "size"].map(|text| cell(Tone::Faint, text)));
    for (name, amount) in rows.into_iter().filter(|(_, amount)| amount.count > 0) {
        let texts =
            [name.to_owned(), format::count(amount.count as u64), HumanBytes(amount.bytes).to_string()];
        table.row(texts);
    }
    let records = ["records".to_owned(), String::new(), HumanBytes(usage.records).to_string()];
    table.row(records);
    table.text(view)
}

/// What a verification found: a paragraph per damaged file, and a line that sums up.
#[must_use]
pub fn verified(verified: &Verified, seconds: f64) -> String {
    let mut text = verified.damaged.iter().fold(String::new(), |text, flaw| text + &told(flaw));
    let objects = format::plural(verified.objects, "object");
    let results = format::plural(verified.results, "result");
    let _ = write!(
        text,
        "{objects} ({}) and {results} verified in {}: ",
        HumanBytes(verified.bytes),
        format::duration(seconds)
    );
    text += &match verified.damaged.len() {
        0 => "all sound".to_owned(),
        count => format!("{count} damaged; the next run computes what it needs of them again"),
    };
    if verified.elsewhere > 0 {
        let results = format::plural(verified.elsewhere, "result");
        let _ = write!(
            text,
            "\n{results} without bytes in this store: computed again where the bytes are needed"
        );
    }
    text + "\n"
}

fn told(flaw: &Flaw) -> String {
    let quoted = |name: &String| format!("`{}`", format::one_line(name));
    let of = match flaw.made_by.as_slice() {
        [] => "a file that no result names".to_owned(),
        made_by => made_by.iter().map(quoted).collect::<Vec<_>>().join(", "),
    };
    let pipelines: Vec<String> = flaw.pipelines.iter().map(|name| format::one_line(name)).collect();
    let of = if pipelines.is_empty() { of } else { format!("{of} of {}", pipelines.join(", ")) };
    let where_to = match &flaw.moved_to {
        Some(path) => format!("\n  moved to {}", seen_from_here(path)),
        None => String::new(),
    };
    let path = seen_from_here(&flaw.path);
    format!("damaged: {of}: {}\n  {path}{where_to}\n", format::one_line(&flaw.what))
}

/// What a collection removed.
#[must_use]
pub fn collected(collected: &Collected) -> String {
    let sorts: [(&str, &Removed); 7] = [
        ("result", &collected.results),
        ("object", &collected.objects),
        ("folder of partial work", &collected.partial_work),
        ("quarantined file", &collected.quarantine),
        ("folder of a killed run", &collected.staging),
        ("run record", &collected.runs),
        ("recall file", &collected.recall),
    ];
    let some: Vec<String> = sorts
        .iter()
        .filter(|(_, removed)| removed.count > 0)
        .map(|(name, removed)| counted(removed.count, name))
        .collect();
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

fn counted(count: usize, one: &str) -> String {
    match one.split_once(' ') {
        // `folders of partial work`, not `folder of partial works`.
        Some(("folder", rest)) => format!("{} {rest}", format::plural(count, "folder")),
        _ => format::plural(count, one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::Paint;

    fn share(name: &str, results: usize, bytes: u64) -> Share {
        Share { name: name.to_owned(), results, objects: 3 * results, bytes }
    }

    #[test]
    fn the_tables_line_up_and_leave_out_what_is_not_there() {
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
    fn what_is_removed_is_counted_by_sort() {
        let removed = Collected {
            objects: Removed { count: 2, bytes: 1024 },
            partial_work: Removed { count: 2, bytes: 0 },
            in_use: 1,
            ..Collected::default()
        };
        assert_eq!(
            collected(&removed),
            "removed 2 objects, 2 folders of partial work (1.00 KiB); 0 results in 0 objects left (0 B)\n\
             1 result kept because a run uses them\n"
        );
        assert_eq!(
            collected(&Collected { dry_run: true, ..Collected::default() }),
            "nothing to remove; 0 results in 0 objects left (0 B)\n"
        );
    }

    #[test]
    fn a_flaw_says_what_where_and_whose() {
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
