//! A table of recorded runs.
//!
//! Knows records and differences; knows neither stores nor files.

use std::time::SystemTime;

use serde::Serialize;

use super::{
    View, format, json,
    paint::Tone,
    run::{Run, listed, outcome, took, when},
    table::{Cell, Table, cell},
    view_of_stdout, words,
};
use crate::{
    engine::tell::repeats::Spread,
    store::{Outcome, RunRecord, RunState},
};

/// One line of the table.
#[derive(Debug, Clone)]
pub enum Line {
    /// A run.
    Run(Box<Run>),
    /// A record that cannot be read: the number of the run, the pipeline, and why.
    Unreadable(u64, String, String),
}

/// The runs as a table, or with `json` as one object per line (without the texts of the pipelines).
#[must_use]
pub fn list(lines: &[Line], json: bool) -> String {
    if json {
        return lines.iter().map(object).collect();
    }
    table(lines, SystemTime::now(), &view_of_stdout())
}

fn object(line: &Line) -> String {
    #[derive(Serialize)]
    struct Unreadable<'a> {
        id: u64,
        pipeline: &'a str,
        unreadable: &'a str,
    }
    match line {
        Line::Run(run) => {
            let mut run = (**run).clone();
            run.record.texts.clear();
            json::object("run", &run)
        }
        Line::Unreadable(id, pipeline, why) => {
            json::object("run", &Unreadable { id: *id, pipeline, unreadable: why })
        }
    }
}

const HEADINGS: [&str; 8] = ["run", "when", "pipeline", "outcome", "stages", "took", "result", "changed"];

fn table(lines: &[Line], now: SystemTime, view: &View) -> String {
    let mut table = Table::headed("rllllrll", HEADINGS);
    for line in lines {
        table.row(match line {
            Line::Run(run) => row(run, now),
            Line::Unreadable(id, pipeline, why) => unreadable(*id, pipeline, why),
        });
    }
    table.text(view)
}

fn unreadable(id: u64, pipeline: &str, why: &str) -> [Cell; 8] {
    let empty = || Cell::from("");
    let (id, pipeline) = (id.to_string().into(), format::one_line(pipeline).into());
    let [unreadable, why] = ["unreadable", &format::one_line(why)].map(|text| cell(Tone::Bad, text));
    [id, empty(), pipeline, unreadable, empty(), empty(), empty(), why]
}

fn row(run: &Run, now: SystemTime) -> [Cell; 8] {
    let record = &run.record;
    let unmet = record.requirements.iter().any(|requirement| !requirement.met);
    let (tone, outcome) = match run.state {
        RunState::Failed if unmet && record.count(Outcome::Failed) == 0 => (Tone::Bad, "not met"),
        state => outcome(state),
    };
    let outcome = match run.again {
        0 => outcome.to_owned(),
        more => format!("{outcome} ({} times)", format::count(more + 1)),
    };
    [
        cell(Tone::Strong, record.id.to_string()),
        when(record.repeated_last.as_deref().unwrap_or(&record.started), now).into(),
        format::one_line(&record.pipeline).into(),
        cell(tone, outcome),
        stages(record).into(),
        took(record).map(format::duration).unwrap_or_default().into(),
        run.main_number.as_ref().map(number).unwrap_or_default().into(),
        cell(Tone::Faint, changed(run)),
    ]
}

/// `2 computed, 10 cached`; for a run that was repeated, `12 cached (18 times)`.
fn stages(record: &RunRecord) -> String {
    if record.ended.is_none() {
        return format::plural(record.stages.len(), "stage");
    }
    let of = |outcome| record.count(outcome);
    let counts = words::counts(&[
        (of(Outcome::Computed), "computed"),
        (of(Outcome::Cached), "cached"),
        (of(Outcome::Failed), "failed"),
        (of(Outcome::Blocked), "blocked"),
        (of(Outcome::NotRun), "not run"),
    ]);
    match record.repeated {
        0 => counts,
        more => format!("{counts} ({} times)", format::count(more + 1)),
    }
}

/// A number of a stage, or the mean of several with its spread: `evaluate.test accuracy 0.934 ± 0.004`.
fn number((stage, number): &(String, Spread)) -> String {
    let value =
        number.mean.map_or_else(|| "undefined".to_owned(), |mean| format::with_spread(mean, number.sd));
    format!("{} {} {value}", format::clean(stage), format::clean(&number.name))
}

