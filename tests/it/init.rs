//! `pcamflow init`: the pipeline that it writes for the available data can run, and no file is overwritten.

use std::fs;

use crate::{
    hdf5_files::{labels, unwritten_images},
    sandbox::Sandbox,
};

fn name(what: &str) -> String {
    format!("data/camelyonpatch_level_2_split_{what}")
}

/// Writes images and labels of an official part with `count` patches.
fn pair(project: &Sandbox, part: &str, count: usize) {
    unwritten_images(&project.path(&name(&format!("{part}_x.h5"))), count);
    let alternating: Vec<u8> = (0..count).map(|row| (row % 2) as u8).collect();
    labels(&project.path(&name(&format!("{part}_y.h5"))), &alternating);
}

/// A project with the official training part and `others`.
fn project(others: &[&str]) -> Sandbox {
    let project = Sandbox::new().file(".git/HEAD", "");
    pair(&project, "train", 1204);
    others.iter().for_each(|part| pair(&project, part, 64));
    project
}

#[test]
fn without_data_init_writes_the_quickstart() {
    let project = Sandbox::new().file(".git/HEAD", "");
    let output = project.pcamflow(&["init"]).exit(0);
    assert!(output.stdout.contains("wrote pipeline.toml, for synthetic patches: no official PCam files in"));
    assert!(output.stdout.contains("next: pcamflow run pipeline.toml --dry-run"), "{}", output.stdout);
    let text = fs::read_to_string(project.path("pipeline.toml")).unwrap();
    assert!(
        text.contains("#   pcamflow run pipeline.toml\n") && text.contains("[synthesize.patches]"),
        "{text}"
    );
    assert_eq!(project.names("."), ["pcamflow.schema.json", "pipeline.toml"]);
    let plan = project.pcamflow(&["run", "pipeline.toml", "--dry-run"]).exit(0);
    assert!(plan.stdout.contains("synthesize.patches"), "{}", plan.stdout);
}

#[test]
fn existing_files_are_not_overwritten() {
    let project = Sandbox::new().file("pipeline.toml", "mine").file("pcamflow.schema.json", "mine, too");
    project.pcamflow(&["init"]).exit(2).complains("pipeline.toml already exists").complains("--force");
    assert_eq!(fs::read_to_string(project.path("pipeline.toml")).unwrap(), "mine");
    project.pcamflow(&["init", "sub folder/other.toml"]).exit(0);
    assert_eq!(project.names("sub folder"), ["other.toml", "pcamflow.schema.json"]);
    project.pcamflow(&["init", "again.toml"]).exit(0).never_says("wrote ./pcamflow.schema.json");
    assert_eq!(fs::read_to_string(project.path("pcamflow.schema.json")).unwrap(), "mine, too");
}

#[test]
fn the_pipeline_fits_the_size_of_the_official_files() {
    let project = project(&[]);
    project.pcamflow(&["init", "mine.toml"]).exit(0);
    let text = fs::read_to_string(project.path("mine.toml")).unwrap();
    assert!(text.contains("name = \"mine\"\n"), "{text}");
    assert!(text.contains("sizes = { train = 964, validation = 120, test = 120 }"), "{text}");
    assert!(text.contains("\n# group-by = \"wsi\"") && !text.contains("official-test"), "{text}");
    assert!(text.starts_with("#:schema ./pcamflow.schema.json\n"), "{text}");
    let plan = project.pcamflow(&["run", "mine.toml", "--dry-run"]).exit(0);
    assert!(plan.stdout.contains("split.pcam            run"), "{}", plan.stdout);
}

