//! Numbers of others, reproduced through the public stages: real patches and imported weights in,
//! artifacts out. Skipped, saying so, where the references or the patches are absent.

use std::{collections::BTreeMap, path::Path};

use pcamflow::{
    metrics::{Localisation, Region},
    testing::shared,
};
use safetensors::{SafeTensors, tensor::TensorView};

use crate::{hdf5_files::dataset, sandbox::Sandbox};

/// The reference network, its eight patches and their labels as files that a pipeline can name.
pub(crate) fn imported(sandbox: Sandbox, reference: &SafeTensors<'_>) -> Sandbox {
    let names = reference.names();
    let weights: BTreeMap<&str, TensorView<'_>> = names
        .iter()
        .filter_map(|name| Some((name.strip_prefix("model.")?, reference.tensor(name).unwrap())))
        .collect();
    let weights = safetensors::serialize(weights, None).unwrap();
    let images = reference.tensor("images").unwrap();
    let labels: Vec<u8> = reference.tensor("labels").unwrap().data().iter().step_by(8).copied().collect();
    sandbox.file("data/model.safetensors", weights).with(|folder| {
        let patches = ndarray::Array4::from_shape_vec((8, 96, 96, 3), images.data().to_vec()).unwrap();
        dataset(&folder.join("data/x.h5"), "x", &patches.into_dyn(), |plain| plain);
        dataset(&folder.join("data/y.h5"), "y", &ndarray::Array1::from_vec(labels).into_dyn(), |plain| plain);
    })
}

