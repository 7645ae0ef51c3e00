//! What `model.safetensors` says about its network: enough to build it and to call it, in any language.
//!
//! One entry, because the format does not order them. The shapes of the tensors tell the network; read are only the size
//! of the patches, and how they are normalised.

use pcamflow::{
    side::Side,
    stages::{
        Normalise,
        architecture::{Architecture, Form},
    },
};
use serde::Deserialize;
use serde_json::json;

use crate::tensors::TensorFile;

const KEY: &str = "pcamflow";

/// What a model says about its patches.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Input {
    /// Channels, rows and columns.
    #[serde(default)]
    shape: Vec<usize>,
    /// How they are normalised.
    #[serde(default)]
    pub(crate) normalise: Option<Normalise>,
}

impl Input {
    /// That of a file; nothing if it was not written here.
    pub(crate) fn of(file: &TensorFile) -> Self {
        #[derive(Deserialize)]
        struct Entry {
            #[serde(default)]
            input: Input,
        }
        let entry = file.metadata(KEY).and_then(|text| serde_json::from_str::<Entry>(text).ok());
        entry.map(|entry| entry.input).unwrap_or_default()
    }

    /// Rows and columns of the patches that it was trained on.
    pub(crate) fn side(&self) -> Option<Side> {
        self.shape.get(1).copied().and_then(Side::new)
    }
}

/// The entry for a network that was trained on patches of this side: its key, and JSON.
pub(crate) fn entry(
    architecture: &Architecture,
    side: Side,
    normalise: Option<&Normalise>,
) -> (&'static str, String) {
    let mut input = json!({ "shape": [3, side.get(), side.get()], "order": "RGB", "scaling": "bytes / 255" });
    if let Some(normalise) = normalise {
        input["normalise"] = json!(normalise);
    }
    let description = json!({
        "architecture": architecture.spelt_out(),
        "classes": 2,
        "input": input,
        "layers": architecture.layers(),
        // No tensor tells what is between the last convolution and the first linear layer.
        "last-pooling": { "average-to": pooled(architecture) },
        "output": "the logit of class 1",
    });
    (KEY, description.to_string())
}

/// Rows and columns after the last pooling.
fn pooled(architecture: &Architecture) -> [i64; 2] {
    match architecture.form() {
        Form::ClassCnn(_) => [super::class_cnn::POOLED; 2],
        Form::Resnet(_) | Form::Densenet(_) => [1, 1],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_entry_tells_what_the_tensors_do_not() {
        let architecture = Architecture::ClassCnn(Default::default());
        let (key, text) = entry(&architecture, Side::PCAM, None);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((key, &read["last-pooling"]["average-to"]), ("pcamflow", &json!([6, 6])));
        assert_eq!(
            read["architecture"],
            json!({"class-cnn": {"channels": [32, 64, 128, 256], "hidden": 256}})
        );
        assert_eq!(read["layers"].as_array().unwrap().len(), architecture.layers().len());
        assert_eq!(entry(&architecture, Side::PCAM, None).1, text);
        let (_, text) = entry(&Architecture::Resnet(Default::default()), Side::PCAM, None);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["architecture"]["resnet"]["stages"], json!([2, 2, 2]));
    }
}
