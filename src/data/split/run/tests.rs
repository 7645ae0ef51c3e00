//! Whole splits: of made-up and of real patches, and with mistakes.

use std::path::Path;

use ndarray::ArrayD;

use super::*;
use crate::data::{
    fixtures::{Files, MASK_BYTES, PATCH_BYTES, damage, patch},
    patch_set::{PatchSet, PatchSource},
};

fn request(files: &Files, images: Source, labels: Source, sizes: [u64; 3]) -> SplitRequest {
    let folder = files.path("out");
    std::fs::create_dir_all(&folder).unwrap();
    SplitRequest {
        images,
        labels,
        meta: None,
        masks: None,
        sizes: Parts::from_array(sizes),
        algorithm: Algorithm::Pcamflow,
        seed: 42,
        group_by: None,
        folder,
    }
}

fn message(request: &SplitRequest) -> String {
    format!("{:#}", split(request, &mut |_, _| ()).unwrap_err())
}

fn part(folder: &Path, name: &str) -> PatchSet {
    PatchSet::open(&PatchSource::Part(Source::at(folder.join(format!("{name}.h5"))))).unwrap()
}

/// 24 patches of six slides, with masks.
fn small(files: &Files) -> SplitRequest {
    let labels: Vec<u8> = (0..24).map(|row| (row % 2) as u8).collect();
    let images = files.patches("x.h5", 24, |plain| plain.chunk((5, 96, 96, 3)).deflate(1));
    let mut meta = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n".to_owned();
    for row in 0..24 {
        let flag = if row % 2 == 1 { "True" } else { "False" };
        meta += &format!("{row},0,0,{flag},{flag},slide_{}\n", row / 4);
    }
    std::fs::write(files.path("meta.csv"), meta).unwrap();
    let masks = ArrayD::from_shape_fn(vec![24, 96, 96], |index| (index[0] * 7 + index[1]) as u8);
    files.with("mask.h5", "mask", &masks, |plain| plain);
    let mut request = request(files, images, files.labels("y.h5", &labels), [12, 8, 4]);
    request.meta = Some(files.source("meta.csv"));
    request.masks = Some(files.source("mask.h5"));
    request.group_by = Some(GroupBy { column: "wsi".into(), tolerance: 0.1 });
    request
}

#[test]
fn patches_masks_slides_and_rows_go_together() {
    let files = Files::new();
    let request = small(&files);
    let mut steps = Vec::new();
    let report = split(&request, &mut |done, total| steps.push((done, total))).unwrap();
    assert_eq!(steps.first(), Some(&(0, 24)));
    assert_eq!(steps.last(), Some(&(24, 24)));
    assert!(steps.is_sorted());
    let mut slides_seen = std::collections::BTreeMap::new();
    for name in Parts::<()>::NAMES {
        let set = part(&request.folder, name);
        let slides = set.slides().unwrap();
        for position in 0..set.len() {
            let row = set.rows()[position] as usize;
            let mut pixels = vec![0; PATCH_BYTES];
            set.read(&[position], &mut pixels).unwrap();
            assert!(pixels == patch(row));
            let mut mask = vec![0; MASK_BYTES];
            set.read_masks(&[position], &mut mask).unwrap();
            assert_eq!(mask[96], (row * 7 + 1) as u8);
            assert_eq!(set.labels()[position], (row % 2) as u8);
            let slide = &slides.names[slides.codes[position] as usize];
            assert_eq!(*slide, format!("slide_{}", row / 4));
            assert_eq!(*slides_seen.entry(slide.clone()).or_insert(name), name);
        }
    }
    let groups = report.groups.unwrap();
    assert_eq!((groups.groups, groups.parts), (6, Parts { train: 3, validation: 2, test: 1 }));
    assert_eq!(groups.furthest, 0.0);
}

#[test]
fn a_part_has_the_documented_layout() {
    let files = Files::new();
    let request = small(&files);
    split(&request, &mut |_, _| ()).unwrap();
    let file = hdf5::File::open(request.folder.join("train.h5")).unwrap();
    let names = ["mask", "row", "slide", "slide-name", "x", "y"];
    assert_eq!(file.member_names().unwrap(), names);
    let shown = names.map(|name| {
        let dataset = file.dataset(name).unwrap();
        let kind = dataset.dtype().unwrap().to_descriptor().unwrap();
        (kind.to_string(), dataset.shape(), dataset.is_chunked())
    });
    assert_eq!(shown[0], ("uint8".into(), vec![12, 96, 96], false));
    assert_eq!(shown[1], ("int64".into(), vec![12], false));
    assert_eq!(shown[2], ("int32".into(), vec![12], false));
    assert_eq!(shown[3], ("unicode (var len)".into(), vec![6], false));
    assert_eq!(shown[4], ("uint8".into(), vec![12, 96, 96, 3], false));
    assert_eq!(shown[5], ("uint8".into(), vec![12], false));
}

