//! Run records, through the binary: their content, how they survive crashes,
//! and how `runs`, `compare` and `cache gc --keep-runs` use them.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::sandbox::{Output, Sandbox, files};

pub(super) const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
[preview.p]
images = 'split.d/train'
rows = 1
";

/// Draws for some hundred milliseconds, so that a run can be stopped.
pub(super) const LONG: &str = "\
[pipeline]
name = 'long'
[synthesize.first]
patches = 12
slides = 2
[synthesize.s]
patches = 400
slides = 4
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 80, validation = 40, test = 40 }
";

pub(super) fn small() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).ran(["preview.p", "split.d", "synthesize.s"]);
    project
}

/// The recorded runs, newest first.
#[track_caller]
pub(super) fn runs(project: &Sandbox) -> Vec<Value> {
    project.pcamflow(&["runs", "--json", "-n", "1000"]).exit(0).events_of("run")
}

#[track_caller]
pub(super) fn ids(project: &Sandbox) -> Vec<u64> {
    runs(project).iter().map(|run| run["id"].as_u64().unwrap()).collect()
}

pub(super) fn records(project: &Sandbox) -> Vec<PathBuf> {
    let all = files(&project.path(".pcamflow/runs"));
    all.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect()
}

#[track_caller]
pub(super) fn says(output: &Output, parts: &[&str]) {
    for part in parts {
        if !output.stdout.contains(part) {
            output.fail(&format!("standard output does not say {part:?}"));
        }
    }
}

#[track_caller]
pub(super) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < deadline, "the run never reached: {what}");
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn help_and_messages_of_a_project_without_runs() {
    let project = Sandbox::new();
    let help = project.pcamflow(&["runs", "--help"]).exit(0);
    says(&help, &["show", "-n <N>", "--json", "Examples:", "runs show 17 --text"]);
    let help = project.pcamflow(&["compare", "--help"]).exit(0);
    says(&help, &["--sweep", "--sort", "--by", "--plot", "--csv", "Examples:"]);
    says(&project.pcamflow(&["cache", "gc", "--help"]).exit(0), &["--keep-runs <N>"]);
    project.pcamflow(&["runs"]).exit(0).complains("no run is recorded yet");
    project.pcamflow(&["runs", "show"]).exit(2).complains("no run is recorded yet");
    project.pcamflow(&["compare"]).exit(2).complains("no run to compare");
    assert!(!project.path(".pcamflow").exists(), "queries create no store");
    project.pcamflow(&["compare", "--plot", "x.pdf"]).exit(2).complains(".svg or a .png");
    project.pcamflow(&["cache", "gc", "--keep-runs", "0"]).exit(2);
    project.pcamflow(&["cache", "gc", "--keep-runs", "1", "--keep-latest"]).exit(2);
}

