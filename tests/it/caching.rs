//! Which stages run again after a change and which are cached, with the real binary.

use std::{fs, path::Path};

use crate::{
    hdf5_files::{images, labels},
    sandbox::Sandbox,
};

const PIPELINE: &str = "\
[pipeline]
name = 'small'
[synthesize.s]
patches = 12
slides = 2
stain-variation = 1.0
seed = 7
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
meta = 'synthesize.s/meta'
masks = 'synthesize.s/masks'
sizes = { train = 4, validation = 2, test = 2 }
";

/// A split that reads source files.
const SOURCES: &str = "\
[pipeline]
name = 'sources'
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
";

const BOTH: [&str; 2] = ["split.d", "synthesize.s"];

fn small() -> Sandbox {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&[]).ran(BOTH);
    project
}

fn write_sources(folder: &Path) {
    images(&folder.join("x.h5"), 12);
    labels(&folder.join("y.h5"), &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
}

fn sources() -> Sandbox {
    let project = Sandbox::new().pipeline(SOURCES).with(|root| write_sources(&root.join("data")));
    project.run(&[]).ran(["split.d"]);
    project
}

/// Runs the pipeline, edits it and runs it again.
#[track_caller]
fn edited(edit: impl Fn(&str) -> String) -> crate::sandbox::Output {
    let project = small();
    let text = edit(PIPELINE);
    assert_ne!(text, PIPELINE, "the edit changed nothing");
    project.rewrite("p.toml", text);
    project.run(&[])
}

#[test]
fn a_second_run_computes_nothing_and_keeps_the_shown_files() {
    let project = small();
    let shown = project.digests();
    project.run(&[]).cached_all();
    assert_eq!(project.digests(), shown);
}

#[test]
fn a_comment_or_white_space_changes_nothing() {
    edited(|text| format!("# a comment\n\n{}", text.replace(" = ", "   =  "))).cached_all();
}

#[test]
fn the_order_of_keys_and_stages_changes_nothing() {
    edited(|text| {
        let (head, split) = text.split_once("[split.d]").unwrap();
        let (pipeline, synthesize) = head.split_once("[synthesize.s]").unwrap();
        let mut lines: Vec<&str> = synthesize.trim().lines().collect();
        lines.reverse();
        let split =
            split.replace("train = 4, validation = 2, test = 2", "test = 2, train = 4, validation = 2");
        format!("{pipeline}[split.d]{split}[synthesize.s]\n{}\n", lines.join("\n"))
    })
    .cached_all();
}

#[test]
fn another_stage_or_pipeline_name_changes_nothing() {
    edited(|text| text.replace("synthesize.s", "synthesize.other").replace("split.d", "split.e"))
        .cached_all();
    edited(|text| text.replace("'small'", "'another'")).cached_all();
}

#[test]
fn another_notation_of_a_number_changes_nothing() {
    edited(|text| text.replace("stain-variation = 1.0", "stain-variation = 1")).cached_all();
    edited(|text| text.replace("patches = 12", "patches = 1_2")).cached_all();
}

#[test]
fn a_default_that_is_spelt_out_changes_nothing() {
    edited(|text| text.replace("stain-variation = 1.0\n", "")).cached_all();
    edited(|text| text.replace("seed = 7\n", "seed = 7\ndecoys = 2\n")).cached_all();
}

#[test]
fn an_inherited_seed_counts_as_the_stages_own_seed() {
    edited(|text| text.replace("seed = 7\n", "").replace("name = 'small'", "name = 'small'\nseed = 7"))
        .ran(["split.d"]);
}

#[test]
fn run_settings_change_nothing() {
    edited(|text| format!("{text}\n[run]\ndevice = 'cpu'\nthreads = 1\n")).cached_all();
    edited(|text| text.replace("patches = 12", "patches = 12\nrun = { threads = 1 }")).cached_all();
    let project = small();
    project.run(&["--device", "cpu", "--threads", "1", "--jobs", "1"]).cached_all();
}

#[test]
fn a_parameter_reruns_its_stage_and_what_depends_on_it() {
    edited(|text| text.replace("patches = 12", "patches = 13")).ran(BOTH);
    edited(|text| text.replace("train = 4", "train = 5")).ran(["split.d"]);
    let project = small();
    project.run(&["--set", "synthesize.s.patches=13"]).ran(BOTH);
    project.run(&[]).cached_all();
}

#[test]
fn the_reason_for_a_run_is_reported() {
    let output = edited(|text| text.replace("patches = 12", "patches = 13")).exit(0);
    assert_eq!(output.events_of("started")[0]["why"], "`patches` 12 -> 13 (p.toml:4)");
}

#[test]
fn threads_do_not_change_a_byte() {
    let one = small();
    let other = Sandbox::new().pipeline(PIPELINE);
    other.run(&["--threads", "3", "--jobs", "1"]).ran(BOTH);
    assert_eq!(one.digests(), other.digests());
}

#[test]
fn force_runs_only_the_stage_itself() {
    let project = small();
    project.run(&["--force", "split.*"]).ran(["split.d"]);
    project.run(&["--force", "synthesize.s"]).ran(["synthesize.s"]);
    project.run(&["--force", "*"]).ran(BOTH);
    project.run(&[]).cached_all();
}

#[test]
fn data_that_moved_or_was_copied_changes_nothing() {
    let project = sources();
    fs::rename(project.path("data"), project.path("elsewhere")).unwrap();
    project.run(&["--data", "elsewhere"]).cached_all();
    fs::create_dir(project.path("copy")).unwrap();
    for name in ["x.h5", "y.h5"] {
        fs::copy(project.path("elsewhere").join(name), project.path("copy").join(name)).unwrap();
    }
    project.run(&["--data", "copy"]).cached_all();
    project.rewrite("p.toml", SOURCES.replace("name = 'sources'", "name = 'sources'\ndata = 'copy'"));
    project.run(&[]).cached_all();
}

#[test]
fn the_command_line_overrides_the_data_folder_of_the_environment() {
    let project = Sandbox::new().env("PCAMFLOW_DATA", "mine").pipeline(SOURCES);
    write_sources(&project.path("mine"));
    project.run(&[]).ran(["split.d"]);
    project.run(&["--data", "absent"]).exit(2).complains("/absent/x.h5");
}

#[test]
fn a_changed_source_reruns_the_stages_that_read_it() {
    let project = sources();
    labels(&project.path("data/y.h5"), &[1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    let output = project.run(&[]).ran(["split.d"]);
    assert_eq!(output.events_of("started")[0]["why"], "`data/y.h5` changed");
    let now = std::time::SystemTime::now();
    fs::File::options().write(true).open(project.path("data/x.h5")).unwrap().set_modified(now).unwrap();
    project.run(&[]).cached_all();
}

#[test]
fn an_edit_of_the_same_size_and_time_is_noticed() {
    let project = sources();
    let path = project.path("data/x.h5");
    let time = path.metadata().unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    project.run(&[]).ran(["split.d"]);
}

#[test]
fn a_store_can_be_in_any_folder() {
    let project = Sandbox::new().pipeline(PIPELINE);
    project.run(&["--store", "deep/down"]).ran(BOTH);
    assert!(project.path("deep/down/format").exists() && !project.path(".pcamflow").exists());
    project.run(&["--store", "deep/down"]).cached_all();
    project.run(&["--store", "another"]).ran(BOTH);
}

#[test]
fn results_are_shown_in_the_requested_folder() {
    let project = small();
    project.run(&["--out", "there"]).cached_all();
    assert_eq!(project.names("there/small/split.d"), ["split.json", "test.h5", "train.h5", "validation.h5"]);
    let sizes = [("out", "x"), ("there", "x")]
        .map(|(out, _)| fs::metadata(project.path(out).join("small/split.d/train.h5")).unwrap().len());
    assert_eq!(sizes[0], sizes[1]);
}

#[test]
fn the_root_is_the_nearest_folder_with_git_or_a_store_or_else_the_current_one() {
    for mark in [".git", ".pcamflow"] {
        let project = Sandbox::new().file("deep/down/p.toml", PIPELINE);
        fs::create_dir(project.path("deep").join(mark)).unwrap();
        project.pcamflow(&["run", "deep/down/p.toml"]).exit(0);
        assert!(project.path("deep/.pcamflow/format").exists() && project.path("deep/out/small").exists());
        assert_eq!(project.names("deep/down"), ["p.toml"]);
    }
    let project = Sandbox::new().file("deep/down/p.toml", PIPELINE);
    project.pcamflow(&["run", "deep/down/p.toml"]).exit(0);
    assert!(project.path(".pcamflow/format").exists() && project.path("out/small").exists());
}

#[test]
fn stale_results_are_removed_but_other_files_are_kept() {
    let project = small();
    assert_eq!(project.names("out/small"), ["split.d", "synthesize.s"]);
    project.rewrite("out/small/notes.txt", "mine");
    project.rewrite("p.toml", PIPELINE.replace("split.d", "split.e"));
    project.run(&[]).cached_all();
    assert_eq!(project.names("out/small"), ["notes.txt", "split.e", "synthesize.s"]);
}

#[test]
fn results_that_were_removed_are_shown_again() {
    let project = small();
    let shown = project.digests();
    fs::remove_dir_all(project.path("out")).unwrap();
    project.run(&[]).cached_all();
    assert_eq!(project.digests(), shown);
    fs::remove_file(project.path("out/small/split.d/train.h5")).unwrap();
    project.run(&[]).cached_all();
    assert_eq!(project.digests(), shown);
}

#[test]
fn edits_of_shown_files_do_not_reach_the_store() {
    let project = small();
    let shown = project.digests();
    let path = project.path("out/small/split.d/split.json");
    // Small artifacts (up to 16 MB) are shown as copies, so an edit cannot reach the store.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    project.run(&[]).cached_all();
    fs::remove_dir_all(project.path("out")).unwrap();
    project.run(&[]).cached_all();
    assert_eq!(project.digests(), shown);
}
