//! Densely connected networks, plain, equivariant and in torchvision's layout, through the built binaries.

use std::{collections::BTreeMap, fs, path::Path};

use pcamflow::testing::reference;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{hdf5_files::dataset, references::floats, sandbox::Sandbox};

/// Takes seconds on one core.
const PIPELINE: &str = "\
[pipeline]
name = 'dense'
[run]
threads = 1
device = 'cpu'
[split.d]
images = 'x.h5'
labels = 'y.h5'
sizes = { train = 16, validation = 8, test = 8 }
[train.plain]
data = 'split.d'
architecture.densenet = { blocks = [1, 1], growth = 4, channels = 4 }
epochs = 1
batch-size = 8
[train.turning]
data = 'split.d'
architecture.densenet = { blocks = [1, 1], growth = 2, channels = 2, group = 'p4m' }
epochs = 1
batch-size = 8
[resume-train.turning]
from = 'train.turning'
epochs = 1
[evaluate.plain]
model = 'train.plain'
images = 'split.d/test'
resamples = 50
[evaluate.turning]
model = 'resume-train.turning'
images = 'split.d/test'
resamples = 50
[explain.grad-cam]
model = 'resume-train.turning'
images = 'split.d/test'
take = 2
method.grad-cam = {}
[explain.saliency]
model = 'resume-train.turning'
images = 'split.d/test'
take = 2
method.saliency = {}
[explain.occlusion]
model = 'resume-train.turning'
images = 'split.d/test'
take = 2
method.occlusion = {}
[explain.plain]
model = 'train.plain'
images = 'split.d/test'
take = 2
method.grad-cam = { layer = 'features.denseblock1' }
[sanity.s]
explanation = 'explain.grad-cam'
take = 2
resamples = 50
";

/// 32 patches of this side, the positives brighter, then the same patches turned by a quarter.
fn write(folder: &Path, side: usize) {
    let value = |(row, y, x, colour): (usize, usize, usize, usize)| {
        (((row * 31 + y * 7 + x * 13 + colour * 50) % 120) + (row % 2) * 100) as u8
    };
    let patches = ndarray::Array4::from_shape_fn((32, side, side, 3), value);
    let turned = ndarray::Array4::from_shape_fn((32, side, side, 3), |(row, y, x, colour)| {
        patches[[row, x, side - 1 - y, colour]]
    });
    let labels = ndarray::Array1::from_shape_fn(32, |row| (row % 2) as u8);
    dataset(&folder.join("data/x.h5"), "x", &patches.into_dyn(), |plain| plain);
    dataset(&folder.join("data/turned.h5"), "x", &turned.into_dyn(), |plain| plain);
    dataset(&folder.join("data/y.h5"), "y", &labels.into_dyn(), |plain| plain);
}

fn logits(project: &Sandbox, file: &str) -> Vec<f64> {
    let table = csv::Reader::from_path(project.path(file)).unwrap().into_deserialize();
    table.map(|row: csv::Result<BTreeMap<String, f64>>| row.unwrap()["logit"]).collect()
}

fn largest(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |worst, (a, b)| (a - b).abs().max(worst))
}

