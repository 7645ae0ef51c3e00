//! Everything about a recorded run.
//!
//! Knows records and differences; knows neither stores nor files.

use std::{collections::BTreeMap, fmt::Write as _, time::SystemTime};

use serde::Serialize;

use super::{
    View, format, json,
    paint::Tone,
    table::{Table, cell},
    view_of_stdout, words,
};
use crate::{
    engine::{
        plan::{change::change, why::changed as changed_in_words},
        tell::{history::Difference, repeats::Spread},
    },
    store::{Git, Outcome, Requirement, RunRecord, RunStage, RunState, SweepTrial},
};

/// A recorded run, compared with the run before.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Its state.
    pub state: RunState,
    /// The run before of the same pipeline, and of the same stages if there is one; `None` if it is the first.
    pub before: Option<u64>,
    /// The differences from that run.
    #[serde(serialize_with = "in_words")]
    pub changed: Vec<Difference>,
    /// How many failed runs just before it share its line in the list.
    #[serde(skip)]
    pub again: u64,
    /// The stage with the most important number, and the number.
    pub main_number: Option<(String, Spread)>,
    /// All parameters: `train.base.epochs` -> `8`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The record.
    #[serde(flatten)]
    pub record: RunRecord,
}

fn in_words<S: serde::Serializer>(changed: &[Difference], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changed.iter().map(|one| difference(one, None)))
}

/// The seconds that a run took. For a trial, the seconds that its own stages computed, because all trials of a sweep
/// run side by side.
pub(super) fn took(record: &RunRecord) -> Option<f64> {
    if record.sweep.is_none() {
        return record.seconds;
    }
    let computed = record.stages.iter().filter(|stage| stage.outcome == Outcome::Computed);
    (record.count(Outcome::Computed) > 0).then(|| computed.filter_map(|stage| stage.seconds).sum())
}

/// The state of a run, in a word.
pub(super) fn outcome(state: RunState) -> (Tone, &'static str) {
    match state {
        RunState::Running => (Tone::Active, "running"),
        RunState::Done => (Tone::Good, "done"),
        RunState::Failed => (Tone::Bad, "failed"),
        RunState::Interrupted => (Tone::Warning, "interrupted"),
        RunState::Killed => (Tone::Bad, "killed"),
        RunState::Unknown => (Tone::Warning, "unfinished"),
    }
}

/// A time as its distance from now, or as a date if it is older than a month.
pub(super) fn when(started: &str, now: SystemTime) -> String {
    let Ok(then) = humantime::parse_rfc3339(started) else { return format::one_line(started) };
    match now.duration_since(then).map(|age| age.as_secs()) {
        Ok(0..60) => "just now".to_owned(),
        Ok(seconds @ 60..3600) => format!("{} min ago", seconds / 60),
        Ok(seconds @ 3600..86_400) => format!("{} h ago", seconds / 3600),
        Ok(seconds @ 86_400..2_592_000) => format!("{} d ago", seconds / 86_400),
        _ => started.get(..10).unwrap_or(started).to_owned(),
    }
}

/// The first differences. A parameter is named without its stage if that is unambiguous.
pub(super) fn listed(changed: &[Difference], most: usize) -> String {
    let mut texts = Vec::new();
    for one in changed.iter().take(most) {
        let name = in_stage(path(one));
        let is_unique = changed.iter().filter(|other| in_stage(path(other)) == name).count() == 1;
        texts.push(difference(one, Some(if is_unique { name } else { path(one) })));
    }
    if changed.len() > most {
        texts.push(format!("{} more", changed.len() - most));
    }
    texts.join(", ")
}

fn path(one: &Difference) -> &str {
    match one {
        Difference::Parameter(name, ..)
        | Difference::Source(name)
        | Difference::NewStage(name)
        | Difference::NoStage(name) => name,
    }
}

/// The path of a parameter in its stage: `sizes.test` of `split.pcam.sizes.test`.
fn in_stage(path: &str) -> &str {
    path.splitn(3, '.').nth(2).unwrap_or(path)
}

/// A difference in the words of a plan. Without a name, for programs, with the whole path.
fn difference(one: &Difference, name: Option<&str>) -> String {
    let text = match one {
        Difference::Parameter(path, old, new) => {
            let (old, new) = (old.as_deref(), new.as_deref());
            match name {
                Some(name) => changed_in_words(name, old, new),
                None => format!("{path} {}", change(old, new)),
            }
        }
        Difference::Source(path) => format!("{} changed", name.unwrap_or(path)),
        Difference::NewStage(stage) => format!("+ {stage}"),
        Difference::NoStage(stage) => format!("- {stage}"),
    };
    format::one_line(&text)
}

