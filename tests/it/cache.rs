//! `pcamflow cache`: its output, what it removes, and that it never removes data in use.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::sandbox::{Output, Sandbox, files};

pub(super) const PIPELINE: &str = "\
[pipeline]
name = 'kept'
[synthesize.s]
patches = 12
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 4, validation = 2, test = 2 }
";

pub(super) fn project() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).ran(["split.d", "synthesize.s"]);
    project
}

/// Arguments for a run with another seed, which supersedes the earlier results of the pipeline.
pub(super) const OTHER: [&str; 2] = ["--set", "synthesize.s.seed=7"];

pub(super) fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| output.fail(&error.to_string()))
}

pub(super) fn objects(project: &Sandbox) -> Vec<PathBuf> {
    files(&project.path(".pcamflow/objects"))
}

/// The store object of an artifact shown in `out`.
pub(super) fn object(project: &Sandbox, shown: &str) -> PathBuf {
    let digest = pcamflow::digest::Digest::of(&fs::read(project.path(shown)).unwrap()).hex();
    project.path(".pcamflow/objects").join(&digest[..2]).join(digest)
}

/// Flips one bit but keeps the modification time.
pub(super) fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let modified = path.metadata().unwrap().modified().unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
    fs::File::open(path).unwrap().set_modified(modified).unwrap();
}

