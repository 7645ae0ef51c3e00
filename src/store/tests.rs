//! The store as a whole: killed at any moment.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{record::examples, view::VIEW_LOCK, *};
use crate::{digest::Digest, fsx};

fn open(root: &Path) -> Store {
    Store::open(root, Options::default()).unwrap()
}

/// What a run does for one stage: lock, look, stage, publish, commit, show.
fn execute(store: &Store, out: &Path, i: usize, files: usize, bytes: usize) -> ActionRecord {
    let mut record = examples::record(&i.to_string(), &format!("train.s{i}"));
    record.lines = (0..30).map(|n| (format!("parameters.number-{n}"), format!("{n}e-3"))).collect();
    let lock = store.try_lock(&record.key, "a test").unwrap();
    if let Lookup::Found(found) = store.record(&record.key).unwrap() {
        store.show(&out.join(&found.stage), found.artifacts.values()).unwrap();
        return *found;
    }
    let attempt = store.attempt(&record.key).unwrap();
    fs::write(store.work(&record.key).unwrap().join("checkpoint"), "x").unwrap();
    for n in 0..files {
        let path = attempt.folder().join(format!("artifact-{n}.json"));
        fs::write(&path, format!("{i} {n}").repeat(bytes)).unwrap();
        record.artifacts.insert(format!("artifact-{n}"), store.publish(&path).unwrap());
    }
    store.commit(record.clone(), Existing::Keep).unwrap();
    store.note_latest("full", &record.stage, &record.key).unwrap();
    store.remove_work(&record.key).unwrap();
    store.show(&out.join(&record.stage), record.artifacts.values()).unwrap();
    drop(lock);
    record
}

#[test]
fn a_run_killed_at_any_moment_leaves_a_store_that_the_next_run_uses() {
    let folder = tempfile::tempdir().unwrap();
    let (root, out) = (folder.path().join("store"), folder.path().join("out"));
    let started = folder.path().join("started");
    let mut most = 0;
    let mut round: u64 = 0;
    while round < 40 || most < 3 {
        round += 1;
        fsx::remove_file(&started).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::child_that_runs_until_it_is_killed", "--ignored"])
            .env("PCAMFLOW_TEST_RUN", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !started.exists() {
            assert_eq!(child.try_wait().unwrap(), None, "the child ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        // Moments spread over some hundred steps of the child's work, and more where the machine is slow.
        std::thread::sleep(
            Duration::from_micros(1237 * round % 30_000) * (1 + u32::try_from(round / 40).unwrap()),
        );
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open(&root);
        let records: Vec<_> = (0..).map_while(|i| found(&store, i)).collect();
        for record in &records {
            let checks = record.artifacts.values().map(|artifact| store.check(record, artifact).unwrap());
            assert!(checks.into_iter().all(|check| check == Check::Intact), "round {round}");
        }
        assert!(records.len() >= most, "round {round}: a finished stage is gone");
        most = records.len();
    }
    // The next plain run goes on, shows all, and leaves nothing passing behind.
    let store = open(&root);
    let records: Vec<_> = (0..=most).map(|i| execute(&store, &out, i, 3, 100)).collect();
    for folder in ["staging", "tmp", "quarantine", "locks"] {
        let mut left = fsx::list(&root.join(folder)).unwrap();
        // Of a run that was killed when all was shown: the next change of that folder finds it, and removes it.
        left.retain(|name| !name.to_string_lossy().starts_with(VIEW_LOCK));
        assert_eq!(left, Vec::<std::ffi::OsString>::new(), "{folder}");
    }
    let mut stages: Vec<std::ffi::OsString> = records.into_iter().map(|record| record.stage.into()).collect();
    stages.sort();
    let keep = stages.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(store.hide_others(&out, &keep).unwrap().is_empty());
    assert_eq!(fsx::list(&out).unwrap(), stages);
}

fn found(store: &Store, i: usize) -> Option<ActionRecord> {
    match store.record(&Digest::of(i.to_string().as_bytes())).unwrap() {
        Lookup::Found(record) => Some(*record),
        Lookup::Absent => None,
        Lookup::Damaged(damage) => panic!("{damage}"),
    }
}

#[test]
#[ignore = "run by the test above as a child process"]
fn child_that_runs_until_it_is_killed() {
    let Some(folder) = std::env::var_os("PCAMFLOW_TEST_RUN") else { return };
    let store = open(&Path::new(&folder).join("store"));
    fs::write(Path::new(&folder).join("started"), "").unwrap();
    for i in 0.. {
        execute(&store, &Path::new(&folder).join("out"), i, 3, 100);
    }
}
