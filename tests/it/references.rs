//! Reference numbers from other libraries, reproduced through the public stages.
//! The references in the repository are always compared, the larger ones with real patches where available.

use std::{collections::BTreeMap, path::Path};

use pcamflow::{
    metrics::{Localisation, Region, spearman},
    side::Side,
    testing::{explanations, reference, shared},
};
use safetensors::{SafeTensors, tensor::TensorView};

use crate::{hdf5_files::dataset, sandbox::Sandbox};

/// Writes the reference network, its patches and their labels as files that a pipeline can use.
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
        let patches =
            ndarray::Array4::from_shape_vec((labels.len(), 96, 96, 3), images.data().to_vec()).unwrap();
        dataset(&folder.join("data/x.h5"), "x", &patches.into_dyn(), |plain| plain);
        dataset(&folder.join("data/y.h5"), "y", &ndarray::Array1::from_vec(labels).into_dyn(), |plain| plain);
    })
}

pub(crate) fn floats(view: &TensorView<'_>) -> Vec<f32> {
    view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn read(file: &Path, name: &str) -> Vec<f32> {
    hdf5::File::open(file).unwrap().dataset(name).unwrap().read_raw::<f32>().unwrap()
}

/// The references keep every 11th pixel of a large map.
const THINNED: usize = 11;

/// max |a - b| / max |b|.
fn relative(ours: &[f32], theirs: &[f32], images: usize) -> f32 {
    let thin =
        || ours.chunks(ours.len() / images).flat_map(|map| map.iter().copied().step_by(THINNED)).collect();
    let ours: Vec<f32> = if ours.len() == theirs.len() { ours.to_vec() } else { thin() };
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    ours.iter().zip(theirs).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
}

/// The layer, the variant and the name of each Grad-CAM and HiResCAM reference.
fn layers<'a>(reference: &'a SafeTensors<'_>) -> Vec<(&'a str, &'static str, &'a str)> {
    let layer = |name: &'a str| match name.split_once('.')? {
        ("grad-cam", layer) if !layer.ends_with(".upsampled") => Some((layer, "plain", name)),
        ("hires-cam", layer) => Some((layer, "hires", name)),
        _ => None,
    };
    reference.names().into_iter().filter_map(layer).collect()
}

/// Compares with PyTorch and Captum for the same weights and patches. The tolerances are 1e-5 absolute for
/// logits, and 1e-3 of the largest value for maps: float32 sums have another order.
#[test]
fn forward_and_every_grad_cam_equal_pytorchs() {
    for path in explanations() {
        let bytes = std::fs::read(path).unwrap();
        grad_cam_equals(&SafeTensors::deserialize(&bytes).unwrap());
    }
}

fn grad_cam_equals(reference: &SafeTensors<'_>) {
    let layers = layers(reference);
    assert_eq!(layers.len(), 6);
    let source = "model = { safetensors = 'model.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }";
    let mut text = format!("[pipeline]\nname = 'reference'\n[evaluate.all]\nresamples = 100\n{source}\n");
    for (layer, variant, _) in &layers {
        text += &format!(
            "[explain.{layer}-{variant}]\n{source}\nmethod.grad-cam = {{ layer = '{layer}', variant = '{variant}' }}\npanel = 0\n"
        );
    }
    let sandbox = imported(Sandbox::new(), reference).pipeline(&text);
    sandbox.run(&["--threads", "1"]).exit(0);
    let out = |file: &str| sandbox.path(&format!("out/reference/{file}"));

    let logits = floats(&reference.tensor("logit").unwrap());
    let predictions = csv::Reader::from_path(out("evaluate.all/predictions.csv")).unwrap().into_deserialize();
    let ours: Vec<BTreeMap<String, f64>> = predictions.map(Result::unwrap).collect();
    assert_eq!(ours.len(), logits.len());
    for (row, theirs) in ours.iter().zip(&logits) {
        assert!((row["logit"] - f64::from(*theirs)).abs() < 1e-5, "{} {theirs}", row["logit"]);
    }
    for (layer, variant, name) in &layers {
        let maps = out(&format!("explain.{layer}-{variant}/maps.h5"));
        let theirs = floats(&reference.tensor(name).unwrap());
        let off = relative(&read(&maps, "native"), &theirs, logits.len());
        assert!(off < 1e-3, "{name}: {off}");
    }
    let names = reference.names();
    let upsampled = names.iter().find(|name| name.ends_with(".upsampled")).unwrap();
    let layer = upsampled.split('.').nth(1).unwrap();
    let ours = read(&out(&format!("explain.{layer}-plain/maps.h5")), "map");
    let off = relative(&ours, &floats(&reference.tensor(upsampled).unwrap()), logits.len());
    assert!(off < 1e-3, "upsampled: {off}");
}