#[test]
fn a_run_is_recorded_with_its_inputs_and_outcomes() {
    let project = small();
    project.run(&["--set", "preview.p.columns=2", "--threads", "1", "preview.p"]).ran(["preview.p"]);
    let runs = runs(&project);
    assert_eq!(ids(&project), [2, 1]);
    let (second, first) = (&runs[0], &runs[1]);
    assert_eq!(
        (&first["state"], &first["pipeline"], &first["file"]),
        (&"done".into(), &"small".into(), &"p.toml".into())
    );
    assert_eq!(second["changed"], serde_json::json!(["preview.p.columns 4 -> 2"]));
    assert_eq!(second["set"], serde_json::json!(["preview.p.columns=2"]));
    assert_eq!((&second["asked"]["threads"], &second["targets"][0]), (&1.into(), &"preview.p".into()));
    let outcomes: Vec<&str> =
        second["stages"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["cached", "cached", "computed"]);
    let key = second["stages"][2]["key"].as_str().unwrap();
    assert!(project.path(&format!(".pcamflow/actions/{}/{key}.json", &key[..2])).exists());
    assert!(humantime::parse_rfc3339(second["started"].as_str().unwrap()).is_ok());
    assert!(second["stages"][2]["seconds"].as_f64().unwrap() > 0.0);

    let shown = project.pcamflow(&["runs", "show"]).exit(0);
    says(
        &shown,
        &[
            "run 2 of small: done in",
            "set       preview.p.columns=2",
            "asked for threads 1",
            "since run 1: `columns` 4 -> 2",
        ],
    );
    let shown = project.pcamflow(&["runs", "show", "latest~1", "--text"]).exit(0);
    assert_eq!(shown.stdout, PIPELINE);
    project.rewrite("p.toml", "[nonsense");
    let text = project.pcamflow(&["runs"]).exit(0);
    says(&text, &["2 cached", "1 computed, 2 cached", "3 computed", "`columns` 4 -> 2", "the first one"]);
    says(&project.pcamflow(&["runs", "small"]).exit(0), &["3 computed"]);
    project
        .pcamflow(&["runs", "other.toml"])
        .exit(2)
        .complains("no run of the pipeline `other`; there are runs of small");
    project.pcamflow(&["runs", "show", "3"]).exit(2).complains("there is no run `3`: there are runs 1 to 2");
    let there = project.pcamflow(&["runs", "show", "3", "--store", ".pcamflow"]).exit(2);
    there.complains("there are runs 1 to 2 (`pcamflow runs --store .pcamflow`)");
    project.pcamflow(&["runs", "show", "1..2"]).exit(2).complains("one run");
}

#[test]
fn fully_cached_reruns_are_counted() {
    let project = small();
    for _ in 0..5 {
        project.run(&[]).cached_all();
    }
    assert_eq!(ids(&project), [2, 1]);
    assert_eq!(runs(&project)[0]["repeated"], 4);
    says(&project.pcamflow(&["runs"]).exit(0), &["3 cached (5 times)"]);
    says(&project.pcamflow(&["runs", "show"]).exit(0), &["4 times more, all cached"]);
    // Other targets or another text make another run, even if everything is cached.
    project.run(&["split.d"]).cached_all();
    project.rewrite("p.toml", format!("{PIPELINE}# a comment\n"));
    project.run(&[]).cached_all();
    assert_eq!(ids(&project), [4, 3, 2, 1]);
}

#[test]
fn failures_are_recorded_with_their_messages() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let too_many = ["--set", "split.d.sizes.train=400"];
    let output = project.run(&too_many).exit(1);
    let run = runs(&project).remove(0);
    assert_eq!(run["state"], "failed");
    let stages = run["stages"].as_array().unwrap();
    let outcomes: BTreeMap<&str, &str> =
        stages.iter().map(|it| (it["name"].as_str().unwrap(), it["outcome"].as_str().unwrap())).collect();
    let expected = [("synthesize.s", "computed"), ("split.d", "failed"), ("preview.p", "blocked")];
    assert_eq!(outcomes, BTreeMap::from(expected));
    assert_eq!(stages[1]["message"].as_str(), Some(output.failure().as_str()));
    assert!(stages[1]["key"].is_string() && stages[2]["message"] == "`split.d` failed");
    says(&project.pcamflow(&["runs", "show"]).exit(0), &["failed", "split.d failed:", "blocked"]);
    says(&project.pcamflow(&["runs"]).exit(0), &["failed", "1 computed, 1 failed, 1 blocked"]);
    project.run(&[]).ran(["split.d", "preview.p"]);
    assert_eq!(runs(&project)[0]["changed"], serde_json::json!(["split.d.sizes.train 400 -> 4"]));
    // A run that is refused is not recorded.
    project.run(&["no.such"]).exit(2);
    assert_eq!(ids(&project), [2, 1]);
}

