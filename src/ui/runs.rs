//! What is said of recorded runs: a table of them, and everything about one.
//!
//! Knows records and in what they differ; knows neither stores nor files.

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
    store::{Outcome, RunRecord, RunStage, RunState},
};

/// A recorded run, and what was found out about it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// How it stands.
    pub state: RunState,
    /// The run before of the same pipeline; `None` where there is none any more.
    pub before: Option<u64>,
    /// In what it differs from that one.
    #[serde(serialize_with = "in_words")]
    pub changed: Vec<Difference>,
    /// The stage and the number that say most of it.
    pub main_number: Option<(String, Spread)>,
    /// Its record.
    #[serde(flatten)]
    pub run: RunRecord,
}

fn in_words<S: serde::Serializer>(changed: &[Difference], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changed.iter().map(|one| difference(one, None)))
}

/// One line of the table.
#[derive(Debug, Clone)]
pub enum Line {
    /// A run.
    Run(Box<Told>),
    /// A record that cannot be read: of which run and pipeline, and why.
    Unreadable(u64, String, String),
}

/// The runs as a table, or with `json` as one object a line (without the pipelines' texts).
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
        Line::Run(told) => {
            let run = RunRecord { texts: Vec::new(), ..told.run.clone() };
            json::object("run", &Told { run, ..(**told).clone() })
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
            Line::Run(told) => row(told, now),
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

fn row(told: &Told, now: SystemTime) -> [Cell; 8] {
    let run = &told.run;
    let (tone, outcome) = match told.state {
        // No stage did: what was required of the numbers was not reached.
        RunState::Failed if run.count(Outcome::Failed) == 0 && run.requirements.iter().any(|it| !it.met) => {
            (Tone::Bad, "not met")
        }
        state => outcome(state),
    };
    [
        cell(Tone::Strong, run.id.to_string()),
        cell(Tone::Normal, when(run.repeated_last.as_deref().unwrap_or(&run.started), now)),
        cell(Tone::Normal, format::one_line(&run.pipeline)),
        cell(tone, outcome),
        cell(Tone::Normal, stages(run)),
        cell(Tone::Normal, took(run).map(format::duration).unwrap_or_default()),
        cell(Tone::Normal, told.main_number.as_ref().map(|(_, number)| spread(number)).unwrap_or_default()),
        cell(Tone::Faint, changed(told, 2)),
    ]
}

/// What a run took; of a trial, what its own stages took to compute: the sweep computes all trials side by side.
fn took(run: &RunRecord) -> Option<f64> {
    if run.sweep.is_none() {
        return run.seconds;
    }
    let mut computed = run.stages.iter().filter(|stage| stage.outcome == Outcome::Computed).peekable();
    computed.peek()?;
    Some(computed.filter_map(|stage| stage.seconds).sum())
}

/// How a run stands, in a word.
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

/// `2 computed, 10 cached`; of a run that was counted several times, `12 cached (18 times)`.
fn stages(run: &RunRecord) -> String {
    if run.ended.is_none() {
        return format::plural(run.stages.len(), "stage");
    }
    let of = |outcome| run.count(outcome);
    let counts = words::counts(&[
        (of(Outcome::Computed), "computed"),
        (of(Outcome::Cached), "cached"),
        (of(Outcome::Failed), "failed"),
        (of(Outcome::Blocked), "blocked"),
        (of(Outcome::NotRun), "not run"),
    ]);
    match run.repeated {
        0 => counts,
        more => format!("{counts} ({} times)", format::count(more + 1)),
    }
}

/// A number, or the mean of several with its spread: `accuracy 0.934 ± 0.004`.
fn spread(number: &Spread) -> String {
    let value = number.mean.map_or_else(|| "undefined".to_owned(), |mean| with_spread(mean, number.sd));
    format!("{} {value}", format::clean(&number.name))
}

/// A value, with its spread where there is one that says something.
pub(super) fn with_spread(mean: f64, sd: Option<f64>) -> String {
    match sd.and_then(|sd| Some((sd, format::decimals_of(sd)?))) {
        Some((sd, decimals)) => {
            format!("{} ± {}", format::fixed(mean, decimals), format::fixed(sd, decimals))
        }
        None => format::number(mean),
    }
}

/// How long ago that was, or, after a month, on which day.
fn when(started: &str, now: SystemTime) -> String {
    let Ok(then) = humantime::parse_rfc3339(started) else { return format::one_line(started) };
    let Ok(age) = now.duration_since(then) else {
        return started.get(..16).unwrap_or(started).replace('T', " ");
    };
    let plural = |count: u64, unit: &str| format!("{count} {unit} ago");
    match age.as_secs() {
        0..60 => "just now".to_owned(),
        seconds @ 60..3600 => plural(seconds / 60, "min"),
        seconds @ 3600..86_400 => plural(seconds / 3600, "h"),
        seconds @ 86_400..2_592_000 => plural(seconds / 86_400, "d"),
        _ => started.get(..10).unwrap_or(started).to_owned(),
    }
}

/// In what a run differs from the one before, in a few words.
fn changed(told: &Told, most: usize) -> String {
    let trial = told.run.sweep.as_ref().map(|it| format!("trial {}", format::one_line(&it.trial)));
    let differs = match (&told.before, told.changed.as_slice()) {
        _ if trial.is_some() => String::new(),
        (None, _) => "the first one".to_owned(),
        (Some(_), changed) => listed(changed, most),
    };
    trial.into_iter().chain(Some(differs).filter(|text| !text.is_empty())).collect::<Vec<_>>().join(", ")
}

fn listed(changed: &[Difference], most: usize) -> String {
    let paths: Vec<&str> = changed.iter().map(path).collect();
    let name = |one: &Difference| {
        let (whole, name) = (path(one), in_stage(path(one)));
        let alone = paths.iter().filter(|other| in_stage(other) == name).count() == 1;
        if alone { name.to_owned() } else { whole.to_owned() }
    };
    let mut texts: Vec<String> =
        changed.iter().take(most).map(|one| difference(one, Some(&name(one)))).collect();
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

/// A parameter's path as its stage has it: `sizes.test` of `split.pcam.sizes.test`.
fn in_stage(path: &str) -> &str {
    path.splitn(3, '.').nth(2).unwrap_or(path)
}

/// A difference as a plan tells it; without a name for machines, which have the path as it is.
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

/// At most forty letters of a text.
pub(super) fn brief(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// Everything about a run.
#[must_use]
pub fn show(told: &Told, json: bool) -> String {
    if json { json::object("run", told) } else { whole(told, SystemTime::now(), &view_of_stdout()) }
}

fn whole(told: &Told, now: SystemTime, view: &View) -> String {
    let run = &told.run;
    let (_, state) = outcome(told.state);
    let took = took(run).map(|seconds| format!(" in {}", format::duration(seconds))).unwrap_or_default();
    let head = format!("run {} of {}: {state}{took}", run.id, format::one_line(&run.pipeline));
    let mut text = view.paint.tone(Tone::Strong, &head) + "\n";
    for (name, fact) in facts(told, now).iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(text, "  {name:<9} {}", format::one_line(fact));
    }
    text + "\n" + &stage_table(run, view) + &failures(&run.stages, view)
}

fn facts(told: &Told, now: SystemTime) -> Vec<(&'static str, String)> {
    let run = &told.run;
    let started = |time: &str| format!("{time} ({})", when(time, now));
    let mut facts = vec![
        ("file", run.file.clone()),
        ("started", started(&run.started)),
        ("on", format!("{}, process {}, pcamflow {}", run.host, run.process, run.pcamflow)),
        ("set", run.set.join(" ")),
        ("data", run.data.clone().unwrap_or_default()),
        ("stages", run.targets.join(" ")),
        ("forced", run.forced.join(" ")),
        ("asked for", asked(run)),
        ("git", run.git.as_ref().map(git).unwrap_or_default()),
        ("sweep", run.sweep.as_ref().map(sweep).unwrap_or_default()),
    ];
    if let Some(last) = &run.repeated_last {
        let times = if run.repeated == 1 { "once more" } else { "times more" };
        let count = if run.repeated == 1 { String::new() } else { format::count(run.repeated) + " " };
        facts.push(("repeated", format!("{count}{times}, all cached; the last time {}", started(last))));
    }
    if let Some(before) = told.before {
        let listed = listed(&told.changed, usize::MAX);
        let listed = if listed.is_empty() { "nothing that counts".to_owned() } else { listed };
        facts.push(("changed", format!("since run {before}: {listed}")));
    }
    let required = |it: &crate::store::Requirement| {
        let figure = it.figure.map_or_else(|| "no figure".to_owned(), format::number);
        format!("{}: {figure}, {}", it.requirement, if it.met { "met" } else { "not met" })
    };
    facts.extend(run.requirements.iter().map(|it| ("required", required(it))));
    facts
}

fn asked(run: &RunRecord) -> String {
    let asked = &run.asked;
    let parts = [
        asked.device.as_ref().map(|device| format!("device {device}")),
        asked.threads.map(|threads| format!("threads {threads}")),
        asked.jobs.map(|jobs| format!("jobs {jobs}")),
        asked.keep_going.then(|| "keep going".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn git(git: &crate::store::Git) -> String {
    let dirty = match git.dirty {
        Some(true) => ", with changes that are not committed",
        Some(false) => ", clean",
        None => "",
    };
    format!("{}{dirty}", git.commit)
}

fn sweep(trial: &crate::store::SweepTrial) -> String {
    let values: Vec<String> = trial.values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{}, trial {}: {}", trial.id, trial.trial, values.join(", "))
}

fn stage_table(run: &RunRecord, view: &View) -> String {
    let mut table = Table::headed("llrll", ["stage", "outcome", "took", "key", "numbers"]);
    for stage in &run.stages {
        let (tone, outcome) = match stage.outcome {
            // Nothing is written stage by stage.
            _ if run.ended.is_none() => (Tone::Normal, ""),
            Outcome::Cached => (Tone::Faint, "cached"),
            Outcome::Computed => (Tone::Good, "computed"),
            Outcome::Failed => (Tone::Bad, "failed"),
            Outcome::Blocked => (Tone::Warning, "blocked"),
            Outcome::NotRun => (Tone::Warning, "not run"),
        };
        table.row([
            cell(Tone::Normal, format::one_line(&stage.name)),
            cell(tone, outcome),
            cell(Tone::Normal, stage.seconds.map(format::duration).unwrap_or_default()),
            cell(Tone::Faint, stage.key.map(|key| key.short()).unwrap_or_default()),
            cell(Tone::Normal, format::one_line(&format::numbers(&stage.numbers))),
        ]);
    }
    table.text(view)
}

/// What the stages said that failed.
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
    use crate::{
        store::{Ended, Git},
        ui::paint::Paint,
    };

    const PLAIN: View = View { paint: Paint::OFF, width: None };

    fn now() -> SystemTime {
        humantime::parse_rfc3339("2026-01-02T03:10:00Z").unwrap()
    }

    fn told() -> Told {
        let stage = |name: &str, outcome, value: f64| RunStage {
            name: name.to_owned(),
            outcome,
            seconds: Some(2.5),
            numbers: vec![crate::store::Number { name: "roc-auc".to_owned(), value }],
            ..RunStage::default()
        };
        let stages =
            vec![stage("train.base", Outcome::Computed, 0.5), stage("evaluate.test", Outcome::Cached, 0.9)];
        let run = RunRecord {
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
        Told {
            state: RunState::Done,
            before: Some(16),
            changed: vec![
                parameter("train.base.epochs", "8"),
                parameter("train.base.adam.learning-rate", "0.1"),
                Difference::NewStage("explain.cam".to_owned()),
            ],
            main_number: Some(("evaluate.test".to_owned(), number)),
            run,
        }
    }

    #[test]
    fn the_table_says_what_changed_and_what_came_of_it() {
        let unreadable = Line::Unreadable(3, "mini".to_owned(), "it was cut off or modified".to_owned());
        let mut cached = told();
        cached.run.stages.remove(0);
        cached.run.repeated = 17;
        cached.changed.clear();
        let lines = [Line::Run(Box::new(told())), Line::Run(Box::new(cached)), unreadable];
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
    fn a_run_is_told_whole() {
        let mut told = told();
        told.run.stages.push(RunStage {
            name: "explain.cam".to_owned(),
            outcome: Outcome::Failed,
            message: Some("no layer \u{1b}[31mrelu9".to_owned()),
            ..RunStage::default()
        });
        let text = whole(&told, now(), &PLAIN);
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
        let value: serde_json::Value = serde_json::from_str(&show(&told, true)).unwrap();
        assert_eq!((&value["id"], &value["state"]), (&17.into(), &"done".into()));
        assert_eq!(value["changed"][0], "train.base.epochs 8 -> default");
    }

    #[test]
    fn times_are_told_from_now_and_far_ones_by_their_day() {
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
        assert_eq!(when(then, before), "2026-01-02 03:04", "a clock was set back");
        assert_eq!(when("nonsense", before), "nonsense");
    }
}
