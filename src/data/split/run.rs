//! Carrying a split out: reads the sources, draws the rows, writes three files and a report.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::{
    Parts,
    copy::{Move, copy, plan},
    grouped,
    report::{ClassCounts, GroupReport, PartReport, SplitReport},
    scikit_learn, stratified,
};
use crate::data::{
    Source,
    h5::{H5File, Length, RowShape, Rows, read_labels},
    meta::{self, Groups},
    patch_set::same_length,
    patches::{Columns, PatchWriter},
};

/// What to split, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRequest {
    /// The images: `x` [N, 96, 96, 3] uint8.
    pub images: Source,
    /// The labels: `y`, N values 0 or 1.
    pub labels: Source,
    /// The meta table; gives every patch its slide.
    pub meta: Option<Source>,
    /// The ground-truth masks: `mask` [N, 96, 96] uint8.
    pub masks: Option<Source>,
    /// Patches per part.
    pub sizes: Parts<u64>,
    /// How rows are drawn.
    pub algorithm: Algorithm,
    /// What they are drawn with.
    pub seed: u64,
    /// Keeps groups of patches together; needs `meta`.
    pub group_by: Option<GroupBy>,
    /// The folder that the artifacts go into: it exists.
    pub folder: PathBuf,
}

/// How rows are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Stratified to within one patch per class; with `group_by`, whole groups.
    Pcamflow,
    /// Index for index what scikit-learn's `train_test_split` draws.
    ScikitLearn,
}

impl Algorithm {
    fn word(self) -> &'static str {
        match self {
            Self::Pcamflow => "pcamflow",
            Self::ScikitLearn => "scikit-learn",
        }
    }
}

/// Which groups stay together.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    /// The column of the meta table.
    pub column: String,
    /// How far a part may be from its size, as a share of it.
    pub tolerance: f64,
}

/// The sources, opened and checked against each other.
struct Sources {
    images: Rows,
    labels: Vec<u8>,
    masks: Option<Rows>,
    groups: Option<Groups>,
}

/// The rows of the parts, and what grouping has to say.
struct Drawn {
    rows: Parts<Vec<u64>>,
    groups: Option<Parts<usize>>,
}

/// Writes `train.h5`, `validation.h5`, `test.h5` and `split.json`. `progress` is told the rows
/// (patches, and masks where there are some) done and in all. Holds a few windows of patches,
/// whatever the size of the files.
///
/// # Errors
/// Whatever is wrong with a source (see `h5` and `meta`), sizes that cannot be made (see the
/// algorithms), a folder that cannot be written.
pub fn split(request: &SplitRequest, progress: &mut dyn FnMut(u64, u64)) -> Result<SplitReport> {
    let sources = Sources::open(request)?;
    let drawn = draw(request, &sources)?;
    write_parts(request, &sources, &drawn.rows, progress)?;
    let report = report(request, &sources, &drawn);
    report.write(&request.folder.join("split.json"))?;
    Ok(report)
}

impl Sources {
    fn open(request: &SplitRequest) -> Result<Self> {
        let images = Rows::patches(&H5File::open(&request.images)?)?;
        let labels = read_labels(&H5File::open(&request.labels)?)?;
        same_length(&images, &request.labels, labels.len())?;
        let masks = request.masks.as_ref().map(|masks| {
            Rows::open(&H5File::open(masks)?, "mask", RowShape::Mask, Length::Exactly(labels.len()))
        });
        Ok(Self { images, masks: masks.transpose()?, groups: read_groups(request, &labels)?, labels })
    }
}

/// The groups to keep together; without `group_by` the slides, where the table has them.
fn read_groups(request: &SplitRequest, labels: &[u8]) -> Result<Option<Groups>> {
    let column = match (&request.group_by, &request.meta) {
        (None, None) => return Ok(None),
        (Some(group_by), None) => {
            anyhow::bail!("group-by `{}` needs `meta`, the table with that column", group_by.column)
        }
        (Some(group_by), Some(_)) => group_by.column.as_str(),
        (None, Some(meta)) if meta::has_column(meta, meta::SLIDE_COLUMN)? => meta::SLIDE_COLUMN,
        (None, Some(_)) => return Ok(None),
    };
    request.meta.as_ref().map(|source| meta::read_groups(source, column, labels)).transpose()
}

