//! Which stages run and which are cached.

use pcamflow::engine::{
    exec::fake::{Fake, echo},
    tell::event::Planned,
};

use super::{ALL, PIPELINE, Project, state};

#[test]
fn the_second_run_runs_nothing() {
    let project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    let again = project.run(PIPELINE);
    again.ran(&[]);
    assert_eq!(again.summary.finished.len(), 6);
    assert!(again.summary.finished.iter().all(|stage| stage.cached));
}

#[test]
fn an_equivalent_pipeline_file_changes_nothing() {
    let project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    for text in [
        PIPELINE.replace("epochs = 3", "# more\nepochs   = 3 # three"),
        PIPELINE.replace("data = 'split.s'\nepochs = 3", "epochs = 3\ndata = 'split.s'"),
        PIPELINE.replace("epochs = 3", "epochs = 3\nbatch-size = 64\nshuffle = true"),
        PIPELINE.replace("epochs = 3", "epochs = 3\nrun = { device = 'cpu', threads = 1 }"),
        PIPELINE.replace("[pipeline]", "[run]\nthreads = 2\n[pipeline]\nseed = 42"),
        PIPELINE.replace("train.t", "train.other"),
    ] {
        project.run(&text).ran(&[]);
    }
}

#[test]
fn a_changed_value_runs_its_stage_and_what_depends_on_it() {
    let project = Project::new();
    project.run(PIPELINE);
    project.run(&PIPELINE.replace("epochs = 3", "epochs = 4")).ran(&ALL[2..]);
    let threshold = PIPELINE.replace("[evaluate.e]", "[evaluate.e]\nthreshold = 0.4");
    project.run(&threshold).ran(&["evaluate.e"]);
    project.run(PIPELINE).ran(&[]);
}

#[test]
fn an_unchanged_result_reruns_nothing_downstream() {
    // A split whose result does not depend on its seed.
    let project = Project::with(Fake::new(|task, _| {
        let mut task = task.clone();
        if let pcamflow::stages::AnyStage::Split(split) = &mut task.stage {
            split.seed = 0;
        }
        echo(&task)
    }));
    project.run(PIPELINE).ran(&ALL);
    let text = PIPELINE.replace("[split.s]", "[split.s]\nseed = 1");
    let plan = project.plan(&text);
    let (planned, why) = state(&plan, "split.s");
    assert_eq!(planned, Planned::Run);
    assert!(why.starts_with("`seed` 42 -> 1 (") && why.ends_with("p.toml:7)"), "{why}");
    assert_eq!(state(&plan, "train.t"), (Planned::Maybe, "`split.s/train` may change"));
    assert_eq!(state(&plan, "synthesize.s").0, Planned::Cached);
    project.run(&text).ran(&["split.s"]);
}

#[test]
fn a_forced_stage_with_an_unchanged_result_runs_alone() {
    let mut project = Project::new();
    project.run(PIPELINE).ran(&ALL);
    project.options.force = vec!["split.*".to_owned()];
    let forced = project.run(PIPELINE);
    forced.ran(&["split.s"]);
    assert_eq!(state(&project.plan(PIPELINE), "split.s"), (Planned::Run, "forced"));
}

#[test]
fn a_target_runs_with_its_dependencies() {
    let mut project = Project::new();
    project.options.targets = vec!["explain.b".to_owned()];
    project.run(PIPELINE).ran(&["synthesize.s", "split.s", "train.t", "explain.b"]);
    project.options.targets = vec!["explain.c".to_owned()];
    let refused = project.try_run(PIPELINE).err().unwrap().to_string();
    assert!(refused.contains("no stage `explain.c`") && refused.contains("did you mean"), "{refused}");
}

#[test]
fn sources_are_identified_by_content_not_by_path() {
    let project = Project::new();
    let data = project.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    for file in ["x", "y"] {
        std::fs::write(data.join(file), file).unwrap();
    }
    let text = PIPELINE.replace("synthesize.s/images", "x").replace("synthesize.s/labels", "y");
    project.run(&text).ran(&ALL);
    std::fs::rename(&data, project.path().join("moved")).unwrap();
    std::fs::create_dir_all(&data).unwrap();
    let moved = text.replace("'x'", "'../moved/x'").replace("'y'", "'../moved/y'");
    project.run(&moved).ran(&[]);
    std::fs::write(project.path().join("moved/x"), "other").unwrap();
    project.run(&moved).ran(&ALL[1..]);
    let refused = project.try_run(&text).err().unwrap().to_string();
    assert!(refused.contains("p.toml:7: there is no file") && refused.contains("p.toml:8"), "{refused}");
}

#[test]
fn a_pinned_source_need_not_exist() {
    let project = Project::new();
    let data = project.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("x"), "x").unwrap();
    let pin = |bytes: &[u8]| format!("{{ path = 'x', blake3 = '{}' }}", pcamflow::digest::Digest::of(bytes));
    let text = PIPELINE.replace("'synthesize.s/images'", &pin(b"x"));
    project.run(&text).ran(&ALL);
    std::fs::remove_file(data.join("x")).unwrap();
    project.run(&text).ran(&[]);
    std::fs::write(data.join("x"), "other").unwrap();
    let refused = project.try_run(&text).err().unwrap().to_string();
    assert!(refused.contains("not the file that is pinned here"), "{refused}");
}

#[test]
fn artifacts_are_shown_and_stale_ones_are_removed() {
    let project = Project::new();
    project.run(PIPELINE);
    let model = std::fs::read_to_string(project.shown("train.t/model.safetensors")).unwrap();
    assert!(model.contains("epochs = 3"), "{model}");
    assert!(project.shown("explain.b/maps.h5").exists());
    let without = PIPELINE.split("[explain.b]").next().unwrap().replace("epochs = 3", "epochs = 4");
    project.run(&without);
    let model = std::fs::read_to_string(project.shown("train.t/model.safetensors")).unwrap();
    assert!(model.contains("epochs = 4"), "{model}");
    assert!(!project.shown("explain.b").exists());
}
