//! `maps.h5`: the maps of an explainer and how they were made, written as they are computed.
//!
//! Datasets: `map` [N, S, S] float32 (raw, S the side of the patches), `row` int64, `label` uint8, `probability` float64, `logit`
//! float32. Depending on the method also `native` [N, rows, columns] (before enlarging), `attribution`
//! [N, 3, S, S] and `delta` `[N]`, all float32, and `steps` `[N]` int64 (the steps behind each `delta`).
//! Attributes: `method`, `parameters` (JSON), `target`, `score`; `precision` if it is not float32, `output` of a network
//! with its code, `normalise` (JSON) if the stage sets it; and the number of odd or incomplete maps.

use std::path::{Path, PathBuf};

use anyhow::Result;
use pcamflow::{
    data::{
        amend::amend_integers,
        arrays::{Array, ArrayFile, Attribute, Element, Notes},
    },
    metrics::{faithfulness::OddMaps, sigmoid},
    side::Side,
    stages::explain::Explain,
};

use crate::explain::{Arrays, Maps};

/// The counts of odd maps, set when the file is complete.
const ODD: [&str; 3] = ["zero-maps", "constant-maps", "non-finite-maps"];
/// The count of maps above the tolerance, of methods with deltas.
const FAILURES: &str = "tolerance-failures";

/// A `maps.h5` that is being written.
pub(super) struct MapsFile {
    path: PathBuf,
    file: ArrayFile,
    arrays: Arrays,
    written: usize,
}

impl MapsFile {
    /// Creates the file for the maps of patches with these rows and labels.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn create(
        path: &Path,
        stage: &Explain,
        arrays: Arrays,
        side: Side,
        rows: &[i64],
        labels: &[u8],
    ) -> Result<Self> {
        let mut file =
            ArrayFile::create(path, lay_out(rows.len(), side.get(), arrays), &notes(stage, arrays)?)?;
        file.write("row", 0, rows)?;
        file.write("label", 0, labels)?;
        Ok(Self { path: path.to_owned(), file, arrays, written: 0 })
    }

    /// Writes the next maps.
    ///
    /// # Errors
    /// The disk is full.
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

    /// Completes the file with its counts.
    ///
    /// # Errors
    /// Maps are missing, or the disk is full.
    pub(super) fn finish(self, odd: &OddMaps, failures: usize) -> Result<()> {
        self.file.finish()?;
        let counts = [&odd.zero, &odd.constant, &odd.not_finite].map(|rows| rows.len() as i64);
        let mut counts: Vec<(&str, i64)> = ODD.into_iter().zip(counts).collect();
        counts.extend(self.arrays.delta.then_some((FAILURES, failures as i64)));
        amend_integers(&self.path, &counts)
    }
}

fn lay_out(count: usize, side: usize, arrays: Arrays) -> Vec<Array> {
    let mut all = vec![
        Array::new("map", Element::F32, [count, side, side]),
        Array::new("row", Element::I64, [count]),
        Array::new("label", Element::U8, [count]),
        Array::new("probability", Element::F64, [count]),
        Array::new("logit", Element::F32, [count]),
    ];
    if let Some([rows, columns]) = arrays.native {
        all.push(Array::new("native", Element::F32, [count, rows, columns]));
    }
    if arrays.attribution {
        all.push(Array::new("attribution", Element::F32, [count, 3, side, side]));
    }
    if arrays.delta {
        all.push(Array::new("delta", Element::F32, [count]));
        all.push(Array::new("steps", Element::I64, [count]));
    }
    all
}

fn notes(stage: &Explain, arrays: Arrays) -> Result<Notes> {
    let parameters = stage.method.to_json()?;
    let mut texts = vec![
        ("method", stage.method.word()),
        ("parameters", parameters.as_str()),
        ("target", stage.target.word()),
        ("score", stage.score.word()),
    ];
    texts.extend(stage.precision.unusual().map(|precision| ("precision", precision.word())));
    texts.extend(stage.output.map(|output| ("output", output.word())));
    let normalise = stage.normalise.as_ref().map(serde_json::to_string).transpose()?;
    texts.extend(normalise.as_deref().map(|normalise| ("normalise", normalise)));
    let texts = texts.into_iter().map(|(name, text)| (name.to_owned(), Attribute::Text(text.to_owned())));
    let counts = ODD.into_iter().chain(arrays.delta.then_some(FAILURES));
    let counts = counts.map(|name| (name.to_owned(), Attribute::Integer(0)));
    Ok(Notes { attributes: texts.chain(counts).collect(), texts: Vec::new() })
}