fn floats(view: &TensorView<'_>) -> Vec<f32> {
    view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn read(file: &Path, name: &str) -> Vec<f32> {
    hdf5::File::open(file).unwrap().dataset(name).unwrap().read_raw::<f32>().unwrap()
}

/// max |a - b| / max |b|.
fn relative(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    ours.iter().zip(theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
}

const LAYERS: [(&str, &str, &str); 6] = [
    ("conv4", "plain", "grad-cam.conv4"),
    ("bn4", "plain", "grad-cam.bn4"),
    ("relu4", "plain", "grad-cam.relu4"),
    ("relu3", "plain", "grad-cam.relu3"),
    ("pool3", "plain", "grad-cam.pool3"),
    ("relu4", "hires", "hires-cam.relu4"),
];

/// PyTorch's and Captum's numbers for the same weights and patches; tolerances of the definitions:
/// logits 1e-5 absolute, maps 1e-3 relative to the largest value (float32 sums in another order).
#[test]
fn forward_and_every_grad_cam_equal_pytorchs() {
    let Some(path) = shared("oracle/explain.safetensors") else { return };
    let bytes = std::fs::read(path).unwrap();
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    let source = "model = { safetensors = 'model.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }";
    let mut text = format!("[pipeline]\nname = 'reference'\n[evaluate.all]\nresamples = 100\n{source}\n");
    for (layer, variant, _) in LAYERS {
        text += &format!(
            "[explain.{layer}-{variant}]\n{source}\nmethod.grad-cam = {{ layer = '{layer}', variant = '{variant}' }}\npanel = 0\n"
        );
    }
    let sandbox = imported(Sandbox::new(), &reference).pipeline(&text);
    sandbox.run(&["--threads", "1"]).exit(0);
    let out = |file: &str| sandbox.path(&format!("out/reference/{file}"));

    let logits = floats(&reference.tensor("logit").unwrap());
    let predictions = csv::Reader::from_path(out("evaluate.all/predictions.csv")).unwrap().into_deserialize();
    let ours: Vec<BTreeMap<String, f64>> = predictions.map(Result::unwrap).collect();
    for (row, theirs) in ours.iter().zip(&logits) {
        assert!((row["logit"] - f64::from(*theirs)).abs() < 1e-5, "{} {theirs}", row["logit"]);
    }
    for (layer, variant, name) in LAYERS {
        let maps = out(&format!("explain.{layer}-{variant}/maps.h5"));
        let theirs = floats(&reference.tensor(name).unwrap());
        let off = relative(&read(&maps, "native"), &theirs);
        assert!(off < 1e-3, "{name}: {off}");
    }
    let theirs = floats(&reference.tensor("grad-cam.relu4.upsampled").unwrap());
    let off = relative(&read(&out("explain.relu4-plain/maps.h5"), "map"), &theirs);
    assert!(off < 1e-3, "upsampled: {off}");
}

/// The name of the reference, the method as a pipeline file has it, and the dataset to compare.
const METHODS: [(&str, &str, &str); 9] = [
    ("saliency", "saliency = {}", "map"),
    ("gradient", "saliency = {}", "attribution"),
    ("occlusion", "occlusion = {}", "map"),
    ("occlusion.w15", "occlusion = { window = 15 }", "map"),
    ("occlusion.w20s12", "occlusion = { window = 20, stride = 12 }", "map"),
    ("occlusion.white", "occlusion = { baseline = 'white' }", "map"),
    ("ig.gauss-legendre", "integrated-gradients = {}", "attribution"),
    ("ig.midpoint", "integrated-gradients = { rule = 'midpoint' }", "attribution"),
    ("ig.white", "integrated-gradients = { baseline = 1 }", "attribution"),
];

/// Captum's maps of the same weights and patches, within the definitions' tolerances: maps 1e-3 relative to
/// the largest value, deltas 1e-3 absolute. On two threads and with another batch than Captum's.
#[test]
fn saliency_occlusion_and_integrated_gradients_equal_captums() {
    let Some(path) = shared("oracle/explain.safetensors") else { return };
    let bytes = std::fs::read(path).unwrap();
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    let source = "model = { safetensors = 'model.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }";
    let mut text = "[pipeline]\nname = 'captum'\n".to_owned();
    for (name, method, _) in METHODS {
        let name = name.replace('.', "-");
        text += &format!("[explain.{name}]\n{source}\nmethod.{method}\n");
    }
    let sandbox = imported(Sandbox::new(), &reference).pipeline(&text);
    sandbox.run(&["--threads", "2"]).exit(0);
    for (name, _, array) in METHODS {
        let maps = sandbox.path(&format!("out/captum/explain.{}/maps.h5", name.replace('.', "-")));
        let off = relative(&read(&maps, array), &floats(&reference.tensor(name).unwrap()));
        assert!(off < 1e-3, "{name}: {off}");
        if let Ok(theirs) = reference.tensor(&format!("{name}.delta")) {
            let ours = read(&maps, "delta");
            let off = ours.iter().zip(floats(&theirs)).fold(0.0_f32, |off, (a, b)| off.max((a - b).abs()));
            assert!(off < 1e-3, "{name}.delta: {off}");
        }
    }
    for (name, stage) in [("saliency", "saliency"), ("occlusion", "occlusion"), ("ig", "ig-gauss-legendre")] {
        localised(&sandbox.path(&format!("out/captum/explain.{stage}/maps.h5")), name, &reference);
    }
}

/// Localisation in the centre box of our maps equals the reference's of its own, patch by patch: energies and
/// pointing as the definitions say; a rank may differ by a swapped near-tie, one pixel of 1,024.
fn localised(maps: &Path, name: &str, reference: &SafeTensors<'_>) {
    let wanted = |what: &str| reference.tensor(&format!("localisation.{name}.{what}")).unwrap();
    let (energy, rank) = (floats(&wanted("energy")), floats(&wanted("rank")));
    let pointing = wanted("pointing");
    let maps = read(maps, "map");
    for (at, map) in maps.chunks_exact(96 * 96).enumerate() {
        let ours = Localisation::of(map, &Region::centre()).unwrap();
        let pointed = pointing.data()[8 * at] == 1;
        assert!((ours.energy.unwrap() - f64::from(energy[at])).abs() < 1e-4, "{name} {at}: {ours:?}");
        assert!((ours.rank - f64::from(rank[at])).abs() < 1.5 / 1024.0, "{name} {at}: {ours:?}");
        assert_eq!(ours.pointing, pointed, "{name} {at}");
    }
}

/// Two epochs in row order on the 256 real validation patches of the mini set, seed 42, batch 32, Adam 1e-3,
/// one thread. The losses are PyTorch 2.11's, from this loop over a `ClassCNN((8, 16, 32, 64), 32)` made
/// after `torch.manual_seed(42)`, with `x / 255` in NCHW:
///
/// ```python
/// for epoch in range(2):
///     m.train(); total = 0
///     for i in range(0, 256, 32):
///         loss = F.binary_cross_entropy_with_logits(m(x[i:i+32])[:, 0], y[i:i+32])
///         opt.zero_grad(); loss.backward(); opt.step(); total += loss.item() * 32
///     m.eval(); print(total / 256, F.binary_cross_entropy_with_logits(m(vx)[:, 0], vy).item())
/// ```
///
/// Initialisation, batches, batch-norm and optimiser are all in these numbers. The tolerance is the
/// definitions' for losses, 1e-3 relative; on the machine where this was written all digits agree.
#[test]
fn two_epochs_of_training_have_pytorchs_losses() {
    let Some(data) = shared("data/pcam-mini") else { return };
    let pair = |part: &str| {
        let file = |suffix| format!("camelyonpatch_level_2_split_{part}_{suffix}.h5");
        format!("{{ x = '{}', y = '{}' }}", file("x"), file("y"))
    };
    let text = format!(
        "[train.rows]\ndata = {{ train = {}, validation = {} }}\n\
         architecture.class-cnn = {{ channels = [8, 16, 32, 64], hidden = 32 }}\n\
         epochs = 2\nbatch-size = 32\nshuffle = false\nrun = {{ threads = 1 }}\n",
        pair("valid"),
        pair("test")
    );
    let sandbox = Sandbox::new().pipeline(&format!("[pipeline]\nname = 'losses'\n{text}"));
    sandbox.run(&["--data", data.to_str().unwrap()]).exit(0);
    let history = std::fs::read(sandbox.path("out/losses/train.rows/history.json")).unwrap();
    let history: pcamflow::metrics::History = serde_json::from_slice(&history).unwrap();
    let expected = [(1.320_813_719, 0.695_262_194), (0.679_065_019, 0.684_994_757)];
    for (epoch, (train, validation)) in history.epochs.iter().zip(expected) {
        assert!((epoch.train_loss / train - 1.0).abs() < 1e-3, "{epoch:?}");
        assert!((epoch.validation_loss / validation - 1.0).abs() < 1e-3, "{epoch:?}");
    }
    assert_eq!(history.epochs.len(), 2);
}
