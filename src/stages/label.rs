//! Labels: the user's names for the results of explanations.

use std::{fmt, str::FromStr};

use super::{is_name, text::serde_by_text};

/// The controls that every comparison has.
const CONTROLS: [&str; 2] = ["random", "centre"];

/// The other datasets of `curves.h5`, which has the curves under their labels.
const DATASETS: [&str; 5] = ["fraction", "row", "label", "probability", "explained"];

/// A label: names results in tables, pictures and files. Letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl FromStr for Label {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if CONTROLS.contains(&text) {
            return Err(format!("`{text}` cannot be a label: it names a control"));
        }
        if DATASETS.contains(&text) {
            return Err(format!("`{text}` cannot be a label: it names something else in `curves.h5`"));
        }
        match is_name(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{text}` cannot be a label: use ASCII letters, digits, `-` and `_`")),
        }
    }
}

serde_by_text!(Label);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_names_that_are_not_taken() {
        let read = |text: &str| text.parse::<Label>().map(|label| label.to_string());
        assert_eq!(read("grad-cam_2"), Ok("grad-cam_2".to_owned()));
        assert!(read("random").unwrap_err().contains("names a control"));
        assert!(read("row").unwrap_err().contains("`curves.h5`"));
        for text in ["", "a/b", "a b", "a.b"] {
            assert!(read(text).unwrap_err().contains("cannot be a label"), "{text}");
        }
    }
}
