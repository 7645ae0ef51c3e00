//! An import from beginning to end.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Result, bail, ensure};

use super::{
    archive::Archive,
    classes::Classes,
    decode::decode,
    report::{Dropped, ImportReport},
    write::{Row, Seen, write},
};
use crate::{
    data::{
        Source,
        arrays::{Array, ArrayFile, Element, Notes},
    },
    fsx::{self, Durability},
    side::Side,
};

/// How many pictures a message names at most.
const NAMED: usize = 200;

/// What to import, and how.
pub struct ImportRequest {
    /// The folder or the archive.
    pub images: Source,
    /// How classes are found.
    pub classes: Classes,
    /// The side that every picture must have; otherwise that of the first one.
    pub side: Option<Side>,
    /// Whether pictures that cannot be used are left out.
    pub drop: bool,
    /// Whether identical pictures of both classes are kept.
    pub keep_contradictions: bool,
    /// The folder for the artifacts, which exists.
    pub folder: PathBuf,
}

/// Writes `images.h5`, `labels.h5`, `meta.csv` and `import.json`. `progress` is called with the pictures done and in all.
///
/// # Errors
/// Sources that cannot be read; pictures that cannot be used, all of which are named; a folder that cannot be written.
pub fn import(request: &ImportRequest, progress: &mut dyn FnMut(u64, u64)) -> Result<ImportReport> {
    let archive = Archive::open(&request.images, &request.folder)?;
    let (mut rows, mut dropped) = classified(&archive, &request.classes);
    let side = match request.side {
        Some(side) => side,
        None => first_side(&archive, &rows)?,
    };
    let path = request.folder.join("images.h5");
    let seen = loop {
        ensure!(!rows.is_empty(), unusable(request, &archive, &dropped));
        let total = rows.len() as u64;
        let seen = write(&path, &archive, &rows, side, &mut |done| progress(done as u64, total))?;
        dropped.extend(seen.dropped(&archive, &rows));
        ensure!(dropped.is_empty() || request.drop, unusable(request, &archive, &dropped));
        if seen.bad.is_empty() {
            break seen;
        }
        // The file has no room for fewer rows: once more without the bad ones.
        let bad: BTreeSet<usize> = seen.bad.iter().map(|(at, _)| *at).collect();
        let mut at = 0..;
        rows.retain(|_| at.next().is_none_or(|at| !bad.contains(&at)));
    };
    let contradictions = contradictions(request, &archive, &rows, &seen)?;
    write_labels(request, &rows)?;
    write_meta(request, &archive, &rows)?;
    let report = report(request, &archive, &rows, side, dropped, (seen.twins.len(), contradictions));
    report.write(&request.folder.join("import.json"))?;
    Ok(report)
}

/// The pictures with their classes, and those whose class is not known.
fn classified(archive: &Archive, classes: &Classes) -> (Vec<Row>, Vec<Dropped>) {
    let (mut rows, mut dropped) = (Vec::new(), Vec::new());
    for (picture, file) in archive.names.iter().enumerate() {
        match classes.of(file) {
            Ok(known) => rows.push(Row { picture, label: known.label, group: known.group }),
            Err(error) => dropped.push(Dropped { file: file.clone(), reason: format!("{error:#}") }),
        }
    }
    (rows, dropped)
}

/// The side of the first picture that can be decoded.
fn first_side(archive: &Archive, rows: &[Row]) -> Result<Side> {
    let side =
        |row: &Row| archive.read(row.picture).and_then(|bytes| decode(&bytes, None)).map(|it| it.side).ok();
    // Without any, each picture gets its own reason below.
    Ok(rows.iter().find_map(side).unwrap_or(Side::PCAM))
}

fn unusable(request: &ImportRequest, archive: &Archive, dropped: &[Dropped]) -> String {
    let (bad, all) = (dropped.len(), archive.names.len());
    let lines: String =
        dropped.iter().take(NAMED).map(|it| format!("\n  {} {}", it.file, it.reason)).collect();
    let more = match bad.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    let advice = if request.drop { "" } else { "; `bad-images = \"drop\"` leaves them out" };
    format!("{bad} of {all} pictures of {} cannot be used{advice}:{lines}{more}", request.images)
}

