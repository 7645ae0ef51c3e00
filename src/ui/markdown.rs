//! The summary of a run as Markdown: what was computed, cached or failed and why, numbers, requirements, and where the
//! artifacts are.
//!
//! Listens to the run, and makes the text when it has ended. Names and messages come from elsewhere and are escaped.

mod cells;
mod trials;

use std::collections::HashMap;

use cells::{MANY, code, fence, prose, row, table};

use super::{format, words};
use crate::engine::tell::{
    event::{Event, FinishedStage, Observer, Planned, PlannedStage, Summary},
    repeats::{Repeated, Spread},
};

/// A note about cached stages.
const BRACKETS: &str = "\nTimes in brackets: of the run that computed the result.\n";

/// Passes the events of a run on, and collects what its summary needs.
pub struct Markdown {
    listener: Box<dyn Observer>,
    plan: Vec<PlannedStage>,
    /// Why stages were computed, if that was decided after the plan.
    started: HashMap<String, String>,
    blocked: HashMap<String, String>,
    warnings: Vec<String>,
    ended: Option<Summary>,
}

impl Markdown {
    /// Passes all events on to a listener.
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

    /// The summary; `None` if the run has not ended.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let summary = self.ended.as_ref()?;
        let parts = [
            head(summary),
            troubles(summary),
            required(summary),
            trials::text(&summary.trials),
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
            | Event::Transfer { .. }
            | Event::Waiting { .. }
            | Event::Job { .. }
            | Event::Submitted(_)
            | Event::Progress { .. }
            | Event::Epoch { .. }
            | Event::Finished(_)
            | Event::Failed(_)
            | Event::Required(_) => {}
        }
        self.listener.event(event);
    }
}