#[test]
fn a_run_is_running_then_interrupted_or_killed() {
    let project = Sandbox::new().pipeline(LONG);
    for (signal, expected) in [(Signal::INT, "interrupted"), (Signal::KILL, "killed")] {
        let running = project.start(&["--force", "*"]);
        until("a record", || runs(&project).first().is_some_and(|run| run["state"] == "running"));
        says(&project.pcamflow(&["runs"]).exit(0), &["running", "3 stages"]);
        running.signal(signal);
        running.finish();
        let run = runs(&project).remove(0);
        assert_eq!(run["state"], expected, "{run}");
        says(&project.pcamflow(&["runs", "show"]).exit(0), &[expected]);
    }
    project.nothing_is_left_running();
    project.run(&[]).exit(0);
    assert_eq!(runs(&project)[0]["state"], "done");
    project.pcamflow(&["cache", "verify"]).exit(0);
}

#[test]
fn kills_at_any_moment_leave_readable_records() {
    let project = Sandbox::new().pipeline(PIPELINE);
    for step in 0..20 {
        let set = format!("synthesize.s.seed={step}");
        let running = project.start(&["--set", &set]);
        sleep(Duration::from_millis(4 * step));
        running.signal(Signal::KILL);
        running.finish();
        assert!(runs(&project).iter().all(|run| run.get("unreadable").is_none()));
    }
    let all = runs(&project);
    assert!(all.iter().all(|run| run["state"] == "killed" || run["state"] == "done"), "{all:?}");
    assert!(all.iter().any(|run| run["state"] == "killed"), "no run was killed while it computed");
    let mut unique = ids(&project);
    unique.dedup();
    assert_eq!(unique.len(), all.len());
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.pcamflow(&["cache", "gc"]).exit(0);
    project.run(&[]).exit(0);
}