/// The name of the reference, the method in a pipeline file, and the dataset to compare.
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

/// Compares with Captum's maps, on two threads and with another batch size. The tolerances are 1e-3 of the
/// largest value for maps, and 1e-3 absolute for deltas.
#[test]
fn saliency_occlusion_and_integrated_gradients_equal_captums() {
    for path in explanations() {
        let bytes = std::fs::read(path).unwrap();
        methods_equal(&SafeTensors::deserialize(&bytes).unwrap());
    }
}

fn methods_equal(reference: &SafeTensors<'_>) {
    let source = "model = { safetensors = 'model.safetensors' }\nimages = { x = 'x.h5', y = 'y.h5' }";
    let mut text = "[pipeline]\nname = 'captum'\n".to_owned();
    for (name, method, _) in METHODS {
        let name = name.replace('.', "-");
        text += &format!("[explain.{name}]\n{source}\nmethod.{method}\n");
    }
    let sandbox = imported(Sandbox::new(), reference).pipeline(&text);
    sandbox.run(&["--threads", "2"]).exit(0);
    let images = reference.tensor("logit").unwrap().shape()[0];
    for (name, _, array) in METHODS {
        let maps = sandbox.path(&format!("out/captum/explain.{}/maps.h5", name.replace('.', "-")));
        let off = relative(&read(&maps, array), &floats(&reference.tensor(name).unwrap()), images);
        assert!(off < 1e-3, "{name}: {off}");
        if let Ok(theirs) = reference.tensor(&format!("{name}.delta")) {
            let ours = read(&maps, "delta");
            let off = ours.iter().zip(floats(&theirs)).fold(0.0_f32, |off, (a, b)| off.max((a - b).abs()));
            assert!(off < 1e-3, "{name}.delta: {off}");
        }
    }
    for (name, stage) in [("saliency", "saliency"), ("occlusion", "occlusion"), ("ig", "ig-gauss-legendre")] {
        localised(&sandbox.path(&format!("out/captum/explain.{stage}/maps.h5")), name, reference);
    }
    if let Ok(theirs) = reference.tensor("spearman.saliency.occlusion") {
        let maps = |stage| read(&sandbox.path(&format!("out/captum/explain.{stage}/maps.h5")), "map");
        correlated(&maps("saliency"), &maps("occlusion"), &theirs);
    }
}

/// Compares with SciPy's correlation of two maps of each patch, which is NaN if one map is constant.
/// Near-ties may swap.
fn correlated(saliency: &[f32], occlusion: &[f32], theirs: &TensorView<'_>) {
    let theirs = theirs.data().chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()));
    let pairs = saliency.chunks_exact(96 * 96).zip(occlusion.chunks_exact(96 * 96));
    for ((saliency, occlusion), theirs) in pairs.zip(theirs) {
        match spearman(saliency, occlusion).unwrap() {
            Some(ours) => assert!((ours - theirs).abs() < 1e-3, "{ours} {theirs}"),
            None => assert!(theirs.is_nan(), "{theirs}"),
        }
    }
}

/// Compares the localisation of our maps in the centre box with the reference, patch by patch. A swapped
/// near-tie may change the rank by one pixel of 1,024.
fn localised(maps: &Path, name: &str, reference: &SafeTensors<'_>) {
    let wanted = |what: &str| reference.tensor(&format!("localisation.{name}.{what}")).unwrap();
    let (energy, rank) = (floats(&wanted("energy")), floats(&wanted("rank")));
    let pointing = wanted("pointing");
    let maps = read(maps, "map");
    for (at, map) in maps.chunks_exact(96 * 96).enumerate() {
        let ours = Localisation::of(map, &Region::centre(Side::PCAM, 32)).unwrap();
        let pointed = pointing.data()[8 * at] == 1;
        // The reference stores 0 for a map without positive values.
        assert!((ours.energy.unwrap_or(0.0) - f64::from(energy[at])).abs() < 1e-4, "{name} {at}: {ours:?}");
        assert!((ours.rank - f64::from(rank[at])).abs() < 1.5 / 1024.0, "{name} {at}: {ours:?}");
        assert_eq!(ours.pointing, pointed, "{name} {at}");
    }
}

