//! The results and the plan of the trials of a sweep: tables with a row for each trial.
//!
//! Pure functions from a run's summary, or its plan, to a text.

use std::collections::HashMap;

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

/// The largest number of values with columns. With more, only the name of the trial shows them.
const AXES: usize = 4;

/// The largest number of numbers.
const NUMBERS: usize = 4;

/// The largest number of numbers of one stage.
const OF_A_STAGE: usize = 2;

/// The kinds whose numbers are shown first.
const FIRST: [&str; 5] = ["evaluate", "metrics", "sanity", "resume-train", "train"];

/// The closing summary of a sweep, without its failures.
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

/// One number in all trials.
pub(super) struct Column {
    pub(super) title: String,
    /// The value in each trial.
    pub(super) values: Vec<Option<f64>>,
    pub(super) best: Option<f64>,
}

/// The numbers to show: those that differ between trials, first those of the most important stages.
pub(super) fn columns(trials: &[TrialResult]) -> Vec<Column> {
    type Named<'a> = ((&'a str, &'a str), Vec<Option<f64>>);
    let mut columns: Vec<Named<'_>> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for (index, trial) in trials.iter().enumerate() {
        for number in &trial.numbers {
            let name = (number.stage.as_str(), number.name.as_str());
            let place = *places.entry(name).or_insert_with(|| {
                columns.push((name, vec![None; trials.len()]));
                columns.len() - 1
            });
            columns[place].1[index] = Some(number.value).filter(|value| value.is_finite());
        }
    }
    columns.retain(|(_, values)| differ(values));
    columns.sort_by_key(|((stage, _), _)| rank(stage));
    let mut of_stage: HashMap<&str, usize> = HashMap::new();
    columns.retain(|((stage, _), _)| {
        let count = of_stage.entry(stage).or_default();
        *count += 1;
        *count <= OF_A_STAGE
    });
    columns.truncate(NUMBERS);
    let names: Vec<&str> = columns.iter().map(|((_, name), _)| *name).collect();
    let column = |((stage, name), values): Named<'_>| {
        // As `compare` names it.
        let short = format::one_line(name);
        let is_unique = names.iter().filter(|other| **other == name).count() == 1;
        let title = if is_unique { short } else { format!("{}.{short}", format::clean(stage)) };
        Column { title, best: best(name, &values), values }
    };
    columns.into_iter().map(column).collect()
}

fn differ(values: &[Option<f64>]) -> bool {
    values.len() == 1 || values.iter().any(|value| *value != values[0])
}

fn rank(stage: &str) -> usize {
    let kind = stage.split('.').next().unwrap_or_default();
    FIRST.iter().position(|first| *first == kind).unwrap_or(FIRST.len())
}

/// The best of several values, if it is known whether higher or lower is better.
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
    // Trials without a name are called like their values: `epochs=8`.
    let named = axes.is_empty() || trials.iter().any(|trial| !trial.trial.contains('='));
    let texts = usize::from(named) + axes.len();
    // The texts, the result, the time and the numbers.
    let letters = "l".repeat(texts + 1) + &"r".repeat(1 + columns.len());
    let titles = named.then_some("trial").into_iter().chain(axes.iter().map(String::as_str));
    let titles = titles.chain(["result", "time"]).chain(columns.iter().map(|column| column.title.as_str()));
    let mut table = Table::headed(&letters, titles);
    for (index, trial) in trials.iter().enumerate() {
        let value = |axis: &String| {
            let value = trial.shorts.iter().find(|(short, _)| short == axis);
            Cell::from(value.map_or("", |(_, value)| value.as_str()))
        };
        let mut cells: Vec<Cell> = Vec::new();
        cells.extend(named.then(|| format::one_line(&trial.trial).into()));
        cells.extend(axes.iter().map(value));
        cells.extend([result(trial), cell(Tone::Faint, time(trial))]);
        match trial.failed.first() {
            // A failed trial has no numbers to show.
            Some(stage) => cells.push(cell(Tone::Bad, format!("{} failed", format::clean(stage)))),
            None => cells.extend(columns.iter().map(|column| number(column, index))),
        }
        table.row(cells);
    }
    table.text(view)
}

/// The values that have columns; none if there are too many.
fn axes(trials: &[TrialResult]) -> Vec<String> {
    let mut axes: Vec<String> = Vec::new();
    for (short, _) in trials.iter().flat_map(|trial| &trial.shorts) {
        if !axes.contains(short) {
            axes.push(short.clone());
        }
    }
    if axes.len() > AXES { Vec::new() } else { axes }
}

fn result(trial: &TrialResult) -> Cell {
    match trial.outcome {
        TrialOutcome::Done if trial.cached => cell(Tone::Faint, "cached"),
        TrialOutcome::Done => cell(Tone::Good, "done"),
        TrialOutcome::Failed => cell(Tone::Bad, "failed"),
        TrialOutcome::NotRun => cell(Tone::Warning, "not finished"),
    }
}

/// The time of a trial, if it computed anything.
pub(super) fn time(trial: &TrialResult) -> String {
    if trial.seconds > 0.0 { format::duration(trial.seconds) } else { String::new() }
}

fn number(column: &Column, trial: usize) -> Cell {
    match column.values.get(trial).copied().flatten() {
        None => cell(Tone::Faint, "-"),
        Some(value) if column.best == Some(value) => cell(Tone::Good, format!("{}*", format::number(value))),
        // A space in the place of the star.
        Some(value) if column.best.is_some() => cell(Tone::Normal, format!("{} ", format::number(value))),
        Some(value) => cell(Tone::Normal, format::number(value)),
    }
}

/// The planned states of the stages of each trial.
#[must_use]
pub(super) fn planned(trials: &[PlannedTrial], stages: &[PlannedStage], view: &View) -> String {
    let states: HashMap<&str, Planned> =
        stages.iter().map(|stage| (stage.stage.as_str(), stage.state)).collect();
    let mut table = Table::headed("ll", ["trial", "plan"]);
    for trial in trials {
        let states = trial.stages.iter().filter_map(|stage| states.get(stage.as_str()).copied());
        let plan = words::plan(states);
        table.row([format::one_line(&trial.trial).into(), cell(Tone::Faint, plan)]);
    }
    let planned = |stage: &&String| states.contains_key(stage.as_str());
    let all = trials.iter().flat_map(|trial| &trial.stages).filter(planned).count();
    let shared = match all == stages.len() {
        true => String::new(),
        false => format!("; what they share runs once: {}", format::plural(stages.len(), "stage")),
    };
    let (trials, all) = (format::plural(trials.len(), "trial"), format::plural(all, "stage"));
    let once = format!("{trials} with {all}{shared}\n\n");
    table.text(view) + &view.paint.tone(Tone::Strong, &once)
}
