//! Parallel coordinates: a vertical axis for each column, a line for each run.

use maud::{Markup, html};

use super::trials::{Column, Role, Trials};

/// A column as an axis: its places from 0 (bottom) to 1, one for each run.
struct Axis<'a> {
    column: &'a Column,
    low: String,
    high: String,
    places: Vec<Option<f64>>,
}

/// Numbers are placed by their size, other values by their order.
fn axis(trials: &Trials, at: usize) -> Option<Axis<'_>> {
    let cells = || trials.trials.iter().map(|trial| &trial.cells[at]);
    let numbers: Vec<f64> =
        cells().filter_map(|cell| cell.number).filter(|number| number.is_finite()).collect();
    let column = &trials.columns[at];
    if numbers.len() == trials.trials.len() {
        let (low, high) = numbers
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(*it), high.max(*it)));
        let place = |number: f64| if high > low { (number - low) / (high - low) } else { 0.5 };
        let text = |number: f64| {
            cells().find(|cell| cell.number == Some(number)).map(|cell| cell.text.clone()).unwrap_or_default()
        };
        let places = numbers.iter().map(|number| Some(place(*number))).collect();
        return Some(Axis { column, low: text(low), high: text(high), places });
    }
    let mut values: Vec<&str> = cells().map(|cell| cell.text.as_str()).collect();
    values.sort_unstable();
    values.dedup();
    let last = values.len().saturating_sub(1).max(1) as f64;
    let place = |text: &str| values.iter().position(|value| *value == text).map(|at| at as f64 / last);
    (column.role == Role::Value).then(|| Axis {
        column,
        low: values.first().map_or(String::new(), ToString::to_string),
        high: values.last().map_or(String::new(), ToString::to_string),
        places: cells().map(|cell| place(&cell.text)).collect(),
    })
}

/// One line for each run across the axes; the best one is strong.
pub(super) fn parallel(trials: &Trials, best: Option<usize>) -> Option<Markup> {
    const STEP: f64 = 150.0;
    let axes: Vec<Axis<'_>> = (0..trials.columns.len()).filter_map(|at| axis(trials, at)).collect();
    if axes.len() < 2 || trials.trials.len() < 2 {
        return None;
    }
    let x = |at: usize| 70.0 + at as f64 * STEP;
    let y = |place: f64| 250.0 - place * 190.0;
    let width = x(axes.len() - 1) + 80.0;
    Some(html! {
        p.note { "A line is a run: left what the runs differ in, right their numbers. Point at a line for its name; the best run by validation is strong." }
        div.scroll tabindex="0" role="region" aria-label="Parallel coordinates" {
            svg.parallel viewBox=(format!("0 0 {width} 290")) width=(width) height="290" role="img" aria-label="Parallel coordinates of the runs; the table has the same numbers" {
                @for (at, axis) in axes.iter().enumerate() {
                    path.axis d=(format!("M{} {} V{}", x(at), y(0.0), y(1.0))) {}
                    @for (line, part) in wrapped(&axis.column.name).iter().enumerate() {
                        text x=(x(at)) y=(16 + 13 * line) text-anchor="middle" { (part) }
                    }
                    text x=(x(at)) y=(y(1.0) - 5.0) text-anchor="middle" { (axis.high) }
                    text x=(x(at)) y=(y(0.0) + 15.0) text-anchor="middle" { (axis.low) }
                }
                @for (run, trial) in trials.trials.iter().enumerate() {
                    @let points: Vec<String> = axes.iter().enumerate().filter_map(|(at, axis)| Some(format!("{:.1},{:.1}", x(at), y(axis.places[run]?)))).collect();
                    polyline.best[best == Some(run)] points=(points.join(" ")) { title { (trial.name) } }
                }
            }
        }
    })
}

/// A dotted name in at most two lines: the stage, then its parameter or number.
fn wrapped(name: &str) -> Vec<&str> {
    match name.match_indices('.').nth(1) {
        Some((dot, _)) => vec![&name[..dot], &name[dot + 1..]],
        None => vec![name],
    }
}
