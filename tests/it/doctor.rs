//! `pcamflow doctor` on sound and faulty machines: its findings, advice and exit codes.

use std::fs;

use serde_json::Value;

use crate::{
    hdf5_files::{images, labels},
    sandbox::{Output, Sandbox},
};

/// A project with a fake worker that answers like the real one but needs no libtorch.
fn project() -> Sandbox {
    let ready = format!(
        r#"{{"ready":{{"protocol":{},"versions":{{"libtorch":"2.11.0"}}}}}}"#,
        pcamflow::protocol::VERSION
    );
    let script = format!("#!/bin/sh\necho '{ready}' >&0\ncat > /dev/null\n");
    let project = Sandbox::new().file("worker", script).file(".git/HEAD", "");
    executable(&project, "worker");
    let worker = project.path("worker").display().to_string();
    project.env("PCAMFLOW_WORKER", &worker)
}

fn executable(project: &Sandbox, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The state, finding and remedy of one check.
fn check(output: &Output, name: &str) -> (String, String, String) {
    let whole: Value = serde_json::from_str(&output.stdout).unwrap();
    let found =
        whole["checks"].as_array().unwrap().iter().find(|check| check["check"] == name).unwrap().clone();
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("found"), text("remedy"))
}

fn doctor(project: &Sandbox, arguments: &[&str], code: i32) -> Output {
    project.pcamflow(&[&["doctor", "--json"], arguments].concat()).exit(code)
}

#[test]
fn a_sound_machine_gets_one_line_per_check_and_no_files_are_left() {
    let project = project();
    let before = project.listing();
    let output = project.pcamflow(&["doctor"]).exit(0);
    let checks: Vec<&str> = output.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(checks, ["pcamflow", "hdf5", "libtorch", "gpu", "disk", "store", "data"], "{}", output.stdout);
    assert!(output.stdout.contains("ok       libtorch  2.11.0"), "{}", output.stdout);
    assert!(output.stdout.contains("ok       hdf5      2."), "{}", output.stdout);
    assert_eq!(output.stderr, "");
    assert_eq!(project.listing(), before);
    project.nothing_is_left_running();
    let whole: Value = serde_json::from_str(&doctor(&project, &[], 0).stdout).unwrap();
    assert_eq!((whole["schema"].as_u64(), whole["sound"].as_bool()), (Some(1), Some(true)));
}

#[test]
fn a_missing_or_broken_worker_is_reported_with_a_remedy() {
    let project = project().env("PCAMFLOW_WORKER", "/nowhere/pcamflow-worker");
    let (state, found, remedy) = check(&doctor(&project, &[], 3), "libtorch");
    assert_eq!(state, "missing");
    assert!(
        found.contains("cannot start /nowhere/pcamflow-worker") && remedy.contains("make build"),
        "{found}"
    );
    let linker = "error while loading shared libraries: libtorch_cpu.so: cannot open shared object file";
    project.rewrite("broken", format!("#!/bin/sh\necho '{linker}' >&2\nexit 127\n"));
    executable(&project, "broken");
    let broken = project.path("broken").display().to_string();
    let project = project.env("PCAMFLOW_WORKER", &broken);
    let (state, found, _) = check(&doctor(&project, &[], 3), "libtorch");
    assert!(state == "missing" && found.contains(linker), "{found}");
    let text = project.pcamflow(&["doctor"]).exit(3).stdout;
    assert_eq!(text.lines().count(), 7, "each check must take one line:\n{text}");
}

