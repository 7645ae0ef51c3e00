//! A run as Markdown, for pages of continuous integration: what was computed, cached or failed and why, the
//! numbers, what was required, and where the artifacts are.
//!
//! Listens to the run, and makes the text when that has ended; where it goes is the caller's matter. Names
//! and messages come from elsewhere: whatever means something in Markdown is escaped.

mod cells;
mod trials;

use std::collections::HashMap;

use cells::{MANY, code, fence, prose, row};

use super::{format, words};
use crate::engine::tell::{
    event::{Event, FinishedStage, Observer, Planned, PlannedStage, Summary},
    repeats::{Repeated, Spread},
};

/// Of cached stages.
const BRACKETS: &str = "\nIn brackets: what it took when it was computed.\n";

/// Hears a run for another, and remembers what a page about it says.
pub struct Markdown {
    listener: Box<dyn Observer>,
    plan: Vec<PlannedStage>,
    /// Why stages were computed, where the plan did not know.
    started: HashMap<String, String>,
    blocked: HashMap<String, String>,
    warnings: Vec<String>,
    ended: Option<Summary>,
}

impl Markdown {
    /// Passes everything on to a listener.
    #[must_use]
    pub fn new(listener: Box<dyn Observer>) -> Self {
        Self {
            listener,
            plan: Vec::new(),
            started: HashMap::new(),
            blocked: HashMap::new(),
            warnings: Vec::new(),
            ended: None,
        }
    }

    /// The page; `None` while the run has not ended.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let summary = self.ended.as_ref()?;
        let parts = [
            head(summary),
            self.troubles(summary),
            required(summary),
            trials::table(&summary.trials),
            self.stages(summary),
            self.numbers(summary),
            summary.repeats.iter().map(repeated).collect::<Vec<_>>().join("\n"),
            self.warned(),
            places(summary),
        ];
        Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
    }
}

impl Observer for Markdown {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Planned { stages, .. } => self.plan.clone_from(stages),
            Event::Started { stage, why } => drop(self.started.insert(stage.clone(), why.clone())),
            Event::Blocked { stage, by } => drop(self.blocked.insert(stage.clone(), by.clone())),
            Event::Warning { stage, text } => {
                let about = stage.as_ref().map(|stage| format!("{}: ", code(stage))).unwrap_or_default();
                self.warnings.push(format!("- {about}{}\n", prose(text)));
            }
            Event::Ended(summary) => self.ended = Some(summary.clone()),
            Event::Began { .. }
            | Event::Sweep { .. }
            | Event::Hashing { .. }
            | Event::Waiting { .. }
            | Event::Progress { .. }
            | Event::Finished(_)
            | Event::Failed(_)
            | Event::Required(_) => {}
        }
        self.listener.event(event);
    }
}

/// `### pcamflow: mini`, and how it ended.
fn head(summary: &Summary) -> String {
    let unmet = summary.required.iter().filter(|verdict| !verdict.met).count();
    let outcome = match summary.exit_code() {
        0 => "✅ done".to_owned(),
        4 => "❌ frozen, and not all is in the store".to_owned(),
        5 => format!("❌ {} of {} requirements not met", unmet, summary.required.len()),
        130 => "⚠️ interrupted".to_owned(),
        _ => format!("❌ {} failed", format::plural(summary.failed.len(), "stage")),
    };
    let cached = summary.finished.iter().filter(|stage| stage.cached).count();
    let would = |state| summary.would_run.iter().filter(move |stage| stage.state == state).count();
    let others = summary.not_run.len().saturating_sub(summary.would_run.len());
    let counts = words::counts(&[
        (summary.finished.len() - cached, "computed"),
        (cached, "cached"),
        (summary.failed.len(), "failed"),
        (would(Planned::Run), "would run"),
        (would(Planned::Maybe), "may run"),
        (would(Planned::Blocked), "blocked"),
        (others, "not run"),
    ]);
    let counts = if counts.is_empty() { "no stages" } else { &counts };
    let (name, time) = (prose(&summary.pipeline), format::duration(summary.seconds));
    format!("### pcamflow: {name}\n\n{outcome}: {counts} in {time} (exit code {})\n", summary.exit_code())
}

