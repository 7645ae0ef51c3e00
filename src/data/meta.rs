//! The meta table of PatchCamelyon: a CSV file with a line per patch.
//!
//! The official columns are an unnamed index, `coord_y`, `coord_x`, `tumor_patch`, `center_tumor_patch` and `wsi`.
//! Flags are `True` or `False`. Any column can group patches.

mod facts;

pub use facts::{Facts, read_facts};

use std::{collections::BTreeMap, fs::File, io::BufReader};

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{Reader, StringRecord};

use super::Source;
use crate::nearest::nearest;

/// The column with the slide.
pub const SLIDE_COLUMN: &str = "wsi";
/// The column with the label.
const LABEL_COLUMN: &str = "center_tumor_patch";
/// The share of labels in which the table and the label file may differ. Files that do not belong together differ
/// in about half of them.
const DIFFERING_LABELS: f64 = 0.01;

/// The group of each patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Names of the groups, ascending.
    pub names: Vec<String>,
    /// For each patch, the index of its group in `names`.
    pub codes: Vec<i32>,
}

impl Groups {
    /// The groups of some of the patches, under the same names.
    #[must_use]
    pub fn select(&self, rows: &[u64]) -> Self {
        Self { names: self.names.clone(), codes: rows.iter().map(|&row| self.codes[row as usize]).collect() }
    }

    fn of(values: &[String]) -> Self {
        let mut names: BTreeMap<&str, i32> = values.iter().map(|value| (value.as_str(), 0)).collect();
        names.values_mut().zip(0..).for_each(|(code, next)| *code = next);
        let codes = values.iter().map(|value| names[value.as_str()]).collect();
        Self { names: names.into_keys().map(str::to_owned).collect(), codes }
    }
}

/// Reads the groups in a column of the table. `labels` are the labels of its patches.
///
/// # Errors
/// A file that is missing or not CSV, a missing column, too few or too many lines, an empty cell. A table that
/// contradicts the labels, and so belongs to other patches.
pub fn read_groups(source: &Source, column: &str, labels: &[u8]) -> Result<Groups> {
    let mut table = open(source)?;
    let at = find(&mut table, source, column)?;
    let label_at = headers(&mut table, source)?.iter().position(|name| name == LABEL_COLUMN);
    let mut values = Vec::with_capacity(labels.len());
    let (mut differing, mut first) = (0_u32, 0);
    for record in table.records() {
        let record = record.map_err(|error| anyhow!("{source}: {}", reason(&error)))?;
        let line = line_of(&record);
        let value = record.get(at).unwrap_or_default().trim();
        ensure!(!value.is_empty(), "{source}, line {line}: column `{column}` is empty");
        if let (Some(label_at), Some(&label)) = (label_at, labels.get(values.len())) {
            let flag = flag(record.get(label_at).unwrap_or_default())
                .with_context(|| format!("{source}, line {line}: column `{LABEL_COLUMN}`"))?;
            if flag != (label == 1) {
                differing += 1;
                first = if differing == 1 { line } else { first };
            }
        }
        values.push(value.to_owned());
    }
    ensure!(
        values.len() == labels.len(),
        "{source} has {} lines of patches, but there are {} labels: it must have one line per patch",
        values.len(),
        labels.len()
    );
    ensure!(
        f64::from(differing) <= DIFFERING_LABELS * labels.len() as f64,
        "{source}: `{LABEL_COLUMN}` contradicts the label of {differing} of {} patches, first in line {first}: \
         the table belongs to other patches",
        labels.len()
    );
    Ok(Groups::of(&values))
}

/// Checks that a table has a column.
///
/// # Errors
/// A file that is missing or not CSV; a missing column.
pub fn require_column(source: &Source, column: &str) -> Result<()> {
    find(&mut open(source)?, source, column).map(drop)
}

/// Whether a table has a column.
///
/// # Errors
/// A file that is missing or not CSV.
pub fn has_column(source: &Source, column: &str) -> Result<bool> {
    Ok(headers(&mut open(source)?, source)?.iter().any(|name| name == column))
}