/// Moves the last use of all results back by `days`.
pub(super) fn grow_old(project: &Sandbox, days: u32) {
    let then = SystemTime::now() - days * Duration::from_secs(24 * 3600);
    for record in files(&project.path(".pcamflow/actions")) {
        fs::File::open(record).unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn help_describes_each_command() {
    let project = Sandbox::new();
    let help = project.pcamflow(&["cache", "--help"]).exit(0);
    for part in ["du ", "verify ", "gc ", "clear ", "Examples:", "while pipelines run"] {
        assert!(help.stdout.contains(part), "{part} in\n{}", help.stdout);
    }
    let help = project.pcamflow(&["cache", "gc", "--help"]).exit(0);
    for part in ["--older-than", "--max-size", "--keep-latest", "--even-latest", "--dry-run", "Never removed"]
    {
        assert!(help.stdout.contains(part), "{part} in\n{}", help.stdout);
    }
    project.pcamflow(&["cache"]).exit(2);
    project.pcamflow(&["cache", "gc", "--older-than", "soon"]).exit(2).complains("--older-than");
    project.pcamflow(&["cache", "gc", "--max-size", "plenty"]).exit(2).complains("--max-size");
    project
        .pcamflow(&["cache", "gc", "--keep-latest", "--even-latest"])
        .exit(2)
        .complains("cannot be used with");
}

#[test]
fn a_missing_store_counts_as_empty_and_is_not_created() {
    let project = Sandbox::new();
    for command in ["du", "verify", "gc"] {
        project.pcamflow(&["cache", command]).exit(0);
        assert!(!project.path(".pcamflow").exists(), "{command}");
    }
    for command in ["du", "verify"] {
        let told = project.pcamflow(&["cache", command, "--store", "typo"]).exit(2);
        told.complains("there is no store at typo");
    }
    project.pcamflow(&["cache", "gc", "--store", "typo"]).exit(0);
    assert!(!project.path("typo").exists());
    let project = project.file("store/format", "pcamflow store 99\n");
    for command in ["du", "verify", "gc"] {
        project.pcamflow(&["cache", command, "--store", "store"]).exit(3).complains("has format 99");
    }
}

#[test]
fn du_counts_by_kind_pipeline_and_use() {
    let project = project();
    project.run(&OTHER).ran(["split.d", "synthesize.s"]);
    let text = project.pcamflow(&["cache", "du"]).exit(0);
    for part in
        ["4 results in", "stage kind", "synthesize", "split", "pipeline", "kept", "(superseded)", "last day"]
    {
        assert!(text.stdout.contains(part), "{part} in\n{}", text.stdout);
    }
    assert!(text.stdout.lines().all(|line| !line.ends_with(' ')), "{}", text.stdout);
    let usage = json(&project.pcamflow(&["cache", "du", "--json"]).exit(0));
    let bytes: u64 = objects(&project).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(usage["objects"]["bytes"], bytes);
    assert_eq!(usage["pipelines"][0]["name"], "kept");
    assert_eq!((&usage["pipelines"][0]["results"], &usage["superseded"]["results"]), (&2.into(), &2.into()));
    let kinds = usage["kinds"].as_array().unwrap().iter().map(|kind| kind["bytes"].as_u64().unwrap());
    assert_eq!(kinds.sum::<u64>(), bytes, "every byte must be counted once");
}

#[test]
fn verify_reports_a_flipped_bit_and_the_next_run_repairs_it() {
    let project = project();
    let shown = project.digests();
    let sound = project.pcamflow(&["cache", "verify"]).exit(0);
    assert!(sound.stdout.contains("all sound"), "{}", sound.stdout);
    flip(&object(&project, "out/kept/split.d/train.h5"));
    let found = project.pcamflow(&["cache", "verify"]).exit(1);
    for part in [
        "damaged: `split.d/train` of kept: its content has the digest",
        "moved to",
        "quarantine",
        "1 damaged",
    ] {
        assert!(found.stdout.contains(part), "{part} in\n{}", found.stdout);
    }
    project.pcamflow(&["cache", "verify"]).exit(0);
    project.run(&[]).ran(["split.d"]);
    assert_eq!(project.digests(), shown);
    let clean = json(&project.pcamflow(&["cache", "verify", "--json"]).exit(0));
    assert_eq!((&clean["results"], &clean["damaged"]), (&2.into(), &Value::Array(Vec::new())));
    project.run(&[]).cached_all();
}

#[test]
fn verify_finds_every_kind_of_damage() {
    let project = project();
    let shown = project.digests();
    let record = |stage: &str| {
        let records = files(&project.path(".pcamflow/actions")).into_iter();
        let is_its = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(&format!("\"{stage}\""));
        records.into_iter().find(is_its).unwrap()
    };
    let truncate = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_len(7).unwrap();
    };
    truncate(&object(&project, "out/kept/split.d/test.h5"));
    let found = json(&project.pcamflow(&["cache", "verify", "--json"]).exit(1));
    assert_eq!(found["damaged"][0]["made-by"][0], "split.d/test");
    project.run(&[]).ran(["split.d"]);
    fs::remove_file(object(&project, "out/kept/split.d/test.h5")).unwrap();
    let found = project.pcamflow(&["cache", "verify"]).exit(1);
    assert!(found.stdout.contains("`split.d/test` of kept: it is gone"), "{}", found.stdout);
    project.run(&[]).ran(["split.d"]);
    truncate(&record("synthesize.s"));
    let found = json(&project.pcamflow(&["cache", "verify", "--json"]).exit(1));
    assert_eq!(found["damaged"][0]["made-by"][0], "synthesize.s");
    project.run(&[]).ran(["synthesize.s"]);
    project.pcamflow(&["cache", "verify"]).exit(0);
    assert_eq!(project.digests(), shown);
}

#[test]
fn clear_forgets_the_current_result_and_the_next_run_computes_it() {
    let project = project();
    let shown = project.digests();
    let said = project.pcamflow(&["cache", "clear", "p.toml", "split.d"]).exit(0);
    assert_eq!(said.stdout, "split.d: forgotten: the next run computes it\n");
    let said = project.pcamflow(&["cache", "clear", "p.toml", "split.d"]).exit(0);
    assert_eq!(said.stdout, "split.d: has no result in the store\n");
    project.run(&[]).ran(["split.d"]);
    // With `--set`, the result of the changed values is meant.
    project.pcamflow(&[&["cache", "clear", "p.toml", "*"], &OTHER[..]].concat()).exit(0);
    project.run(&["--dry-run"]).exit(0);
    project.pcamflow(&["cache", "clear", "p.toml", "*"]).exit(0);
    project.run(&[]).ran(["split.d", "synthesize.s"]);
    assert_eq!(project.digests(), shown);
    project.pcamflow(&["cache", "clear", "p.toml", "splot.d"]).exit(2).complains("did you mean `split.d`?");
    project.pcamflow(&["cache", "clear", "p.toml"]).exit(2).complains("<STAGE>");
}

#[test]
fn clear_refuses_what_is_being_computed() {
    let project = Sandbox::new().pipeline(&PIPELINE.replace("patches = 12", "patches = 400"));
    let run = project.start(&["synthesize.s"]);
    while !files(&project.path(".pcamflow/staging")).iter().any(|path| path.ends_with("images.h5")) {
        sleep(Duration::from_millis(2));
    }
    let clear = project.pcamflow(&["cache", "clear", "p.toml", "synthesize.s"]).exit(1);
    clear.complains("error: synthesize.s is being computed by").complains("stop that run first");
    run.finish().exit(0);
    project.run(&["synthesize.s"]).cached_all();
}

#[test]
fn damage_names_its_stage_and_pipelines_even_without_a_record() {
    let project = project();
    let other = fs::read_to_string(project.path("p.toml")).unwrap().replace("'kept'", "'twin'");
    project.rewrite("twin.toml", other);
    project.pcamflow(&["run", "twin.toml"]).exit(0);
    flip(&object(&project, "out/kept/split.d/train.h5"));
    let said = project.pcamflow(&["cache", "verify"]).exit(1).stdout;
    assert!(said.contains("damaged: `split.d/train` of kept, twin: its content"), "{said}");
    project.run(&[]).ran(["split.d"]);
    for record in files(&project.path(".pcamflow/actions")) {
        flip(&record);
    }
    // `latest` is lost too, but the run records still name the stages.
    fs::remove_dir_all(project.path(".pcamflow/latest")).unwrap();
    let found = json(&project.pcamflow(&["cache", "verify", "--json"]).exit(1));
    let damaged = found["damaged"].as_array().unwrap();
    assert_eq!(damaged.len(), 2, "{found}");
    for flaw in damaged {
        assert!(["split.d", "synthesize.s"].contains(&flaw["made-by"][0].as_str().unwrap()), "{flaw}");
        assert_eq!(flaw["pipelines"], serde_json::json!(["kept", "twin"]), "{flaw}");
    }
}

#[test]
fn recall_files_are_removed_with_their_pipeline() {
    let project = project();
    let twin = fs::read_to_string(project.path("p.toml")).unwrap().replace("'kept'", "'twin'");
    project.rewrite("twin.toml", twin);
    sleep(Duration::from_millis(150));
    let memories = || files(&project.path(".pcamflow/recall")).len();
    for file in ["p.toml", "twin.toml", "p.toml", "twin.toml"] {
        project.pcamflow(&["run", file]).exit(0);
    }
    assert_eq!(memories(), 2);
    project.pcamflow(&["cache", "gc"]).exit(0);
    project.pcamflow(&["cache", "gc", "--older-than", "1h"]).exit(0);
    assert_eq!(memories(), 2, "both files are in use");
    fs::remove_file(project.path("twin.toml")).unwrap();
    let told = project.pcamflow(&["cache", "gc", "--dry-run"]).exit(0).stdout;
    assert!(told.contains("would remove 1 recall file"), "{told}");
    assert_eq!(memories(), 2);
    let told = project.pcamflow(&["cache", "gc"]).exit(0).stdout;
    assert!(told.contains("removed 1 recall file"), "{told}");
    assert_eq!(memories(), 1);
    project.run(&[]).cached_all();
    project.pcamflow(&["cache", "gc", "--older-than", "0s"]).exit(0);
    assert_eq!(memories(), 0);
    project.run(&[]).cached_all();
}