/// The differences from the run before, in a few words, after the stages that were named on the command line.
fn changed(run: &Run) -> String {
    let changed = match (&run.record.sweep, run.before) {
        (Some(trial), _) => format!("trial {}", format::one_line(&trial.trial)),
        (None, None) => "the first one".to_owned(),
        (None, Some(_)) => listed(&run.changed, 2),
    };
    let named = match run.record.targets.as_slice() {
        [] => String::new(),
        [only] => format!("only {}", format::one_line(only)),
        several => format!("only {} stages", several.len()),
    };
    [named, changed].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        engine::tell::history::Difference,
        store::{Ended, Git, RunStage},
        ui::{
            paint::Paint,
            run::{show, whole},
        },
    };

    const PLAIN: View = View { paint: Paint::OFF, width: None };

    fn now() -> SystemTime {
        humantime::parse_rfc3339("2026-01-02T03:10:00Z").unwrap()
    }

    fn example() -> Run {
        let stage = |name: &str, outcome, value: f64| RunStage {
            name: name.to_owned(),
            outcome,
            seconds: Some(2.5),
            numbers: vec![crate::store::Number { name: "roc-auc".to_owned(), value }],
            ..RunStage::default()
        };
        let stages =
            vec![stage("train.base", Outcome::Computed, 0.5), stage("evaluate.test", Outcome::Cached, 0.9)];
        let record = RunRecord {
            id: 17,
            pipeline: "full".to_owned(),
            file: "full.toml".to_owned(),
            started: "2026-01-02T03:04:05.006Z".to_owned(),
            seconds: Some(3.0),
            host: "ada".to_owned(),
            process: 7,
            pcamflow: "0.1.0".to_owned(),
            git: Some(Git { commit: "ab".repeat(20), dirty: Some(true) }),
            stages,
            ended: Some(Ended::Done),
            ..RunRecord::default()
        };
        let parameter =
            |name: &str, old: &str| Difference::Parameter(name.to_owned(), Some(old.to_owned()), None);
        let number = Spread::of("roc-auc", vec![Some(0.9), Some(0.8)]);
        Run {
            state: RunState::Done,
            before: Some(16),
            again: 0,
            parameters: std::collections::BTreeMap::new(),
            changed: vec![
                parameter("train.base.epochs", "8"),
                parameter("train.base.adam.learning-rate", "0.1"),
                Difference::NewStage("explain.cam".to_owned()),
            ],
            main_number: Some(("evaluate.test".to_owned(), number)),
            record,
        }
    }

    #[test]
    fn the_table_has_changes_and_results() {
        let unreadable = Line::Unreadable(3, "mini".to_owned(), "it was cut off or modified".to_owned());
        let mut cached = example();
        cached.record.stages.remove(0);
        cached.record.repeated = 17;
        cached.changed.clear();
        let mut failed = example();
        failed.changed.truncate(1);
        (failed.state, failed.again, failed.main_number) = (RunState::Failed, 2, None);
        failed.record.targets = vec!["train.base".to_owned()];
        let runs = [example(), cached, failed].map(|run| Line::Run(Box::new(run)));
        let lines = [runs.as_slice(), &[unreadable]].concat();
        let expected = "\
run  when       pipeline  outcome           stages                 took  result                               changed
 17  5 min ago  full      done              1 computed, 1 cached  3.0 s  evaluate.test roc-auc 0.850 ± 0.071  \
`epochs` 8 -> default, `adam.learning-rate` 0.1 -> default, 1 more
 17  5 min ago  full      done              1 cached (18 times)   3.0 s  evaluate.test roc-auc 0.850 ± 0.071
 17  5 min ago  full      failed (3 times)  1 computed, 1 cached  3.0 s                                       \
only train.base; `epochs` 8 -> default
  3             mini      unreadable                                                                          \
it was cut off or modified
";
        assert_eq!(table(&lines, now(), &PLAIN), expected);
    }

    #[test]
    fn everything_about_a_run_is_shown() {
        let mut run = example();
        run.record.stages.push(RunStage {
            name: "explain.cam".to_owned(),
            outcome: Outcome::Failed,
            message: Some("no layer \u{1b}[31mrelu9".to_owned()),
            ..RunStage::default()
        });
        let text = whole(&run, now(), &PLAIN);
        for part in [
            "run 17 of full: done in 3.0 s\n",
            "  git       abab",
            "with changes that are not committed",
            "since run 16: `epochs` 8 -> default, `adam.learning-rate` 0.1 -> default, + explain.cam",
            "train.base     computed  2.5 s       roc-auc 0.5\n",
            "explain.cam failed:\n  no layer relu9\n",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
        let value: serde_json::Value = serde_json::from_str(&show(&run, true)).unwrap();
        assert_eq!((&value["id"], &value["state"]), (&17.into(), &"done".into()));
        assert_eq!(value["changed"][0], "train.base.epochs 8 -> default");
    }

    #[test]
    fn times_are_distances_from_now_or_dates() {
        let then = "2026-01-02T03:04:05.006Z";
        for (seconds, text) in [
            (59, "just now"),
            (60, "1 min ago"),
            (7200, "2 h ago"),
            (200_000, "2 d ago"),
            (9_000_000, "2026-01-02"),
        ] {
            let now = humantime::parse_rfc3339(then).unwrap() + Duration::from_secs(seconds);
            assert_eq!(when(then, now), text);
        }
        let before = humantime::parse_rfc3339(then).unwrap() - Duration::from_secs(5);
        assert_eq!(when(then, before), "2026-01-02", "the clock was set back");
        assert_eq!(when("nonsense", before), "nonsense");
    }
}