fn required(summary: &Summary) -> String {
    if summary.required.is_empty() {
        return String::new();
    }
    let rows = summary.required.iter().map(|verdict| {
        let met = if verdict.met { "✅ met" } else { "❌ not met" };
        row([code(&verdict.requirement), met.to_owned(), prose(&words::figures(verdict))])
    });
    let rows: String = rows.collect();
    format!("| required | | figure |\n|---|---|---|\n{rows}")
}

fn repeated(repeated: &Repeated) -> String {
    let seeds: Vec<String> = repeated.seeds.iter().map(u64::to_string).collect();
    let missing: Vec<String> = repeated.missing.iter().map(u64::to_string).collect();
    let without =
        if missing.is_empty() { String::new() } else { format!(", no result of {}", missing.join(", ")) };
    let rows: String = repeated.numbers.iter().map(spread).collect();
    let (stage, seeds) = (code(&repeated.stage), seeds.join(", "));
    format!(
        "{stage} over seeds {seeds}{without}:\n\n| number | mean | SD | min | max | n |\n\
         |---|--:|--:|--:|--:|--:|\n{rows}"
    )
}

fn spread(spread: &Spread) -> String {
    let decimals = spread.sd.and_then(format::decimals_of);
    let value = |value: Option<f64>| match (value, decimals) {
        (None, _) => "-".to_owned(),
        (Some(value), Some(decimals)) => format::fixed(value, decimals),
        (Some(value), None) => format::number(value),
    };
    let name = prose(&spread.name);
    let [mean, sd, min, max] = [spread.mean, spread.sd, spread.min, spread.max].map(value);
    row([name, mean, sd, min, max, spread.n.to_string()])
}

/// Where the artifacts are, and of which stages there are none here.
fn places(summary: &Summary) -> String {
    let absent: Vec<String> = summary
        .finished
        .iter()
        .filter(|stage| stage.folder.is_none())
        .map(|stage| code(&stage.stage))
        .collect();
    let out = code(&super::seen_from_here(&summary.out));
    match absent.len() {
        0 if summary.finished.is_empty() => String::new(),
        0 => format!("Artifacts: {out}\n"),
        all if all == summary.finished.len() => {
            "Artifacts: none here, only their records are in this store.\n".to_owned()
        }
        many if many > MANY => format!(
            "Artifacts: {out}; of {} the bytes are not in this store\n",
            format::plural(many, "stage")
        ),
        _ => format!("Artifacts: {out}; the bytes of {} are not in this store\n", absent.join(", ")),
    }
}

impl Markdown {
    fn troubles(&self, summary: &Summary) -> String {
        let failed = summary.failed.iter().map(|failed| {
            let log = failed.log.as_ref().map(|log| format!("log: {}\n", code(&super::seen_from_here(log))));
            format!(
                "{} failed:\n\n{}{}",
                code(&failed.stage),
                fence(&failed.message),
                log.unwrap_or_default()
            )
        });
        failed.collect::<Vec<_>>().join("\n")
    }

    /// A row for each stage, in the order of the plan; the cached ones are counted where they are many.
    fn stages(&self, summary: &Summary) -> String {
        let cached = summary.finished.iter().filter(|stage| stage.cached).count();
        let all_cached = cached == self.plan.len();
        let folds = self.plan.len() > MANY;
        let finished: HashMap<&str, &FinishedStage> =
            summary.finished.iter().map(|stage| (stage.stage.as_str(), stage)).collect();
        let mut rows: Vec<String> = Vec::new();
        for planned in &self.plan {
            let done = finished.get(planned.stage.as_str());
            if !(folds && done.is_some_and(|stage| stage.cached)) {
                rows.push(self.stage(planned, done.copied(), summary));
            }
        }
        let shown = rows.len().min(MANY);
        let more = match rows.len() - shown {
            0 => String::new(),
            more => row([format!("and {more} more"), String::new(), String::new(), String::new()]),
        };
        let fold = if folds && cached > 0 {
            row([format::plural(cached, "stage"), "cached".to_owned(), String::new(), String::new()])
        } else {
            String::new()
        };
        if all_cached && folds {
            return String::new();
        }
        let rows: String = rows.into_iter().take(shown).collect();
        let note = if cached > 0 && !folds { BRACKETS } else { "" };
        format!("| stage | result | time | why |\n|---|---|--:|---|\n{fold}{rows}{more}{note}")
    }

