//! The page of a sweep, or of runs side by side: table, parallel coordinates, and a heat map over two parameters.
//!
//! The best run is the one with the best validation number. Test numbers are marked, and choose nothing.

use maud::{Markup, html};

use super::{
    heat,
    layout::{Section, document},
    parallel,
    trials::{Role, Trials, best, criterion},
};

/// The page.
#[must_use]
pub fn trials_page(trials: &Trials) -> String {
    let best = best(trials);
    let mut sections = vec![Section { id: "runs", name: "Runs", content: runs(trials, best) }];
    sections.extend(parallel::parallel(trials, best).map(|content| Section {
        id: "parallel",
        name: "Parallel coordinates",
        content,
    }));
    sections.extend(heat::heat(trials).map(|content| Section { id: "heat", name: "Heat map", content }));
    document(&trials.title, &trials.version, &sections).into_string()
}

fn runs(trials: &Trials, best: Option<usize>) -> Markup {
    html! {
        @match (best, criterion(trials)) {
            (Some(best), Some((column, _))) => {
                p {
                    "The best run by validation is " strong { (trials.trials[best].name) } ": "
                    (trials.columns[column].name) " " (trials.trials[best].cells[column].text) "."
                }
            }
            _ => p { "No validation number says which run is the best." }
        }
        div.scroll tabindex="0" role="region" aria-label="Runs" {
            table {
                thead { tr {
                    th scope="col" { "run" }
                    @for column in &trials.columns {
                        th scope="col" { (column.name) @if column.role == Role::Test { " " span.control { "test" } } }
                    }
                } }
                tbody {
                    @for (at, trial) in trials.trials.iter().enumerate() {
                        tr.best[best == Some(at)] {
                            th scope="row" { (trial.name) @if best == Some(at) { " " span.state.ran { "best" } } }
                            @for cell in &trial.cells { td { (cell.text) } }
                        }
                    }
                }
            }
        }
        @if trials.columns.iter().any(|column| column.role == Role::Test) {
            p.note { "Columns marked as test are of patches that no choice may depend on: a run chosen by them looks better than it is." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{Cell, Column, Trial};

    fn trials(test: [f64; 2]) -> Trials {
        let column = |name: &str, role, high_is_better| Column { name: name.into(), role, high_is_better };
        let cell = |number: f64| Cell { text: number.to_string(), number: Some(number) };
        let trial =
            |name: &str, numbers: [f64; 4]| Trial { name: name.into(), cells: numbers.map(cell).into() };
        Trials {
            title: "<i>".into(),
            version: "0".into(),
            columns: vec![
                column("train.a.epochs", Role::Value, None),
                column("train.a.seed", Role::Value, None),
                column("train.a.validation-loss", Role::Validation, Some(false)),
                column("evaluate.t.accuracy", Role::Test, Some(true)),
            ],
            trials: vec![trial("one", [1.0, 1.0, 0.5, test[0]]), trial("<b>two", [2.0, 1.0, 0.3, test[1]])],
        }
    }

    #[test]
    fn the_best_run_is_chosen_by_validation_whatever_the_test_numbers_are() {
        for test in [[0.9, 0.1], [0.1, 0.9]] {
            assert_eq!(best(&trials(test)), Some(1));
        }
    }

    #[test]
    fn the_page_has_a_table_coordinates_and_a_heat_map_and_is_escaped() {
        let page = trials_page(&trials([0.5, 0.5]));
        for section in ["runs", "parallel", "heat"] {
            assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
        }
        assert!(page.contains("&lt;b&gt;two") && !page.contains("<b>two") && !page.contains("<i>"));
    }

    #[test]
    fn of_equal_runs_the_first_is_the_best() {
        let mut trials = trials([0.5, 0.6]);
        trials.trials[1].cells[2].number = trials.trials[0].cells[2].number;
        assert_eq!(best(&trials), Some(0));
    }

    #[test]
    fn without_validation_no_run_is_the_best() {
        let mut trials = trials([0.5, 0.6]);
        trials.columns[2].role = Role::Other;
        assert!(trials_page(&trials).contains("No validation number says which run is the best"));
    }
}
