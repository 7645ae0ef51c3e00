//! The number of steps of integrated gradients: a number, or `"adaptive"`.
//!
//! Knows how it is written. What adaptive steps are is decided where they are computed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stages::{Canonical, Check, Lines};

/// How many nodes the rule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "the steps are a whole number from 2 to 10000, or \"adaptive\"")]
pub enum Steps {
    /// As many as each image needs.
    #[serde(rename = "adaptive")]
    Adaptive,
    /// The same number for every image.
    #[serde(untagged)]
    Count(u32),
}

impl Steps {
    pub(super) fn check(self, path: &str, check: &mut Check<'_>) {
        if let Self::Count(count) = self {
            check.within(path, count.into(), 2.0, 10_000.0);
        }
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adaptive => f.write_str("adaptive"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl Canonical for Steps {
    fn write(&self, path: &str, lines: &mut Lines) {
        match self {
            // They have once been nested Clenshaw-Curtis rules, whose results are others.
            Self::Adaptive => lines.put(path, "adaptive, by halves".to_owned()),
            Self::Count(count) => lines.put(path, count.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Table {
        steps: Steps,
    }

    fn read(text: &str) -> Result<Steps, String> {
        let table: Result<Table, _> = toml::from_str(&format!("steps = {text}"));
        table.map(|table| table.steps).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_number_and_the_word_are_read_and_written() {
        for (text, steps, json) in
            [("50", Steps::Count(50), "50"), ("'adaptive'", Steps::Adaptive, "\"adaptive\"")]
        {
            assert_eq!(read(text), Ok(steps));
            assert_eq!(serde_json::to_string(&steps).unwrap(), json);
            assert_eq!(serde_json::from_str::<Steps>(json).unwrap(), steps);
        }
    }

    #[test]
    fn in_a_key_a_number_is_as_it_always_was() {
        let lines = |value: &dyn Fn(&mut Lines)| {
            let mut lines = Lines::default();
            value(&mut lines);
            lines
        };
        let number = lines(&|lines| 50_u32.write("steps", lines));
        assert_eq!(lines(&|lines| Steps::Count(50).write("steps", lines)), number);
        assert_ne!(lines(&|lines| Steps::Adaptive.write("steps", lines)), number);
    }

    #[test]
    fn anything_else_is_an_error_that_lists_the_forms() {
        for text in ["'adaptiv'", "2.5", "-1", "true", "[50]", "99999999999"] {
            let error = read(text).unwrap_err();
            assert_eq!(error, "the steps are a whole number from 2 to 10000, or \"adaptive\"", "{text}");
        }
    }
}
