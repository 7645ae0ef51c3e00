//! What people call the results of one explanation among several.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::is_name;

/// The controls, which stand beside every explanation.
const CONTROLS: [&str; 2] = ["random", "centre"];

/// What else `curves.h5` holds beside the curves below their labels.
const DATASETS: [&str; 5] = ["fraction", "row", "label", "probability", "explained"];

/// A label: names results in tables, pictures and files. Letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if CONTROLS.contains(&text.as_str()) {
            return Err(format!("`{text}` cannot be a label: it names a control"));
        }
        if DATASETS.contains(&text.as_str()) {
            return Err(format!("`{text}` cannot be a label: it names something else in `curves.h5`"));
        }
        match is_name(&text) {
            true => Ok(Self(text)),
            false => Err(format!("`{text}` cannot be a label: use ASCII letters, digits, `-` and `_`")),
        }
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_names_that_nothing_else_has() {
        let told = |text: &str| Label::try_from(text.to_owned()).map(String::from);
        assert_eq!(told("grad-cam_2"), Ok("grad-cam_2".to_owned()));
        assert!(told("random").unwrap_err().contains("names a control"));
        assert!(told("row").unwrap_err().contains("`curves.h5`"));
        for text in ["", "a/b", "a b", "a.b"] {
            assert!(told(text).unwrap_err().contains("cannot be a label"), "{text}");
        }
    }
}
