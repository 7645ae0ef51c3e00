//! Baselines: images without evidence, which a method or a metric puts in the place of evidence.
//!
//! Knows how a baseline is written and what computing it requires. It is computed elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Canonical, Check, Input, Lines, Model, StageName};

/// An image without evidence: `"black"`, `"white"`, `"mean"`, `"blur"`, or a number from 0 to 1.
///
/// A word and a number have different keys even if they look the same (`"black"` and `0`), because artifacts
/// contain the baseline as written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    expecting = "a baseline is \"black\", \"white\", \"mean\", \"blur\", or a number from 0 to 1"
)]
pub enum Baseline {
    /// 0 everywhere.
    Black,
    /// 1 everywhere: empty glass.
    White,
    /// The mean colour of the patches that the model was trained on.
    Mean,
    /// The image itself, blurred as in RISE (Petsiuk et al. 2018): keeps colour and density.
    Blur,
    /// One value in [0, 1] for all pixels and channels.
    #[serde(untagged)]
    Value(f64),
}

impl Baseline {
    /// The patches that the mean is computed from: the model's training patches, under the slot `data.train`
    /// (or `data.train.x`). None for other baselines. `stage` and `through` lead to them as in
    /// [`Origin::Inherited`](super::Origin::Inherited): from the stage that trained the model, or, through
    /// `["model"]`, from a stage that reads the model. `field` is the baseline's place in the stage's table,
    /// `method.occlusion.baseline`.
    #[must_use]
    pub fn input(self, field: &'static str, stage: &StageName, through: &[&'static str]) -> Option<Input> {
        (self == Self::Mean).then(|| Input::inherited("data.train", field, stage, through))
    }

    /// The same for a stage that reads the model itself. [`Self::check`] refuses a model from a file.
    #[must_use]
    pub fn input_beside(self, field: &'static str, model: &Model) -> Option<Input> {
        match model {
            Model::Artifact(reference) => self.input(field, &reference.stage, &[]),
            Model::File(_) | Model::Script(_) => None,
        }
    }

    /// Checks its range, and that it can be computed for the model: the training data of a file is unknown.
    pub fn check(self, model: &Model, path: &str, check: &mut Check<'_>) {
        self.check_range(path, check);
        let known = self != Self::Mean || matches!(model, Model::Artifact(_));
        check.require(
            known,
            path,
            "the model is a file, so the mean colour of its training patches is unknown: \
             write a number from 0 to 1 instead of \"mean\"",
        );
    }

    pub(super) fn check_range(self, path: &str, check: &mut Check<'_>) {
        if let Self::Value(value) = self {
            check.within(path, value, 0.0, 1.0);
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Black => f.write_str("black"),
            Self::White => f.write_str("white"),
            Self::Mean => f.write_str("mean"),
            Self::Blur => f.write_str("blur"),
            Self::Value(value) => write!(f, "{}", value + 0.0), // no -0
        }
    }
}

impl Canonical for Baseline {
    fn write(&self, path: &str, lines: &mut Lines) {
        match self {
            Self::Value(value) => value.write(path, lines),
            word => lines.put(path, word.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Origin;

    #[derive(Debug, Serialize, Deserialize)]
    struct Table {
        baseline: Baseline,
    }

    fn read(value: &str) -> Result<Baseline, String> {
        let table = toml::from_str::<Table>(&format!("baseline = {value}"));
        table.map(|table| table.baseline).map_err(|error| error.message().to_owned())
    }

    fn canonical(baseline: Baseline) -> String {
        let mut lines = Lines::default();
        baseline.write("b", &mut lines);
        lines.iter().map(|(path, value)| format!("{path} = {value}")).collect()
    }

    #[test]
    fn words_and_numbers_are_read_and_written() {
        for (text, baseline) in [
            ("'black'", Baseline::Black),
            ("'white'", Baseline::White),
            ("'mean'", Baseline::Mean),
            ("'blur'", Baseline::Blur),
            ("0", Baseline::Value(0.0)),
            ("1", Baseline::Value(1.0)),
            ("0.75", Baseline::Value(0.75)),
        ] {
            assert_eq!(read(text), Ok(baseline), "{text}");
            let json = serde_json::to_string(&Table { baseline }).unwrap();
            assert_eq!(serde_json::from_str::<Table>(&json).unwrap().baseline, baseline, "{json}");
        }
    }

    #[test]
    fn words_and_numbers_differ_and_1_and_1_0_do_not() {
        assert_eq!(canonical(Baseline::Black), "b = black");
        assert_eq!(canonical(Baseline::Value(0.0)), "b = 0.0");
        assert_eq!(canonical(read("-0.0").unwrap()), canonical(read("0").unwrap()));
        assert_eq!(canonical(read("1").unwrap()), canonical(read("1.0").unwrap()));
    }

    #[test]
    fn anything_else_is_an_error_that_lists_the_forms() {
        for text in ["'blakc'", "true", "[0.5]"] {
            assert!(read(text).unwrap_err().starts_with("a baseline is \"black\", \"white\""), "{text}");
        }
    }

    #[test]
    fn only_the_mean_needs_patches() {
        let made: Model = toml::from_str::<std::collections::BTreeMap<String, Model>>("m = 'train.base'")
            .map(|mut table| table.remove("m").unwrap())
            .unwrap();
        let input = Baseline::Mean.input_beside("method.occlusion.baseline", &made).unwrap();
        assert_eq!(input.slot, "data.train");
        let Origin::Inherited { stage, through, slot } = input.from else { panic!("not inherited") };
        assert_eq!(
            (stage.to_string().as_str(), through.len(), slot.as_str()),
            ("train.base", 0, "data.train")
        );
        for other in [Baseline::Black, Baseline::White, Baseline::Blur, Baseline::Value(0.5)] {
            assert_eq!(other.input_beside("baseline", &made), None);
        }
    }
}