/// `### pcamflow: mini`, and the outcome.
fn head(summary: &Summary) -> String {
    let unmet = summary.required.iter().filter(|verdict| !verdict.met).count();
    let outcome = match summary.exit_code() {
        0 if !summary.submitted.is_empty() => "⏳ jobs go on".to_owned(),
        0 => "✅ done".to_owned(),
        4 => "❌ frozen: not everything is in the store".to_owned(),
        3 if summary.unasked.is_some() => "❌ frozen: the remote store could not be asked".to_owned(),
        5 => format!("❌ {} of {} requirements not met", unmet, summary.required.len()),
        130 => "⚠️ interrupted".to_owned(),
        _ => format!("❌ {} failed", format::plural(summary.failed.len(), "stage")),
    };
    let cached = summary.finished.iter().filter(|stage| stage.cached).count();
    let would = |state| summary.would_run.iter().filter(move |stage| stage.state == state).count();
    let others = summary.not_run.len().saturating_sub(summary.would_run.len() + summary.submitted.len());
    let counts = words::counts(&[
        (summary.finished.len() - cached, "computed"),
        (cached, "cached"),
        (summary.failed.len(), "failed"),
        (summary.submitted.len(), "submitted"),
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
    let rows = summary.required.iter().map(|verdict| {
        let met = if verdict.met { "✅ met" } else { "❌ not met" };
        row(&[code(&verdict.requirement), met.to_owned(), prose(&words::figures(verdict))])
    });
    table(&["required", "", "figure"], "|---|---|---|", &rows.collect::<Vec<_>>())
}

fn repeated(repeated: &Repeated) -> String {
    let list = |seeds: &[u64]| seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let without = match repeated.missing.as_slice() {
        [] => String::new(),
        missing => format!(", no result of {}", list(missing)),
    };
    let rows: Vec<String> = repeated.numbers.iter().map(spread).collect();
    let table = table(&["number", "mean", "SD", "min", "max", "n"], "|---|--:|--:|--:|--:|--:|", &rows);
    format!("{} over seeds {}{without}:\n\n{table}", code(&repeated.stage), list(&repeated.seeds))
}

fn spread(spread: &Spread) -> String {
    let decimals = spread.sd.and_then(format::decimals_of);
    let values = [spread.mean, spread.sd, spread.min, spread.max];
    let [mean, sd, min, max] = values.map(|value| format::with_decimals(value, decimals));
    row(&[prose(&spread.name), mean, sd, min, max, spread.n.to_string()])
}

/// Where the artifacts are.
fn places(summary: &Summary) -> String {
    let all = summary.finished.len();
    let out = code(&super::seen_from_here(&summary.out));
    match summary.finished.iter().filter(|stage| stage.folder.is_none()).count() {
        _ if all == 0 => String::new(),
        0 => format!("Artifacts: {out}\n"),
        absent if absent == all => "Artifacts: none here, only their records are in this store.\n".to_owned(),
        absent => {
            let stages = format::plural(absent, "stage");
            format!("Artifacts: {out}; those of {stages} are not in this store\n")
        }
    }
}

fn troubles(summary: &Summary) -> String {
    let failed = summary.failed.iter().map(|failed| {
        let log = failed.log.as_ref().map(|log| format!("log: {}\n", code(&super::seen_from_here(log))));
        let (stage, message) = (code(&failed.stage), fence(&failed.message));
        format!("{stage} failed:\n\n{message}{}", log.unwrap_or_default())
    });
    failed.collect::<Vec<_>>().join("\n")
}

/// The finished stages by name.
fn by_name(summary: &Summary) -> HashMap<&str, &FinishedStage> {
    summary.finished.iter().map(|stage| (stage.stage.as_str(), stage)).collect()
}

impl Markdown {
    /// A row for each stage, in the order of the plan. In a long plan, cached stages are only counted.
    fn stages(&self, summary: &Summary) -> String {
        let finished = by_name(summary);
        let cached = summary.finished.iter().filter(|stage| stage.cached).count();
        let folds = self.plan.len() > MANY;
        let mut rows: Vec<String> = Vec::new();
        if folds && cached > 0 && cached < self.plan.len() {
            rows.push(row(&[format::plural(cached, "stage"), "cached".into(), String::new(), String::new()]));
        }
        for planned in &self.plan {
            let done = finished.get(planned.stage.as_str()).copied();
            if !(folds && done.is_some_and(|stage| stage.cached)) {
                rows.push(self.stage(planned, done, summary));
            }
        }
        let note = if cached > 0 && !folds { BRACKETS } else { "" };
        table(&["stage", "result", "time", "why"], "|---|---|--:|---|", &rows) + note
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
        row(&[code(name), result.to_owned(), time, why])
    }

    /// The main numbers of stages that are not repeated. The repeats have other tables.
    fn numbers(&self, summary: &Summary) -> String {
        let is_repeated = |stage: &str| {
            let (written, seed) = super::repeated::parts(stage);
            seed.is_some() && summary.repeats.iter().any(|repeated| repeated.stage == written)
        };
        let finished = by_name(summary);
        let in_order = self.plan.iter().filter_map(|planned| finished.get(planned.stage.as_str()));
        let mut rows: Vec<String> = Vec::new();
        for stage in in_order.filter(|stage| !is_repeated(&stage.stage)) {
            for (index, number) in stage.numbers.iter().enumerate() {
                let name = if index == 0 { code(&stage.stage) } else { String::new() };
                let value = match number.value.is_finite() {
                    true => format::number(number.value),
                    false => "undefined".to_owned(),
                };
                rows.push(row(&[name, prose(&number.name), value]));
            }
        }
        table(&["stage", "number", "value"], "|---|---|--:|", &rows)
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
        // A result that was removed during the run.
        Planned::Cached | Planned::Run => "**would run**",
        Planned::Maybe => "may run",
        Planned::Blocked => "**blocked**",
    }
}

/// Why a stage was computed, and the device if it is not the CPU.
fn with_device(stage: &FinishedStage, why: &str) -> String {
    let device = Some(stage.device.as_str()).filter(|device| !device.is_empty() && *device != "cpu");
    let on = device.map(|device| format!("; on {}", prose(device))).unwrap_or_default();
    let resumed = stage.resumed.as_ref().map(|from| format!("; resumed from {}", prose(from)));
    format!("{}{on}{}", prose(why), resumed.unwrap_or_default())
}

#[cfg(test)]
mod tests;
