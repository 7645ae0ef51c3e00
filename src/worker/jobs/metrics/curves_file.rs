//! `curves.h5`: every curve of every method.
//!
//! `LABEL/deletion` and `LABEL/insertion` [N, points] float64: the probability of the explained class, NaN
//! where a map has no order. `fraction` `[points]` float64: where the points lie. `row` `[N]` int64, `label`
//! `[N]` uint8, `probability` `[N]` float64 of tumour, `explained` `[N]` uint8: the class whose probability
//! the curves show. Attributes: how they were made.

use std::path::Path;

use anyhow::Result;
use pcamflow::{
    data::arrays::{Array, ArrayFile, Attribute, Element, Notes},
    metrics::faithfulness::{Comparison, Method, Protocol},
    stages::metrics::Metrics,
};

use super::Explanations;

/// Writes the file.
///
/// # Errors
/// A full disk.
pub(super) fn write(
    path: &Path,
    stage: &Metrics,
    explanations: &Explanations,
    comparison: &Comparison,
) -> Result<()> {
    let images = &comparison.images;
    let (count, points) = (images.len(), comparison.fractions.len());
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
    file.write("row", 0, &images.iter().map(|image| image.row).collect::<Vec<_>>())?;
    file.write("label", 0, &images.iter().map(|image| u8::from(image.positive)).collect::<Vec<_>>())?;
    file.write("probability", 0, &images.iter().map(|image| image.probability).collect::<Vec<_>>())?;
    let explained: Vec<u8> = images.iter().map(|image| u8::from(image.explains_positive)).collect();
    file.write("explained", 0, &explained)?;
    let without = vec![f64::NAN; points];
    for method in &comparison.methods {
        let [deletion, insertion] = names(method);
        for (at, explained) in method.explained.iter().enumerate() {
            let curves = explained.curves.as_ref();
            file.write(&deletion, at, curves.map_or(&without, |curves| &curves.deletion))?;
            file.write(&insertion, at, curves.map_or(&without, |curves| &curves.insertion))?;
        }
    }
    file.finish()
}

fn names(method: &Method) -> [String; 2] {
    ["deletion", "insertion"].map(|curve| format!("{}/{curve}", method.label))
}

fn notes(stage: &Metrics, explanations: &Explanations, comparison: &Comparison) -> Notes {
    let making = explanations.first().making();
    let text = |name: &str, value: &str| (name.to_owned(), Attribute::Text(value.to_owned()));
    let mut attributes = vec![
        text("protocol", stage.protocol.word()),
        text("deletion-baseline", &comparison.deletion_baseline),
        text("insertion-baseline", &comparison.insertion_baseline),
        text("target", &making.target),
        text("score", "probability"),
    ];
    if comparison.protocol == Protocol::Ranked {
        let step = Attribute::Integer(stage.pixels_per_step.into());
        attributes.push(("pixels-per-step".to_owned(), step));
    }
    Notes { attributes, texts: Vec::new() }
}
