//! Wrong inputs: each gives one clear message and the correct exit code.

use std::{fs, path::Path};

use ndarray::ArrayD;

use crate::{
    hdf5_files::{dataset, images, labels, patches},
    sandbox::{Output, Sandbox},
};

const PIPELINE: &str = "\
[pipeline]
name = 'wrong'
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 4, validation = 2, test = 2 }
";

const LABELS: [u8; 12] = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];

/// A valid project whose data is then modified by `harm`.
fn harmed(harm: impl FnOnce(&Path)) -> Sandbox {
    Sandbox::new().pipeline(PIPELINE).with(|root| {
        images(&root.join("data/x.h5"), 12);
        labels(&root.join("data/y.h5"), &LABELS);
        harm(&root.join("data"));
    })
}

/// The run is refused before any stage computes. The only message begins with the place in the pipeline,
/// contains these parts and has no internal details.
#[track_caller]
fn refuses(project: &Sandbox, parts: &[&str]) {
    let output = one_message(project.run(&[]).exit(2));
    assert!(
        output.stderr.starts_with("error: p.toml:") && output.stderr.lines().count() == 1,
        "{}",
        output.stderr
    );
    for part in parts {
        if !output.stderr.contains(part) {
            output.fail(&format!("the message does not say {part:?}"));
        }
    }
    assert!(output.events_of("started").is_empty() && !project.path("out/wrong/split.d").exists());
    // The second attempt gives the same message: nothing of the first is cached.
    assert_eq!(project.run(&[]).exit(2).stderr, output.stderr);
}

/// The stage fails with one message that contains these parts and has no internal details.
#[track_caller]
fn fails(project: &Sandbox, parts: &[&str]) {
    let output = one_message(project.run(&[]).exit(1));
    let message = output.failure();
    for part in parts {
        if !message.contains(part) {
            output.fail(&format!("the message does not say {part:?}: {message}"));
        }
    }
    if message.lines().count() > 2 {
        output.fail("the message is long");
    }
    assert!(!project.path("out/wrong/split.d").exists(), "a failed stage shows nothing");
    // Failures are not cached.
    assert_eq!(project.run(&[]).exit(1).failure(), message);
}

/// The output has no internal details.
#[track_caller]
fn one_message(output: Output) -> Output {
    let output = output.never_says("panicked").never_says("backtrace").never_says("HDF5-DIAG");
    output.never_says("internal error").never_says("RUST_")
}

#[test]
fn a_sound_project_runs() {
    harmed(|_| ()).run(&[]).ran(["split.d"]);
}

#[test]
fn missing_files_are_all_named_with_their_lines() {
    let project = harmed(|data| fs::remove_dir_all(data).unwrap());
    let output = one_message(project.run(&[]).exit(2));
    let (x, y) = (project.path("data/x.h5"), project.path("data/y.h5"));
    let output = output.complains(&format!("p.toml:4: there is no file {}", x.display()));
    output.complains(&format!("p.toml:5: there is no file {}", y.display())).complains("--data");
    assert!(!project.path(".pcamflow").exists());
}

#[test]
fn a_folder_in_place_of_a_source_is_reported() {
    let folder = harmed(|data| {
        fs::remove_file(data.join("x.h5")).unwrap();
        fs::create_dir(data.join("x.h5")).unwrap();
    });
    one_message(folder.run(&[]).exit(2)).complains("x.h5 is not a file");
}

