//! Weights files that a stage cannot read: foreign formats, damaged tensors, prefixes of wrapper modules.

use std::fs;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    sandbox::Sandbox,
    training::{MODEL, PIPELINE, project, shown},
};

/// The tensors of a model: name, shape, values.
type Tensors = Vec<(String, Vec<usize>, Vec<u8>)>;

fn write(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()
}

/// An imported model, modified by `harm`, is refused with a message that contains these parts.
#[track_caller]
fn refused(trained: &Sandbox, text: &str, harm: impl FnOnce(&mut Tensors), parts: &[&str]) {
    let bytes = fs::read(trained.path(MODEL)).unwrap();
    let mut tensors: Tensors = SafeTensors::deserialize(&bytes)
        .unwrap()
        .iter()
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    tensors.sort();
    harm(&mut tensors);
    trained.rewrite("data/model.safetensors", write(&tensors));
    trained.rewrite("p.toml", text);
    refused_weights(trained, parts);
}

/// Both stages with these weights are refused before anything computes, with one message for each line.
#[track_caller]
fn refused_weights(trained: &Sandbox, parts: &[&str]) {
    let output = trained.run(&["evaluate.e", "explain.g", "--keep-going"]).exit(2);
    let output = output.never_says("panicked").never_says("internal error").never_says("Exception raised");
    assert!(output.events_of("started").is_empty(), "{}", output.stdout);
    assert_eq!(output.stderr.lines().count(), 2, "{}", output.stderr);
    for line in output.stderr.lines() {
        for part in [&["error: p.toml:"], parts].concat() {
            assert!(line.contains(part), "{part:?} in {line:?}");
        }
    }
}

#[test]
fn models_that_are_wrong_name_the_tensor() {
    let trained = project();
    trained.run(&["train.t"]).exit(0);
    let text = PIPELINE.replace("model = 'train.t'", "model = { safetensors = 'model.safetensors' }");
    let find =
        |tensors: &mut Tensors, name: &str| tensors.iter().position(|tensor| tensor.0 == name).unwrap();
    let nan = |tensors: &mut Tensors| {
        let at = find(tensors, "fc1.weight");
        tensors[at].2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    };
    refused(&trained, &text, nan, &["model.safetensors", "`fc1.weight`", "NaN or infinite"]);
    let missing = |tensors: &mut Tensors| {
        let at = find(tensors, "bn3.running_var");
        tensors.remove(at);
    };
    refused(&trained, &text, missing, &["model.safetensors", "`bn3.running_var`"]);
    let misshapen = |tensors: &mut Tensors| {
        let at = find(tensors, "bn2.weight");
        tensors[at].1 = vec![2];
        tensors[at].2.truncate(8);
    };
    refused(&trained, &text, misshapen, &["model.safetensors", "`bn2.weight`", "[2]", "[4]"]);
    let negative = |tensors: &mut Tensors| {
        let at = find(tensors, "bn1.running_var");
        tensors[at].2[..4].copy_from_slice(&(-1.0_f32).to_le_bytes());
    };
    refused(&trained, &text, negative, &["model.safetensors", "`bn1.running_var`", "a variance is not"]);
}

#[test]
fn foreign_files_are_recognised() {
    let trained = project();
    trained.run(&["train.t"]).exit(0);
    let text = PIPELINE.replace("model = 'train.t'", "model = { safetensors = 'model.safetensors' }");
    trained.rewrite("p.toml", text);
    let model = fs::read(trained.path(MODEL)).unwrap();
    let checkpoint = shown(&trained, "train.t", "checkpoint.safetensors");
    let cases: [(&[u8], &str); 9] = [
        (b"no tensors at all", "is not a safetensors file"),
        (b"", "it is empty (0 bytes)"),
        (&model[..model.len() / 2], "model.safetensors is truncated"),
        (&model[..20], "model.safetensors is truncated"),
        (b"PK\x03\x04\0\0\0\0\x08\x08archive/data.pkl", "it is a pickle, as PyTorch saves weights"),
        (b"\x80\x02}q\0(X\x05", "it is a pickle, as PyTorch saves weights"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
        (&checkpoint, "is the checkpoint of a training"),
    ];
    for (bytes, told) in cases {
        trained.rewrite("data/model.safetensors", bytes);
        refused_weights(&trained, &["model.safetensors", told]);
    }
}

#[test]
fn the_prefix_of_a_wrapper_is_removed_with_a_warning() {
    let trained = project();
    trained.run(&["train.t", "evaluate.e"]).exit(0);
    let predictions = shown(&trained, "evaluate.e", "predictions.csv");
    let bytes = fs::read(trained.path(MODEL)).unwrap();
    let wrapped = SafeTensors::deserialize(&bytes)
        .unwrap()
        .iter()
        .map(|(name, view)| (format!("_orig_mod.module.{name}"), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    trained.rewrite("data/model.safetensors", write(&wrapped));
    trained.rewrite(
        "p.toml",
        PIPELINE.replace("model = 'train.t'", "model = { safetensors = 'model.safetensors' }"),
    );
    let warnings = trained.run(&["evaluate.e"]).ran(["evaluate.e"]).warnings();
    assert!(warnings.contains("begin with `_orig_mod.module.`"), "{warnings}");
    assert!(predictions == shown(&trained, "evaluate.e", "predictions.csv"));
}
