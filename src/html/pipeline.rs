//! The pipeline: its graph, the time line of the computations, and everything about each stage.

use indicatif::HumanBytes;
use maud::{Markup, html};

use super::{
    Report, Stage,
    graph::{graph, state},
    layout::{cell, table},
    numbers,
};
use crate::{store::ActionRecord, ui::format};

/// The most stages whose graph and time line are drawn; more would be unreadable.
const DRAWN: usize = 60;

pub(super) fn section(report: &Report) -> Markup {
    html! {
        @if report.stages.len() <= DRAWN {
            (graph(&report.stages))
            (time_line(&report.stages))
        }
        (states(&report.stages))
        @for stage in &report.stages { (details(stage)) }
    }
}

/// Bars from the first start to the last end. Results of earlier runs would stretch it over days, so only stages that
/// this run computed are shown; if it computed none, nothing is.
fn time_line(stages: &[Stage]) -> Markup {
    let ran = stages.iter().filter(|stage| stage.ran);
    let times: Vec<(&str, f64, f64)> = ran
        .filter_map(|stage| {
            let made = &stage.record.as_ref()?.made;
            let start = humantime::parse_rfc3339_weak(&made.started).ok()?;
            let start = start.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64();
            Some((stage.name.as_str(), start, made.seconds))
        })
        .collect();
    let first = times.iter().map(|(_, start, _)| *start).fold(f64::INFINITY, f64::min);
    let all = times.iter().map(|(_, start, seconds)| start + seconds - first).fold(0.0, f64::max);
    if all <= 0.0 {
        return html! {};
    }
    html! {
        h3 { "Time line of the last run: " (format::duration(all)) }
        div.timeline {
            @for (name, start, seconds) in &times {
                div.lane {
                    span.name { (name) }
                    span.track {
                        span.bar style=(format!("margin-left:{:.2}%;width:{:.2}%", (start - first) / all * 100.0, (seconds / all * 100.0).max(0.3))) {}
                    }
                    span.time { (format::duration(*seconds)) }
                }
            }
        }
    }
}

fn states(stages: &[Stage]) -> Markup {
    let rows: Vec<Vec<Markup>> = stages
        .iter()
        .map(|stage| {
            let made = stage.record.as_ref().map(|record| &record.made);
            let numbers = stage.record.as_ref().map(|record| numbers::all(&record.numbers));
            vec![
                html! { a href={ "#stage-" (stage.name) } { (stage.name) } },
                html! { span class={ "state " (state(stage).0) } { (state(stage).1) } },
                html! { @if let Some(made) = made { span.whole { (format::duration(made.seconds)) } } },
                cell(made.map_or("", |made| made.device.as_str())),
                html! { span.long { (numbers.unwrap_or_default()) } },
            ]
        })
        .collect();
    table("Stages", &["stage", "state", "time", "device", "main numbers"], &rows)
}

fn details(stage: &Stage) -> Markup {
    html! {
        details.stage id={ "stage-" (stage.name) } {
            summary { code { (stage.name) } " " span class={ "state " (state(stage).0) } { (state(stage).1) } }
            @if let Some(why) = &stage.outdated { p { (why) } }
            @if !stage.inputs.is_empty() {
                dl { @for (slot, from) in &stage.inputs { dt { (slot) } dd { code { (from) } } } }
            }
            @if let Some(record) = &stage.record { (result(record)) }
            @if !stage.log.is_empty() { h4 { "End of the log" } pre { (stage.log) } }
        }
    }
}

fn result(record: &ActionRecord) -> Markup {
    let artifacts: Vec<Vec<Markup>> = record
        .artifacts
        .iter()
        .map(|(name, artifact)| {
            let digest = artifact.digest.hex().to_string();
            vec![
                cell(name),
                cell(artifact.file.to_string()),
                cell(HumanBytes(artifact.size).to_string()),
                html! { code title=(digest) { (digest[..16]) "…" } },
            ]
        })
        .collect();
    let fingerprint: String =
        record.lines.iter().map(|(path, value)| format!("{path} = {value}\n")).collect();
    html! {
        p {
            "Made on " (record.made.device) " of " (record.made.host) ", " (record.made.started) ", by pcamflow "
            (record.made.pcamflow) "; " (format::duration(record.made.seconds))
            @if let Some(resumed) = &record.made.resumed { "; resumed: " (resumed) }
            ". Key " code { (record.key.hex()[..16]) "…" }
        }
        (table("Artifacts", &["artifact", "file", "size", "BLAKE3"], &artifacts))
        h4 { "Fingerprint" }
        pre { (fingerprint) }
    }
}
