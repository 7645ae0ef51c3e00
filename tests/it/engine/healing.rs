//! Recovery from lost or damaged objects and records.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use pcamflow::{
    engine::{
        Engine, Options,
        exec::fake::{Fake, echo},
    },
    store::{self, Store},
};

use super::{ALL, Log, PIPELINE, Project};

/// The store object of an artifact shown in `out`.
fn object(project: &Project, shown: &str) -> PathBuf {
    let digest = pcamflow::digest::Digest::of(&fs::read(project.shown(shown)).unwrap()).hex();
    let path = project.store().join("objects").join(&digest[..2]).join(&digest);
    assert!(path.exists(), "{}", path.display());
    path
}

fn damage(object: &Path, bytes: &[u8]) {
    fs::set_permissions(object, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(object, bytes).unwrap();
}

#[test]
fn a_deleted_truncated_or_changed_object_is_noticed_and_computed_again() {
    let project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    let harms: [&dyn Fn(&Path); 3] =
        [&|object| fs::remove_file(object).unwrap(), &|object| damage(object, b"cut"), &|object| {
            let mut bytes = fs::read(object).unwrap();
            bytes[3] ^= 1;
            damage(object, &bytes);
        }];
    for harm in harms {
        harm(&object(&project, "train.t/model.safetensors"));
        let healed = project.run(PIPELINE);
        healed.ran(&["train.t"]);
        let warnings = healed.warnings().join("\n");
        assert!(
            warnings.contains("`train.t/model`") && warnings.contains("computing it again"),
            "{warnings}"
        );
        project.run(PIPELINE).ran(&[]);
    }
}

#[test]
fn a_damaged_record_is_noticed_and_computed_again() {
    let project = Project::new();
    project.run(PIPELINE);
    let records: Vec<PathBuf> = walk(&project.store().join("actions"));
    assert_eq!(records.len(), 6);
    for record in &records {
        let bytes = fs::read(record).unwrap();
        damage(record, &bytes[..bytes.len() / 2]);
    }
    let healed = project.run(PIPELINE);
    healed.ran(&ALL);
    assert!(healed.warnings().join("\n").contains("record was damaged"));
    project.run(PIPELINE).ran(&[]);
}

#[test]
fn records_without_objects_are_hits_until_the_content_is_needed() {
    let project = Project::new();
    project.run(PIPELINE);
    fs::remove_dir_all(project.store().join("objects")).unwrap();
    project.run(PIPELINE).ran(&[]);
    let text = PIPELINE.replace("[evaluate.e]", "[evaluate.e]\nthreshold = 0.4");
    project.run(&text).ran(&["synthesize.s", "split.s", "train.t", "evaluate.e"]);
    project.run(&text).ran(&[]);
}

#[test]
fn concurrent_runs_recompute_a_lost_result_once() {
    let project = Project::with(Fake::new(|task, _| {
        // Long enough for all runs to finish planning.
        std::thread::sleep(Duration::from_millis(300));
        echo(task)
    }));
    project.run(PIPELINE).ran(&ALL);
    fs::remove_file(object(&project, "train.t/model.safetensors")).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let pipeline = project.pipeline(PIPELINE);
                let store = Store::open(&project.store(), store::Options::default()).unwrap();
                let engine = Engine::new(&pipeline, &store, Options::default()).unwrap();
                let out = project.path().join("out");
                let summary = engine.run(&out, &project.fake, &project.stopped, &mut Log::default()).unwrap();
                assert_eq!(summary.finished.len(), 6, "{:?}", summary.failed);
            });
        }
    });
    assert_eq!(project.fake.take_ran(), ["train.t"]);
    // A forced run computes the stage again.
    let mut project = project;
    project.options.force = vec!["train.t".to_owned()];
    project.run(PIPELINE).ran(&["train.t"]);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
