//! The first rows of a CSV file, and the number of rows.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// The beginning of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The first rows. Rows may differ in length.
    pub rows: Vec<Vec<String>>,
    /// Number of rows in the file.
    pub count: u64,
}

/// Reads the first `rows` rows and counts all.
///
/// # Errors
/// A file that cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path, rows: usize) -> Result<Rows> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let columns = cells(reader.headers()?);
    let (mut first, mut count) = (Vec::new(), 0);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        if first.len() < rows {
            first.push(cells(&record));
        }
        count += 1;
    }
    Ok(Rows { columns, rows: first, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_are_read_and_all_are_counted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "row,name\n1,\"a,b\"\n2,c\n3\n").unwrap();
        let found = read(file.path(), 2).unwrap();
        assert_eq!(found.columns, ["row", "name"]);
        assert_eq!(found.rows, [["1", "a,b"], ["2", "c"]]);
        assert_eq!(found.count, 3);
    }
}
