//! `maps.h5`: the maps of an explainer and what they were made of, written as they come.
//!
//! `map` [N, 96, 96] float32 raw, `row` int64, `label` uint8, `probability` float64, `logit` float32, and
//! where the method has them `native` [N, rows, columns] (before enlarging), `attribution` [N, 3, 96, 96],
//! `delta` `[N]`, all float32, and `steps` `[N]` int64 (with which `delta` was reached). Attributes:
//! `method`, `parameters` (JSON), `target`, `score`, and how many maps are odd or incomplete.

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

use super::{completeness::Completeness, odd_maps::OddMaps};
use crate::explain::{Arrays, Maps, SIDE};

/// Attributes that are known only when all maps are; the last where there is a delta.
const COUNTS: [&str; 4] = ["zero-maps", "constant-maps", "non-finite-maps", "tolerance-failures"];

/// A `maps.h5` that is being written.
pub(super) struct MapsFile {
    path: PathBuf,
    file: ArrayFile,
    arrays: Arrays,
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
        beside: Arrays,
        rows: &[i64],
        labels: &[u8],
    ) -> Result<Self> {
        let arrays = lay_out(rows.len(), beside);
        let mut file = ArrayFile::create(path, arrays, &notes(stage, beside)?)?;
        file.write("row", 0, rows)?;
        file.write("label", 0, labels)?;
        Ok(Self { path: path.to_owned(), file, arrays: beside, written: 0 })
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
        if self.arrays.native.is_some() {
            self.file.write("native", first, &maps.native)?;
        }
        if self.arrays.attribution {
            self.file.write("attribution", first, &maps.attribution)?;
        }
        if self.arrays.delta {
            let deltas: Vec<f32> = maps.deltas.iter().map(|it| it.delta as f32).collect();
            let steps: Vec<i64> = maps.deltas.iter().map(|it| it.steps as i64).collect();
            self.file.write("delta", first, &deltas)?;
            self.file.write("steps", first, &steps)?;
        }
        self.written += maps.logits.len();
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Maps that were never written; a full disk.
    pub(super) fn finish(self, odd: &OddMaps, completeness: &Completeness) -> Result<()> {
        self.file.finish()?;
        let odd = [&odd.zero, &odd.constant, &odd.not_finite].map(Vec::len);
        let counts = odd.into_iter().chain([completeness.failures()]).map(|count| count as i64);
        let counts: Vec<(&str, i64)> = names(self.arrays).iter().copied().zip(counts).collect();
        amend_integers(&self.path, &counts)
    }
}

/// The counts that a file has.
fn names(arrays: Arrays) -> &'static [&'static str] {
    if arrays.delta { &COUNTS } else { &COUNTS[..3] }
}

fn lay_out(count: usize, beside: Arrays) -> Vec<Array> {
    let mut arrays = vec![
        Array::new("map", Element::F32, [count, SIDE, SIDE]),
        Array::new("row", Element::I64, [count]),
        Array::new("label", Element::U8, [count]),
        Array::new("probability", Element::F64, [count]),
        Array::new("logit", Element::F32, [count]),
    ];
    if let Some([rows, columns]) = beside.native {
        arrays.push(Array::new("native", Element::F32, [count, rows, columns]));
    }
    if beside.attribution {
        arrays.push(Array::new("attribution", Element::F32, [count, 3, SIDE, SIDE]));
    }
    if beside.delta {
        arrays.push(Array::new("delta", Element::F32, [count]));
        arrays.push(Array::new("steps", Element::I64, [count]));
    }
    arrays
}

fn notes(stage: &Explain, beside: Arrays) -> Result<Notes> {
    let parameters = match &stage.method {
        Method::GradCam(settings) => serde_json::to_string(settings)?,
        Method::Saliency(settings) => serde_json::to_string(settings)?,
        Method::Occlusion(settings) => serde_json::to_string(settings)?,
        Method::IntegratedGradients(settings) => serde_json::to_string(settings)?,
    };
    let text = |name: &str, value: &str| (name.to_owned(), Attribute::Text(value.to_owned()));
    let mut attributes = vec![
        text("method", stage.method.word()),
        text("parameters", &parameters),
        text("target", stage.target.word()),
        text("score", stage.score.word()),
    ];
    attributes.extend(names(beside).iter().map(|name| ((*name).to_owned(), Attribute::Integer(0))));
    Ok(Notes { attributes, texts: Vec::new() })
}
