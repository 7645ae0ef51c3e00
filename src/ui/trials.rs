//! What came of the trials of a sweep, and what is planned for them: a table with a row for each.
//!
//! A pure function from a run's summary, or its plan, to a text. Knows no store.

use std::collections::{HashMap, HashSet};

use super::{
    View, format,
    paint::Tone,
    table::{Cell, Table, cell},
    words,
};
use crate::engine::tell::{
    event::{Planned, PlannedStage, Summary},
    history::better,
    trials::{PlannedTrial, TrialOutcome, TrialResult},
};

/// Values at most that have a column of their own; more stand together in the trial's name.
const AXES: usize = 4;

/// Numbers at most.
const NUMBERS: usize = 4;

/// Numbers at most of one stage.
const OF_A_STAGE: usize = 2;

/// The kinds whose numbers one tunes for, the most telling first; then all others.
const TELLING: [&str; 5] = ["evaluate", "metrics", "sanity", "resume-train", "train"];

/// The closing summary of a sweep, but for what went wrong.
#[must_use]
pub(super) fn text(summary: &Summary, view: &View) -> String {
    let columns = columns(&summary.trials);
    let marked = if columns.iter().any(|column| column.best.is_some()) { "* the best\n" } else { "" };
    let totals = view.paint.tone(Tone::Strong, &totals(summary));
    let out = super::seen_from_here(&summary.out);
    let compare = summary.sweep.as_ref().map_or("pcamflow compare --sweep latest", |sweep| &sweep.compare);
    let compare = view.paint.tone(Tone::Faint, compare);
    format!(
        "{}{}\n{totals}; results in {out}\n{compare}\n",
        table(&summary.trials, &columns, view),
        view.paint.tone(Tone::Faint, marked)
    )
}

/// `4 trials: 3 done, 1 failed; 9 stages ran, 3 cached, 1 failed in 41.2 s`.
fn totals(summary: &Summary) -> String {
    let trials = &summary.trials;
    let all = format::plural(trials.len(), "trial");
    let time = format::duration(summary.seconds);
    if trials.iter().all(|trial| trial.cached && trial.outcome == TrialOutcome::Done) {
        return format!("{all}, all cached ({time})");
    }
    let of = |outcome| trials.iter().filter(|trial| trial.outcome == outcome).count();
    let ends = words::counts(&[
        (of(TrialOutcome::Done), "done"),
        (of(TrialOutcome::Failed), "failed"),
        (of(TrialOutcome::NotRun), "not finished"),
    ]);
    let cached = summary.finished.iter().filter(|stage| stage.cached).count();
    let ran = format::plural(summary.finished.len() - cached, "stage");
    let cached = format!("{} cached", format::count(cached as u64));
    let rest = words::counts(&[(summary.failed.len(), "failed"), (summary.not_run.len(), "not run")]);
    let counts = [cached, rest].into_iter().filter(|count| !count.is_empty()).collect::<Vec<_>>().join(", ");
    let interrupted = if summary.interrupted { "interrupted: " } else { "" };
    format!("{interrupted}{all}: {ends}; {ran} ran, {counts} in {time}")
}

/// One number, over the trials.
pub(super) struct Column {
    pub(super) title: String,
    /// Of each trial.
    pub(super) values: Vec<Option<f64>>,
    pub(super) best: Option<f64>,
}

/// The numbers that are shown: of the most telling stages, those that are not the same in all trials.
pub(super) fn columns(trials: &[TrialResult]) -> Vec<Column> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut values: HashMap<(&str, &str), Vec<Option<f64>>> = HashMap::new();
    for (index, trial) in trials.iter().enumerate() {
        for number in &trial.numbers {
            let name = (number.stage.as_str(), number.name.as_str());
            if seen.insert(name) {
                names.push(name);
            }
            let of = values.entry(name).or_insert_with(|| vec![None; trials.len()]);
            of[index] = Some(number.value).filter(|value| value.is_finite());
        }
    }
    names.retain(|name| values.get(name).is_some_and(|values| differ(values)));
    names.sort_by_key(|(stage, _)| rank(stage));
    let mut of_stage: HashMap<&str, usize> = HashMap::new();
    names.retain(|(stage, _)| {
        let count = of_stage.entry(stage).or_default();
        *count += 1;
        *count <= OF_A_STAGE
    });
    names.truncate(NUMBERS);
    let alone = |name: &str| names.iter().filter(|(_, other)| *other == name).count() == 1;
    let column = |(stage, name): &(&str, &str)| {
        // As `compare` has it, and takes it.
        let own = format::one_line(name);
        let title = if alone(name) { own } else { format!("{}.{own}", format::clean(stage)) };
        let values = values.get(&(*stage, *name)).cloned().unwrap_or_default();
        Column { title, best: best(name, &values), values }
    };
    names.iter().map(column).collect()
}

fn differ(values: &[Option<f64>]) -> bool {
    values.len() == 1 || values.iter().any(|value| *value != values[0])
}

fn rank(stage: &str) -> usize {
    let kind = stage.split('.').next().unwrap_or_default();
    TELLING.iter().position(|telling| *telling == kind).unwrap_or(TELLING.len())
}

