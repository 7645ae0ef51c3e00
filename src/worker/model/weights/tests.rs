//! Files of weights in the forms in which they are found, and what is wrong with others.

use std::collections::BTreeMap;

use safetensors::{Dtype, tensor::TensorView};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::model::{
    Network, Source,
    testing::{imagenet_resnets, small_resnet, tiny, tiny_network},
};

type Tensors = BTreeMap<String, Tensor>;

fn dtype(kind: Kind) -> Dtype {
    match kind {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Uint8 => Dtype::U8,
        other => panic!("{other:?}"),
    }
}

/// What was read of a file with these tensors.
fn read(tensors: &Tensors, want: Want<'_>) -> Result<Weights> {
    let bytes = |tensor: &Tensor| {
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes
    };
    let all: Vec<_> = tensors.iter().map(|(name, tensor)| (name, tensor, bytes(tensor))).collect();
    let views = all.iter().map(|(name, tensor, bytes)| {
        let shape = tensor.size().iter().map(|&size| size as usize).collect();
        (name.as_str(), TensorView::new(dtype(tensor.kind()), shape, bytes).unwrap())
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    read_weights(&InputFile { path, name: "m.safetensors".to_owned() }, want)
}

#[track_caller]
fn error(tensors: &Tensors, want: Want<'_>) -> String {
    format!("{:#}", read(tensors, want).unwrap_err())
}

fn tensors(network: &Network) -> Tensors {
    network.state().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect()
}

fn below(prefix: &str, tensors: Tensors) -> Tensors {
    tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect()
}

fn zeros(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Float, Device::Cpu))
}

fn start(architecture: &Architecture, replace_head: bool) -> Want<'_> {
    Want::Start { architecture, replace_head }
}

#[test]
fn names_may_have_any_prefix_and_other_tensors_may_stand_beside_the_network() {
    let network = small_resnet(3);
    for prefix in ["", "module.", "_orig_mod.module.", "state_dict.model.", "net."] {
        let all = below(prefix, tensors(&network));
        let plain = read(&all, Want::Any).unwrap();
        assert_eq!(&plain.architecture, network.architecture());
        assert_eq!(plain.notes.len(), usize::from(!prefix.is_empty()), "{:?}", plain.notes);
        let again = Network::new(&plain.architecture, Source::File(plain.tensors), Device::Cpu).unwrap();
        assert_eq!(again.state(), network.state());
    }
    let mut all = below("state_dict.", tensors(&network));
    // Never read, so its type and its values do not matter.
    all.insert("optimizer.step".to_owned(), Tensor::from_slice(&[1u8]));
    all.insert("ema.decay".to_owned(), Tensor::from_slice(&[f32::NAN]));
    let Weights { notes, .. } = read(&all, start(network.architecture(), false)).unwrap();
    let wanted = "m.safetensors: the network is read from the tensors below `state_dict.`; 2 other tensors are not \
                  used: `ema.decay`, `optimizer.step`";
    assert_eq!(notes, [wanted]);
}

#[test]
fn two_networks_in_a_file_are_refused() {
    let network = small_resnet(3);
    let mut all = below("ema.", tensors(&network));
    all.extend(below("state_dict.", tensors(&network)));
    let wanted = "m.safetensors holds several networks: below `ema.`, below `state_dict.`; save the tensors of one of \
                  them alone";
    assert_eq!(error(&all, Want::Any), wanted);
    all.remove("ema.fc.bias");
    assert!(read(&all, Want::Any).is_ok(), "the other one is whole");
}

