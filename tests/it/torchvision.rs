//! torchvision's layouts and weights that come from elsewhere, through the built binaries.

use std::{collections::BTreeMap, fs, path::Path};

use pcamflow::testing::reference;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{hdf5_files::dataset, references::floats, sandbox::Sandbox};

/// Type, shape and bytes of a tensor.
type Stored = (Dtype, Vec<usize>, Vec<u8>);

type Tensors = BTreeMap<String, Stored>;

fn with_reference<T>(work: impl FnOnce(&SafeTensors<'_>) -> T) -> T {
    let bytes = fs::read(reference("resnets.safetensors")).unwrap();
    work(&SafeTensors::deserialize(&bytes).unwrap())
}

/// The weights of a network of the reference.
fn weights(network: &str) -> Tensors {
    let prefix = format!("{network}.model.");
    let stored = |view: TensorView<'_>| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    with_reference(|reference| {
        let all = reference.iter();
        all.filter_map(|(name, view)| Some((name.strip_prefix(&prefix)?.to_owned(), stored(view)))).collect()
    })
}

fn file_of(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, (kind, shape, bytes))| {
        (name.as_str(), TensorView::new(*kind, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()
}

/// float32 as bfloat16, cut off.
fn halved(tensors: Tensors) -> Tensors {
    let cut = |bytes: &[u8]| bytes.chunks_exact(4).flat_map(|number| [number[2], number[3]]).collect();
    tensors.into_iter().map(|(name, (_, shape, bytes))| (name, (Dtype::BF16, shape, cut(&bytes)))).collect()
}

const SOURCE: &str = "model = { safetensors = 'resnet.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }\n";

/// The patches of the reference, and a network of it as `resnet.safetensors`.
fn imported(network: &str, text: &str) -> Sandbox {
    Sandbox::new().pipeline(text).file("data/resnet.safetensors", file_of(&weights(network))).with(|root| {
        let images = with_reference(|reference| reference.tensor("images").unwrap().data().to_vec());
        let patches = ndarray::Array4::from_shape_vec((2, 96, 96, 3), images).unwrap();
        dataset(&root.join("data/x.h5"), "x", &patches.into_dyn(), |plain| plain);
        let labels = ndarray::arr1(&[0_u8, 1]);
        dataset(&root.join("data/y.h5"), "y", &labels.into_dyn(), |plain| plain);
    })
}

/// The largest difference, relative to the largest number of the reference, which may hold every 11th number of a map.
fn off(file: &Path, name: &str, theirs: &[f32]) -> f32 {
    let ours = hdf5::File::open(file).unwrap().dataset(name).unwrap().read_raw::<f32>().unwrap();
    let step = if ours.len() == theirs.len() { 1 } else { 11 };
    let ours = ours.chunks(ours.len() / 2).flat_map(|map| map.iter().copied().step_by(step));
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    ours.zip(theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
}

#[test]
fn imported_networks_are_evaluated_explained_and_measured_as_torchvision_does() {
    let text = format!(
        "[pipeline]\nname = 'p'\n[evaluate.e]\nresamples = 100\n{SOURCE}\
         [explain.grad-cam]\n{SOURCE}method.grad-cam = {{}}\n\
         [explain.occlusion]\n{SOURCE}method.occlusion = {{}}\n\
         [explain.saliency]\n{SOURCE}method.saliency = {{}}\n\
         [metrics.m]\nexplanations = {{ grad-cam = 'explain.grad-cam', occlusion = 'explain.occlusion' }}\n\
         [sanity.s]\nexplanation = 'explain.saliency'\ntake = 2\nresamples = 100\n"
    );
    for network in ["resnet18", "resnet50"] {
        let project = imported(network, &text);
        project.run(&[]).exit(0);
        let theirs = |name: &str| {
            with_reference(|reference| floats(&reference.tensor(&format!("{network}.{name}")).unwrap()))
        };
        let out = |file: &str| project.path(&format!("out/p/{file}"));
        let table = csv::Reader::from_path(out("evaluate.e/predictions.csv")).unwrap().into_deserialize();
        let ours: Vec<BTreeMap<String, f64>> = table.map(Result::unwrap).collect();
        for (row, logit) in ours.iter().zip(theirs("logit")) {
            assert!((row["logit"] - f64::from(logit)).abs() < 1e-5, "{network}: {row:?}, not {logit}");
        }
        for (stage, name, theirs_name) in [
            ("grad-cam", "native", "grad-cam.layer4"),
            ("occlusion", "map", "occlusion"),
            ("saliency", "attribution", "gradient"),
        ] {
            let off = off(&out(&format!("explain.{stage}/maps.h5")), name, &theirs(theirs_name));
            assert!(off < 1e-3, "{network} {theirs_name}: {off}");
        }
        assert!(out("metrics.m/summary.json").exists() && out("sanity.s/sanity.json").exists());
    }
}

const TRAIN: &str = "\
[pipeline]
name = 'p'
[run]
threads = 1
device = 'cpu'
[synthesize.s]
patches = 32
slides = 2
[split.d]
images = 'synthesize.s/images'
labels = 'synthesize.s/labels'
sizes = { train = 16, validation = 8, test = 8 }
[train.t]
data = 'split.d'
weights = { safetensors = 'resnet.safetensors' }
replace-head = true
architecture.resnet = { stages = [2, 1, 1, 1], width = 3, stem = 'imagenet', block = 'bottleneck' }
epochs = 1
batch-size = 8
[evaluate.e]
model = 'train.t'
images = 'split.d/test'
resamples = 100
";

/// A checkpoint of 1,000 classes in bfloat16, with names as a trainer writes them.
fn checkpoint() -> Tensors {
    let mut all = weights("resnet50");
    let inputs = all["fc.weight"].1[1];
    all.insert("fc.weight".to_owned(), (Dtype::F32, vec![1000, inputs], vec![0; 4000 * inputs]));
    all.insert("fc.bias".to_owned(), (Dtype::F32, vec![1000], vec![0; 4000]));
    let named = halved(all).into_iter().map(|(name, tensor)| (format!("state_dict.{name}"), tensor));
    named.chain([("optimizer.step".to_owned(), (Dtype::U8, vec![1], vec![7]))]).collect()
}

#[test]
fn a_training_starts_from_imagenet_like_weights_with_a_new_head() {
    let project = Sandbox::new().pipeline(TRAIN).file("data/resnet.safetensors", file_of(&checkpoint()));
    let output = project.run(&[]).exit(0);
    let warnings = output.warnings();
    for part in [
        "the network is read from the tensors below `state_dict.`; 1 other tensor is not used: `optimizer.step`; ",
        "converted to float32: ",
        " from bfloat16",
        "replaced by the seeded initialisation (`replace-head`): `fc.bias`, `fc.weight`",
    ] {
        assert!(warnings.contains(part), "{part:?} in {warnings}");
    }
    let model = fs::read(project.path("out/p/train.t/model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&model).unwrap();
    assert_eq!(tensors.tensor("fc.weight").unwrap().shape(), [1, 96]);
    assert_eq!(tensors.tensor("layer1.0.conv3.weight").unwrap().shape(), [12, 3, 1, 1]);

    // The answer to a question about the head is part of the key.
    project.rewrite("data/resnet.safetensors", file_of(&weights("resnet50")));
    let output = project.run(&["train.t"]).exit(0);
    assert!(output.warnings().contains("its last layer `fc` fits and is kept"), "{}", output.warnings());
    project.run(&["train.t", "--set", "train.t.replace-head=false"]).ran(["train.t"]);
}

#[test]
fn a_head_that_does_not_fit_is_refused_before_anything_runs() {
    let text = TRAIN.replace("replace-head = true\n", "");
    let project = Sandbox::new().pipeline(&text).file("data/resnet.safetensors", file_of(&checkpoint()));
    let output = project.run(&[]).exit(2).complains("`fc.weight` has the shape [1000, 96]");
    let output = output.complains("with `replace-head = true`, `fc` starts from the initialisation instead");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    assert!(output.events_of("started").is_empty());

    let text = TRAIN.replace("weights = { safetensors = 'resnet.safetensors' }\n", "");
    let project = Sandbox::new().pipeline(&text);
    project.pcamflow(&["check", "p.toml"]).exit(2).complains("`replace-head` needs `weights`");
}

/// The settings are written out in the files of a training, and torchvision's names are not.
#[test]
fn torchvisions_names_are_known() {
    let text = TRAIN.replace(
        "architecture.resnet = { stages = [2, 1, 1, 1], width = 3, stem = 'imagenet', block = 'bottleneck' }",
        "architecture.resnet50 = {}",
    );
    let project = Sandbox::new().pipeline(&text).file("data/resnet.safetensors", file_of(&checkpoint()));
    let output = project.run(&[]).exit(2).complains("and the network needs [64, 3, 7, 7]");
    output.complains(
        r#"{"resnet":{"stages":[2,1,1,1],"width":3,"stem":"imagenet","block":"bottleneck"}}: set"#,
    );
    let project = Sandbox::new().pipeline(&text.replace("resnet50 = {}", "resnet51 = {}"));
    project.pcamflow(&["check", "p.toml"]).exit(2).complains("did you mean `resnet50`?");
    let project = Sandbox::new().pipeline(&text.replace("resnet50 = {}", "resnet50 = { width = 3 }"));
    project.pcamflow(&["check", "p.toml"]).exit(2).complains("unknown key `width`");
}
