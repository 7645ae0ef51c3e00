//! Reads the official columns of the meta table for each patch.

use anyhow::{Context, Result, anyhow, ensure};
use csv::StringRecord;

use super::{LABEL_COLUMN, SLIDE_COLUMN, flag, headers, line_of, open, reason};
use crate::data::Source;

const TUMOR_COLUMN: &str = "tumor_patch";
const X_COLUMN: &str = "coord_x";
const Y_COLUMN: &str = "coord_y";
const COLUMNS: [&str; 5] = [SLIDE_COLUMN, X_COLUMN, Y_COLUMN, TUMOR_COLUMN, LABEL_COLUMN];

/// The columns for one patch. `None` if the column is missing or the cell is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The slide (`wsi`).
    pub slide: Option<String>,
    /// The position on it (`coord_x`), as written.
    pub x: Option<String>,
    /// The position on it (`coord_y`), as written.
    pub y: Option<String>,
    /// Whether tumour is anywhere in the patch (`tumor_patch`).
    pub tumor_patch: Option<bool>,
    /// Whether tumour is in the centre (`center_tumor_patch`): the label.
    pub center_tumor_patch: Option<bool>,
}

/// Reads the official columns for all patches.
///
/// # Errors
/// A file that is missing or not CSV, a flag that is neither True nor False, a table with none of the official
/// columns.
pub fn read_facts(source: &Source) -> Result<Vec<Facts>> {
    let mut table = open(source)?;
    let names = headers(&mut table, source)?;
    let places = COLUMNS.map(|column| names.iter().position(|name| name == column));
    ensure!(
        places.iter().any(Option::is_some),
        "{source}, line 1: none of the columns {} is there: is it PatchCamelyon's meta table?",
        COLUMNS.map(|column| format!("`{column}`")).join(", ")
    );
    let read = |record: csv::Result<StringRecord>| {
        let record = record.map_err(|error| anyhow!("{source}: {}", reason(&error)))?;
        facts(&record, places).with_context(|| format!("{source}, line {}", line_of(&record)))
    };
    table.records().map(read).collect()
}

fn facts(record: &StringRecord, places: [Option<usize>; 5]) -> Result<Facts> {
    let cell = |place: Option<usize>| record.get(place?).map(str::trim).filter(|text| !text.is_empty());
    let flag_in = |place: Option<usize>, column: &str| {
        cell(place).map(|text| flag(text).with_context(|| format!("column `{column}`"))).transpose()
    };
    let [slide, x, y, tumor, centre] = places;
    Ok(Facts {
        slide: cell(slide).map(str::to_owned),
        x: cell(x).map(str::to_owned),
        y: cell(y).map(str::to_owned),
        tumor_patch: flag_in(tumor, TUMOR_COLUMN)?,
        center_tumor_patch: flag_in(centre, LABEL_COLUMN)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Facts>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.csv");
        std::fs::write(&path, text).unwrap();
        read_facts(&Source::new(path, "meta.csv"))
    }

    #[test]
    fn missing_columns_and_cells_are_none() {
        let all = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n0,1,2,True,False,slide_a\n";
        let facts = read(all).unwrap();
        let text = |text: &str| Some(text.to_owned());
        let expected = Facts {
            slide: text("slide_a"),
            x: text("2"),
            y: text("1"),
            tumor_patch: Some(true),
            center_tumor_patch: Some(false),
        };
        assert_eq!(facts, [expected]);
        let some = read("wsi,tumor_patch\n a ,\n,1\n").unwrap();
        assert_eq!(some[0], Facts { slide: text("a"), ..Facts::default() });
        assert_eq!(some[1], Facts { tumor_patch: Some(true), ..Facts::default() });
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = format!("{:#}", read("wsi,tumor_patch\na,True\nb,maybe\n").unwrap_err());
        assert!(
            error.contains("line 3: column `tumor_patch`: \"maybe\" is neither True nor False"),
            "{error}"
        );
        let error = format!("{:#}", read("patient,age\na,70\n").unwrap_err());
        assert!(error.contains("line 1: none of the columns `wsi`, `coord_x`"), "{error}");
    }
}