#[test]
fn a_meta_table_groups_by_slide_and_official_parts_are_evaluated() {
    let project = project(&["test", "valid"]);
    fs::remove_file(project.path(&name("valid_y.h5"))).unwrap();
    project.rewrite(&name("train_meta.csv"), "wsi\n");
    project.pcamflow(&["init"]).exit(0);
    let text = fs::read_to_string(project.path("pipeline.toml")).unwrap();
    assert!(text.contains("\ngroup-by = \"wsi\"") && text.contains("[evaluate.official-test]"), "{text}");
    assert!(!text.contains("official-validation"), "the labels of this part are missing: {text}");
    let output = project.pcamflow(&["check", "pipeline.toml"]).exit(0);
    assert!(output.stdout.starts_with("pipeline: 8 stages: "), "{}", output.stdout);
}

#[test]
fn a_given_data_folder_is_written_into_the_pipeline() {
    let project = project(&[]);
    fs::rename(project.path("data"), project.path("my \"patches\"")).unwrap();
    project.pcamflow(&["init", "--data", "my \"patches\""]).exit(0);
    let text = fs::read_to_string(project.path("pipeline.toml")).unwrap();
    assert!(text.contains(r#"data = "my \"patches\"""#), "{text}");
    project.pcamflow(&["run", "pipeline.toml", "--dry-run"]).exit(0);
}

#[test]
fn data_that_cannot_be_used_yet_is_explained() {
    let project = Sandbox::new().file("data/camelyonpatch_level_2_split_train_x.h5.gz", "");
    let output = project.pcamflow(&["init"]).exit(0);
    assert!(output.stdout.contains("has to be unpacked first"), "{}", output.stdout);
    let project = Sandbox::new();
    pair(&project, "train", 99);
    let output = project.pcamflow(&["init"]).exit(0);
    assert!(output.stdout.contains("with at least 100 patches"), "{}", output.stdout);
    project.rewrite(&name("train_x.h5"), "<html>");
    let output = project.pcamflow(&["init", "--force"]).exit(0);
    assert!(output.stdout.contains("left out: ") && output.stdout.contains("web page"), "{}", output.stdout);
}

#[test]
fn pipelines_for_all_sizes_can_be_checked_and_planned() {
    for count in [100, 101, 137, 499, 500] {
        let project = Sandbox::new().file(".git/HEAD", "");
        pair(&project, "train", count);
        project.pcamflow(&["init"]).exit(0);
        project.pcamflow(&["check", "pipeline.toml"]).exit(0);
        project.pcamflow(&["run", "pipeline.toml", "--dry-run"]).exit(0);
        let text = fs::read_to_string(project.path("pipeline.toml")).unwrap();
        assert!(text.contains(&format!("take = {}\n", (count / 10).min(50))), "{text}");
    }
}

#[test]
fn data_one_folder_down_is_found() {
    let project = project(&[]);
    fs::rename(project.path("data"), project.path("pcam")).unwrap();
    fs::create_dir(project.path("data")).unwrap();
    fs::rename(project.path("pcam"), project.path("data/pcam")).unwrap();
    project.pcamflow(&["init"]).exit(0);
    let text = fs::read_to_string(project.path("pipeline.toml")).unwrap();
    assert!(text.contains("data = \"data/pcam\""), "{text}");
    project.pcamflow(&["run", "pipeline.toml", "--dry-run"]).exit(0);
}

#[test]
fn force_replaces_the_pipeline_and_the_schema() {
    let project = Sandbox::new().file("pipeline.toml", "mine").file("pcamflow.schema.json", "old");
    project.pcamflow(&["init", "--force"]).exit(0);
    project.pcamflow(&["check", "pipeline.toml"]).exit(0);
    assert!(fs::read_to_string(project.path("pcamflow.schema.json")).unwrap().starts_with('{'));
}

#[test]
fn real_patches_can_be_split() {
    let Some(data) = pcamflow::testing::shared("data/pcam-mini") else { return };
    let project = Sandbox::new().file(".git/HEAD", "");
    project.pcamflow(&["init", "p.toml", "--data", data.to_str().unwrap()]).exit(0);
    project.run(&["split.pcam", "preview.samples"]).ran(["preview.samples", "split.pcam"]);
}