#[test]
fn files_that_are_not_hdf5_are_reported() {
    refuses(
        &harmed(|data| fs::write(data.join("x.h5"), "row,label\n").unwrap()),
        &["x.h5", "is not an HDF5 file"],
    );
    refuses(&harmed(|data| fs::write(data.join("y.h5"), "").unwrap()), &["y.h5", "is empty (0 bytes)"]);
    let cut = harmed(|data| {
        let path = data.join("x.h5");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    refuses(&cut, &["x.h5", "is truncated"]);
}

#[test]
fn a_wrong_dataset_name_lists_the_existing_ones() {
    let project =
        harmed(|data| dataset(&data.join("x.h5"), "images", &patches(12).into_dyn(), |plain| plain));
    refuses(&project, &["x.h5", "has no dataset `x`", "it holds `images`"]);
    let project =
        harmed(|data| dataset(&data.join("y.h5"), "Y", &ArrayD::<u8>::zeros(vec![12]), |plain| plain));
    refuses(&project, &["y.h5", "has no dataset `y`", "did you mean `Y`?"]);
}

#[test]
fn a_wrong_shape_or_type_is_reported_with_the_expected_one() {
    let images_of = |shape: Vec<usize>| {
        harmed(|data| dataset(&data.join("x.h5"), "x", &ArrayD::<u8>::zeros(shape), |plain| plain))
    };
    refuses(
        &images_of(vec![12, 3, 96, 96]),
        &["x.h5", "uint8 [12, 3, 96, 96]", "expected uint8 [N, S, S, 3]"],
    );
    refuses(&images_of(vec![12, 32, 31, 3]), &["x.h5", "expected uint8 [N, S, S, 3]", "from 32 to 512"]);
    let floats = harmed(|data| {
        dataset(&data.join("x.h5"), "x", &ArrayD::<f32>::zeros(vec![12, 96, 96, 3]), |plain| plain);
    });
    refuses(&floats, &["x.h5", "float32", "expected uint8"]);
    let pairs =
        harmed(|data| dataset(&data.join("y.h5"), "y", &ArrayD::<u8>::zeros(vec![12, 2]), |plain| plain));
    refuses(&pairs, &["y.h5", "uint8 [12, 2]", "expected one label per row"]);
    let floats =
        harmed(|data| dataset(&data.join("y.h5"), "y", &ArrayD::<f64>::zeros(vec![12]), |plain| plain));
    refuses(&floats, &["y.h5", "float64", "expected integers"]);
}

#[test]
fn labels_other_than_0_and_1_name_the_row() {
    let project = harmed(|data| labels(&data.join("y.h5"), &[0, 1, 0, 2, 0, 1, 0, 1, 0, 1, 0, 1]));
    refuses(&project, &["y.h5", "row 3", "the label is 2", "0 (no tumour) or 1 (tumour)"]);
    let project = harmed(|data| {
        let values = ArrayD::from_shape_fn(vec![12], |index| if index[0] == 5 { -1_i32 } else { 1 });
        dataset(&data.join("y.h5"), "y", &values, |plain| plain);
    });
    refuses(&project, &["y.h5", "row 5", "the label is -1"]);
}

#[test]
fn different_lengths_are_reported_with_both_files() {
    let project = harmed(|data| labels(&data.join("y.h5"), &LABELS[..10]));
    refuses(&project, &["x.h5", "y.h5", "12", "10"]);
}

#[test]
fn a_damaged_gzip_chunk_names_its_rows() {
    let project = harmed(|data| {
        let path = data.join("x.h5");
        let gzip = |plain: hdf5::DatasetBuilder| plain.chunk((4, 96, 96, 3)).deflate(6);
        dataset(&path, "x", &patches(12).into_dyn(), gzip);
        let chunk = hdf5::File::open(&path).unwrap().dataset("x").unwrap().chunk_info(1).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = usize::try_from(chunk.addr + chunk.size / 2).unwrap();
        bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte = !*byte);
        fs::write(path, bytes).unwrap();
    });
    // A split of all twelve rows reads the damaged chunk.
    project.rewrite("p.toml", PIPELINE.replace("train = 4", "train = 8"));
    fails(&project, &["x.h5", "dataset `x`, rows 4 to 7 cannot be read", "damaged gzip chunk"]);
}

#[test]
fn too_few_patches_say_how_many_there_are() {
    let project = harmed(|_| ());
    project.rewrite("p.toml", PIPELINE.replace("train = 4", "train = 40"));
    refuses(&project, &["44", "12"]);
    let project = harmed(|data| labels(&data.join("y.h5"), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    let text = PIPELINE.replace("sizes", "algorithm = 'scikit-learn'\nsizes");
    project.rewrite("p.toml", text);
    fails(&project, &["class 1"]);
}

/// `check` refuses the pipeline with one error for each part.
#[track_caller]
fn refused(stages: &str, parts: &[&str]) {
    let output = Sandbox::new().pipeline(&format!("{PIPELINE}{stages}")).pcamflow(&["check", "p.toml"]);
    let output = one_message(output.exit(2));
    assert_eq!(output.stderr.matches("error: ").count(), parts.len(), "{}", output.stderr);
    for part in parts {
        assert!(output.stderr.contains(part), "{part:?} in {}", output.stderr);
    }
}

const TRAIN: &str = "[train.t]\ndata = 'split.d'\nepochs = 1\n";

#[test]
fn more_patches_than_a_split_will_have_are_refused_before_it_is_made() {
    let asks = "model = 'train.t'\nimages = 'split.d/test'";
    let stages = format!(
        "{TRAIN}[evaluate.e]\n{asks}\ntake = 3\n[explain.x]\n{asks}\ntake = 4\nmethod.saliency = {{}}\n\
         [explain.all]\n{asks}\nmethod.saliency = {{}}\n[sanity.s]\nexplanation = 'explain.all'\ntake = 5\n\
         [preview.p]\nimages = 'split.d/train'\nrows = 1\ncolumns = 5\n"
    );
    let test = "but `split.d/test` has only 2 patches: take at most 2, or leave `take` out";
    let wanted = [3, 4, 5].map(|take| format!("`take` is {take}, {test}"));
    let [evaluate, explain, sanity] = wanted.each_ref().map(String::as_str);
    let preview = "the grid has room for 5 patches, but `split.d/train` has only 4";
    refused(&stages, &[evaluate, explain, sanity, preview]);
    // Taking all patches is allowed.
    let enough = format!("{PIPELINE}{TRAIN}[evaluate.e]\n{asks}\ntake = 2\n");
    Sandbox::new().pipeline(&enough).pcamflow(&["check", "p.toml"]).exit(0);
}

#[test]
fn a_stage_without_maps_is_one_mistake() {
    refused(
        &format!("{TRAIN}[metrics.m]\nexplanations = {{ a = 'train.t' }}\n"),
        &["`train.t` is a `train` stage, but maps are expected here"],
    );
}

#[test]
fn resamples_are_bounded_by_memory() {
    let asks = "model = 'train.t'\nimages = 'split.d/test'";
    let stages = format!("{TRAIN}[evaluate.e]\n{asks}\nresamples = 4_000_000_000\n");
    refused(&stages, &["`resamples` must lie between 0 and 100000"]);
}

#[test]
fn a_source_that_differs_from_its_pin_is_refused() {
    let project = harmed(|_| ());
    let pin = "0".repeat(64);
    let pinned = format!("images = {{ path = 'x.h5', blake3 = '{pin}' }}");
    project.rewrite("p.toml", PIPELINE.replace("images = 'x.h5'", &pinned));
    let output = one_message(project.run(&[]).exit(2));
    output.complains("is not the file that is pinned here").complains(&pin);
}

#[test]
fn a_store_below_a_file_is_an_environment_failure() {
    let project = harmed(|_| ()).file("file", "");
    let output = one_message(project.run(&["--store", "file/store"]).exit(3));
    output.complains("file/store").complains("Not a directory");
}

#[test]
fn a_store_of_another_version_is_refused_with_both_named() {
    let project = harmed(|_| ()).file("old/format", "pcamflow store 0\n");
    let output = one_message(project.run(&["--store", "old"]).exit(3));
    output.complains("pcamflow store 0").complains("pcamflow store 1");
}

/// Root ignores permissions, so the test mounts a read-only file system in a private namespace.
#[test]
fn a_read_only_store_is_an_environment_failure() {
    let project = harmed(|_| ());
    fs::create_dir(project.path("store")).unwrap();
    let script = "mount -t tmpfs -o ro tmpfs store && $PCAMFLOW run p.toml --json --store store; exit $?";
    let Some(output) = mounted(&project, script) else { return };
    let output = one_message(output.exit(3));
    let message = output.failure();
    assert!(message.contains("Read-only file system") && message.contains("/store"), "{message}");
}

/// Runs a script in a namespace where it may mount. `None` if the machine does not allow that.
pub(crate) fn mounted(project: &Sandbox, script: &str) -> Option<Output> {
    let inside = "unshare --map-root-user --mount bash -c";
    let try_it = format!("mkdir -p probe && {inside} 'mount -t tmpfs tmpfs probe' 2>&1");
    if !project.shell(&try_it).status.success() {
        eprintln!("skipped: this machine does not let a test mount a file system");
        return None;
    }
    fs::remove_dir(project.path("probe")).unwrap();
    Some(project.shell(&format!("{inside} '{script}'")))
}