fn open(source: &Source) -> Result<Reader<BufReader<File>>> {
    source.size()?;
    let file = File::open(&source.path).with_context(|| format!("{source} cannot be read"))?;
    Ok(csv::ReaderBuilder::new().from_reader(BufReader::with_capacity(1 << 18, file)))
}

fn headers<'a>(table: &'a mut Reader<BufReader<File>>, source: &Source) -> Result<&'a StringRecord> {
    table.headers().map_err(|error| anyhow!("{source}: {}", reason(&error)))
}

fn find(table: &mut Reader<BufReader<File>>, source: &Source, column: &str) -> Result<usize> {
    let names = headers(table, source)?;
    if let Some(at) = names.iter().position(|name| name == column) {
        return Ok(at);
    }
    let listed: Vec<String> =
        names.iter().filter(|name| !name.is_empty()).take(12).map(|name| format!("`{name}`")).collect();
    let near =
        nearest(column, names.iter()).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    bail!("{source}, line 1: no column `{column}`; there are {}{near}", listed.join(", "))
}

fn flag(text: &str) -> Result<bool> {
    match text.trim() {
        "True" | "true" | "1" => Ok(true),
        "False" | "false" | "0" => Ok(false),
        other => bail!("{other:?} is neither True nor False"),
    }
}

fn line_of(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// What is wrong with a table, with the line.
fn reason(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line} has {len} fields, the lines before it have {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line} is not UTF-8 text: is it a CSV file?"),
        _ => format!("line {line}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n";

    fn table(lines: &str) -> (tempfile::TempDir, Source) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.csv");
        std::fs::write(&path, lines).unwrap();
        (folder, Source::new(path, "meta.csv"))
    }

    fn message(lines: &str, column: &str, labels: &[u8]) -> String {
        let (_folder, source) = table(lines);
        format!("{:#}", read_groups(&source, column, labels).unwrap_err())
    }

    #[test]
    fn reads_the_official_columns() {
        let lines =
            format!("{HEADER}0,1,2,True,True,slide_b\n1,5,6,True,False,slide_a\n2,7,8,False,False,slide_b\n");
        let (_folder, source) = table(&lines);
        let groups = read_groups(&source, "wsi", &[1, 0, 0]).unwrap();
        assert_eq!(groups.names, ["slide_a", "slide_b"]);
        assert_eq!(groups.codes, [1, 0, 1]);
        assert_eq!(groups.select(&[2, 1]).codes, [1, 0]);
        assert!(has_column(&source, "wsi").unwrap() && !has_column(&source, "patient").unwrap());
    }

    #[test]
    fn errors_name_file_and_line() {
        let line = "0,1,2,True,True,slide_a\n";
        assert!(message(&format!("{HEADER}{line}"), "wsl", &[1]).contains("no column `wsl`"));
        assert!(message(&format!("{HEADER}{line}"), "wsl", &[1]).contains("did you mean `wsi`?"));
        assert!(
            message(&format!("{HEADER}{line}"), "wsi", &[1, 1])
                .contains("has 1 lines of patches, but there are 2 labels")
        );
        assert!(
            message(&format!("{HEADER}{line}1,1,2,True,True,\n"), "wsi", &[1, 1])
                .contains("line 3: column `wsi` is empty")
        );
        assert!(message(&format!("{HEADER}{line}1,1\n"), "wsi", &[1, 1]).contains("line 3 has 2 fields"));
        assert!(
            message(&format!("{HEADER}0,1,2,True,yes,s\n"), "wsi", &[1])
                .contains("line 2: column `center_tumor_patch`: \"yes\"")
        );
    }

    #[test]
    fn a_table_of_other_patches_is_refused() {
        let lines = format!("{HEADER}0,1,2,True,True,a\n1,1,2,True,True,a\n");
        let error = message(&lines, "wsi", &[1, 0]);
        assert!(error.contains("contradicts the label of 1 of 2 patches, first in line 3"), "{error}");
    }

    #[test]
    fn a_binary_file_is_not_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.csv");
        std::fs::write(&path, [b'a', b'\n', 0xff, 0xfe, 0x80, b'\n']).unwrap();
        let error = read_groups(&Source::at(&path), "a", &[1]).unwrap_err();
        assert!(format!("{error:#}").contains("line 2 is not UTF-8"), "{error:#}");
    }
}