/// The best of several values, if it is known which is better.
fn best(name: &str, values: &[Option<f64>]) -> Option<f64> {
    let there = values.iter().flatten().copied();
    if there.clone().count() < 2 {
        return None;
    }
    let better = better(name)?;
    there.reduce(|best, next| if better.is_better(next, best) { next } else { best })
}

fn table(trials: &[TrialResult], columns: &[Column], view: &View) -> String {
    let axes = axes(trials);
    let named = axes.is_empty() || trials.iter().any(|trial| !is_said_by(trial, &axes));
    let texts = usize::from(named) + axes.len();
    // After the trial comes its result, and then numbers.
    let letters = "l".repeat(texts + 1) + &"r".repeat(1 + columns.len());
    let titles = named.then_some("trial").into_iter().chain(axes.iter().map(String::as_str));
    let titles = titles.chain(["result", "time"]).chain(columns.iter().map(|column| column.title.as_str()));
    let mut table = Table::headed(&letters, titles);
    for (index, trial) in trials.iter().enumerate() {
        let value =
            |axis: &String| trial.shorts.iter().find(|(short, _)| short == axis).map(|(_, value)| value);
        let axes = axes.iter().map(|axis| cell(Tone::Normal, value(axis).map_or("", String::as_str)));
        let name = named.then(|| cell(Tone::Normal, format::one_line(&trial.trial)));
        let end = [result(trial), cell(Tone::Faint, time(trial))];
        let numbers =
            columns.iter().map(|column| number(column, column.values.get(index).copied().flatten()));
        let failed =
            trial.failed.first().map(|stage| cell(Tone::Bad, format!("{} failed", format::clean(stage))));
        let cells = name.into_iter().chain(axes).chain(end);
        // What failed stands in the place of the numbers that it kept from being there.
        match failed {
            Some(failed) => table.row(cells.chain([failed])),
            None => table.row(cells.chain(numbers)),
        }
    }
    table.text(view)
}

/// The values that have columns; none where there are too many.
fn axes(trials: &[TrialResult]) -> Vec<String> {
    let mut axes: Vec<String> = Vec::new();
    for (short, _) in trials.iter().flat_map(|trial| &trial.shorts) {
        if !axes.contains(short) {
            axes.push(short.clone());
        }
    }
    if axes.len() > AXES { Vec::new() } else { axes }
}

/// Whether a trial's name says nothing that its values don't.
fn is_said_by(trial: &TrialResult, axes: &[String]) -> bool {
    let values: Vec<String> = trial.shorts.iter().map(|(short, value)| format!("{short}={value}")).collect();
    trial.trial == values.join(",") && trial.shorts.len() == axes.len()
}

fn result(trial: &TrialResult) -> Cell {
    match trial.outcome {
        TrialOutcome::Done if trial.cached => cell(Tone::Faint, "cached"),
        TrialOutcome::Done => cell(Tone::Good, "done"),
        TrialOutcome::Failed => cell(Tone::Bad, "failed"),
        TrialOutcome::NotRun => cell(Tone::Warning, "not finished"),
    }
}

fn time(trial: &TrialResult) -> String {
    if trial.seconds > 0.0 { format::duration(trial.seconds) } else { String::new() }
}

fn number(column: &Column, value: Option<f64>) -> Cell {
    match value {
        None => cell(Tone::Faint, "-"),
        Some(value) if column.best == Some(value) => cell(Tone::Good, format!("{}*", format::number(value))),
        // The star of the best one has a place of its own.
        Some(value) if column.best.is_some() => cell(Tone::Normal, format!("{} ", format::number(value))),
        Some(value) => cell(Tone::Normal, format::number(value)),
    }
}

/// What is planned for each trial, in numbers of its stages.
#[must_use]
pub(super) fn planned(trials: &[PlannedTrial], stages: &[PlannedStage], view: &View) -> String {
    let states: HashMap<&str, Planned> =
        stages.iter().map(|stage| (stage.stage.as_str(), stage.state)).collect();
    let mut table = Table::headed("ll", ["trial", "plan"]);
    for trial in trials {
        let of =
            |state| trial.stages.iter().filter(|stage| states.get(stage.as_str()) == Some(&state)).count();
        let plan = words::counts(&[
            (of(Planned::Run), "to run"),
            (of(Planned::Maybe), "maybe"),
            (of(Planned::Cached), "cached"),
            (of(Planned::Blocked), "blocked"),
        ]);
        table.row([cell(Tone::Normal, format::one_line(&trial.trial)), cell(Tone::Faint, plan)]);
    }
    // Of what was asked for; all others are not planned.
    let asked =
        trials.iter().flat_map(|trial| &trial.stages).filter(|stage| states.contains_key(stage.as_str()));
    let all = asked.count();
    let shared = match all == stages.len() {
        true => String::new(),
        false => format!("; what they share is one: {}", format::plural(stages.len(), "stage")),
    };
    let (trials, all) = (format::plural(trials.len(), "trial"), format::plural(all, "stage"));
    let once = format!("{trials} with {all}{shared}\n\n");
    table.text(view) + &view.paint.tone(Tone::Strong, &once)
}