/// Everything about a run.
#[must_use]
pub fn show(run: &Run, json: bool) -> String {
    if json { json::object("run", run) } else { whole(run, SystemTime::now(), &view_of_stdout()) }
}

pub(super) fn whole(run: &Run, now: SystemTime, view: &View) -> String {
    let record = &run.record;
    let (_, state) = outcome(run.state);
    let took = took(record).map(|seconds| format!(" in {}", format::duration(seconds))).unwrap_or_default();
    let head = format!("run {} of {}: {state}{took}", record.id, format::one_line(&record.pipeline));
    let (head, facts) = (view.paint.tone(Tone::Strong, &head), format::facts(&facts(run, now)));
    format!("{head}\n{facts}\n{}{}", stage_table(record, view), failures(&record.stages, view))
}

fn facts(run: &Run, now: SystemTime) -> Vec<(&'static str, String)> {
    let record = &run.record;
    let time = |time: &str| format!("{time} ({})", when(time, now));
    let mut facts = vec![
        ("file", record.file.clone()),
        ("started", time(&record.started)),
        ("on", format!("{}, process {}, pcamflow {}", record.host, record.process, record.pcamflow)),
        ("set", record.set.join(" ")),
        ("data", record.data.clone().unwrap_or_default()),
        ("stages", record.targets.join(" ")),
        ("forced", record.forced.join(" ")),
        ("asked for", asked(record)),
        ("git", record.git.as_ref().map(git).unwrap_or_default()),
        ("sweep", record.sweep.as_ref().map(sweep).unwrap_or_default()),
    ];
    if let Some(last) = &record.repeated_last {
        let times = match record.repeated {
            1 => "once more".to_owned(),
            times => format!("{} times more", format::count(times)),
        };
        facts.push(("repeated", format!("{times}, all cached; the last time {}", time(last))));
    }
    if let Some(before) = run.before {
        let listed = match run.changed.is_empty() {
            true => "nothing that counts".to_owned(),
            false => listed(&run.changed, usize::MAX),
        };
        facts.push(("changed", format!("since run {before}: {listed}")));
    }
    facts.extend(record.requirements.iter().map(|it| ("required", required(it))));
    facts
}

fn required(it: &Requirement) -> String {
    let figure = it.figure.map_or_else(|| "no figure".to_owned(), format::number);
    format!("{}: {figure}, {}", it.requirement, if it.met { "met" } else { "not met" })
}

fn asked(record: &RunRecord) -> String {
    let asked = &record.asked;
    let parts = [
        asked.device.as_ref().map(|device| format!("device {device}")),
        asked.threads.map(|threads| format!("threads {threads}")),
        asked.jobs.map(|jobs| format!("jobs {jobs}")),
        asked.keep_going.then(|| "keep going".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn git(git: &Git) -> String {
    let dirty = match git.dirty {
        Some(true) => ", with changes that are not committed",
        Some(false) => ", clean",
        None => "",
    };
    format!("{}{dirty}", git.commit)
}

fn sweep(trial: &SweepTrial) -> String {
    let values: Vec<String> = trial.values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{}, trial {}: {}", trial.id, trial.trial, values.join(", "))
}

fn stage_table(record: &RunRecord, view: &View) -> String {
    let mut table = Table::headed("llrll", ["stage", "outcome", "took", "key", "numbers"]);
    for stage in &record.stages {
        let (tone, outcome) = match stage.outcome {
            // The outcomes of stages are written when the run ends.
            _ if record.ended.is_none() => (Tone::Normal, ""),
            Outcome::Cached => (Tone::Faint, "cached"),
            Outcome::Computed => (Tone::Good, "computed"),
            Outcome::Failed => (Tone::Bad, "failed"),
            Outcome::Blocked => (Tone::Warning, "blocked"),
            Outcome::NotRun => (Tone::Warning, "not run"),
        };
        table.row([
            format::one_line(&stage.name).into(),
            cell(tone, outcome),
            stage.seconds.map(format::duration).unwrap_or_default().into(),
            cell(Tone::Faint, stage.key.map(|key| key.short()).unwrap_or_default()),
            format::one_line(&format::numbers(&stage.numbers)).into(),
        ]);
    }
    table.text(view)
}

/// The messages of the stages that failed.
fn failures(stages: &[RunStage], view: &View) -> String {
    let failed = stages.iter().filter(|stage| stage.outcome == Outcome::Failed);
    failed.fold(String::new(), |mut text, stage| {
        let head = view.paint.tone(Tone::Bad, &format!("{} failed:", format::one_line(&stage.name)));
        let lines = words::wrapped(stage.message.as_deref().unwrap_or_default(), 2, view.width);
        let _ = write!(text, "\n{head}\n{}\n", lines.join("\n"));
        text
    })
}
