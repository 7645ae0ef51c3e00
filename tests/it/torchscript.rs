//! Networks that come with their code, through the built binaries: a TorchScript archive that PyTorch wrote.

use std::{fs, path::Path};

use image::{Rgb, RgbImage};
use pcamflow::testing::reference;

use crate::sandbox::Sandbox;

const SIDE: u32 = 32;

/// A smooth picture that differs from those of other numbers.
fn picture(number: u32) -> RgbImage {
    let wave = |at: u32, by: u32| (((at * by + 17 * number) % 64) * 4) as u8;
    RgbImage::from_fn(SIDE, SIDE, |x, y| Rgb([wave(x, number % 5), wave(y, 3), wave(x + y, 1 + number % 3)]))
}

/// A project with 18 pictures of two classes, and the network of the reference.
fn project() -> Sandbox {
    let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/own-network.toml");
    let project = Sandbox::new().pipeline(&fs::read_to_string(pipeline).unwrap());
    for number in 0..18 {
        let path = project.path(&format!("data/patches/{}/{number}.png", number % 2));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(number).save(path).unwrap();
    }
    fs::copy(reference("torchscript.pt"), project.path("data/net.pt")).unwrap();
    project
}

const SMALL: [&str; 10] = [
    "--set",
    "evaluate.all.resamples=10",
    "--set",
    "metrics.faithfulness.resamples=10",
    "--set",
    "explain.saliency.take=6",
    "--set",
    "explain.occlusion.take=6",
    "--set",
    "explain.integrated-gradients.take=6",
];

fn numbers(project: &Sandbox, file: &str, name: &str) -> Vec<f32> {
    let file = hdf5::File::open(project.path(&format!("out/own-network/{file}"))).unwrap();
    file.dataset(name).unwrap().read_raw().unwrap()
}

#[test]
fn the_pipeline_imports_a_folder_and_explains_a_network_of_ones_own() {
    let project = project();
    project.run(&SMALL).exit(0);
    let [saliency, occlusion] = ["saliency", "occlusion"].map(|method| format!("explain.{method}/maps.h5"));
    let pixels = 6 * (SIDE * SIDE) as usize;
    assert_eq!(numbers(&project, &saliency, "map").len(), pixels);
    assert!(numbers(&project, &occlusion, "map").iter().any(|value| *value != 0.0));
    // All stages ask the same network: `metrics` compares the logits.
    let deltas = numbers(&project, "explain.integrated-gradients/maps.h5", "delta");
    assert!(deltas.iter().all(|delta| delta.abs() < 1e-3), "{deltas:?}");
    assert!(project.path("out/own-network/metrics.faithfulness/curves.png").exists());
    project.run(&SMALL).cached_all();
    // Another file is another network.
    let mut bytes = fs::read(project.path("data/net.pt")).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(project.path("data/net.pt"), bytes).unwrap();
    project.run(&SMALL).exit(2).complains("p.toml:29: net.pt is damaged");
}

const GRAD_CAM: &str = "\
[import.patches]
images = 'patches/'
[explain.cam]
model = { torchscript = 'net.pt' }
images = { x = 'import.patches/images', y = 'import.patches/labels' }
take = 2
method.grad-cam = {}
";

#[test]
fn grad_cam_uses_the_networks_two_methods() {
    let project = project();
    project.rewrite("p.toml", format!("[pipeline]\nname = 'own-network'\n{GRAD_CAM}"));
    project.run(&[]).exit(0);
    assert_eq!(numbers(&project, "explain.cam/maps.h5", "native").len(), 2 * 16 * 16);
    let layer = "explain.cam.method={ grad-cam = { layer = 'relu4' } }";
    let told = project.run(&["--set", layer]).exit(2);
    told.complains("one layer for Grad-CAM, `features`");
}

#[test]
fn what_the_network_returns_is_part_of_the_key_and_checked() {
    let project = project();
    let evaluate =
        |output: &str| project.run(&["evaluate.all", "--set", &format!("pipeline.output={output:?}")]);
    evaluate("two-logits").exit(0);
    let failure = evaluate("probability").exit(1).failure();
    assert!(failure.contains("returns two numbers for each patch"), "{failure}");
}

#[test]
fn stages_that_need_layers_refuse_it() {
    const STAGES: &str = "\
[train.t]
data = 'split.s'
epochs = 1
weights = { torchscript = 'net.pt' }
[resume-train.r]
from = { torchscript = 'net.pt' }
data = 'split.s'
epochs = 1
[split.s]
images = 'import.patches/images'
labels = 'import.patches/labels'
sizes = { train = 4, validation = 4, test = 4 }
[sanity.s]
explanation = 'explain.saliency'
[evaluate.b]
model = { torchscript = 'net.pt' }
precision = 'bf16'
images = 'split.s/test'
[evaluate.c]
model = 'net.pt'
images = 'split.s/test'
[explain.d]
model = { torchscript = 'net.pt' }
images = 'split.s/test'
method.lrp = {}
[explain.e]
model = { torchscript = 'net.pt' }
images = 'split.s/test'
method.grad-cam = { variant = 'plus-plus' }
";
    let project = project();
    let own = fs::read_to_string(project.path("p.toml")).unwrap();
    project.rewrite("p.toml", format!("{own}{STAGES}"));
    let checked = project.pcamflow(&["check", "p.toml"]).exit(2);
    let parts = [
        "a TorchScript network cannot be the start of a training",
        "a TorchScript network cannot be trained further",
        "its layers are not known, so they cannot be randomised",
        "a TorchScript network is computed in float32",
        "write { torchscript = \"net.pt\" }",
        "`lrp` needs a network whose layers are known",
        "`variant = \"plus-plus\"` needs a network whose layers are known",
    ];
    parts.into_iter().fold(checked, |checked, part| checked.complains(part));
}

#[test]
fn code_is_executed_only_where_the_pipeline_says_that_there_is_code() {
    let project = project();
    let weights = "evaluate.all.model={ safetensors = 'net.pt' }";
    let told = project.run(&["evaluate.all", "--set", weights]).exit(2);
    told.complains("net.pt is not a safetensors file").complains("{ torchscript = \"...\" }");
}
