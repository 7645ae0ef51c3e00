//! `maps.h5`: the maps of an explainer and what they were made of, written as they come.
//!
//! `map` [N, 96, 96] float32 raw, `row` int64, `label` uint8, `probability` float64, `logit` float32, and
//! where maps were enlarged `native` [N, rows, columns] float32. Attributes: `method`, `parameters`
//! (JSON), `target`, `score`, and how many maps are odd.

use std::path::{Path, PathBuf};

use anyhow::Result;
use pcamflow::{
    data::{
        amend::amend_integers,
        arrays::{Array, ArrayFile, Attribute, Element, Notes},
    },
    metrics::sigmoid,
    stages::explain::{Explain, Method},
};

use super::odd_maps::OddMaps;
use crate::explain::{Maps, SIDE};

/// Attributes that are known only when all maps are.
const COUNTS: [&str; 3] = ["zero-maps", "constant-maps", "non-finite-maps"];

/// A `maps.h5` that is being written.
pub(super) struct MapsFile {
    path: PathBuf,
    file: ArrayFile,
    native: bool,
    written: usize,
}

impl MapsFile {
    /// Lays out a file for maps of patches with these rows and labels.
    ///
    /// # Errors
    /// A full disk; settings that JSON cannot hold.
    pub(super) fn create(
        path: &Path,
        stage: &Explain,
        native: Option<[usize; 2]>,
        rows: &[i64],
        labels: &[u8],
    ) -> Result<Self> {
        let count = rows.len();
        let mut arrays = vec![
            Array::new("map", Element::F32, [count, SIDE, SIDE]),
            Array::new("row", Element::I64, [count]),
            Array::new("label", Element::U8, [count]),
            Array::new("probability", Element::F64, [count]),
            Array::new("logit", Element::F32, [count]),
        ];
        arrays
            .extend(native.map(|[rows, columns]| Array::new("native", Element::F32, [count, rows, columns])));
        let mut file = ArrayFile::create(path, arrays, &notes(stage)?)?;
        file.write("row", 0, rows)?;
        file.write("label", 0, labels)?;
        Ok(Self { path: path.to_owned(), file, native: native.is_some(), written: 0 })
    }

    /// Writes the next maps.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn append(&mut self, maps: &Maps) -> Result<()> {
        let first = self.written;
        let probabilities: Vec<f64> = maps.logits.iter().map(|&logit| sigmoid(logit)).collect();
        self.file.write("map", first, &maps.map)?;
        self.file.write("logit", first, &maps.logits)?;
        self.file.write("probability", first, &probabilities)?;
        if self.native {
            self.file.write("native", first, &maps.native)?;
        }
        self.written += maps.logits.len();
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Maps that were never written; a full disk.
    pub(super) fn finish(self, odd: &OddMaps) -> Result<()> {
        self.file.finish()?;
        let counts = [&odd.zero, &odd.constant, &odd.not_finite].map(|rows| rows.len() as i64);
        let counts: Vec<(&str, i64)> = COUNTS.into_iter().zip(counts).collect();
        amend_integers(&self.path, &counts)
    }
}

fn notes(stage: &Explain) -> Result<Notes> {
    let parameters = match &stage.method {
        Method::GradCam(settings) => serde_json::to_string(settings)?,
    };
    let text = |name: &str, value: &str| (name.to_owned(), Attribute::Text(value.to_owned()));
    let mut attributes = vec![
        text("method", stage.method.word()),
        text("parameters", &parameters),
        text("target", stage.target.word()),
        text("score", stage.score.word()),
    ];
    attributes.extend(COUNTS.map(|name| (name.to_owned(), Attribute::Integer(0))));
    Ok(Notes { attributes, texts: Vec::new() })
}