#[test]
fn other_types_are_converted_and_counted() {
    let mut all = tensors(&tiny_network(1));
    for (at, tensor) in all.values_mut().enumerate() {
        let kind = [Kind::Half, Kind::BFloat16, Kind::Float, Kind::Half][at % 4];
        *tensor = tensor.to_kind(kind);
    }
    let Weights { tensors: mut file, notes, .. } = read(&all, Want::Any).unwrap();
    let wanted = "m.safetensors: 21 tensors are converted to float32: 7 from bfloat16, 14 from float16";
    assert_eq!(notes, [wanted]);
    let (name, tensor) = all.first_key_value().unwrap();
    assert_eq!(file.take(name, &tensor.size()).unwrap(), tensor.to_kind(Kind::Float));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut all = below("module.", tensors(&small_resnet(1)));
    let moved = all.remove("module.layer2.0.bn2.weight").unwrap();
    all.insert("module.layer2.0.norm2.weight".to_owned(), moved);
    all.insert("module.bn1.bias".to_owned(), zeros(&[5]));
    let message = error(&all, Want::Any);
    for part in [
        "m.safetensors, read below `module.`, does not fit the network: 1 tensor is missing",
        "`layer2.0.bn2.weight` (is it `layer2.0.norm2.weight`?)",
        "`bn1.bias` has the shape [5], and the network needs [4]",
        "1 tensor is left over: `layer2.0.norm2.weight`",
    ] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn files_of_no_known_network_are_described() {
    let mut all = tensors(&tiny_network(1));
    let moved = all.remove("conv1.weight").unwrap();
    all.insert("conv1.wieght".to_owned(), moved);
    let message = error(&all, Want::Any);
    assert!(message.starts_with("m.safetensors holds no network that pcamflow knows"), "{message}");
    assert!(message.contains("it has no tensor `conv1.weight` (is it `conv1.wieght`?)"), "{message}");
    assert!(message.ends_with("`bn2.running_var`, `bn2.weight`, and 20 more"), "{message}");
    let message = error(&all, start(&tiny(), false));
    let wanted = "1 tensor is missing: `conv1.weight` (is it `conv1.wieght`?); 1 tensor is left over";
    assert!(message.contains(wanted), "{message}");
    assert!(error(&Tensors::new(), Want::Any).ends_with("it holds no tensors"));
}

/// DenseNet's first block has a `conv1`, too.
#[test]
fn an_error_about_a_foreign_network_is_about_all_its_names() {
    let names = [
        "classifier.bias",
        "features.block.conv1.weight",
        "features.block.norm1.bias",
        "features.block.norm1.weight",
    ];
    let all = names.map(|name| (name.to_owned(), zeros(&[3, 3]))).into();
    let message = error(&all, start(&tiny(), false));
    assert!(
        message.starts_with("m.safetensors does not fit the network: 28 tensors are missing"),
        "{message}"
    );
    assert!(message.contains("4 tensors are left over: `classifier.bias`, `features.block"), "{message}");
}

/// The tensors of a network with another number of classes.
fn of_classes(network: &Network, classes: i64) -> Tensors {
    let mut all = tensors(network);
    let inputs = all["fc.weight"].size()[1];
    all.insert("fc.weight".to_owned(), zeros(&[classes, inputs]));
    all.insert("fc.bias".to_owned(), zeros(&[classes]));
    all
}

#[test]
fn a_head_of_another_shape_is_replaced_only_when_asked() {
    let [network, _] = imagenet_resnets(2);
    let architecture = network.architecture();
    let all = of_classes(&network, 1000);
    let message = error(&all, start(architecture, false));
    let wanted = "with `replace-head = true`, `fc` starts from the initialisation instead";
    assert!(
        message.ends_with(wanted) && message.contains("`fc.weight` has the shape [1000, 6]"),
        "{message}"
    );
    let message = error(&all, Want::Any);
    assert!(message.contains("a model has one output") && message.contains("replace-head"), "{message}");

    let Weights { tensors: file, notes, .. } = read(&all, start(architecture, true)).unwrap();
    let wanted = "m.safetensors: of its last layer, replaced by the seeded initialisation (`replace-head`): \
                  `fc.bias`, `fc.weight`";
    assert_eq!(notes, [wanted]);
    let source = Source::Start { file, seed: 77 };
    let started = Network::new(architecture, source, Device::Cpu).unwrap().state();
    let [fresh, _] = imagenet_resnets(77);
    for (name, tensor) in started {
        let origin = if name.starts_with("fc.") { &fresh } else { &network };
        assert_eq!(tensor, origin.state()[&name], "{name}");
    }
}

#[test]
fn a_head_that_is_missing_or_has_more_layers_is_replaced_and_one_that_fits_is_kept() {
    let network = small_resnet(2);
    let want = start(network.architecture(), true);
    let mut all = tensors(&network);
    let kept = read(&all, want).unwrap().notes;
    assert_eq!(kept, ["m.safetensors: its last layer `fc` fits and is kept, although `replace-head` is set"]);
    all.retain(|name, _| !name.starts_with("fc."));
    assert!(read(&all, want).is_ok());
    all.insert("fc.2.weight".to_owned(), zeros(&[3, 3]));
    let notes = read(&all, want).unwrap().notes;
    assert!(notes[0].ends_with("1 other tensor is not used: `fc.2.weight`"), "{notes:?}");
    all.remove("layer1.0.bn1.bias");
    let message = error(&all, want);
    assert!(message.contains("`layer1.0.bn1.bias`") && !message.contains("set `arch"), "{message}");
}

#[test]
fn another_architecture_is_suggested() {
    let [network, _] = imagenet_resnets(2);
    let message = error(&of_classes(&network, 10), start(&tiny(), true));
    let found = r#"{"resnet":{"stages":[2,1],"width":3,"stem":"imagenet"}}"#;
    let wanted = format!("these are the tensors of {found}: set `architecture`");
    assert!(message.ends_with(&wanted), "{message}");
    assert!(message.contains("m.safetensors does not fit the network: "), "{message}");
    assert!(message.contains(" more; "), "{message}");
}
