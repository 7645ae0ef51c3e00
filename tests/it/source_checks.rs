//! All source files are checked before the first stage computes, and each problem is reported once.

use crate::{
    hdf5_files::{images, labels},
    sandbox::{Output, Sandbox},
};

const MADE: &str = "[pipeline]\nname = 'p'\n[synthesize.s]\npatches = 24\nslides = 2\n\
                    [split.d]\nimages = 'synthesize.s/images'\nlabels = 'synthesize.s/labels'\n\
                    sizes = { train = 16, validation = 4, test = 4 }\n";
const TRAIN: &str = "[train.t]\ndata = 'split.d'\nepochs = 1\n";

/// The first stages need no files. The added stages read the sources `x.h5` and `y.h5` (20 patches).
fn project(stages: &str) -> Sandbox {
    Sandbox::new().pipeline(&format!("{MADE}{stages}")).with(|root| {
        images(&root.join("data/x.h5"), 20);
        let alternating: Vec<u8> = (0..20).map(|row| row % 2).collect();
        labels(&root.join("data/y.h5"), &alternating);
    })
}

/// The run is refused with these lines before any stage starts.
#[track_caller]
fn refused(project: &Sandbox, lines: &[&[&str]]) -> Output {
    let output = project.run(&[]).exit(2).never_says("panicked");
    assert!(output.events_of("started").is_empty(), "{}", output.stdout);
    let told: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(told.len(), lines.len(), "{}", output.stderr);
    for (line, parts) in told.iter().zip(lines) {
        for part in *parts {
            assert!(line.contains(part), "{part:?} in {line}");
        }
    }
    assert!(!project.path("out/p/synthesize.s").exists());
    output
}

const EVALUATE: &str = "[evaluate.e]\nmodel = 'train.t'\nimages = { x = 'x.h5', y = 'y.h5' }\n";

#[test]
fn the_last_stage_of_a_pipeline_is_checked_before_the_first_one_computes() {
    let project = project(&format!("{TRAIN}{EVALUATE}"));
    labels(&project.path("data/y.h5"), &[0; 19]);
    refused(&project, &[&["error: p.toml:15: ", "x.h5", "has 20 patches", "y.h5", "19 labels"]]);
    project.rewrite("data/y.h5", "<html>");
    refused(&project, &[&["p.toml:15: ", "y.h5", "is not an HDF5 file", "web page"]]);
    project.rewrite("data/x.h5", "\u{1f}\u{8b}");
    project.rewrite("data/y.h5", "version https://git-lfs.github.com/spec/v1\n");
    refused(&project, &[&["x.h5"], &["y.h5", "git lfs pull"]]);
}

#[test]
fn requests_for_too_many_patches_are_reported_with_their_lines() {
    let take = project(&format!("{TRAIN}{EVALUATE}take = 21\n"));
    refused(&take, &[&["p.toml:16: ", "21 patches are asked for, but x.h5 has only 20"]]);
    let split =
        "[split.f]\nimages = 'x.h5'\nlabels = 'y.h5'\nsizes = { train = 16, validation = 4, test = 4 }\n";
    let grid = "[preview.f]\nimages = { x = 'x.h5', y = 'y.h5' }\nrows = 3\ncolumns = 7\n";
    refused(
        &project(&format!("{split}{grid}")),
        &[&["p.toml:13: ", "24 patches are asked for, but x.h5 has only 20"], &["p.toml:16: ", "21 patches"]],
    );
}

#[test]
fn a_single_class_is_an_error_in_training_and_a_warning_in_validation() {
    let pair = |y: &str| format!("{{ x = 'x.h5', y = '{y}' }}");
    let other = "{ x = 'other_x.h5', y = 'other_y.h5' }";
    let train = |train: &str, validation: &str| {
        let stages =
            format!("[train.t]\ndata = {{ train = {train}, validation = {validation} }}\nepochs = 1\n");
        let project = project(&stages);
        images(&project.path("data/other_x.h5"), 3);
        labels(&project.path("data/other_y.h5"), &[1; 3]);
        project
    };
    refused(&train(other, &pair("y.h5")), &[&["p.toml:11: ", "other_y.h5: all 3 labels are 1"]]);
    let validated = train(&pair("y.h5"), other).env("PCAMFLOW_WORKER", "/nowhere/worker");
    let warnings = validated.run(&[]).warnings();
    assert!(warnings.contains("other_y.h5: all 3 labels are 1"), "{warnings}");
}

#[test]
fn a_missing_column_is_reported() {
    let split = "[split.f]\nimages = 'x.h5'\nlabels = 'y.h5'\nmeta = 'm.csv'\ngroup-by = 'wsj'\n\
                 sizes = { train = 8, validation = 4, test = 4 }\n";
    let project = project(split).file("data/m.csv", "wsi,coord_x\na,1\n");
    refused(&project, &[&["p.toml:14: ", "m.csv", "no column `wsj`", "did you mean `wsi`?"]]);
}

#[test]
fn a_bad_file_is_reported_once_per_line_that_names_it() {
    let stages = "[split.f]\nimages = 'x.h5'\nlabels = 'y.h5'\nseeds = [1, 2, 3, 4]\n\
                  sizes = { train = 8, validation = 4, test = 4 }\n";
    let project = project(stages);
    project.rewrite("data/x.h5", "");
    refused(&project, &[&["p.toml:11: ", "x.h5", "is empty (0 bytes)"]]);
}

#[test]
fn a_packed_file_in_place_of_a_missing_one_is_named() {
    let project = project(&format!("{TRAIN}{EVALUATE}"));
    std::fs::rename(project.path("data/x.h5"), project.path("data/x.h5.gz")).unwrap();
    refused(&project, &[&["there is no file", "there is x.h5.gz: write that name", "unpacked once"]]);
}