fn draw(request: &SplitRequest, sources: &Sources) -> Result<Drawn> {
    let (labels, sizes, seed) = (&sources.labels, &request.sizes, request.seed);
    let rows = match (&request.group_by, &sources.groups, request.algorithm) {
        (Some(group_by), Some(groups), Algorithm::Pcamflow) => {
            let (rows, groups) = grouped::split(labels, groups, sizes, group_by.tolerance, seed)
                .with_context(|| format!("group-by `{}`", group_by.column))?;
            return Ok(Drawn { rows, groups: Some(groups) });
        }
        (group_by, _, Algorithm::ScikitLearn) => {
            ensure!(group_by.is_none(), "`group-by` goes with `algorithm = \"pcamflow\"` only");
            scikit_learn::split(labels, sizes, seed)
        }
        (_, _, Algorithm::Pcamflow) => stratified::split(labels, sizes, seed),
    };
    rows.map(|rows| Drawn { rows, groups: None }).with_context(|| format!("{}", request.labels))
}

fn write_parts(
    request: &SplitRequest,
    sources: &Sources,
    parts: &Parts<Vec<u64>>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let mut writers = Vec::with_capacity(3);
    for (name, rows) in parts.named() {
        let slides = sources.groups.as_ref().map(|groups| groups.select(rows));
        let columns = Columns {
            labels: &labels_of(&sources.labels, rows),
            rows: &as_int64(rows),
            slides: slides.as_ref(),
            masks: sources.masks.is_some(),
        };
        writers.push(PatchWriter::create(&request.folder.join(format!("{name}.h5")), &columns)?);
    }
    let moves = plan(parts.as_array());
    let passes = 1 + u64::from(sources.masks.is_some());
    let total = moves.len() as u64 * passes;
    progress(0, total);
    let mut write = |to: &Move, bytes: &[u8]| writers[to.part].write_patches(to.position, bytes);
    copy(&sources.images, &moves, &mut write, &mut |done| progress(done as u64, total))?;
    if let Some(masks) = &sources.masks {
        let mut write = |to: &Move, bytes: &[u8]| writers[to.part].write_masks(to.position, bytes);
        copy(masks, &moves, &mut write, &mut |done| progress((moves.len() + done) as u64, total))?;
    }
    writers.into_iter().try_for_each(PatchWriter::finish)
}

fn report(request: &SplitRequest, sources: &Sources, drawn: &Drawn) -> SplitReport {
    let sizes = request.sizes.as_array();
    let parts: [PartReport; 3] = std::array::from_fn(|part| {
        let rows = drawn.rows.as_array()[part];
        PartReport::of(*sizes[part], &labels_of(&sources.labels, rows), &as_int64(rows))
    });
    let off = |part: &PartReport| part.got.patches.abs_diff(part.asked) as f64 / part.asked as f64;
    let furthest = parts.iter().map(off).fold(0.0, f64::max);
    let groups = request.group_by.as_ref().zip(drawn.groups).map(|(group_by, parts)| GroupReport {
        column: group_by.column.clone(),
        tolerance: group_by.tolerance,
        furthest,
        groups: sources.groups.as_ref().map_or(0, |groups| groups.names.len()),
        parts,
    });
    SplitReport {
        algorithm: request.algorithm.word(),
        seed: request.seed,
        source: ClassCounts::of(&sources.labels),
        parts: Parts::from_array(parts),
        groups,
    }
}

fn labels_of(labels: &[u8], rows: &[u64]) -> Vec<u8> {
    rows.iter().map(|&row| labels[row as usize]).collect()
}

fn as_int64(rows: &[u64]) -> Vec<i64> {
    rows.iter().map(|&row| row as i64).collect()
}
