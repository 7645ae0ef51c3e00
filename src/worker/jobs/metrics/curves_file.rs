//! `curves.h5`: every curve of every method.
//!
//! `LABEL/deletion` and `LABEL/insertion` [N, points] float64: the probability of the explained class; NaN if
//! the map is not finite. `fraction` `[points]` float64: the positions of the points. `row` `[N]` int64,
//! `label` `[N]` uint8, `probability` `[N]` float64 of tumour, `explained` `[N]` uint8: the explained class.
//! Attributes: how the curves were made.

use std::path::Path;

use anyhow::Result;
use pcamflow::{
    data::arrays::{Array, ArrayFile, Attribute, Element, Notes},
    metrics::faithfulness::{Comparison, Image, Method, Protocol},
    stages::metrics::Metrics,
};

use super::Explanations;

/// Writes the file.
///
/// # Errors
/// The disk is full.
pub(super) fn write(
    path: &Path,
    stage: &Metrics,
    explanations: &Explanations,
    comparison: &Comparison,
) -> Result<()> {
    let (count, points) = (comparison.images.len(), comparison.fractions.len());
    let curves = comparison.methods.iter().flat_map(names);
    let mut arrays: Vec<Array> = curves.map(|name| Array::new(name, Element::F64, [count, points])).collect();
    arrays.extend([
        Array::new("fraction", Element::F64, [points]),
        Array::new("row", Element::I64, [count]),
        Array::new("label", Element::U8, [count]),
        Array::new("probability", Element::F64, [count]),
        Array::new("explained", Element::U8, [count]),
    ]);
    let mut file = ArrayFile::create(path, arrays, &notes(stage, explanations, comparison))?;
    file.write("fraction", 0, &comparison.fractions)?;
    file.write("row", 0, &each(comparison, |image| image.row))?;
    file.write("label", 0, &each(comparison, |image| u8::from(image.positive)))?;
    file.write("probability", 0, &each(comparison, |image| image.probability))?;
    file.write("explained", 0, &each(comparison, |image| u8::from(image.explains_positive)))?;
    let missing = vec![f64::NAN; points];
    for method in &comparison.methods {
        let [deletion, insertion] = names(method);
        for (at, explained) in method.explained.iter().enumerate() {
            let curves = explained.curves.as_ref();
            file.write(&deletion, at, curves.map_or(&missing, |curves| &curves.deletion))?;
            file.write(&insertion, at, curves.map_or(&missing, |curves| &curves.insertion))?;
        }
    }
    file.finish()
}

fn each<T>(comparison: &Comparison, value: impl Fn(&Image) -> T) -> Vec<T> {
    comparison.images.iter().map(value).collect()
}

fn names(method: &Method) -> [String; 2] {
    ["deletion", "insertion"].map(|curve| format!("{}/{curve}", method.label))
}

fn notes(stage: &Metrics, explanations: &Explanations, comparison: &Comparison) -> Notes {
    let texts: [(&str, &str); 5] = [
        ("protocol", stage.protocol.word()),
        ("deletion-baseline", &comparison.deletion_baseline),
        ("insertion-baseline", &comparison.insertion_baseline),
        ("target", &explanations.first().making().target),
        ("score", "probability"),
    ];
    let text = |(name, text): (&str, &str)| (name.to_owned(), Attribute::Text(text.to_owned()));
    let mut attributes: Vec<_> = texts.into_iter().map(text).collect();
    if comparison.protocol == Protocol::Ranked {
        let step = Attribute::Integer(stage.pixels_per_step.into());
        attributes.push(("pixels-per-step".to_owned(), step));
    }
    Notes { attributes, texts: Vec::new() }
}
