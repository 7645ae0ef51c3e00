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
mod tests;
