//! What `model.safetensors` says about its network: enough to build it and to call it, in any language.
//!
//! One entry, because the format does not order them. Nothing here reads it: the shapes of the tensors tell the network.

use pcamflow::{data::PATCH_SIDE, stages::train::Architecture};
use serde_json::json;

/// The entry for a network: its key, and JSON.
pub(crate) fn entry(architecture: &Architecture) -> (&'static str, String) {
    let description = json!({
        "architecture": architecture,
        "classes": 2,
        "input": { "shape": [3, PATCH_SIDE, PATCH_SIDE], "order": "RGB", "scaling": "bytes / 255" },
        "layers": architecture.layers(),
        // No tensor tells what is between the last convolution and the first linear layer.
        "last-pooling": { "average-to": pooled(architecture) },
        "output": "the logit of class 1",
    });
    ("pcamflow", description.to_string())
}

/// Rows and columns after the last pooling.
fn pooled(architecture: &Architecture) -> [i64; 2] {
    match architecture {
        Architecture::ClassCnn(_) => [super::class_cnn::POOLED; 2],
        Architecture::Resnet(_) => [1, 1],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_entry_tells_what_the_tensors_do_not() {
        let architecture = Architecture::ClassCnn(Default::default());
        let (key, text) = entry(&architecture);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((key, &read["last-pooling"]["average-to"]), ("pcamflow", &json!([6, 6])));
        assert_eq!(
            read["architecture"],
            json!({"class-cnn": {"channels": [32, 64, 128, 256], "hidden": 256}})
        );
        assert_eq!(read["layers"].as_array().unwrap().len(), architecture.layers().len());
        assert_eq!(entry(&architecture).1, text);
        let (_, text) = entry(&Architecture::Resnet(Default::default()));
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["architecture"]["resnet"]["stages"], json!([2, 2, 2]));
    }
}
