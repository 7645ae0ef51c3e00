//! Real archives: one that PyTorch has scripted, with Captum's explanations, and some that libtorch traces here.

use pcamflow::{
    stages::{
        Baseline,
        explain::{
            GradCam, GradientShap, InputXGradient, IntegratedGradients, Method, Occlusion, Rise, Saliency,
            Score, Smooth, Target, Variant,
        },
    },
    testing,
};

use super::*;
use crate::{
    baseline::Fill,
    explain::{Query, Question, explainer},
    model::testing::{as_if_trained, difference, get, noisy_patches_of, tiny_network},
};

fn file(path: std::path::PathBuf) -> InputFile {
    InputFile { path, name: "net.pt".to_owned() }
}

/// An archive of what `make` computes of images [4, 3, S, S].
fn traced(folder: &tempfile::TempDir, side: i64, make: impl Fn(&Tensor) -> Tensor) -> InputFile {
    let path = folder.path().join("net.pt");
    let example = noisy_patches_of(4, side, 1).contiguous();
    let module = tch::CModule::create_by_tracing("Net", "forward", &[example], &mut |inputs: &[Tensor]| {
        vec![make(&inputs[0])]
    });
    module.unwrap().save(&path).unwrap();
    file(path)
}

fn open(make: impl Fn(&Tensor) -> Tensor, asked: Option<NetworkOutput>) -> Result<Script, String> {
    let folder = tempfile::tempdir().unwrap();
    let script = Script::open(&traced(&folder, 32, make), None, asked, &noisy_patches_of(8, 32, 2));
    script.map_err(|error| format!("{error:#}"))
}

fn refused(make: impl Fn(&Tensor) -> Tensor, asked: Option<NetworkOutput>) -> String {
    open(make, asked).expect_err("a refusal")
}

/// [N, 1], between -20 and 20.
fn mean(images: &Tensor) -> Tensor {
    (images.mean_dim([1, 2, 3].as_slice(), false, Kind::Float).unsqueeze(1) - 0.5) * 100.0
}

fn two(images: &Tensor) -> Tensor {
    Tensor::cat(&[-mean(images), mean(images)], 1)
}

#[test]
fn what_a_network_returns_is_found_or_asked_for() {
    let found = |make: fn(&Tensor) -> Tensor| open(make, None).unwrap().output;
    assert_eq!(found(mean), NetworkOutput::Logit);
    assert_eq!(found(|images| mean(images).squeeze_dim(1)), NetworkOutput::Logit);
    assert_eq!(found(two), NetworkOutput::TwoLogits);
    let sigmoid = |images: &Tensor| mean(images).sigmoid();
    let message = refused(sigmoid, None);
    assert!(
        message.contains("all lie in [0, 1]") && message.contains("`output = \"probability\"`"),
        "{message}"
    );
    for asked in [NetworkOutput::Probability, NetworkOutput::Logit] {
        assert_eq!(open(sigmoid, Some(asked)).unwrap().output, asked);
    }
    let softmax = refused(|images| two(images).softmax(1, Kind::Float), None);
    assert!(softmax.contains("export the network without the softmax"), "{softmax}");
    // Logarithms of probabilities differ as the logits do.
    assert_eq!(found(|images| two(images).log_softmax(1, Kind::Float)), NetworkOutput::TwoLogits);
}

#[test]
fn outputs_that_are_not_as_asked_are_refused() {
    for (make, asked, part) in [
        (mean as fn(&Tensor) -> Tensor, NetworkOutput::Probability, "outside [0, 1]"),
        (mean, NetworkOutput::TwoLogits, "returns one number for each patch"),
        (two, NetworkOutput::Logit, "returns two numbers for each patch"),
    ] {
        let message = refused(make, Some(asked));
        assert!(
            message.contains(part) && message.starts_with("cannot use the network of net.pt"),
            "{message}"
        );
    }
}

