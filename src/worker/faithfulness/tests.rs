//! Curves against references, and in closed form.

use pcamflow::{
    metrics::{faithfulness::auc, sigmoid},
    side::Side,
    stages::metrics::Protocol,
};
use tch::{Device, Kind, Tensor, no_grad};

use super::*;
use crate::{
    baseline::Fill,
    model::{
        Network, Source,
        testing::{architecture_of, difference, get, reference, tiny_network, weights},
    },
};

const PIXELS: usize = 96 * 96;

fn walker(course: &Course, chunk: usize) -> Walker {
    let (deletion, insertion) = (Fill::Colour([0.0; 3]), Fill::Blur);
    Walker { deletion, insertion, side: Side::PCAM, points: course.points.clone(), chunk }
}

fn bytes(images: &Tensor, image: i64) -> Vec<u8> {
    Vec::try_from(images.select(0, image).contiguous().view(-1)).unwrap()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.contiguous().view(-1).to_kind(Kind::Float)).unwrap()
}

fn probabilities(logits: &[f32]) -> Vec<f64> {
    logits.iter().map(|&logit| sigmoid(logit)).collect()
}

/// The map of a method among the references.
fn map(reference: &[(String, Tensor)], method: &str) -> Tensor {
    match method {
        "grad-cam" => get(reference, "grad-cam.relu4.upsampled"),
        "ig" => get(reference, "ig.gauss-legendre").sum_dim_intlist([1].as_slice(), false, Kind::Float),
        other => get(reference, other),
    }
}

#[test]
fn curves_and_areas_of_every_method_equal_the_references() {
    let Some(reference) = reference("explain.safetensors") else { return };
    let file = weights(&reference, "model.");
    let network = Network::new(&architecture_of(&file).unwrap(), Source::File(file), Device::Cpu).unwrap();
    let course = Course::new(Protocol::Rank, Side::PCAM, 96);
    let (walker, images) = (walker(&course, 32), get(&reference, "images"));
    for method in ["grad-cam", "saliency", "occlusion", "ig"] {
        let maps = map(&reference, method);
        for image in 0..8 {
            let pixels = bytes(&images, image);
            let steps = course.steps(&floats(&maps.select(0, image))).unwrap();
            let ends = walker.ends(&network, &pixels).unwrap();
            let walked = walker.walk(&network, &pixels, &steps, ends).unwrap();
            for (curve, logits) in [("deletion", walked.deletion), ("insertion", walked.insertion)] {
                let wanted = get(&reference, &format!("{curve}.{method}")).select(0, image);
                let scores = probabilities(&logits);
                let deviation = difference(&Tensor::from_slice(&scores), &wanted);
                assert!(deviation <= 1e-3, "{method} {curve} {image}: {deviation}");
                let wanted = get(&reference, &format!("{curve}.{method}.auc")).double_value(&[image]);
                let area = auc(&scores, &course.fractions);
                assert!((area - wanted).abs() <= 1e-4, "{method} {curve} {image}: {area} {wanted}");
            }
        }
    }
}

/// The scale of batch normalisation with running variance 1.
fn scale() -> f64 {
    1.0 / (1.0 + 1e-5_f64).sqrt()
}

/// A network that is linear on images: every convolution passes one channel on (first red), max-pooling gets blocks of
/// one value, and fc1's ReLU is always open. Up to the epsilon of batch normalisation, the logit is the sum of `tiles`
/// times the mean of each 16 x 16 tile.
fn linear_network(tiles: &[f32; 36]) -> Network {
    let network = tiny_network(2);
    no_grad(|| {
        let state = network.state();
        for (name, tensor) in &state {
            let _ =
                match name.ends_with("running_var") || (name.starts_with("bn") && name.ends_with("weight")) {
                    true => tensor.shallow_clone().fill_(1.0),
                    false => tensor.shallow_clone().zero_(),
                };
            if name.starts_with("conv") && name.ends_with("weight") {
                let _ = tensor.select(0, 0).select(0, 0).select(0, 1).select(0, 1).fill_(1.0);
            }
        }
        // Inputs of fc1 are ordered by channel, then tile.
        state["fc1.weight"].select(0, 0).narrow(0, 0, 36).copy_(&Tensor::from_slice(tiles));
        let _ = state["fc1.bias"].shallow_clone().fill_(100.0);
        let _ = state["fc2.weight"].select(1, 0).fill_(1.0);
        let _ = state["fc2.bias"].shallow_clone().fill_(-100.0);
    });
    network
}