#[test]
fn damaged_and_newer_records_are_reported_and_skipped() {
    let project = small();
    project.run(&["--set", "preview.p.columns=2"]).ran(["preview.p"]);
    project.run(&["--set", "preview.p.columns=3"]).ran(["preview.p"]);
    let paths = records(&project);
    let bytes = fs::read(&paths[0]).unwrap();
    fs::write(&paths[0], &bytes[..bytes.len() / 2]).unwrap();
    let mut bytes = fs::read(&paths[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&paths[1], bytes).unwrap();
    let newer = "{\"format\":99,\"what\":\"nobody knows\"}\n";
    let seal = format!("{{\"blake3\":\"{}\"}}\n", pcamflow::digest::Digest::of(newer.as_bytes()));
    fs::write(project.path(".pcamflow/runs/000004.small.json"), seal + newer).unwrap();
    let listed = project.pcamflow(&["runs"]).exit(0);
    says(
        &listed,
        &[
            "unreadable",
            "its record is damaged: it was cut off or modified",
            "format 99, this pcamflow reads 1",
        ],
    );
    project.pcamflow(&["runs", "show", "1"]).exit(1).complains("its record is damaged");
    project.pcamflow(&["runs", "show", "4"]).exit(1).complains("format 99");
    project.pcamflow(&["compare", "1..4"]).exit(0).complains("run 1 is left out");
    project.run(&[]).cached_all();
    assert_eq!(ids(&project), [5, 4, 3, 2, 1]);
    let verified = project.pcamflow(&["cache", "verify"]).exit(1);
    says(&verified, &["`run 1 of small`", "`run 2 of small`", "2 damaged"]);
    project.pcamflow(&["cache", "verify"]).exit(0);
    assert_eq!(ids(&project), [5, 4, 3]);
}

#[test]
fn two_concurrent_runs_are_two_records() {
    let project = Sandbox::new().pipeline(LONG);
    let (one, two) = (project.start(&[]), project.start(&[]));
    one.finish().exit(0);
    two.finish().exit(0);
    let all = runs(&project);
    assert_eq!(ids(&project), [2, 1]);
    assert!(all.iter().all(|run| run["state"] == "done"));
    let computed = |run: &Value| {
        run["stages"].as_array().unwrap().iter().filter(|stage| stage["outcome"] == "computed").count()
    };
    assert_eq!(all.iter().map(computed).sum::<usize>(), 3, "each stage once");
}

#[test]
fn a_run_that_cannot_be_recorded_is_a_warning() {
    let project = small();
    // A file in place of the folder: root ignores permissions.
    fs::remove_dir_all(project.path(".pcamflow/runs")).unwrap();
    project.rewrite(".pcamflow/runs", "no folder");
    let output = project.run(&["--set", "preview.p.columns=2"]).ran(["preview.p"]);
    assert!(output.warnings().contains("this run is not recorded"), "{}", output.warnings());
    assert_eq!(output.events().last().unwrap()["event"], "ended");
    let output = project.run(&["--set", "preview.p.columns=2"]).cached_all();
    assert_eq!(output.events_of("warning").len(), 1);
}

#[test]
fn the_commit_and_uncommitted_changes_are_recorded() {
    let project = Sandbox::new().pipeline(PIPELINE);
    let git = "git -c user.name=a -c user.email=a@b";
    let made = project
        .shell(&format!("git init -q && git add p.toml && {git} commit -qm one && git rev-parse HEAD"));
    if made.status.code() != Some(0) {
        eprintln!("skipped: no git here");
        return;
    }
    let commit = made.stdout.trim().to_owned();
    project.run(&[]).exit(0);
    assert_eq!(runs(&project)[0]["git"], serde_json::json!({ "commit": commit, "dirty": false }));
    project.rewrite("p.toml", PIPELINE.replace("patches = 12", "patches = 13"));
    project.run(&[]).exit(0);
    assert_eq!(runs(&project)[0]["git"], serde_json::json!({ "commit": commit, "dirty": true }));
    project.run(&[]).cached_all();
    assert_eq!(runs(&project)[0]["git"], serde_json::json!({ "commit": commit }), "nobody asked");
    says(&project.pcamflow(&["runs", "show", "2"]).exit(0), &["with changes that are not committed"]);
}

#[test]
fn keep_runs_keeps_exactly_the_results_they_used() {
    let project = small();
    for seed in 1..=3 {
        project.run(&["--set", &format!("synthesize.s.seed={seed}")]).exit(0);
    }
    let keys = |run: &Value| -> Vec<String> {
        let stages = run["stages"].as_array().unwrap().iter();
        stages.map(|stage| stage["key"].as_str().unwrap().to_owned()).collect()
    };
    let all = runs(&project);
    let mut expected: Vec<String> = all[..2].iter().flat_map(keys).collect();
    expected.sort();
    expected.dedup();
    let told = project.pcamflow(&["cache", "gc", "--keep-runs", "2", "--dry-run"]).exit(0);
    says(&told, &["would remove 6 results", "2 run records"]);
    assert_eq!(ids(&project), [4, 3, 2, 1]);
    says(
        &project.pcamflow(&["cache", "gc", "--keep-runs", "2"]).exit(0),
        &["removed 6 results", "2 run records"],
    );
    let mut left: Vec<String> = files(&project.path(".pcamflow/actions"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    left.sort();
    assert_eq!(left, expected);
    assert_eq!(ids(&project), [4, 3]);
    project.run(&["--set", "synthesize.s.seed=3"]).cached_all();
    project.run(&["--set", "synthesize.s.seed=2"]).cached_all();
    project.run(&["--set", "synthesize.s.seed=1"]).ran(["preview.p", "split.d", "synthesize.s"]);
    // Together with another limit, `--keep-runs` only protects results.
    let young = ["cache", "gc", "--keep-runs", "1", "--older-than", "1h"];
    says(&project.pcamflow(&young).exit(0), &["nothing to remove"]);
    project.pcamflow(&["cache", "gc", "--keep-runs", "1", "--max-size", "0"]).exit(0);
    project.run(&["--set", "synthesize.s.seed=1"]).cached_all();
    project.pcamflow(&["cache", "verify"]).exit(0);
    says(&project.pcamflow(&["cache", "du"]).exit(0), &["run records"]);
}
