//! Cached state in the store (records, shown folders, latest keys) is not used once it is out of date.

use std::{fs, os::unix::fs::symlink, thread::sleep, time::Duration};

use crate::sandbox::{Sandbox, files};

/// Three programs: one with a different result each time, one that reads it, and one with a large artifact,
/// which is shown as a link where the file system cannot share blocks.
const PIPELINE: &str = "\
[pipeline]
name = 'remembered'
[command.now]
shell = 'date +%N > {artifacts.out}'
artifacts = { out = 'now.txt' }
[command.copy]
shell = 'cat {now} > {artifacts.out}'
inputs = { now = 'command.now/out' }
artifacts = { out = 'copy.txt' }
[command.big]
shell = 'head -c 20000000 /dev/zero > {artifacts.out}'
artifacts = { out = 'big.bin' }
";

/// A project whose store has all cached state.
fn project() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).ran(["command.big", "command.copy", "command.now"]);
    remember(&project);
    project
}

/// Runs until the cached state is written and used: very recent changes are not cached.
fn remember(project: &Sandbox) {
    for _ in 0..2 {
        sleep(Duration::from_millis(100));
        project.run(&[]).cached_all();
    }
    assert_eq!(files(&project.path(".pcamflow/recall")).len(), 1, "there is cached state");
}

#[test]
fn verify_recomputes_from_the_recorded_inputs() {
    let project = project();
    let same = project.pcamflow(&["verify", "p.toml", "command.copy", "--json"]).exit(0);
    assert_eq!(same.events()[0]["artifacts"][0]["verdict"], "identical", "{}", same.stdout);
    let other = project.pcamflow(&["verify", "p.toml", "command.now"]).exit(1);
    assert!(other.stdout.contains("not as promised"), "{}", other.stdout);
}

#[test]
fn a_truncated_pointer_is_written_again() {
    let project = project();
    let latest = files(&project.path(".pcamflow/latest"));
    assert_eq!(latest.len(), 3);
    let before: Vec<Vec<u8>> = latest.iter().map(|path| fs::read(path).unwrap()).collect();
    latest.iter().for_each(|path| fs::write(path, "").unwrap());
    project.run(&[]).cached_all();
    let after: Vec<Vec<u8>> = latest.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(before, after);
    project.pcamflow(&["cache", "gc", "--older-than", "0s"]).exit(0);
    project.run(&[]).cached_all();
}

#[test]
fn links_are_recreated_after_the_store_or_the_folder_has_moved() {
    let project = project();
    let shown = || fs::metadata(project.path("out/remembered/command.big/big.bin")).unwrap().len();
    fs::create_dir_all(project.path("deep/er")).unwrap();
    fs::rename(project.path("out"), project.path("deep/er/out")).unwrap();
    symlink("deep/er/out", project.path("out")).unwrap();
    project.run(&[]).cached_all();
    assert_eq!(shown(), 20_000_000);
    remember(&project);
    fs::rename(project.path(".pcamflow"), project.path("deep/store")).unwrap();
    project.run(&["--store", "deep/store"]).cached_all();
    assert_eq!(shown(), 20_000_000);
}

#[test]
fn objects_shown_in_a_folder_on_another_disk_are_kept() {
    let project = project();
    fs::create_dir(project.path("elsewhere")).unwrap();
    fs::rename(project.path("out/remembered"), project.path("elsewhere/remembered")).unwrap();
    symlink(project.path("elsewhere/remembered"), project.path("out/remembered")).unwrap();
    project.run(&[]).cached_all();
    project.pcamflow(&["cache", "clear", "p.toml", "*"]).exit(0);
    project.pcamflow(&["cache", "gc"]).exit(0);
    assert_eq!(fs::metadata(project.path("out/remembered/command.big/big.bin")).unwrap().len(), 20_000_000);
}

#[test]
fn an_edited_shown_file_is_kept_and_reported() {
    let project = project();
    let shown = project.path("out/remembered/command.copy/copy.txt");
    fs::remove_file(&shown).unwrap();
    fs::write(&shown, "mine").unwrap();
    let run = project.run(&[]).cached_all();
    let warnings = run.warnings();
    assert!(warnings.contains("is not lost: it is "), "{warnings}");
    let folder = project.path("out/remembered/command.copy");
    let texts: Vec<String> = files(&folder).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(texts.iter().any(|text| text == "mine"), "{texts:?}");
    assert_ne!(fs::read_to_string(&shown).unwrap(), "mine");
}

#[test]
fn numbers_that_are_not_finite_are_undefined_without_a_failure() {
    let text = "[command.c]\nshell = 'echo pcamflow:number loss=nan; echo pcamflow:number gain=inf; \
                echo x > {artifacts.out}'\nartifacts = { out = 'x.txt' }\n";
    let project = Sandbox::new().pipeline(text);
    let run = project.run(&[]).ran(["command.c"]);
    let numbers = &run.events_of("finished")[0]["numbers"];
    assert_eq!(numbers[0]["name"], "loss");
    assert!(numbers[0]["value"].is_null() && numbers[1]["value"].is_null(), "{numbers}");
    assert_eq!(run.warnings(), "");
    project.run(&[]).cached_all();
}
