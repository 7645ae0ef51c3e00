//! How the results can be made again: commands, the pipeline's text, versions, digests.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    Report,
    layout::{cell, table},
};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        p { "With the same inputs, this gives the same results. Whatever is in the store is not computed again." }
        pre { @for command in &report.commands { (command) "\n" } }
        (versions(report))
        (sources(report))
        @for (name, text) in &report.texts {
            details { summary { code { (name) } } pre { (text) } }
        }
    }
}

fn versions(report: &Report) -> Markup {
    let mut found: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for stage in &report.stages {
        let Some(record) = &stage.record else { continue };
        found.entry(("pcamflow", &record.made.pcamflow)).or_default().push(&stage.name);
        for (name, version) in &record.made.versions {
            found.entry((name, version)).or_default().push(&stage.name);
        }
    }
    let rows: Vec<Vec<Markup>> = found
        .into_iter()
        .map(|((name, version), stages)| {
            vec![cell(name), cell(version), html! { span.long { (stages.join(", ")) } }]
        })
        .collect();
    table("Versions", &["library", "version", "used by"], &rows)
}

/// The digests of everything that stages read, as their fingerprints have them.
fn sources(report: &Report) -> Markup {
    let mut rows = Vec::new();
    for stage in &report.stages {
        let Some(record) = &stage.record else { continue };
        for (slot, from) in &stage.inputs {
            let digest = record.lines.get(&format!("input {slot}")).map_or("", String::as_str);
            rows.push(vec![
                cell(format!("{} of {}", slot, stage.name)),
                cell(from),
                html! { code { (digest) } },
            ]);
        }
    }
    html! { details { summary { "What every stage read" } (table("Inputs and their BLAKE3 digests", &["input", "read from", "digest"], &rows)) } }
}