#[test]
fn networks_that_cannot_be_explained_are_refused() {
    for (make, part) in [
        (
            (|images| images.mean_dim([1, 2].as_slice(), false, Kind::Float)) as fn(&Tensor) -> Tensor,
            "must return [8]",
        ),
        (
            |images| images.dropout(0.5, true).mean_dim([1, 2, 3].as_slice(), false, Kind::Float),
            "other outputs each time",
        ),
        (
            |images| mean(&(images - images.mean(Kind::Float))) + 1.0,
            "depends on the other patches of its batch",
        ),
        (|images| mean(images).log(), "not finite"),
    ] {
        let message = refused(make, None);
        assert!(message.contains(part), "{message}");
    }
    let other_side = refused(
        |images| images.reshape([-1, 3 * 16 * 16]).sum_dim_intlist([1].as_slice(), false, None),
        None,
    );
    assert!(other_side.contains("must return [8]"), "{other_side}");
    let folder = tempfile::tempdir().unwrap();
    let fixed = traced(&folder, 32, |images| {
        images.view([4, 3 * 32 * 32]).sum_dim_intlist([1].as_slice(), false, None)
    });
    let error = Script::open(&fixed, None, None, &noisy_patches_of(9, 32, 2)).err().unwrap();
    let error = format!("{error:#}");
    assert!(error.contains("does not take 9 patches of 32 pixels at once"), "{error}");
    assert!(!error.contains("Traceback") && error.lines().count() == 1, "{error}");
}

#[test]
fn files_that_are_no_archive_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8]| {
        let path = folder.path().join("net.pt");
        std::fs::write(&path, bytes).unwrap();
        let error = Script::open(&file(path), None, None, &noisy_patches_of(2, 32, 2)).err().unwrap();
        format!("{error:#}")
    };
    assert!(refused(b"\x80\x02}q\0.").contains("is no TorchScript archive"), "a pickle");
    assert!(refused(b"").contains("less than 4 bytes"));
    assert!(refused(b"PK\x03\x04 and no more").contains("damaged"));
    let whole = std::fs::read(testing::reference("torchscript.pt")).unwrap();
    assert!(refused(&whole[..whole.len() / 2]).contains("damaged"));
    let missing = Script::open(&file(folder.path().join("none.pt")), None, None, &noisy_patches_of(2, 32, 2));
    assert!(format!("{:#}", missing.err().unwrap()).starts_with("cannot open net.pt"));
}

#[test]
fn a_network_without_features_has_no_layer() {
    let script = open(mean, None).unwrap();
    let error = script.layer(&Layer::default()).unwrap_err().to_string();
    assert!(
        error.contains("`features(x)` and `classifier(features)`") && error.contains("not defined"),
        "{error}"
    );
}

#[test]
fn a_network_without_gradients_is_named() {
    let script = open(|images| mean(&images.detach()), None).unwrap();
    let error = format!("{:#}", script.slope(&noisy_patches_of(2, 32, 1), None).unwrap_err());
    assert!(error.contains("the network gives no gradient"), "{error}");
}

/// The maps and attributions of a method, in black where something is hidden.
fn explained(method: &Method, network: &dyn Classifier, images: &Tensor) -> crate::explain::Maps {
    let side = Side::new(images.size()[2] as usize).unwrap();
    let explainer = explainer(method, network, 1, Some(Fill::Colour([0.0; 3])), side).unwrap();
    let count = images.size()[0] as usize;
    let question = Question { target: Target::Tumor, score: Score::Logit };
    let (labels, rows) = (vec![1; count], (0..count as i64).collect::<Vec<_>>());
    let query = Query { images, labels: &labels, rows: &rows, question, at_once: 5 };
    explainer.explain(network, &query).unwrap()
}

fn methods() -> Vec<Method> {
    captums().into_iter().chain(further()).collect()
}

/// Further methods that know no layers.
fn further() -> [Method; 4] {
    [
        Method::InputXGradient(InputXGradient::default()),
        Method::GradientShap(GradientShap { samples: 3, ..GradientShap::default() }),
        Method::Rise(Rise { masks: 20, ..Rise::default() }),
        Method::Saliency(Saliency { smooth: Some(Smooth { samples: 2, ..Smooth::default() }) }),
    ]
}