/// The 4 x 4 block of a pixel, and its 16 x 16 tile.
fn block(pixel: usize) -> (usize, usize) {
    let (row, column) = (pixel / 96, pixel % 96);
    (row / 4 * 24 + column / 4, row / 16 * 6 + column / 16)
}

/// Scattered numbers from 0 to 1.
fn scattered(at: usize) -> f64 {
    (at as f64 * 0.618_033_988_749_895).fract()
}

#[test]
fn on_a_linear_network_every_point_is_the_rest_of_the_sum() {
    let tiles: [f32; 36] = std::array::from_fn(|tile| (8.0 * scattered(tile + 7) - 3.0) as f32);
    let network = linear_network(&tiles);
    let byte = |pixel: usize| (255.0 * scattered(block(pixel).0)) as u8;
    let pixels: Vec<u8> = (0..PIXELS).flat_map(|pixel| [byte(pixel), 77, 5]).collect();
    // The share of a pixel in the logit. Blocks differ enough for their pixels to go together.
    let share = |pixel: usize| {
        f64::from(tiles[block(pixel).1]) * f64::from(byte(pixel)) / 255.0 / 256.0 * scale().powi(4)
    };
    let map: Vec<f32> =
        (0..PIXELS).map(|pixel| (share(pixel) * 1e3) as f32 + block(pixel).0 as f32 * 1e-5).collect();
    let course = Course::new(Protocol::Rank, Side::PCAM, 96);
    let steps = course.steps(&map).unwrap();
    let black = Fill::Colour([0.0; 3]);
    let walker = Walker {
        deletion: black.clone(),
        insertion: black,
        side: Side::PCAM,
        points: course.points.clone(),
        chunk: 8,
    };
    let ends = walker.ends(&network, &pixels).unwrap();
    let walked = walker.walk(&network, &pixels, &steps, ends).unwrap();
    for (at, &point) in course.points.iter().enumerate() {
        let gone: f64 = (0..PIXELS).filter(|&pixel| steps[pixel] <= point).map(share).sum();
        let whole: f64 = (0..PIXELS).map(share).sum();
        // float32 rounding beside fc1's bias of 100, which keeps its ReLU open.
        assert!((f64::from(walked.deletion[at]) - (whole - gone)).abs() < 1e-4, "{at}");
        assert!((f64::from(walked.insertion[at]) - gone).abs() < 1e-4, "{at}");
    }
}

#[test]
fn the_area_under_a_linear_logit_is_that_of_the_softplus() {
    let network = linear_network(&[4.0 / 36.0; 36]);
    let pixels = vec![255; PIXELS * 3];
    let course = Course::new(Protocol::Rank, Side::PCAM, 96);
    let map: Vec<f32> = (0..PIXELS).map(|pixel| scattered(block(pixel).0) as f32).collect();
    let black = Fill::Colour([0.0; 3]);
    let walker = Walker {
        deletion: black.clone(),
        insertion: black,
        side: Side::PCAM,
        points: course.points.clone(),
        chunk: 32,
    };
    let ends = walker.ends(&network, &pixels).unwrap();
    let walked = walker.walk(&network, &pixels, &course.steps(&map).unwrap(), ends).unwrap();
    // The integral of sigmoid(z t) over t from 0 to 1 is (softplus(z) - softplus(0)) / z.
    let z = 4.0 * scale().powi(4);
    let exact = (z.exp().ln_1p() - 2_f64.ln()) / z;
    for logits in [walked.deletion, walked.insertion] {
        // The trapezoids' error is below z^2 max|sigmoid''| / (12 * 96^2) = 1.4e-5.
        let area = auc(&probabilities(&logits), &course.fractions);
        assert!((area - exact).abs() < 2e-5, "{area} {exact}");
    }
}

