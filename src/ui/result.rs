//! The result of a stage as text: when, where and from what it was made, and what it contains.
//!
//! A pure function from a result to a text; knows neither engine nor store.

use super::{
    View, format,
    paint::Tone,
    table::{Cell, Table, cell},
};
use crate::{engine::plan::results::StageResult, store::ActionRecord};

/// Everything about a result. `absent` returns why the bytes of an artifact cannot be read.
#[must_use]
pub(super) fn text(result: &StageResult, absent: &dyn Fn(&str) -> Option<String>, view: &View) -> String {
    let Some(record) = &result.record else { return String::new() };
    let head = view.paint.tone(Tone::Strong, &format::one_line(&result.stage));
    let facts = format::facts(&facts(result, record));
    format!("{head}\n{facts}{}{}", inputs(result, record, view), artifacts(record, absent, view))
}

fn facts(result: &StageResult, record: &ActionRecord) -> [(&'static str, String); 9] {
    let made = &record.made;
    let threads = format::plural(made.threads, "thread");
    let state = match (&result.outdated, result.unknown) {
        (None, _) => "up to date".to_owned(),
        (Some(why), false) => format!("an older one: {why}"),
        (Some(why), true) => format!("the latest one; whether it is up to date is not known: {why}"),
    };
    let versions: Vec<String> = std::iter::once(format!("pcamflow {}", made.pcamflow))
        .chain(made.versions.iter().map(|(name, version)| format!("{name} {version}")))
        .collect();
    let attempts = match made.failed_attempts {
        0 => String::new(),
        failed => format!("{} ({failed} failed before)", failed.saturating_add(1)),
    };
    let memory = made.peak_memory.map(|peak| format!("{} at its peak", format::amount(peak, 0, "bytes")));
    [
        ("result", state),
        ("key", record.key.hex()),
        ("made", format!("{} on {}, {}, {threads}", made.started, made.host, made.device)),
        ("took", format::duration(made.seconds)),
        ("memory", memory.unwrap_or_default()),
        ("attempts", attempts),
        ("resumed", made.resumed.clone().unwrap_or_default()),
        ("versions", versions.join(", ")),
        ("numbers", format::numbers(&record.numbers)),
    ]
}

fn inputs(result: &StageResult, record: &ActionRecord, view: &View) -> String {
    let mut table = Table::new("lll");
    for (line, digest) in &record.lines {
        let Some(slot) = line.strip_prefix("input ") else { continue };
        let what = result.inputs.get(slot).map(|what| format::clean(what)).unwrap_or_default();
        table.row([slot.into(), cell(Tone::Faint, digest.get(..10).unwrap_or(digest)), Cell::from(what)]);
    }
    let text = table.indented(2).text(view);
    if text.is_empty() { text } else { format!("\nreads\n{text}") }
}

fn artifacts(record: &ActionRecord, absent: &dyn Fn(&str) -> Option<String>, view: &View) -> String {
    let mut table = Table::new("llrll");
    for (name, artifact) in &record.artifacts {
        table.row([
            name.as_str().into(),
            cell(Tone::Faint, artifact.digest.short()),
            format::amount(artifact.size, 0, "bytes").into(),
            format::clean(&artifact.file).into(),
            cell(Tone::Bad, absent(name).unwrap_or_default()),
        ]);
    }
    format!("\nwrites\n{}", table.indented(2).text(view))
}
