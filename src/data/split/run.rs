//! Carries out a split: reads the sources, draws the rows, writes three files and a report.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{
    Parts,
    copy::{Move, copy, plan},
    duplicates::{Duplicates, Identity, Seen},
    grouped,
    report::{Algorithm, ClassCounts, GroupReport, PartReport, SplitReport},
    scikit_learn, stratified,
};
use crate::data::{
    Source,
    blank::{Blank, is_constant},
    h5::{H5File, Length, Rows, read_labels},
    meta::{self, Groups},
    patch_set::same_length,
    patches::{Columns, PatchWriter},
};

/// What to split, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRequest {
    /// The images: `x` [N, S, S, 3] uint8.
    pub images: Source,
    /// The labels: `y`, N values of 0 or 1.
    pub labels: Source,
    /// The meta table, which has the slide of every patch.
    pub meta: Option<Source>,
    /// The ground-truth masks: `mask` [N, S, S] uint8.
    pub masks: Option<Source>,
    /// Patches per part.
    pub sizes: Parts<u64>,
    /// How rows are drawn.
    pub algorithm: Algorithm,
    /// The seed of the draws.
    pub seed: u64,
    /// Keeps groups of patches together; needs `meta`.
    pub group_by: Option<GroupBy>,
    /// The folder for the artifacts, which exists.
    pub folder: PathBuf,
}

/// Which groups stay together.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    /// The column of the meta table.
    pub column: String,
    /// How far a part may be off, as a share of its size.
    pub tolerance: f64,
}

/// The sources, opened and checked against each other.
struct Sources {
    images: Rows,
    labels: Vec<u8>,
    masks: Option<Rows>,
    groups: Option<Groups>,
}

/// Writes `train.h5`, `validation.h5`, `test.h5` and `split.json`. `progress` is called with the patches done and in
/// all. Holds a few windows of patches in memory.
///
/// # Errors
/// Anything wrong with a source (see `h5` and `meta`); sizes that cannot be made (see the algorithms); a folder that
/// cannot be written.
pub fn split(request: &SplitRequest, progress: &mut dyn FnMut(u64, u64)) -> Result<SplitReport> {
    let sources = Sources::open(request)?;
    let (rows, groups_of_parts) = draw(request, &sources)?;
    let (seen, blank) = write_parts(request, &sources, &rows, progress)?;
    let mut report = report(request, &sources, &rows, groups_of_parts, seen.count());
    report.warnings = warnings(request, &sources, &rows, blank);
    report.write(&request.folder.join("split.json"))?;
    Ok(report)
}

impl Sources {
    fn open(request: &SplitRequest) -> Result<Self> {
        let images = Rows::patches(&H5File::open(&request.images)?)?;
        let labels = read_labels(&H5File::open(&request.labels)?, "y", Length::Any)?;
        same_length(&images, &request.labels, labels.len())?;
        let masks = request.masks.as_ref().map(|masks| {
            Rows::masks(&H5File::open(masks)?, Length::Exactly(labels.len()))?.of_side(images.side())
        });
        Ok(Self { images, masks: masks.transpose()?, groups: read_groups(request, &labels)?, labels })
    }
}

/// The groups to keep together. Without `group_by` the slides, if the table has them.
fn read_groups(request: &SplitRequest, labels: &[u8]) -> Result<Option<Groups>> {
    let Some(meta) = &request.meta else { return Ok(None) };
    let column = match &request.group_by {
        Some(group_by) => group_by.column.as_str(),
        None if meta::has_column(meta, meta::SLIDE_COLUMN)? => meta::SLIDE_COLUMN,
        None => return Ok(None),
    };
    meta::read_groups(meta, column, labels).map(Some)
}

/// The rows of each part. With `group_by`, also the number of groups in each.
type Drawn = (Parts<Vec<u64>>, Option<Parts<usize>>);

fn draw(request: &SplitRequest, sources: &Sources) -> Result<Drawn> {
    let (labels, sizes, seed) = (&sources.labels, &request.sizes, request.seed);
    if let (Some(group_by), Some(groups)) = (&request.group_by, &sources.groups) {
        let (rows, groups) = grouped::split(labels, groups, sizes, group_by.tolerance, seed)
            .with_context(|| format!("group-by `{}`", group_by.column))?;
        return Ok((rows, Some(groups)));
    }
    let rows = match request.algorithm {
        Algorithm::Pcamflow => stratified::split(labels, sizes, seed),
        Algorithm::ScikitLearn => scikit_learn::split(labels, sizes, seed),
    };
    Ok((rows.with_context(|| request.labels.to_string())?, None))
}

