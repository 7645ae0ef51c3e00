//! Tests of whole comparisons: closed forms, invariants, file formats.

use std::{fs, path::Path};

use proptest::prelude::*;
use safetensors::SafeTensors;

use super::*;
use crate::{metrics::MapRange, testing::explanations};

fn summary(comparison: &Comparison) -> Summary {
    faithfulness(comparison).unwrap().summary
}

fn method<'a>(summary: &'a Summary, label: &str) -> &'a MethodSummary {
    summary.methods.iter().find(|method| method.label == label).unwrap()
}

#[test]
fn areas_and_differences_in_closed_form() {
    let mut comparison = fixture::comparison(4, 2);
    comparison.fractions = vec![0.0, 0.5, 1.0];
    // grad-cam loses everything in the first step, random loses half in each of two steps.
    for (method, middle) in comparison.methods.iter_mut().zip([0.0, 0.5]) {
        for (at, explained) in method.explained.iter_mut().enumerate() {
            let top = 0.2 * (at + 1) as f64;
            let (deletion, insertion) = (vec![top, top * middle, 0.0], vec![0.0, top * (1.0 - middle), top]);
            explained.curves = Some(Curves { deletion, insertion });
        }
    }
    let summary = summary(&comparison);
    let close = |got: Option<f64>, expected: f64| assert!((got.unwrap() - expected).abs() < 1e-12, "{got:?}");
    // The tops 0.2, 0.4, 0.6, 0.8 have the mean 0.5 and the sample deviation 0.2582.
    let grad_cam = method(&summary, "grad-cam");
    close(grad_cam.deletion.mean, 0.25 * 0.5);
    close(grad_cam.deletion.sd, 0.25 * (1.0_f64 / 15.0).sqrt());
    close(grad_cam.insertion.mean, 0.75 * 0.5);
    close(grad_cam.insertion.median, 0.75 * 0.5);
    let difference = &summary.differences[0];
    assert_eq!((difference.method.as_str(), difference.against.as_str()), ("grad-cam", "random"));
    close(difference.deletion.mean, -0.25 * 0.5);
    close(difference.insertion.mean, 0.25 * 0.5);
}

#[test]
fn all_explanations_are_compared_with_each_other_and_with_controls() {
    let summary = summary(&fixture::comparison(9, 4));
    let pairs: Vec<_> =
        summary.differences.iter().map(|it| format!("{}-{}", it.method, it.against)).collect();
    let expected =
        ["grad-cam-saliency", "grad-cam-random", "grad-cam-centre", "saliency-random", "saliency-centre"];
    assert_eq!(pairs, expected);
}

#[test]
fn groups_add_up() {
    let comparison = fixture::comparison(60, 3);
    for method in &summary(&comparison).methods {
        assert_eq!(method.groups.iter().map(|group| group.images).sum::<u64>(), 60);
        let sum: f64 =
            method.groups.iter().map(|it| it.images as f64 * it.deletion.mean.unwrap_or(0.0)).sum();
        assert!((sum / 60.0 - method.deletion.mean.unwrap()).abs() < 1e-12);
    }
}

#[test]
fn localisation_is_lifted_over_the_chance_of_the_same_images() {
    let summary = summary(&fixture::comparison(60, 4));
    let scores = method(&summary, "grad-cam").localisation.mask.as_ref().unwrap();
    assert_eq!((scores.images, scores.without_energy, scores.energy.score.images), (30, 0, 30));
    let lift = scores.rank.lift.unwrap();
    assert!((lift - scores.rank.score.mean.unwrap() / scores.chance).abs() < 1e-12);
    let ends = scores.rank.lift_interval.unwrap();
    assert!(1.0 < ends.low && ends.low < lift && lift < ends.high, "{ends:?}");
    let centre = method(&summary, "centre").localisation.centre_box.as_ref().unwrap();
    assert_eq!(
        (centre.without_energy, centre.energy.lift, centre.pointing.score.mean),
        (30, None, Some(1.0))
    );
    let difference = summary.differences.iter().find(|it| it.against == "centre").unwrap();
    let rank = difference.mask.as_ref().unwrap().rank.mean.unwrap();
    let other = method(&summary, "centre").localisation.mask.as_ref().unwrap();
    assert!((rank - scores.rank.score.mean.unwrap() + other.rank.score.mean.unwrap()).abs() < 1e-12);
}

