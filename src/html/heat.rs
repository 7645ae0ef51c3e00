//! A heat map: one number of the runs over the two values in which they differ.

use maud::{Markup, html};

use super::trials::{Cell, Role, Trial, Trials, criterion};

/// A heat map of the criterion, if the runs differ in exactly two things.
pub(super) fn heat(trials: &Trials) -> Option<Markup> {
    let values: Vec<usize> =
        (0..trials.columns.len()).filter(|at| trials.columns[*at].role == Role::Value).collect();
    let ([across, down], (measure, high)) = (values.as_slice(), criterion(trials)?) else { return None };
    let levels = |at: usize| {
        let mut levels: Vec<&Cell> = trials.trials.iter().map(|trial| &trial.cells[at]).collect();
        levels.sort_by(|a, b| {
            a.number.partial_cmp(&b.number).unwrap_or(std::cmp::Ordering::Equal).then(a.text.cmp(&b.text))
        });
        levels.dedup_by(|a, b| a.text == b.text);
        levels.into_iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>()
    };
    let numbers: Vec<f64> = trials.trials.iter().filter_map(|trial| trial.cells[measure].number).collect();
    let (low, top) = numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, top), it| (low.min(*it), top.max(*it)));
    let strength = |number: f64| match top > low {
        true if high => (number - low) / (top - low),
        true => (top - number) / (top - low),
        false => 0.5,
    };
    let cell = |row: &str, column: &str| {
        let fits = |trial: &&Trial| trial.cells[*across].text == column && trial.cells[*down].text == row;
        trials.trials.iter().find(fits).map(|trial| &trial.cells[measure])
    };
    Some(html! {
        p.note { "Colour: " (trials.columns[measure].name) ", strong is good." }
        div.scroll tabindex="0" role="region" aria-label="Heat map" {
            table.heat {
                thead { tr { th scope="col" { (trials.columns[*down].name) " \\ " (trials.columns[*across].name) } @for column in levels(*across) { th scope="col" { (column) } } } }
                tbody {
                    @for row in levels(*down) {
                        tr {
                            th scope="row" { (row) }
                            @for column in levels(*across) {
                                @match cell(row, column).and_then(|cell| Some((cell, cell.number?))) {
                                    Some((cell, number)) => { td style=(format!("--heat:{:.0}%", strength(number) * 100.0)) { (cell.text) } }
                                    None => { td { "–" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}