fn write_parts(
    request: &SplitRequest,
    sources: &Sources,
    parts: &Parts<Vec<u64>>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Seen, [Blank; 3])> {
    let (mut seen, mut writers) = (Seen::default(), Vec::with_capacity(3));
    for (name, rows) in parts.named() {
        let slides = sources.groups.as_ref().map(|groups| groups.select(rows));
        let columns = Columns {
            side: sources.images.side(),
            labels: &labels_of(&sources.labels, rows),
            rows: &as_int64(rows),
            slides: slides.as_ref(),
            masks: sources.masks.is_some(),
        };
        writers.push(PatchWriter::create(&request.folder.join(format!("{name}.h5")), &columns)?);
    }
    let moves = plan(parts.as_array());
    // Masks are a second pass over the same patches.
    let (total, passes) = (moves.len() as u64, 1 + u64::from(sources.masks.is_some()));
    progress(0, total);
    let mut blank = [Blank::default(); 3];
    let look = |bytes: &[u8]| (Identity::of(bytes), is_constant(bytes));
    let write = |to: &Move, bytes: &[u8], (identity, constant)| {
        seen.add(to.part, identity);
        blank[to.part].look(to.row as i64, sources.images.is_unwritten(to.row), constant);
        writers[to.part].write_patches(to.position, bytes)
    };
    copy(&sources.images, &moves, look, write, &mut |done| progress(done as u64 / passes, total))?;
    if let Some(masks) = &sources.masks {
        let write = |to: &Move, bytes: &[u8], ()| writers[to.part].write_masks(to.position, bytes);
        copy(masks, &moves, |_| (), write, &mut |done| {
            progress((moves.len() + done) as u64 / passes, total)
        })?;
    }
    writers.into_iter().try_for_each(PatchWriter::finish)?;
    Ok((seen, blank))
}

/// Warnings about blank patches and masks.
fn warnings(
    request: &SplitRequest,
    sources: &Sources,
    parts: &Parts<Vec<u64>>,
    blank: [Blank; 3],
) -> Vec<String> {
    let mut of_parts = Vec::new();
    let (mut all, mut masks) = (Blank::default(), Blank::default());
    for ((name, rows), blank) in parts.named().zip(blank) {
        all += blank;
        of_parts.push(format!("{} in {name}", blank.unwritten + blank.constant));
        let unwritten = |row: u64| sources.masks.as_ref().is_some_and(|masks| masks.is_unwritten(row));
        rows.iter().for_each(|&row| masks.look(row as i64, unwritten(row), false));
    }
    let count: usize = parts.as_array().into_iter().map(Vec::len).sum();
    let mut lines = all.warnings(&request.images.to_string(), &format!("{count} patches"));
    if !lines.is_empty() {
        lines.push(format!("patches without a picture by part: {}", of_parts.join(", ")));
    }
    let masks_of = request.masks.iter();
    lines.extend(masks_of.flat_map(|source| masks.warnings(&source.to_string(), &format!("{count} masks"))));
    lines
}

fn report(
    request: &SplitRequest,
    sources: &Sources,
    rows: &Parts<Vec<u64>>,
    groups_of_parts: Option<Parts<usize>>,
    duplicates: Duplicates,
) -> SplitReport {
    let sizes = request.sizes.as_array();
    let parts: [PartReport; 3] = std::array::from_fn(|part| {
        let rows = rows.as_array()[part];
        PartReport::of(*sizes[part], &labels_of(&sources.labels, rows), &as_int64(rows))
    });
    let off = |part: &PartReport| part.got.patches.abs_diff(part.asked) as f64 / part.asked as f64;
    let furthest = parts.iter().map(off).fold(0.0, f64::max);
    let groups = request.group_by.as_ref().zip(groups_of_parts).map(|(group_by, parts)| GroupReport {
        column: group_by.column.clone(),
        tolerance: group_by.tolerance,
        furthest,
        groups: sources.groups.as_ref().map_or(0, |groups| groups.names.len()),
        parts,
    });
    SplitReport {
        algorithm: request.algorithm,
        seed: request.seed,
        source: ClassCounts::of(&sources.labels),
        parts: Parts::from_array(parts),
        duplicates,
        groups,
        warnings: Vec::new(),
    }
}

fn labels_of(labels: &[u8], rows: &[u64]) -> Vec<u8> {
    rows.iter().map(|&row| labels[row as usize]).collect()
}

fn as_int64(rows: &[u64]) -> Vec<i64> {
    rows.iter().map(|&row| row as i64).collect()
}

#[cfg(test)]
mod tests {
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
        assert!(
            with(&|request| request.labels = files.labels("y3.h5", &[0, 1, 0])).contains("must be as many")
        );
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
        let chunk =
            (0..5).map(|index| dataset.chunk_info(index).unwrap()).find(|chunk| chunk.offset[0] == 10);
        let middle = chunk.map(|chunk| (chunk.addr + chunk.size / 2) as usize).unwrap();
        drop(dataset);
        damage(&request.images.path, middle..middle + 8);
        let error = message(&request);
        assert!(error.contains("dataset `x`, rows 10 to 14 cannot be read"), "{error}");
    }
}