#[test]
fn odd_maps_and_undefined_numbers_are_listed() {
    let mut comparison = fixture::comparison(12, 3);
    let explained = &mut comparison.methods[0].explained;
    explained[1].map = MapRange::Zero;
    explained[2].map = MapRange::Constant(2.0);
    explained[3] = Explained { map: MapRange::NotFinite(1), curves: None, centre_box: None, mask: None };
    let all = faithfulness(&comparison).unwrap();
    let grad_cam = method(&all.summary, "grad-cam");
    let expected = OddMaps { zero: vec![101], constant: vec![102], not_finite: vec![103] };
    assert_eq!(grad_cam.odd_maps, expected);
    assert_eq!((grad_cam.deletion.images, method(&all.summary, "random").deletion.images), (11, 12));
    assert_eq!(all.summary.differences[0].deletion.images, 11);
    assert_eq!((all.images[3].map, all.images[3].deletion_auc), (MapKind::NotFinite, None));
    let centre = all.summary.undefined.iter().find(|it| it.value == "energy in the mask of centre").unwrap();
    assert_eq!(centre.reason, "no map has positive mass");
}

#[test]
fn missing_results_are_null_and_listed() {
    let mut comparison = fixture::comparison(3, 2);
    for explained in &mut comparison.methods[0].explained {
        *explained = Explained { map: MapRange::NotFinite(9216), curves: None, centre_box: None, mask: None };
    }
    let all = faithfulness(&comparison).unwrap();
    let json = serde_json::to_string_pretty(&all.summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), all.summary);
    let values: Vec<&str> = all.summary.undefined.iter().map(|it| it.value.as_str()).collect();
    for value in ["deletion area of grad-cam", "localisation of grad-cam in the centre box"] {
        assert!(values.contains(&value), "{value} is not among {values:?}");
    }
    assert!(all.summary.undefined.iter().any(|it| it.reason == "its images are of one slide"));
    assert_eq!(all.curves[0].methods[0].deletion, None);
}

#[test]
fn keys_of_the_summary_are_in_kebab_case() {
    let json = serde_json::to_value(summary(&fixture::comparison(8, 3))).unwrap();
    assert_eq!(json["methods"][0]["localisation"]["centre-box"]["images"], 4);
    assert_eq!(json["methods"][0]["groups"][0]["group"], "true-positive");
    assert_eq!(json["methods"][2]["control"], true);
    assert!(json["methods"][0]["odd-maps"]["not-finite"].is_array());
    assert!(json["methods"][0]["deletion"]["interval"]["low"].is_f64());
    assert_eq!((&json["protocol"], &json["points"]), (&"ranked".into(), &97.into()));
    assert!(json["notes"][0].as_str().unwrap().contains("the 3 slides were resampled"));
}

#[test]
fn lines_of_images_are_flat() {
    let all = faithfulness(&fixture::comparison(5, 2)).unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    all.images.iter().for_each(|line| writer.serialize(line).unwrap());
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let head = "method,row,label,probability,group,explained,slide,map,deletion-auc,insertion-auc,\
                centre-box-energy,centre-box-pointing,centre-box-rank,mask-energy,mask-pointing,mask-rank,mask-chance\n";
    assert!(text.starts_with(head), "{text}");
    assert!(text.lines().nth(2).unwrap().starts_with("grad-cam,101,0,"));
    assert!(text.lines().nth(2).unwrap().ends_with(",,,,,,,"));
    assert_eq!(text.lines().count(), 11);
}

#[test]
fn without_slides_images_are_resampled_with_a_note() {
    let mut comparison = fixture::comparison(40, 2);
    let with = summary(&comparison);
    comparison.images.iter_mut().for_each(|image| image.slide = None);
    let without = summary(&comparison);
    assert_eq!((with.slides, without.slides), (Some(14), None));
    assert_eq!(with.methods[0].deletion.slides, Some(14));
    assert_ne!(with.methods[0].deletion.interval, without.methods[0].deletion.interval);
    assert_eq!(with.methods[0].deletion.mean, without.methods[0].deletion.mean);
    assert!(without.notes[0].contains("Patches of one slide are correlated"));
    assert!(with.notes[1].starts_with("With fewer than 20 slides"));
}