/// How many rows are identical to an earlier one of the other class.
fn contradictions(request: &ImportRequest, archive: &Archive, rows: &[Row], seen: &Seen) -> Result<usize> {
    let pairs: Vec<_> =
        seen.twins.iter().filter(|(at, first)| rows[*at].label != rows[*first].label).collect();
    if !pairs.is_empty() && !request.keep_contradictions {
        let name = |at: usize| &archive.names[rows[at].picture];
        let line = |(at, first): &&(usize, usize)| format!("\n  {} and {}", name(*first), name(*at));
        let lines: String = pairs.iter().take(NAMED).map(line).collect();
        bail!(
            "{} pictures of {} are identical to one of the other class, pixel for pixel (`contradictions = \"keep\"` \
             keeps them):{lines}",
            pairs.len(),
            request.images
        );
    }
    Ok(pairs.len())
}

fn write_labels(request: &ImportRequest, rows: &[Row]) -> Result<()> {
    let labels: Vec<u8> = rows.iter().map(|row| row.label).collect();
    let array = Array::new("y", Element::U8, [labels.len(), 1, 1, 1]);
    let mut file = ArrayFile::create(&request.folder.join("labels.h5"), vec![array], &Notes::default())?;
    file.write("y", 0, &labels)?;
    file.finish()
}

/// `meta.csv`: the file of each row, its label, and its slide or patient (`wsi`) if known.
fn write_meta(request: &ImportRequest, archive: &Archive, rows: &[Row]) -> Result<()> {
    let grouped = rows.iter().any(|row| row.group.is_some());
    let mut table = csv::Writer::from_writer(Vec::new());
    let columns = ["file", "label", crate::data::meta::SLIDE_COLUMN];
    let width = if grouped { 3 } else { 2 };
    table.write_record(&columns[..width])?;
    for row in rows {
        let cells =
            [&archive.names[row.picture], &row.label.to_string(), row.group.as_deref().unwrap_or_default()];
        table.write_record(&cells[..width])?;
    }
    let bytes = table.into_inner().map_err(|error| error.into_error())?;
    Ok(fsx::write_atomic(&request.folder.join("meta.csv"), &bytes, Durability::Relaxed)?)
}

fn report(
    request: &ImportRequest,
    archive: &Archive,
    rows: &[Row],
    side: Side,
    dropped: Vec<Dropped>,
    (duplicates, contradictions): (usize, usize),
) -> ImportReport {
    let positives = rows.iter().filter(|row| row.label == 1).count();
    let groups: BTreeSet<&str> = rows.iter().filter_map(|row| row.group.as_deref()).collect();
    let lines = request.classes.table.as_ref().map(|table| table.len().saturating_sub(archive.names.len()));
    let mut report = ImportReport {
        patches: rows.len() as u64,
        side: side.get() as u64,
        class_0: (rows.len() - positives) as u64,
        class_1: positives as u64,
        groups: (!groups.is_empty()).then_some(groups.len() as u64),
        duplicates: duplicates as u64,
        contradictions: contradictions as u64,
        dropped,
        other_files: archive.others as u64,
        lines_without_picture: lines.map(|lines| lines as u64),
        warnings: Vec::new(),
    };
    report.warnings = warnings(request, archive, &report);
    report
}

fn warnings(request: &ImportRequest, archive: &Archive, report: &ImportReport) -> Vec<String> {
    let mut lines = Vec::new();
    if !report.dropped.is_empty() {
        lines.push(unusable(request, archive, &report.dropped));
    }
    let mut count = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("{}: {count} {what}", request.images));
        }
    };
    count(report.duplicates, "pictures are identical to an earlier one, pixel for pixel");
    count(report.contradictions, "pictures are identical to an earlier one of the other class");
    count(report.other_files, "files are no pictures");
    count(report.lines_without_picture.unwrap_or_default(), "lines of the table have no picture");
    lines
}
