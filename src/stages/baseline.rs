//! What stands for "nothing to see": the image that a method or a metric puts in the place of evidence.
//!
//! Knows how it is written, and what computing it takes; what it looks like is computed elsewhere.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use super::{Canonical, Check, Input, Lines, Model, Origin, StageName};
use crate::nearest::nearest;

/// An image without evidence: `"black"`, `"white"`, `"mean"`, `"blur"`, or a number from 0 to 1.
///
/// Word and number are distinct forms, also where they look alike: `"black"` and `0` are two keys, for
/// artifacts say which of them was written.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    Value(f64),
}

const WORDS: [(&str, Baseline); 4] = [
    ("black", Baseline::Black),
    ("white", Baseline::White),
    ("mean", Baseline::Mean),
    ("blur", Baseline::Blur),
];

impl Baseline {
    /// The patches that it is computed from: for the mean those that the model learnt from, under the
    /// slot `data.train` (or `data.train.x`); none for all others. `stage` and `through` are the way to
    /// them, as of [`Origin::Inherited`]: the stage that trained the model, or one that asks it, through
    /// `["model"]`. `field` is the place of the baseline in the stage's table, `method.occlusion.baseline`.
    #[must_use]
    pub fn input(self, field: &'static str, stage: &StageName, through: &[&'static str]) -> Option<Input> {
        let slot = "data.train".to_owned();
        let (stage, through) = (stage.clone(), through.to_vec());
        let from = Origin::Inherited { stage, through, slot: slot.clone() };
        (self == Self::Mean).then_some(Input { slot, field, from })
    }

    /// The same for a stage that has the model itself; nothing where that is a file, which [`Self::check`]
    /// refuses.
    #[must_use]
    pub fn input_beside(self, field: &'static str, model: &Model) -> Option<Input> {
        match model {
            Model::Artifact(reference) => self.input(field, &reference.stage, &[]),
            Model::File(_) => None,
        }
    }

    /// Checks that it can be computed for a model: nobody knows what a file was trained on.
    pub fn check(self, model: &Model, path: &str, check: &mut Check<'_>) {
        let known = self != Self::Mean || matches!(model, Model::Artifact(_));
        check.require(
            known,
            path,
            "the model is a file, so the mean colour of its training patches is unknown: \
             write a number from 0 to 1 instead of \"mean\"",
        );
    }

    fn word(self) -> Option<&'static str> {
        WORDS.iter().find(|(_, baseline)| *baseline == self).map(|(word, _)| *word)
    }

    fn from_word(text: &str) -> Result<Self, String> {
        if let Some((_, baseline)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*baseline);
        }
        let meant = nearest(text, WORDS.map(|(word, _)| word));
        let meant = meant.map(|word| format!(": did you mean \"{word}\"?")).unwrap_or_default();
        Err(format!("`{text}` is not a baseline{meant} (it is {EXPECTED})"))
    }

    fn from_number(value: f64) -> Result<Self, String> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Self::Value(value + 0.0)), // no -0.0
            false => Err(format!("a baseline must lie between 0 and 1, as images do: {value} does not")),
        }
    }
}

const EXPECTED: &str = "\"black\", \"white\", \"mean\", \"blur\", or a number from 0 to 1";

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.word(), self) {
            (None, Self::Value(value)) => write!(f, "{value}"),
            (word, _) => f.write_str(word.unwrap_or_default()),
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

impl Serialize for Baseline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => serializer.serialize_f64(*value),
            word => serializer.collect_str(word),
        }
    }
}

impl<'de> Deserialize<'de> for Baseline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrNumber)
    }
}

struct WordOrNumber;

impl Visitor<'_> for WordOrNumber {
    type Value = Baseline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Baseline, E> {
        Baseline::from_word(text).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Baseline, E> {
        Baseline::from_number(value).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Baseline, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Baseline, E> {
        self.visit_f64(value as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn words_and_numbers_are_read_and_written_back() {
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
    fn word_and_number_are_distinct_and_one_and_one_point_zero_are_not() {
        assert_eq!(canonical(Baseline::Black), "b = black");
        assert_eq!(canonical(Baseline::Value(0.0)), "b = 0.0");
        assert_eq!(canonical(read("-0.0").unwrap()), canonical(read("0").unwrap()));
        assert_eq!(canonical(read("1").unwrap()), canonical(read("1.0").unwrap()));
    }

    #[test]
    fn what_is_none_is_told_with_what_is() {
        let told = |value| read(value).unwrap_err();
        assert!(told("'blakc'").starts_with("`blakc` is not a baseline: did you mean \"black\"?"));
        assert_eq!(told("2"), "a baseline must lie between 0 and 1, as images do: 2 does not");
        assert!(told("nan").contains("NaN does not"));
        assert!(told("true").contains("expected \"black\", \"white\""), "{}", told("true"));
    }

    #[test]
    fn only_the_mean_needs_patches_and_only_of_a_model_that_a_stage_made() {
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