#[test]
fn differences_of_a_measure_are_corrected_for_their_number() {
    let summary = summary(&fixture::comparison(60, 6));
    for measure in Measure::ALL {
        let tested = |of: fn(&Estimate) -> Option<f64>| {
            let all = summary.differences.iter().filter_map(|it| measure.of_difference(it));
            all.filter_map(of).collect::<Vec<f64>>()
        };
        let (raw, corrected) = (tested(|it| it.p_value), tested(|it| it.p_corrected));
        assert!(raw.len() >= 10, "{}", raw.len());
        assert_eq!(corrected, sign_flip::holm(&raw), "{}", measure.name());
        let below = |p: &[f64]| p.iter().filter(|p| **p <= 0.05).count();
        assert!(below(&corrected) <= below(&raw), "{}", measure.name());
    }
    assert_eq!(summary.methods[0].deletion.p_value, None);
}

#[test]
fn a_baseline_that_scores_as_the_class_is_a_warning() {
    let mut comparison = fixture::comparison(40, 3);
    assert!(summary(&comparison).warnings.is_empty());
    comparison.baselines[0].scores.fill(0.93);
    let warnings = summary(&comparison).warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("The baseline `black` alone scores as the explained class"),
        "{warnings:?}"
    );
    // If class 0 is explained, the same image scores 0.07, and the other baseline scores high.
    for image in &mut comparison.images {
        image.explains_positive = false;
    }
    comparison.baselines = vec![
        Baseline { name: "black".to_owned(), scores: vec![0.07; 40] },
        Baseline { name: "blur".to_owned(), scores: comparison.images.iter().map(Image::score).collect() },
    ];
    let warnings = summary(&comparison).warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("Choose another `insertion-baseline`"),
        "{warnings:?}"
    );
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    let bytes = tensors.tensor(name).unwrap().data().chunks_exact(4);
    bytes.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()).into()).collect()
}

#[test]
fn areas_are_the_references() {
    explanations().into_iter().for_each(|path| areas_are_those_of(&path));
}

fn areas_are_those_of(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let areas = tensors.names().into_iter().filter(|name| name.ends_with(".auc"));
    let areas: Vec<&str> = areas.collect();
    assert!(areas.len() >= 8, "{areas:?}");
    for name in areas {
        let curves = floats(&tensors, name.strip_suffix(".auc").unwrap());
        for (curve, expected) in curves.chunks_exact(97).zip(floats(&tensors, name)) {
            let got = auc(curve, &fractions(9216, 96));
            // Both are stored, and the reference was summed, in float32.
            assert!((got - expected).abs() < 1e-6, "{name}: {got}, not {expected}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn another_method_changes_no_number(images in 2..40_usize, hole in 0..40_usize, slides: bool) {
        let mut many = fixture::comparison(images, 6);
        if !slides {
            many.images.iter_mut().for_each(|image| image.slide = None);
        }
        // One method lacks an image: the others keep their resamples.
        many.methods[1].explained[hole % images].curves = None;
        let mut few = many.clone();
        few.methods.remove(1);
        let (many, few) = (faithfulness(&many).unwrap(), faithfulness(&few).unwrap());
        for it in &few.summary.methods {
            prop_assert_eq!(it, method(&many.summary, &it.label));
        }
        let uncorrected = |summary: &Summary| {
            let mut differences = summary.differences.clone();
            for difference in &mut differences {
                for measure in Measure::ALL {
                    let estimate = measure.of_difference_mut(difference);
                    estimate.into_iter().for_each(|it| it.p_corrected = None);
                }
            }
            differences
        };
        let all = uncorrected(&many.summary);
        prop_assert!(uncorrected(&few.summary).iter().all(|it| all.contains(it)));
        for (few, many) in few.curves.iter().zip(&many.curves) {
            prop_assert!(few.methods.iter().all(|curves| many.methods.contains(curves)));
        }
        prop_assert!(few.images.iter().all(|line| many.images.contains(line)));
    }

    #[test]
    fn survives_json_without_nan(images in 1..12_usize, methods in 2..5_usize) {
        let summary = summary(&fixture::comparison(images, methods));
        let json = serde_json::to_string(&summary).unwrap();
        prop_assert!(!json.contains("NaN") && !json.contains("inf"));
        prop_assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }
}
