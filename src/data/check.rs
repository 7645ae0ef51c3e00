//! Looking whether a source is what a stage takes: its format, the types and shapes in it, its labels.
//!
//! Cheap: pixels, masks and maps are not read, labels are. What only shows in the pixels (a damaged chunk) shows
//! when they are read.

use anyhow::Result;

use super::{
    Source,
    h5::{H5File, Length, RowShape, Rows, read_labels},
    maps::MapSet,
    meta,
    patch_set::{PatchSet, PatchSource},
};

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role<'a> {
    /// Patches: `x`.
    Images,
    /// Labels: `y`.
    Labels,
    /// Ground-truth masks: `mask`.
    Masks,
    /// Patches with their labels: a part of a split.
    Part,
    /// The maps of an explainer.
    Maps,
    /// The meta table, with a column that it must have.
    Meta(Option<&'a str>),
}

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Rows; of a table 0, for its lines are not counted.
    pub rows: usize,
    /// Labels that are 1, where the file has labels.
    pub positives: Option<usize>,
}

/// Opens a file and checks that it is what it is read as.
///
/// # Errors
/// What reading it would find: see `h5`, `meta` and `maps`.
pub fn check(source: &Source, role: Role<'_>) -> Result<Seen> {
    let rows = |rows| Seen { rows, positives: None };
    Ok(match role {
        Role::Images => rows(Rows::patches(&H5File::open(source)?)?.len()),
        Role::Masks => rows(Rows::open(&H5File::open(source)?, "mask", RowShape::Mask, Length::Any)?.len()),
        Role::Maps => rows(MapSet::open(source)?.len()),
        Role::Labels => labelled(&read_labels(&H5File::open(source)?, "y", Length::Any)?),
        Role::Part => labelled(PatchSet::open(&PatchSource::Part(source.clone()))?.labels()),
        Role::Meta(column) => meta::check(source, column).map(|()| rows(0))?,
    })
}

fn labelled(labels: &[u8]) -> Seen {
    let positives = labels.iter().filter(|&&label| label == 1).count();
    Seen { rows: labels.len(), positives: Some(positives) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixtures::Files;

    #[test]
    fn a_source_is_what_it_is_read_as_or_says_what_is_wrong() {
        let files = Files::new();
        let (x, y) = (files.patches("x.h5", 3, |plain| plain), files.labels("y.h5", &[0, 1, 1]));
        assert_eq!(check(&x, Role::Images).unwrap(), Seen { rows: 3, positives: None });
        assert_eq!(check(&y, Role::Labels).unwrap(), Seen { rows: 3, positives: Some(2) });
        std::fs::write(files.path("meta.csv"), "wsi\na\n").unwrap();
        let meta = files.source("meta.csv");
        assert!(check(&meta, Role::Meta(None)).is_ok() && check(&meta, Role::Meta(Some("wsi"))).is_ok());
        let told = |source: &Source, role| format!("{:#}", check(source, role).unwrap_err());
        assert!(told(&y, Role::Images).contains("has no dataset `x`; it holds `y`"));
        assert!(told(&x, Role::Labels).contains("has no dataset `y`"));
        assert!(told(&x, Role::Part).contains("has no dataset `y`"));
        assert!(told(&x, Role::Masks).contains("has no dataset `mask`"));
        assert!(told(&x, Role::Maps).contains("has no dataset `map`"));
        assert!(told(&meta, Role::Meta(Some("slide"))).contains("no column `slide`"));
        assert!(told(&meta, Role::Images).contains("is not an HDF5 file"));
    }
}