/// Those in the reference.
fn captums() -> [Method; 3] {
    [
        Method::Saliency(Saliency::default()),
        Method::Occlusion(Occlusion { window: 8, stride: 8, baseline: Baseline::Black }),
        Method::IntegratedGradients(IntegratedGradients::default()),
    ]
}

fn relative(ours: &[f32], theirs: &Tensor) -> f64 {
    let theirs = theirs.to_kind(Kind::Float).contiguous().view(-1);
    difference(&Tensor::from_slice(ours), &theirs) / theirs.abs().max().double_value(&[])
}

/// 1e-5 is the rounding of float32 in sums of some hundred terms; both compute in float32.
#[test]
fn explanations_are_captums() {
    let reference = Tensor::read_safetensors(testing::reference("torchscript.safetensors")).unwrap();
    let images = get(&reference, "pixels").to_kind(Kind::Float).permute([0, 3, 1, 2]) / 255.0;
    let script = Script::open(&file(testing::reference("torchscript.pt")), None, None, &images).unwrap();
    assert_eq!(script.output, NetworkOutput::TwoLogits);
    assert!(difference(&script.forward(&images).unwrap(), &get(&reference, "logits")) < 1e-5);
    let [saliency, occlusion, integrated] = captums().map(|method| explained(&method, &script, &images));
    assert!(relative(&saliency.attribution, &get(&reference, "gradient")) < 1e-5);
    assert!(relative(&occlusion.map, &get(&reference, "occlusion")) < 1e-5);
    assert!(relative(&integrated.attribution, &get(&reference, "integrated-gradients")) < 1e-5);
    let cam = explained(&Method::GradCam(GradCam::default()), &script, &images);
    assert!(relative(&cam.native, &get(&reference, "grad-cam")) < 1e-5);
    let score_cam = GradCam { variant: Variant::ScoreCam, ..GradCam::default() };
    let score_cam = explained(&Method::GradCam(score_cam), &script, &images);
    assert!(score_cam.map.iter().all(|value| *value >= 0.0) && score_cam.map != cam.map);
    assert_eq!(script.activation(&images, "features").unwrap().size(), [2, 8, 16, 16]);
    assert!(script.layer(&Layer::named("relu4")).unwrap_err().to_string().contains("one layer"));
}

/// ClassCNN as a traced network has the explanations of ClassCNN. Our kernels round differently, and near ties of a pooling
/// choose another pixel: 1e-3, as for other references.
#[test]
fn explanations_are_those_of_the_same_network_with_known_layers() {
    let network = as_if_trained(tiny_network(3));
    let folder = tempfile::tempdir().unwrap();
    let plain = |images: &Tensor| network.plain(images, super::super::Mode::Inference);
    // 48 pixels are pooled by windows: libtorch would trace the other pooling's matrices as empty tensors.
    let images = noisy_patches_of(3, 48, 9);
    for normalise in [None, Some(Normalise { mean: [0.5, 0.4, 0.6], std: [0.5, 0.25, 0.2] })] {
        let mut ours = as_if_trained(tiny_network(3));
        ours.normalise(normalise.as_ref());
        let asked = Some(NetworkOutput::Logit);
        let script = Script::open(&traced(&folder, 48, plain), normalise.as_ref(), asked, &images).unwrap();
        let difference = difference(&script.forward(&images).unwrap(), &ours.forward(&images).unwrap());
        assert!(difference < 1e-5, "{difference}");
        for method in methods() {
            let [one, other] =
                [&script as &dyn Classifier, &ours].map(|network| explained(&method, network, &images));
            let wanted = Tensor::from_slice(&other.map);
            assert!(relative(&one.map, &wanted) < 1e-3, "{method:?}");
        }
    }
}

#[test]
fn results_do_not_change_from_call_to_call() {
    let images = noisy_patches_of(2, 32, 4);
    let script = Script::open(&file(testing::reference("torchscript.pt")), None, None, &images).unwrap();
    let first = script.slope(&images, None).unwrap();
    for _ in 0..4 {
        let again = script.slope(&images, None).unwrap();
        assert_eq!(
            (again.logits, again.gradient),
            (first.logits.shallow_clone(), first.gradient.shallow_clone())
        );
    }
}
