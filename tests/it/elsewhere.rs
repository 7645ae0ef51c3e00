//! HDF5 files that keep their data in other files are refused as sources, inputs and artifacts, because no
//! digest covers that data. Rows that were never written are counted.

use std::fs;

use crate::{
    hdf5_files::{Shown, images, labels, shown_images, written_images},
    sandbox::Sandbox,
};

const LABELS: [u8; 12] = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];

const ALL: [(Shown, &str); 4] = [
    (Shown::Virtual, "`x` is a virtual dataset"),
    (Shown::External, "`x` is a dataset with external storage"),
    (Shown::Link, "`x` is an external link"),
    (Shown::SoftLink, "`a/b` is an external link"),
];

const SPLIT: &str =
    "[split.d]\nimages = 'v.h5'\nlabels = 'y.h5'\nsizes = { train = 4, validation = 2, test = 2 }\n";
const PREVIEW: &str = "[preview.d]\nimages = { x = 'v.h5', y = 'y.h5' }\nrows = 1\ncolumns = 2\n";
const COMMAND: &str = "[command.d]\nshell = 'cp {v} {artifacts.made}'\ninputs = { v = 'v.h5' }\nartifacts = { made = 'made.h5' }\n";

fn project(text: &str, how: Shown) -> Sandbox {
    Sandbox::new().pipeline(text).with(|root| {
        images(&root.join("data/held.h5"), 12);
        labels(&root.join("data/y.h5"), &LABELS);
        shown_images(&root.join("data/v.h5"), how, &root.join("data/held.h5"), 12);
    })
}

/// The message of a run that was refused before it started (exit code 2) or whose only stage failed (1).
fn refusal(project: &Sandbox) -> String {
    let output = project.run(&[]).never_says("panicked");
    match output.status.code() {
        Some(1) => output.failure(),
        _ => output.exit(2).stderr,
    }
}

/// The message while the other file exists, and after it was deleted.
fn failures(project: &Sandbox) -> [String; 2] {
    let first = refusal(project);
    for held in ["data/held.h5", "data/held.raw"] {
        let _ = fs::remove_file(project.path(held));
    }
    [first, refusal(project)]
}

#[test]
fn sources_with_data_in_other_files_are_refused() {
    for (how, expected) in ALL {
        for text in [SPLIT, PREVIEW, COMMAND] {
            for failure in failures(&project(text, how)) {
                assert!(failure.contains("v.h5") && failure.contains(expected), "{how:?}: {failure}");
                assert!(failure.contains("h5repack") || failure.contains("h5copy"), "{failure}");
                assert!(!failure.contains("truncated"), "{failure}");
            }
        }
    }
}

#[cfg(feature = "torch")]
#[test]
fn training_refuses_them_too() {
    let text = "[train.d]\nepochs = 1\n[train.d.data]\ntrain = { x = 'v.h5', y = 'y.h5' }\n\
                validation = { x = 'held.h5', y = 'y.h5' }\n";
    for (how, expected) in ALL {
        let [failure, _] = failures(&project(text, how));
        assert!(failure.contains(expected), "{how:?}: {failure}");
    }
}

#[test]
fn masks_and_labels_in_other_files_are_refused() {
    for (slot, old) in [("labels", "'y.h5'"), ("masks", "'none'")] {
        let text = format!("{}masks = 'none'\n", SPLIT.replace("v.h5", "held.h5")).replace(old, "'v.h5'");
        let text = if slot == "labels" { text.replace("masks = 'none'\n", "") } else { text };
        let failure = refusal(&project(&text, Shown::Link));
        assert!(failure.contains("`x` is an external link"), "{slot}: {failure}");
    }
}

/// The source has one byte in front of the HDF5 file, so that only the artifact is an HDF5 file.
#[test]
fn artifacts_with_data_in_other_files_are_refused() {
    for (artifact, made) in
        [("made.h5", "made.h5"), ("picture.png", "picture.png"), ("folder/", "folder/deep.bin")]
    {
        for (how, expected) in ALL {
            let text = format!(
                "[command.d]\nshell = 'mkdir -p $(dirname {made}); tail -c +2 {{packed}} > {made}'\n\
                 inputs = {{ packed = 'packed' }}\nartifacts = {{ made = '{artifact}' }}\n"
            );
            let project = project(&text, how).with(|root| {
                let shown = fs::read(root.join("data/v.h5")).unwrap();
                fs::write(root.join("data/packed"), [b"x", shown.as_slice()].concat()).unwrap();
            });
            for failure in failures(&project) {
                assert!(failure.starts_with(made) && failure.contains(expected), "{how:?}: {failure}");
            }
        }
    }
}

#[test]
fn self_contained_files_are_accepted() {
    let project = project(&COMMAND.replace("v.h5", "held.h5"), Shown::Link);
    project.run(&[]).ran(["command.d"]);
}

#[test]
fn rows_that_were_never_written_are_counted_by_a_split() {
    let text = SPLIT
        .replace("v.h5", "x.h5")
        .replace("train = 4, validation = 2, test = 2", "train = 100, validation = 50, test = 50");
    let project = Sandbox::new().pipeline(&text).with(|root| {
        written_images(&root.join("data/x.h5"), 100, 200);
        labels(&root.join("data/y.h5"), &(0..200).map(|row| row % 2).collect::<Vec<u8>>());
    });
    let warnings = project.run(&[]).exit(0).warnings();
    // Chunks hold 64 patches: the second chunk was written, but only in part.
    let unwritten =
        "x.h5: 72 of 200 patches were never written, and hold only the file's fill value (first: row 128)";
    assert!(
        warnings.replace(&format!(" ({})", project.path("data/x.h5").display()), "").contains(unwritten),
        "{warnings}"
    );
    assert!(warnings.contains("28 of 200 patches are of a single colour (first: row 100)"), "{warnings}");
    assert!(warnings.contains("patches without a picture by part: "), "{warnings}");
    // No warning if all patches are written.
    written_images(&project.path("data/x.h5"), 200, 200);
    assert_eq!(project.run(&[]).exit(0).warnings(), "");
}

#[test]
fn a_dataset_that_was_never_written_is_an_error() {
    let project = Sandbox::new().pipeline(&SPLIT.replace("v.h5", "x.h5")).with(|root| {
        written_images(&root.join("data/x.h5"), 0, 12);
        labels(&root.join("data/y.h5"), &LABELS);
    });
    let failure = refusal(&project);
    assert!(failure.contains("x.h5") && failure.contains("dataset `x` was never written"), "{failure}");
}
