//! Where the truth comes from: masks and slides, of a part of a split or of files.

use super::*;

/// Masks of 5 patches: the first four rows of pixels. The mask of the last positive is empty.
fn masks() -> Vec<u8> {
    let mask = |image: usize| (0..PIXELS).map(move |at| u8::from(image < 4 && at < 4 * 96));
    (0..5).flat_map(mask).collect()
}

/// Each method's rank accuracy in the true masks, and in the centre box.
fn ranks(case: &Case, label: &str) -> [Option<f64>; 2] {
    let summary = case.summary();
    let mut methods = summary["methods"].as_array().unwrap().iter();
    let method = methods.find(|method| method["label"] == label).unwrap().clone();
    ["mask", "centre-box"].map(|region| method["localisation"][region]["rank"]["score"]["mean"].as_f64())
}

#[test]
fn maps_are_located_in_true_masks_if_there_are_any_and_always_in_the_box() {
    let pixels = noise(5);
    let mut found = ByHand::new(0.1);
    found.maps = masks().into_iter().map(f32::from).collect();
    let case = Case::new();
    let images = part(&case.folder.path().join("test.h5"), &pixels, &LABELS, Some(&masks()));
    let case = case.with("images", images).maps("found", &found);
    let (outcome, recorder) = case.run(COARSE, resources(2, 8));
    outcome.unwrap();
    let warned = recorder.warnings();
    assert!(warned.iter().any(|it| it.starts_with("1 positives of split.pcam/test have an empty mask")));
    assert_eq!((ranks(&case, "found")[0], ranks(&case, "centre")[0]), (Some(1.0), Some(0.0)));
    assert!(ranks(&case, "centre")[1].unwrap() > 0.85);
    case.run(&format!("{COARSE}localisation = 'centre-box'"), resources(2, 8)).0.unwrap();
    assert_eq!(ranks(&case, "found")[0], None);
    assert!(ranks(&case, "centre")[1].is_some());
}

/// The patches as a source pair.
fn pair(case: &Case) -> [InputFile; 2] {
    [("x", Element::U8, vec![5, 96, 96, 3], noise(5)), ("y", Element::U8, vec![5], LABELS.to_vec())].map(
        |(name, element, shape, bytes)| {
            let path = case.folder.path().join(format!("{name}.h5"));
            let arrays = vec![Array::new(name, element, shape)];
            let mut file = ArrayFile::create(&path, arrays, &Notes::default()).unwrap();
            file.write(name, 0, &bytes).unwrap();
            file.finish().unwrap();
            InputFile { path, name: format!("{name}.h5") }
        },
    )
}

#[test]
fn a_source_pair_can_have_masks_and_slides_in_files() {
    let mut case = Case::new();
    let [x, y] = pair(&case);
    case.inputs.remove("images");
    let path = case.folder.path().join("masks.h5");
    let arrays = vec![Array::new("mask", Element::U8, [5, 96, 96])];
    let mut file = ArrayFile::create(&path, arrays, &Notes::default()).unwrap();
    file.write("mask", 0, &masks()).unwrap();
    file.finish().unwrap();
    let masks = InputFile { path, name: "masks.h5".to_owned() };
    let path = case.folder.path().join("meta.csv");
    fs::write(&path, "coord_y,wsi\n1,s2\n2,s1\n3,s2\n4,s3\n5,s1\n").unwrap();
    let meta = InputFile { path, name: "meta.csv".to_owned() };
    // Drawn rows, not all of them, and in ascending order.
    let mut maps = ByHand::new(0.1);
    maps.rows = vec![1, 2, 4];
    maps.labels = vec![1, 1, 1];
    maps.logits = [1, 2, 4].map(|row: usize| maps.logits[row]).to_vec();
    maps.maps.truncate(3 * PIXELS);
    let case = case.with("images.x", x).with("images.y", y).with("masks", masks).with("meta", meta);
    let case = case.maps("b", &maps);
    let text = format!("{COARSE}masks = 'masks.h5'\nmeta = 'meta.csv'\nlocalisation = 'masks'");
    case.run(&text, resources(2, 8)).0.unwrap();
    assert_eq!(case.summary()["slides"], 2);
    let lines = case.results_of("b").1;
    let slides: Vec<bool> = lines
        .iter()
        .zip(["s1", "s2", "s1"])
        .map(|(line, slide)| line.contains(&format!(",{slide},")))
        .collect();
    assert_eq!(slides, [true; 3], "{lines:?}");
    assert!(ranks(&case, "b")[0].is_some());
}

#[test]
fn a_part_has_its_slides() {
    let case = Case::new();
    let path = case.folder.path().join("slides.h5");
    let slides = Groups { names: vec!["s1".into(), "s2".into()], codes: vec![0, 1, 0, 1, 1] };
    let rows: Vec<i64> = (100..105).collect();
    let columns = Columns {
        side: pcamflow::side::Side::PCAM,
        labels: &LABELS,
        rows: &rows,
        slides: Some(&slides),
        masks: false,
    };
    let mut writer = PatchWriter::create(&path, &columns).unwrap();
    writer.write_patches(0, &noise(5)).unwrap();
    writer.finish().unwrap();
    let images = InputFile { path, name: "split.pcam/test".to_owned() };
    let case = case.with("images", images).maps("b", &ByHand::new(0.1));
    case.run(COARSE, resources(1, 8)).0.unwrap();
    assert_eq!(case.summary()["slides"], 2);
}

#[test]
fn missing_masks_are_an_error_if_they_are_required() {
    let case = Case::new().maps("a", &ByHand::new(0.1));
    let error = error(&case, "localisation = 'masks'");
    assert!(error.starts_with("masks are missing: split.pcam/test has none"), "{error}");
}

#[test]
fn without_positives_all_artifacts_are_written() {
    let case = Case::new();
    let images = part(&case.folder.path().join("test.h5"), &noise(5), &[0; 5], None);
    let case = case.with("images", images).maps("a", &ByHand { labels: vec![0; 5], ..ByHand::new(0.1) });
    case.run(COARSE, resources(2, 8)).0.unwrap();
    assert_eq!(ranks(&case, "a"), [None, None]);
    assert!(fs::read_to_string(case.path("localisation.svg")).unwrap().contains("No positive image"));
    let names: Vec<_> = fs::read_dir(case.folder.path().join("out")).unwrap().collect();
    assert_eq!(names.len(), 10, "{names:?}");
}
