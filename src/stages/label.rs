//! What people call the results of one explanation among several.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::is_name;

/// What already has a name in the results: the controls, and the columns beside the curves.
const TAKEN: [(&str, &str); 5] = [
    ("random", "the control with a random order"),
    ("centre", "the control that looks at the centre"),
    ("fraction", "the points of the curves in `curves.h5`"),
    ("row", "the rows of the patches in `curves.h5`"),
    ("label", "the labels of the patches in `curves.h5`"),
];

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
        if let Some((word, what)) = TAKEN.iter().find(|(word, _)| *word == text) {
            return Err(format!("`{word}` cannot be a label: it names {what}"));
        }
        match is_name(&text) {
            true => Ok(Self(text)),
            false => Err(format!("`{text}` is no label: letters, digits, `-` and `_` make one")),
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
        assert!(told("random").unwrap_err().contains("names the control"));
        assert!(told("row").unwrap_err().contains("`curves.h5`"));
        for text in ["", "a/b", "a b", "a.b"] {
            assert!(told(text).unwrap_err().contains("is no label"), "{text}");
        }
    }
}
