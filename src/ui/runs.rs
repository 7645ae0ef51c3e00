//! Shows recorded runs: a table of them, and everything about one.
//!
//! Knows records and differences; knows neither stores nor files.

use std::{fmt::Write as _, time::SystemTime};

use serde::Serialize;

use super::{
    View, format, json,
    paint::Tone,
    table::{Cell, Table, cell},
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
    /// The run before of the same pipeline, if its record exists.
    pub before: Option<u64>,
    /// The differences from that run.
    #[serde(serialize_with = "in_words")]
    pub changed: Vec<Difference>,
    /// The stage with the most important number, and the number.
    pub main_number: Option<(String, Spread)>,
    /// The record.
    #[serde(flatten)]
    pub record: RunRecord,
}

fn in_words<S: serde::Serializer>(changed: &[Difference], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changed.iter().map(|one| difference(one, None)))
}

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
    let number = run.main_number.as_ref();
    [
        cell(Tone::Strong, record.id.to_string()),
        when(record.repeated_last.as_deref().unwrap_or(&record.started), now).into(),
        format::one_line(&record.pipeline).into(),
        cell(tone, outcome),
        stages(record).into(),
        took(record).map(format::duration).unwrap_or_default().into(),
        number.map(|(_, number)| spread(number)).unwrap_or_default().into(),
        cell(Tone::Faint, changed(run)),
    ]
}

/// The seconds that a run took. For a trial, the seconds that its own stages computed, because all trials of a sweep
/// run side by side.
fn took(record: &RunRecord) -> Option<f64> {
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

/// A number, or the mean of several with its spread: `accuracy 0.934 ± 0.004`.
fn spread(number: &Spread) -> String {
    let value = number.mean.map_or_else(|| "undefined".to_owned(), |mean| with_spread(mean, number.sd));
    format!("{} {value}", format::clean(&number.name))
}

/// A value with its spread, if that is known and not too small.
pub(super) fn with_spread(mean: f64, sd: Option<f64>) -> String {
    match sd.and_then(|sd| Some((sd, format::decimals_of(sd)?))) {
        Some((sd, decimals)) => {
            format!("{} ± {}", format::fixed(mean, decimals), format::fixed(sd, decimals))
        }
        None => format::number(mean),
    }
}

/// A time as its distance from now, or as a date if it is older than a month.
fn when(started: &str, now: SystemTime) -> String {
    let Ok(then) = humantime::parse_rfc3339(started) else { return format::one_line(started) };
    match now.duration_since(then).map(|age| age.as_secs()) {
        Ok(0..60) => "just now".to_owned(),
        Ok(seconds @ 60..3600) => format!("{} min ago", seconds / 60),
        Ok(seconds @ 3600..86_400) => format!("{} h ago", seconds / 3600),
        Ok(seconds @ 86_400..2_592_000) => format!("{} d ago", seconds / 86_400),
        _ => started.get(..10).unwrap_or(started).to_owned(),
    }
}

/// The differences from the run before, in a few words.
fn changed(run: &Run) -> String {
    match (&run.record.sweep, run.before) {
        (Some(trial), _) => format!("trial {}", format::one_line(&trial.trial)),
        (None, None) => "the first one".to_owned(),
        (None, Some(_)) => listed(&run.changed, 2),
    }
}

/// The first differences. A parameter is named without its stage if that is unambiguous.
fn listed(changed: &[Difference], most: usize) -> String {
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

fn whole(run: &Run, now: SystemTime, view: &View) -> String {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{store::Ended, ui::paint::Paint};

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
    fn the_table_says_what_changed_and_what_came_of_it() {
        let unreadable = Line::Unreadable(3, "mini".to_owned(), "it was cut off or modified".to_owned());
        let mut cached = example();
        cached.record.stages.remove(0);
        cached.record.repeated = 17;
        cached.changed.clear();
        let lines = [Line::Run(Box::new(example())), Line::Run(Box::new(cached)), unreadable];
        let expected = "\
run  when       pipeline  outcome     stages                 took  result                 changed
 17  5 min ago  full      done        1 computed, 1 cached  3.0 s  roc-auc 0.850 ± 0.071  `epochs` 8 -> default, \
`adam.learning-rate` 0.1 -> default, 1 more
 17  5 min ago  full      done        1 cached (18 times)   3.0 s  roc-auc 0.850 ± 0.071
  3             mini      unreadable                                                      it was cut off or modified
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