#[test]
fn they_are_trained_resumed_evaluated_and_explained() {
    let whole = "[evaluate.FOR]\nmodel = 'STAGE'\nimages = { x = 'FILE.h5', y = 'y.h5' }\nresamples = 50\n";
    let of = |name: &str, stage: &str, file: &str| {
        whole.replace("FOR", name).replace("STAGE", stage).replace("FILE", file)
    };
    let text = [
        PIPELINE.to_owned(),
        of("own", "resume-train.turning", "x"),
        of("turned", "resume-train.turning", "turned"),
        of("plain-own", "train.plain", "x"),
        of("plain-turned", "train.plain", "turned"),
    ];
    // 50 rows are halved to 25.
    let project = Sandbox::new().pipeline(&text.concat()).with(|root| write(root, 50));
    project.run(&[]).exit(0);

    let model = fs::read(project.path("out/dense/train.turning/model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&model).unwrap();
    let shape = |name: &str| tensors.tensor(name).unwrap().shape().to_vec();
    assert_eq!(shape("features.conv0.weight"), [2, 3, 3, 3]);
    assert_eq!(shape("features.denseblock2.denselayer1.conv1.weight"), [2, 4, 8, 3, 3]);
    assert_eq!(shape("features.norm5.weight"), [6]);

    // Grad-CAM reads the last map by default; without a pooling there, its side is that of the second block.
    let native = |stage: &str| {
        let file = hdf5::File::open(project.path(&format!("out/dense/{stage}/maps.h5"))).unwrap();
        file.dataset("native").unwrap().shape()
    };
    assert_eq!((native("explain.grad-cam"), native("explain.plain")), (vec![2, 25, 25], vec![2, 50, 50]));
    assert!(project.path("out/dense/sanity.s/sanity.json").exists());

    let of = |stage: &str| logits(&project, &format!("out/dense/evaluate.{stage}/predictions.csv"));
    let change = largest(&of("own"), &of("turned"));
    assert!(change < 1e-4, "{change}");
    let plain = largest(&of("plain-own"), &of("plain-turned"));
    assert!(plain > 1e-4, "a network without a group may change: {plain}");
    project.run(&[]).cached_all();
}

#[test]
fn all_mistakes_are_reported_before_anything_is_computed() {
    let told = |from: &str, to: &str, text: &str| {
        assert!(PIPELINE.contains(from));
        let project = Sandbox::new().pipeline(&PIPELINE.replace(from, to)).with(|root| write(root, 32));
        project.pcamflow(&["check", "p.toml"]).exit(2).never_says("panicked").complains(text);
    };
    let settings = "growth = 2, channels = 2, group = 'p4m'";
    told("blocks = [1, 1], growth = 4", "blocks = [], growth = 4", "1 to 6 numbers of layers");
    told("growth = 4, channels = 4", "growth = 0, channels = 4", "`growth` must lie between 1 and 512");
    told(settings, "growth = 512, channels = 2048, group = 'p4m'", "more than 16384 channels");
    told(settings, "layout = 'torchvision', group = 'p4m'", "`group` needs `layout = \"pcam\"`");
    told(settings, "group = 'p8'", "unknown value `p8`");
    told(
        "{ layer = 'features.denseblock1' }",
        "{ layer = 'features.denseblock9' }",
        "did you mean `features.denseblock1`",
    );
}

/// The weights of torchvision's network of the reference, with another head, and with the names of the published files.
fn published() -> Vec<u8> {
    let bytes = fs::read(reference("densenets.safetensors")).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let old = |name: &str| {
        let name = name.replace(".norm1.", ".norm.1.").replace(".norm2.", ".norm.2.");
        name.replace(".conv1.", ".conv.1.").replace(".conv2.", ".conv.2.")
    };
    let inputs = all.tensor("torchvision.model.classifier.weight").unwrap().shape()[1];
    let (weight, bias) = (vec![0; 4000 * inputs], vec![0; 4000]);
    let mut views: Vec<(String, TensorView<'_>)> = all
        .iter()
        .filter_map(|(name, view)| Some((old(name.strip_prefix("torchvision.model.")?), view)))
        .filter(|(name, _)| !name.starts_with("classifier"))
        .collect();
    views.push((
        "classifier.weight".to_owned(),
        TensorView::new(Dtype::F32, vec![1000, inputs], &weight).unwrap(),
    ));
    views.push(("classifier.bias".to_owned(), TensorView::new(Dtype::F32, vec![1000], &bias).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn a_training_starts_from_torchvisions_published_names_with_a_new_head() {
    let settings = "blocks = [2, 1, 1, 1], growth = 3, channels = 6, layout = 'torchvision'";
    let start = "weights = { safetensors = 'd.safetensors' }\nreplace-head = true\n";
    let text = PIPELINE.replace("blocks = [1, 1], growth = 4, channels = 4", settings);
    let text = text.replace("[train.turning]", &format!("{start}[train.turning]"));
    let project =
        Sandbox::new().pipeline(&text).file("data/d.safetensors", published()).with(|root| write(root, 32));
    let output = project.run(&["evaluate.plain", "explain.plain"]).exit(0);
    let wanted =
        "replaced by the seeded initialisation (`replace-head`): `classifier.bias`, `classifier.weight`";
    assert!(output.warnings().contains(wanted), "{}", output.warnings());
    assert!(!output.warnings().contains("not used"), "{}", output.warnings());
    let text = text.replace("replace-head = true\n", "");
    project.rewrite("p.toml", text);
    project.run(&["train.plain"]).exit(2).complains("`classifier.weight` has the shape [1000, ");
}

#[test]
fn torchvisions_network_is_evaluated_and_explained_as_by_pytorch() {
    let bytes = fs::read(reference("densenets.safetensors")).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let model = all
        .iter()
        .filter_map(|(name, view)| Some((name.strip_prefix("torchvision.model.")?.to_owned(), view)));
    let source = "model = { safetensors = 'd.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }\n";
    let text = format!(
        "[pipeline]\nname = 'p'\n[evaluate.e]\nresamples = 100\n{source}\
         [explain.grad-cam]\n{source}method.grad-cam = {{}}\n\
         [explain.occlusion]\n{source}method.occlusion = {{}}\n\
         [explain.saliency]\n{source}method.saliency = {{}}\n"
    );
    let weights = safetensors::serialize(model.collect::<Vec<_>>(), None).unwrap();
    let project = Sandbox::new().pipeline(&text).file("data/d.safetensors", weights).with(|root| {
        let images = all.tensor("images.64").unwrap().data().to_vec();
        let patches = ndarray::Array4::from_shape_vec((2, 64, 64, 3), images).unwrap();
        dataset(&root.join("data/x.h5"), "x", &patches.into_dyn(), |plain| plain);
        dataset(&root.join("data/y.h5"), "y", &ndarray::arr1(&[0_u8, 1]).into_dyn(), |plain| plain);
    });
    project.run(&[]).exit(0);
    let theirs = |name: &str| -> Vec<f64> {
        let values = floats(&all.tensor(&format!("torchvision.{name}")).unwrap());
        values.into_iter().map(f64::from).collect()
    };
    assert!(largest(&logits(&project, "out/p/evaluate.e/predictions.csv"), &theirs("logit")) < 1e-5);
    for (stage, name, wanted, step) in [
        ("grad-cam", "native", "grad-cam.features.relu5", 1),
        ("occlusion", "map", "occlusion", 11),
        ("saliency", "attribution", "gradient", 11),
    ] {
        let file = hdf5::File::open(project.path(&format!("out/p/explain.{stage}/maps.h5"))).unwrap();
        let ours = file.dataset(name).unwrap().read_raw::<f32>().unwrap();
        let each = ours.chunks(ours.len() / 2);
        let ours: Vec<f64> =
            each.flat_map(|map| map.iter().step_by(step).map(|&value| f64::from(value))).collect();
        let theirs = theirs(wanted);
        let scale = theirs.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        assert!(
            scale > 0.0 && largest(&ours, &theirs) < 1e-3 * scale,
            "{stage}: {}",
            largest(&ours, &theirs) / scale
        );
    }
}
