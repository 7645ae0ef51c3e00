//! Data leaks: the same patches in training and in evaluation, and source files that were mixed up.

use std::fs;

use crate::{
    hdf5_files::{dataset, images, labels, patches},
    sandbox::{Output, Sandbox},
};

const HEAD: &str = "[pipeline]\nname = 'leaks'\n";
const SPLIT: &str =
    "[split.d]\nimages = 'a_x.h5'\nlabels = 'a_y.h5'\nsizes = { train = 8, validation = 4, test = 4 }\n";
const TRAIN: &str = "[train.t]\ndata = 'split.d'\nepochs = 1\n";

fn alternating(count: usize) -> Vec<u8> {
    (0..count).map(|row| (row % 2) as u8).collect()
}

/// A project with the files `a`, `b` and `c`; `c` has the same bytes as `a`.
fn project(stages: &str) -> Sandbox {
    Sandbox::new().pipeline(&format!("{HEAD}{stages}")).with(|root| {
        let data = root.join("data");
        for (name, count) in [("a", 16), ("b", 17)] {
            images(&data.join(format!("{name}_x.h5")), count);
            labels(&data.join(format!("{name}_y.h5")), &alternating(count));
        }
        for kind in ["x", "y"] {
            fs::copy(data.join(format!("a_{kind}.h5")), data.join(format!("c_{kind}.h5"))).unwrap();
        }
    })
}

fn pair(name: &str) -> String {
    format!("{{ x = '{name}_x.h5', y = '{name}_y.h5' }}")
}

/// The standard error of a dry run: leaks are reported before any stage runs.
fn plan(stages: &str, code: i32) -> Output {
    project(stages).pcamflow(&["plan", "p.toml"]).exit(code)
}

fn evaluate(images: &str) -> String {
    format!("[evaluate.e]\nmodel = 'train.t'\nimages = {images}\n")
}

#[test]
fn training_and_validation_patches_of_one_file_are_refused_under_any_name() {
    for other in ["a", "c"] {
        let data = format!("data = {{ train = {}, validation = {} }}", pair("a"), pair(other));
        let output = plan(&format!("[train.t]\n{data}\nepochs = 1\n"), 2);
        output.complains("p.toml:4: `data`: training and validation patches are the same file");
    }
    let data = format!("data = {{ train = {}, validation = {} }}", pair("a"), pair("b"));
    assert_eq!(plan(&format!("[train.t]\n{data}\nepochs = 1\n"), 0).stderr, "");
}

#[test]
fn evaluating_on_training_patches_is_reported() {
    let learnt = "`train.t` was trained on these patches";
    let shared = "`train.t` was probably trained on some of these patches";
    let other = SPLIT.replace("split.d", "split.other").replace("train = 8", "train = 7");
    let files =
        format!("[train.t]\ndata = {{ train = {}, validation = {} }}\nepochs = 1\n", pair("a"), pair("b"));
    let split = format!("{SPLIT}{TRAIN}");
    let cases = [
        (format!("{split}{}", evaluate("'split.d/train'")), learnt),
        (format!("{files}{}", evaluate(&pair("a"))), learnt),
        // The same bytes under another file name.
        (format!("{files}{}", evaluate(&pair("c"))), learnt),
        (format!("{split}{}", evaluate(&pair("c"))), shared),
        (format!("{split}{other}{}", evaluate("'split.other/test'")), shared),
        (format!("{SPLIT}{files}{}", evaluate("'split.d/test'")), shared),
        (
            format!(
                "{split}[resume-train.r]\nfrom = 'train.t'\nepochs = 1\n[evaluate.e]\nmodel = 'resume-train.r'\nimages = 'split.d/train'\n"
            ),
            learnt,
        ),
        (format!("{split}{}validation = 'split.d/train'\n", evaluate("'split.d/test'")), learnt),
    ];
    for (stages, told) in cases {
        let output = plan(&stages, 0);
        assert!(
            output.stderr.contains("evaluate.e") && output.stderr.contains(told),
            "{stages}\n{}",
            output.stderr
        );
    }
    for stages in [
        format!("{split}{}validation = 'split.d/validation'\n", evaluate("'split.d/test'")),
        format!("{split}{}", evaluate(&pair("b"))),
        format!("{files}[evaluate.e]\nmodel = 'train.t'\nimages = {}\n", pair("b")),
    ] {
        assert_eq!(plan(&stages, 0).stderr, "", "{stages}");
    }
}

#[test]
fn a_threshold_may_not_be_chosen_on_the_patches_it_is_evaluated_on() {
    let stages = format!("{SPLIT}{TRAIN}{}validation = {}\n", evaluate(&pair("b")), pair("b"));
    project(&stages).pcamflow(&["check", "p.toml"]).exit(2).complains("`validation` must be other patches");
    let files =
        format!("[train.t]\ndata = {{ train = {}, validation = {} }}\nepochs = 1\n", pair("b"), pair("a"));
    let stages = format!("{files}{}validation = {}\n", evaluate(&pair("a")), pair("c"));
    plan(&stages, 2).complains("`validation` must be other patches than `images`");
}

#[test]
fn mixing_files_of_different_parts_is_reported() {
    let stages = "[split.d]\nimages = 'pcam_test_x.h5'\nlabels = 'pcam_valid_y.h5'\nsizes = { train = 8, validation = 4, test = 4 }\n";
    let project = project(stages);
    fs::rename(project.path("data/a_x.h5"), project.path("data/pcam_test_x.h5")).unwrap();
    fs::rename(project.path("data/a_y.h5"), project.path("data/pcam_valid_y.h5")).unwrap();
    let warnings = project.run(&[]).ran(["split.d"]).warnings();
    assert!(warnings.contains("pcam_test_x.h5 and pcam_valid_y.h5 stand side by side"), "{warnings}");
    // A fully cached run reports it as well.
    let warnings = project.run(&[]).cached_all().warnings();
    assert!(warnings.contains("stand side by side"), "{warnings}");
}

#[test]
fn identical_patches_across_parts_are_counted_and_reported() {
    let project = project(SPLIT);
    let mut twins = patches(16);
    for row in 8..16 {
        let twin = twins.index_axis(ndarray::Axis(0), row - 8).to_owned();
        twins.index_axis_mut(ndarray::Axis(0), row).assign(&twin);
    }
    dataset(&project.path("data/a_x.h5"), "x", &twins.into_dyn(), |plain| plain);
    let output = project.run(&[]).ran(["split.d"]);
    let told: serde_json::Value =
        serde_json::from_slice(&fs::read(project.path("out/leaks/split.d/split.json")).unwrap()).unwrap();
    let found = &told["duplicates"];
    let number = |name: &str| found[name].as_u64().unwrap();
    let within: u64 =
        ["train", "validation", "test"].iter().map(|part| found["within"][part].as_u64().unwrap()).sum();
    let across = number("validation-in-train") + number("test-in-train") + number("test-in-validation");
    assert_eq!(within + across, 8, "all 16 patches are drawn and each has one duplicate: {found}");
    let (count, warnings) = (number("test-in-train"), output.warnings());
    assert!(
        count > 0
            && warnings
                .contains(&format!("{count} of 4 patches of `test` are also in `train`, pixel for pixel")),
        "{warnings}"
    );
    // Without duplicates there is no warning.
    images(&project.path("data/a_x.h5"), 16);
    assert_eq!(project.run(&[]).ran(["split.d"]).warnings(), "");
}
