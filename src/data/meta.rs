//! The meta table of PatchCamelyon: a CSV file with a line per patch.
//!
//! The official columns are an unnamed index, `coord_y`, `coord_x`, `tumor_patch`,
//! `center_tumor_patch` and `wsi`; the flags are `True` or `False`. Any column can group patches.

mod facts;

pub use facts::{Facts, read_facts};

use std::{collections::BTreeMap, fs::File, io::BufReader};

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{Reader, StringRecord};

use super::Source;
use crate::nearest::nearest;

/// The column that holds the slide.
pub const SLIDE_COLUMN: &str = "wsi";
/// The column that says what the label says.
const LABEL_COLUMN: &str = "center_tumor_patch";
/// The share of labels in which table and label file may differ before the table must be another
/// file's. Files that do not belong together differ in about half.
const DIFFERING_LABELS: f64 = 0.01;

/// To which group each patch belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The groups' names, ascending.
    pub names: Vec<String>,
    /// Per patch its group: counts in `names`.
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

/// Reads the groups in a column of the table. `labels` are those of the patches that it describes.
///
/// # Errors
/// A file that is missing or not CSV, a column that it does not have, lines too few or too many, an
/// empty cell, and a table whose `center_tumor_patch` does not say what the labels say: it then
/// belongs to other patches.
pub fn read_groups(source: &Source, column: &str, labels: &[u8]) -> Result<Groups> {
    let mut table = open(source)?;
    let at = find(&mut table, source, column)?;
    let label_at = headers(&mut table, source)?.iter().position(|name| name == LABEL_COLUMN);
    let mut values = Vec::with_capacity(labels.len());
    let mut differing = Differing::default();
    for record in table.records() {
        let record = record.map_err(|error| anyhow!("{source}: {}", said(&error)))?;
        let line = line_of(&record);
        let value = record.get(at).unwrap_or_default().trim();
        ensure!(!value.is_empty(), "{source}, line {line}: column `{column}` is empty");
        if let (Some(label_at), Some(&label)) = (label_at, labels.get(values.len())) {
            let flag = flag(record.get(label_at).unwrap_or_default())
                .with_context(|| format!("{source}, line {line}: column `{LABEL_COLUMN}`"))?;
            differing.count(flag != (label == 1), line);
        }
        values.push(value.to_owned());
    }
    ensure!(
        values.len() == labels.len(),
        "{source} has {} lines of patches, the labels are {}: it must have one line per patch",
        values.len(),
        labels.len()
    );
    differing.check(source, labels.len())?;
    Ok(Groups::of(&values))
}

/// Makes sure that a table has a column.
///
/// # Errors
/// A file that is missing or not CSV; a column that it does not have.
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
    table.headers().map_err(|error| anyhow!("{source}: {}", said(&error)))
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

/// What is wrong with a table, and in which line.
fn said(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line} has {len} fields, the lines before it have {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line} is not UTF-8 text: is it a CSV file?"),
        _ => format!("line {line}: {error}"),
    }
}

/// Counts where the table says another label than the labels do.
#[derive(Debug, Default)]
struct Differing {
    lines: usize,
    first: Option<u64>,
}

impl Differing {
    fn count(&mut self, differs: bool, line: u64) {
        if differs {
            self.lines += 1;
            self.first.get_or_insert(line);
        }
    }

    fn check(&self, source: &Source, patches: usize) -> Result<()> {
        let first = self.first.unwrap_or_default();
        ensure!(
            self.lines as f64 <= DIFFERING_LABELS * patches as f64,
            "{source}: `{LABEL_COLUMN}` contradicts the label of {} of {patches} patches, first in line {first}: \
             the table belongs to other patches",
            self.lines
        );
        Ok(())
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

    fn told(lines: &str, column: &str, labels: &[u8]) -> String {
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
        assert!(told(&format!("{HEADER}{line}"), "wsl", &[1]).contains("no column `wsl`"));
        assert!(told(&format!("{HEADER}{line}"), "wsl", &[1]).contains("did you mean `wsi`?"));
        assert!(
            told(&format!("{HEADER}{line}"), "wsi", &[1, 1])
                .contains("has 1 lines of patches, the labels are 2")
        );
        assert!(
            told(&format!("{HEADER}{line}1,1,2,True,True,\n"), "wsi", &[1, 1])
                .contains("line 3: column `wsi` is empty")
        );
        assert!(told(&format!("{HEADER}{line}1,1\n"), "wsi", &[1, 1]).contains("line 3 has 2 fields"));
        assert!(
            told(&format!("{HEADER}0,1,2,True,yes,s\n"), "wsi", &[1])
                .contains("line 2: column `center_tumor_patch`: \"yes\"")
        );
    }

    #[test]
    fn a_table_of_other_patches_is_noticed() {
        let lines = format!("{HEADER}0,1,2,True,True,a\n1,1,2,True,True,a\n");
        let error = told(&lines, "wsi", &[1, 0]);
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