#[test]
fn a_store_with_another_format_or_damage_is_reported() {
    let project = project().pipeline("[pipeline]\nname = 'p'\n[synthesize.s]\npatches = 4\nslides = 1\n");
    let (state, found, _) = check(&doctor(&project, &[], 0), "store");
    assert!(state == "ok" && found.contains("made by the first run"), "{found}");
    project.run(&[]).exit(0);
    let before = project.listing();
    let (state, found, _) = check(&doctor(&project, &[], 0), "store");
    assert!(state == "ok" && found.contains("can be read and written"), "{found}");
    assert_eq!(project.listing(), before, "doctor must change nothing");
    project.rewrite(".pcamflow/quarantine/object", "torn");
    let (state, found, remedy) = check(&doctor(&project, &[], 0), "store");
    assert_eq!(state, "note");
    assert!(found.contains("1 damaged file") && remedy.contains("computes again"), "{found}: {remedy}");
    project.rewrite(".pcamflow/format", "pcamflow store 99\n");
    let (state, found, _) = check(&doctor(&project, &[], 3), "store");
    assert!(state == "missing" && found.contains("has format 99"), "{found}");
    project.rewrite("elsewhere", "no folder");
    let (state, ..) = check(&doctor(&project, &["--store", "elsewhere/store"], 3), "store");
    assert_eq!(state, "missing");
    if cfg!(target_os = "linux") {
        let (state, found, _) = check(&doctor(&project, &["--store", "/proc/x"], 3), "store");
        assert!(state == "missing" && found.contains("/proc"), "{found}");
    }
}

#[test]
fn source_files_are_named_and_compressed_ones_get_advice() {
    let project = project();
    let (state, _, remedy) = check(&doctor(&project, &[], 0), "data");
    assert!(state == "note" && remedy.contains("`pcamflow init` writes"), "{remedy}");
    project.rewrite("pipelines/quickstart.toml", "");
    let (.., remedy) = check(&doctor(&project, &[], 0), "data");
    assert!(remedy.contains("pipelines/quickstart.toml needs none"), "{remedy}");
    project.rewrite("data/camelyonpatch_level_2_split_test_x.h5.gz", "");
    let (state, _, remedy) = check(&doctor(&project, &[], 0), "data");
    assert!(state == "note" && remedy.contains("gunzip"), "{remedy}");
    images(&project.path("d/camelyonpatch_level_2_split_test_x.h5"), 4);
    labels(&project.path("d/camelyonpatch_level_2_split_test_y.h5"), &[0, 1, 0, 1]);
    let (state, found, _) = check(&doctor(&project, &["--data", "d"], 0), "data");
    assert!(state == "ok" && found.contains("split_test_x.h5 and 1 more"), "{found}");
    // The data is one folder further down.
    fs::create_dir(project.path("e")).unwrap();
    fs::rename(project.path("d"), project.path("e/pcam")).unwrap();
    let (state, found, remedy) = check(&doctor(&project, &["--data", "e"], 0), "data");
    assert!(state == "note" && found.contains("e/pcam: ") && remedy.contains("--data"), "{found}");
}

#[test]
fn unusable_files_are_reported_as_in_a_run() {
    let project = project();
    let [x, y] = ["x", "y"].map(|what| format!("data/camelyonpatch_level_2_split_train_{what}.h5"));
    let sound = || {
        images(&project.path(&x), 8);
        labels(&project.path(&y), &[0, 1, 0, 1, 0, 1, 0, 1]);
    };
    sound();
    let (state, found, _) = check(&doctor(&project, &[], 0), "data");
    assert!(state == "ok", "{found}");
    let whole = fs::read(project.path(&x)).unwrap();
    let cases: [(&[u8], &str); 6] = [
        (b"<!DOCTYPE html>", "web page"),
        (b"", "is empty (0 bytes)"),
        (&whole[..whole.len() / 2], "is truncated"),
        (&[0x1f, 0x8b, 8, 0], "compressed with gzip"),
        (b"PK\x03\x04 and so on", "zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ];
    for (bytes, told) in cases {
        project.rewrite(&x, bytes);
        let (state, found, _) = check(&doctor(&project, &[], 3), "data");
        assert!(state == "wrong" && found.contains(&x) && found.contains(told), "{told}: {found}");
    }
    sound();
    labels(&project.path(&y), &[0, 1, 0]);
    let (state, found, _) = check(&doctor(&project, &[], 3), "data");
    assert!(state == "wrong" && found.contains("8 patches") && found.contains("3 labels"), "{found}");
    assert!(project.pcamflow(&["doctor"]).exit(3).stdout.contains("wrong    data "));
}