/// Two epochs in row order on the 256 real validation patches of the mini set: seed 42, batch size 32, Adam
/// with 1e-3, one thread. The expected losses come from PyTorch 2.11 in float64 and the loop below, for a `ClassCNN((8,
/// 16, 32, 64), 32).double()` made after `torch.manual_seed(42)`, with `x / 255` in NCHW:
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
/// The losses depend on initialisation, batches, batch normalisation and optimiser. The tolerance is 1e-3
/// relative.
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
    let expected = [(1.320_772_606, 0.695_342_285), (0.679_047_029, 0.684_993_745)];
    for (epoch, (train, validation)) in history.epochs.iter().zip(expected) {
        assert!((epoch.train_loss / train - 1.0).abs() < 1e-3, "{epoch:?}");
        assert!((epoch.validation_loss / validation - 1.0).abs() < 1e-3, "{epoch:?}");
    }
    assert_eq!(history.epochs.len(), 2);
}

/// Six trainings of three epochs on the coarse patches. They cover networks, optimisers, schedules and class
/// weights. The losses must match PyTorch's within 1e-3 relative.
#[test]
fn trainings_have_pytorchs_losses() {
    let bytes = std::fs::read(reference("train.safetensors")).unwrap();
    let patches = SafeTensors::deserialize(&bytes).unwrap();
    let cases: serde_json::Value =
        serde_json::from_slice(&std::fs::read(reference("train.json")).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut pipeline = "[pipeline]\nname = 'losses'\n".to_owned();
    for case in cases {
        let (name, table) = (text(&case["name"]), text(&case["table"]));
        pipeline += &format!(
            "[train.{name}]\ndata = {{ train = {{ x = 'train.x.h5', y = 'train.y.h5' }}, \
             validation = {{ x = 'validation.x.h5', y = 'validation.y.h5' }} }}\n\
             epochs = 3\nbatch-size = 10\nshuffle = false\nrun = {{ threads = 1 }}\n{table}"
        );
    }
    let sandbox = Sandbox::new().pipeline(&pipeline).file("data/.keep", "").with(|folder| {
        for part in ["train", "validation"] {
            let colours = patches.tensor(&format!("{part}.x")).unwrap();
            let file = |what| folder.join(format!("data/{part}.{what}.h5"));
            let enlarged = enlarged(colours.data(), colours.shape()[0]);
            dataset(&file("x"), "x", &enlarged.into_dyn(), |plain| plain);
            let labels = patches.tensor(&format!("{part}.y")).unwrap().data().to_vec();
            dataset(&file("y"), "y", &ndarray::Array1::from_vec(labels).into_dyn(), |plain| plain);
        }
    });
    sandbox.run(&[]).exit(0);
    for case in cases {
        let name = text(&case["name"]);
        let history = std::fs::read(sandbox.path(&format!("out/losses/train.{name}/history.json"))).unwrap();
        let history: pcamflow::metrics::History = serde_json::from_slice(&history).unwrap();
        let theirs: Vec<[f64; 2]> = serde_json::from_value(case["losses"].clone()).unwrap();
        assert_eq!(history.epochs.len(), theirs.len());
        for (epoch, [train, validation]) in history.epochs.iter().zip(theirs) {
            assert!((epoch.train_loss / train - 1.0).abs() < 1e-3, "{name}: {epoch:?}, not {train}");
            let off = (epoch.validation_loss / validation - 1.0).abs();
            assert!(off < 1e-3, "{name}: {epoch:?}, not {validation}");
        }
    }
}

/// Turns colours [n, 8, 8, 3] into patches [n, 96, 96, 3]: each colour becomes 12x12 pixels.
fn enlarged(colours: &[u8], n: usize) -> ndarray::Array4<u8> {
    ndarray::Array4::from_shape_fn((n, 96, 96, 3), |(patch, row, column, channel)| {
        colours[((patch * 8 + row / 12) * 8 + column / 12) * 3 + channel]
    })
}

#[test]
fn the_repositorys_references_are_small_and_say_what_made_them() {
    let files =
        std::fs::read_dir(reference("")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    let bytes: u64 = files.sum();
    assert!(bytes < 1_800_000, "{bytes} bytes");
    let made = std::fs::read_to_string(reference("made-with.json")).unwrap();
    for library in ["torch", "captum", "sklearn", "scipy", "numpy"] {
        assert!(made.contains(&format!("\"{library}\":\"")), "{made}");
    }
}