/// The definition for one image, without the shortcuts of `Walker`.
fn by_hand(network: &Network, image: &Tensor, baseline: &Tensor, gone: &[bool]) -> f32 {
    let mask = Tensor::from_slice(gone).view([1, 1, 96, 96]);
    let image = baseline.where_self(&mask, image);
    network.forward(&image).unwrap().double_value(&[0]) as f32
}

#[test]
fn pixels_below_a_threshold_are_black() {
    let network = tiny_network(4);
    let pixels: Vec<u8> = (0..PIXELS * 3).map(|at| (255.0 * scattered(at)) as u8).collect();
    let map: Vec<f32> = (0..PIXELS).map(|at| (scattered(at * 3 + 1) * 7.0 - 2.0) as f32).collect();
    let (low, high) = map.iter().fold((f32::MAX, f32::MIN), |(low, high), &it| (low.min(it), high.max(it)));
    let course = Course::new(Protocol::Threshold, Side::PCAM, 96);
    let black = Fill::Colour([0.0; 3]);
    let walker = Walker {
        deletion: black.clone(),
        insertion: black,
        side: Side::PCAM,
        points: course.points.clone(),
        chunk: 5,
    };
    let ends = walker.ends(&network, &pixels).unwrap();
    let walked = walker.walk(&network, &pixels, &course.steps(&map).unwrap(), ends).unwrap();
    let image =
        Tensor::from_slice(&pixels).view([1, 96, 96, 3]).permute([0, 3, 1, 2]).to_kind(Kind::Float) / 255.0;
    let nothing = image.zeros_like();
    for k in 0..=50 {
        let reached = |value: f32| f64::from(value - low) / f64::from(high - low) >= f64::from(k) / 50.0;
        let mask: Vec<bool> = map.iter().map(|&value| reached(value)).collect();
        let at = k as usize;
        assert!((walked.deletion[at] - by_hand(&network, &image, &nothing, &mask)).abs() < 1e-5, "{k}");
        assert!((walked.insertion[at] - by_hand(&network, &nothing, &image, &mask)).abs() < 1e-5, "{k}");
    }
    assert_eq!((walked.deletion[0], walked.insertion[0]), (ends.deletion, ends.image));
}

#[test]
fn uneven_steps_and_any_chunk_give_the_definitions_curve() {
    let network = tiny_network(4);
    let pixels: Vec<u8> = (0..PIXELS * 3).map(|at| (255.0 * scattered(at + 5)) as u8).collect();
    let map: Vec<f32> = (0..PIXELS).map(|at| scattered(at * 7) as f32).collect();
    let course = Course::new(Protocol::Rank, Side::PCAM, 1000);
    let steps = course.steps(&map).unwrap();
    let walked = |chunk| {
        let walker = walker(&course, chunk);
        let ends = walker.ends(&network, &pixels).unwrap();
        walker.walk(&network, &pixels, &steps, ends).unwrap()
    };
    let one = walked(1);
    assert_eq!((one.deletion.len(), one.insertion.len()), (11, 11));
    for chunk in [4, 64] {
        let other = walked(chunk);
        let pairs =
            one.deletion.iter().zip(&other.deletion).chain(one.insertion.iter().zip(&other.insertion));
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
    }
    let image =
        Tensor::from_slice(&pixels).view([1, 96, 96, 3]).permute([0, 3, 1, 2]).to_kind(Kind::Float) / 255.0;
    let blurred = Fill::Blur.of(&image);
    let order = pcamflow::metrics::by_value_descending(&map);
    for at in [0, 3, 9, 10] {
        let mut gone = [false; PIXELS];
        order.iter().take(1000 * at).for_each(|&pixel| gone[pixel] = true);
        assert!(
            (one.deletion[at] - by_hand(&network, &image, &image.zeros_like(), &gone)).abs() < 1e-5,
            "{at}"
        );
        assert!((one.insertion[at] - by_hand(&network, &blurred, &image, &gone)).abs() < 1e-5, "{at}");
    }
}
