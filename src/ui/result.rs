//! A stage's result, as text: when and where it was made, from what, and what it gave.
//!
//! A pure function from a result to a text; knows neither engine nor store.

use super::{
    View, format,
    paint::Tone,
    table::{Table, cell},
};
use crate::engine::plan::results::StageResult;

/// What is known of a result. `absent` says of an artifact, by name, why its bytes cannot be read.
#[must_use]
pub(super) fn text(result: &StageResult, absent: &dyn Fn(&str) -> Option<String>, view: &View) -> String {
    let Some(record) = &result.record else { return String::new() };
    let made = &record.made;
    let threads = format::plural(made.threads, "thread");
    let place = format!("{} on {}, {}, {threads}", made.started, made.host, made.device);
    let versions: Vec<String> = std::iter::once(format!("pcamflow {}", made.pcamflow))
        .chain(made.versions.iter().map(|(name, version)| format!("{name} {version}")))
        .collect();
    let attempts = match made.failed_attempts {
        0 => String::new(),
        failed => format!("{} ({failed} failed before)", failed.saturating_add(1)),
    };
    let memory = made.peak_memory.map(|peak| format!("{} at its peak", format::amount(peak, 0, "bytes")));
    let facts = [
        (
            "result",
            match (&result.outdated, result.unknown) {
                (None, _) => "up to date".to_owned(),
                (Some(why), false) => format!("an older one: {why}"),
                (Some(why), true) => {
                    format!("the latest one; whether it is up to date cannot be told: {why}")
                }
            },
        ),
        ("key", record.key.hex()),
        ("made", place),
        ("took", format::duration(made.seconds)),
        ("memory", memory.unwrap_or_default()),
        ("attempts", attempts),
        ("resumed", made.resumed.clone().unwrap_or_default()),
        ("versions", versions.join(", ")),
        ("numbers", format::numbers(&record.numbers)),
    ];
    let mut text = view.paint.tone(Tone::Strong, &format::one_line(&result.stage)) + "\n";
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        text += &format!("  {name:<9} {}\n", format::one_line(fact));
    }
    text + &inputs(result, view) + &artifacts(result, absent, view)
}

fn inputs(result: &StageResult, view: &View) -> String {
    let lines = result.record.iter().flat_map(|record| &record.lines);
    let mut table = Table::new("lll");
    let mut any = false;
    for (line, digest) in lines {
        let Some(slot) = line.strip_prefix("input ") else { continue };
        let what = result.inputs.get(slot).cloned().unwrap_or_default();
        let digest = digest.get(..10).unwrap_or(digest);
        table.row([
            cell(Tone::Normal, slot),
            cell(Tone::Faint, digest),
            cell(Tone::Normal, format::clean(&what)),
        ]);
        any = true;
    }
    if any { format!("\nreads\n{}", table.indented(2).text(view)) } else { String::new() }
}

fn artifacts(result: &StageResult, absent: &dyn Fn(&str) -> Option<String>, view: &View) -> String {
    let mut table = Table::new("llrll");
    for (name, artifact) in result.record.iter().flat_map(|record| &record.artifacts) {
        table.row([
            cell(Tone::Normal, name.as_str()),
            cell(Tone::Faint, artifact.digest.short()),
            cell(Tone::Normal, format::amount(artifact.size, 0, "bytes")),
            cell(Tone::Normal, format::clean(&artifact.file)),
            cell(Tone::Bad, absent(name).unwrap_or_default()),
        ]);
    }
    format!("\nwrites\n{}", table.indented(2).text(view))
}