#[test]
fn the_same_request_makes_the_same_bytes() {
    let files = Files::new();
    let mut request = small(&files);
    let read = |folder: &Path| {
        ["train.h5", "validation.h5", "test.h5", "split.json"]
            .map(|name| std::fs::read(folder.join(name)).unwrap())
    };
    split(&request, &mut |_, _| ()).unwrap();
    let first = read(&request.folder);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    request.folder = files.path("elsewhere");
    std::fs::create_dir(&request.folder).unwrap();
    split(&request, &mut |_, _| ()).unwrap();
    assert!(first == read(&request.folder));
    request.seed = 43;
    split(&request, &mut |_, _| ()).unwrap();
    assert!(first != read(&request.folder));
}

/// The first rows and digests are those of `../shared/oracle/split.json`, "mini", seed 42.
#[test]
fn real_patches_are_split_as_by_scikit_learn() {
    let (Some(images), Some(labels), Some(oracle)) = (
        crate::testing::shared("data/pcam-mini/camelyonpatch_level_2_split_train_x.h5"),
        crate::testing::shared("data/pcam-mini/camelyonpatch_level_2_split_train_y.h5"),
        crate::testing::shared("oracle/split.json"),
    ) else {
        return;
    };
    let files = Files::new();
    let mut request = request(&files, Source::at(&images), Source::at(&labels), [600, 200, 200]);
    request.algorithm = Algorithm::ScikitLearn;
    split(&request, &mut |_, _| ()).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(oracle).unwrap()).unwrap();
    let case = cases.iter().find(|case| case["name"] == "mini" && case["seed"] == 42).unwrap();
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(request.folder.join("split.json")).unwrap()).unwrap();
    let source = hdf5::File::open(&images).unwrap().dataset("x").unwrap().read_raw::<u8>().unwrap();
    for name in Parts::<()>::NAMES {
        assert_eq!(report["parts"][name]["rows-sha256"], case[name]["sha256_i64le"]);
        let set = part(&request.folder, name);
        let positions: Vec<usize> = (0..set.len()).collect();
        let mut pixels = vec![0; set.len() * PATCH_BYTES];
        set.read(&positions, &mut pixels).unwrap();
        for (patch, &row) in pixels.chunks(PATCH_BYTES).zip(set.rows()) {
            assert!(patch == &source[row as usize * PATCH_BYTES..][..PATCH_BYTES]);
        }
    }
}

#[test]
fn patches_are_copied_without_change() {
    let name = |kind: &str| format!("data/pcam-lossless10/camelyonpatch_level_2_split_test_{kind}.h5");
    let (Some(images), Some(labels)) =
        (crate::testing::shared(&name("x")), crate::testing::shared(&name("y")))
    else {
        return;
    };
    let files = Files::new();
    let request = request(&files, Source::at(&images), Source::at(&labels), [5, 3, 2]);
    let report = split(&request, &mut |_, _| ()).unwrap();
    assert_eq!((report.source.class_0, report.source.class_1), (4, 6));
    let source =
        PatchSet::open(&PatchSource::Pair { images: request.images, labels: request.labels }).unwrap();
    assert_eq!(source.labels(), [0, 1, 0, 1, 1, 0, 1, 1, 1, 0]);
    let set = part(&request.folder, "test");
    let (mut drawn, mut original) = (vec![0; PATCH_BYTES], vec![0; PATCH_BYTES]);
    for position in 0..set.len() {
        set.read(&[position], &mut drawn).unwrap();
        source.read(&[set.rows()[position] as usize], &mut original).unwrap();
        assert!(drawn == original);
    }
}

#[test]
fn wrong_inputs_are_one_message_each() {
    let files = Files::new();
    let good = small(&files);
    let with = |change: &dyn Fn(&mut SplitRequest)| {
        let mut request = good.clone();
        change(&mut request);
        message(&request)
    };
    assert!(with(&|request| request.images = files.source("none.h5")).contains("none.h5"));
    assert!(with(&|request| request.labels = files.labels("y3.h5", &[0, 1, 0])).contains("must be as many"));
    assert!(with(&|request| request.sizes.test = 20).contains("but the file has 24"));
    assert!(with(&|request| request.masks = Some(request.labels.clone())).contains("no dataset `mask`"));
    assert!(with(&|request| request.folder = files.path("no/folder")).contains("train.h5: No such file"));
    let all_ones = with(&|request| {
        request.labels = files.labels("ones.h5", &[1; 24]);
        request.meta = None;
        request.group_by = None;
    });
    assert!(all_ones.contains("ones.h5") && all_ones.contains("all 24 labels are 1"), "{all_ones}");
}

#[test]
fn a_damaged_chunk_fails_the_split_with_its_rows() {
    let files = Files::new();
    let request = small(&files);
    let dataset = hdf5::File::open(&request.images.path).unwrap().dataset("x").unwrap();
    let chunk = (0..5).map(|index| dataset.chunk_info(index).unwrap()).find(|chunk| chunk.offset[0] == 10);
    let middle = chunk.map(|chunk| (chunk.addr + chunk.size / 2) as usize).unwrap();
    drop(dataset);
    damage(&request.images.path, middle..middle + 8);
    let error = message(&request);
    assert!(error.contains("dataset `x`, rows 10 to 14 cannot be read"), "{error}");
}