    fn stage(&self, planned: &PlannedStage, done: Option<&FinishedStage>, summary: &Summary) -> String {
        let name = &planned.stage;
        let why = self.started.get(name).unwrap_or(&planned.why);
        let (result, time, why) = match done {
            Some(stage) if stage.cached => {
                ("cached", format!("({})", format::duration(stage.seconds)), String::new())
            }
            Some(stage) => ("computed", format::duration(stage.seconds), with_device(stage, why)),
            None if summary.failed.iter().any(|failed| failed.stage == *name) => {
                ("**failed**", String::new(), prose(why))
            }
            None => {
                let by = self.blocked.get(name).map(|by| format!("{} failed", code(by)));
                (not_run(planned, summary), String::new(), by.unwrap_or_else(|| prose(why)))
            }
        };
        row([code(name), result.to_owned(), time, why])
    }

    /// The main numbers of stages that are not repeated; these have tables of their own.
    fn numbers(&self, summary: &Summary) -> String {
        let repeated = |stage: &str| {
            let (written, seed) = super::repeated::parts(stage);
            seed.is_some() && summary.repeats.iter().any(|repeated| repeated.stage == written)
        };
        let finished: HashMap<&str, &FinishedStage> =
            summary.finished.iter().map(|stage| (stage.stage.as_str(), stage)).collect();
        let in_order = self.plan.iter().filter_map(|planned| finished.get(planned.stage.as_str()));
        let single = in_order.filter(|stage| !repeated(&stage.stage));
        let rows: Vec<String> = single
            .flat_map(|stage| {
                stage.numbers.iter().enumerate().map(|(index, number)| {
                    let name = if index == 0 { code(&stage.stage) } else { String::new() };
                    let words = prose(&number.name);
                    let value = if number.value.is_finite() {
                        format::number(number.value)
                    } else {
                        "undefined".to_owned()
                    };
                    row([name, words, value])
                })
            })
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let shown: String = rows.iter().take(MANY).map(String::as_str).collect();
        let more = match rows.len().saturating_sub(MANY) {
            0 => String::new(),
            more => row([format!("and {more} more"), String::new(), String::new()]),
        };
        format!("| stage | number | value |\n|---|---|--:|\n{shown}{more}")
    }

    fn warned(&self) -> String {
        if self.warnings.is_empty() {
            return String::new();
        }
        let few: String = self.warnings.iter().take(MANY).map(String::as_str).collect();
        format!("Warnings:\n\n{few}")
    }
}

fn not_run(planned: &PlannedStage, summary: &Summary) -> &'static str {
    match planned.state {
        _ if summary.would_run.is_empty() => "not run",
        // A result that went while the run looked.
        Planned::Cached | Planned::Run => "**would run**",
        Planned::Maybe => "may run",
        Planned::Blocked => "**blocked**",
    }
}

/// Why a stage was computed, and where if not on the CPU.
fn with_device(stage: &FinishedStage, why: &str) -> String {
    let device = Some(stage.device.as_str()).filter(|device| !device.is_empty() && *device != "cpu");
    let on = device.map(|device| format!("; on {}", prose(device))).unwrap_or_default();
    let resumed = stage.resumed.as_ref().map(|from| format!("; resumed from {}", prose(from)));
    format!("{}{on}{}", prose(why), resumed.unwrap_or_default())
}

#[cfg(test)]
mod tests;
