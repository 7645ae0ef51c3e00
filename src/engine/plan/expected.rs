//! How long a stage may take: as long as the last time, in proportion to its epochs and to the patches that it handles.
//!
//! Knows which parameters say how much there is to do; knows no clock.

use std::collections::BTreeMap;

use crate::{stages::AnyStage, store::ActionRecord};

/// The parameters that the time is in proportion to. Those of one list count together.
const AMOUNTS: [&[&str]; 4] =
    [&["epochs"], &["patches"], &["take"], &["sizes.train", "sizes.validation", "sizes.test"]];

/// The seconds that a stage may take, by the record of its last result.
pub(in crate::engine) fn expected(stage: &AnyStage, last: &ActionRecord) -> f64 {
    let defaults = stage.kind().defaults().into_map();
    let with_defaults = |own: BTreeMap<String, String>| defaults.clone().into_iter().chain(own).collect();
    let parameter = |(line, value): (&String, &String)| {
        Some((line.strip_prefix("parameter ")?.to_owned(), value.clone()))
    };
    let before = last.lines.iter().filter_map(parameter).collect();
    last.made.seconds * growth(&with_defaults(before), &with_defaults(stage.semantic().into_map()))
}

/// How many times as much there is to do now.
fn growth(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> f64 {
    AMOUNTS.iter().map(|parameters| share(amount(parameters, now), amount(parameters, before))).product()
}

/// The sum of some parameters. `None` if one is missing: with `take` left out, the number of patches is not known.
fn amount(parameters: &[&str], all: &BTreeMap<String, String>) -> Option<f64> {
    parameters.iter().map(|parameter| all.get(*parameter)?.parse::<f64>().ok()).sum()
}

/// 1 if it is not known how much there was or is.
fn share(now: Option<f64>, before: Option<f64>) -> f64 {
    match (now, before) {
        (Some(now), Some(before)) if before > 0.0 => now / before,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn grows(before: &[(&str, &str)], now: &[(&str, &str)], times: f64) {
        let found = growth(&parameters(before), &parameters(now));
        assert!((found - times).abs() < 1e-12, "{found}");
    }

    #[test]
    fn twice_the_epochs_or_patches_take_twice_as_long() {
        grows(&[("epochs", "4")], &[("epochs", "8")], 2.0);
        grows(&[("take", "50"), ("seed", "1")], &[("take", "75"), ("seed", "9")], 1.5);
        grows(&[("patches", "1200"), ("take", "4")], &[("patches", "600"), ("take", "12")], 1.5);
    }

    #[test]
    fn the_parts_of_a_split_count_together() {
        let sizes = |train| [("sizes.train", train), ("sizes.validation", "10"), ("sizes.test", "10")];
        grows(&sizes("20"), &sizes("60"), 2.0);
    }

    #[test]
    fn an_unknown_amount_changes_nothing() {
        grows(&[("take", "50")], &[], 1.0);
        grows(&[], &[("take", "50")], 1.0);
        grows(&[("epochs", "0")], &[("epochs", "8")], 1.0);
    }
}
