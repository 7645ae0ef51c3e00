//! Makes the trials of a sweep: every combination, pairs, random draws, or the rows of a table.
//!
//! Each key has its own stream of random numbers, made here, so that another axis or another version of a library does
//! not change the draws. With more trials, the first ones stay the same.

use std::collections::HashSet;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{
    sweep::{Axis, Range, SweepSpec, Trials, Values},
    trials::{Draft, shown},
};

/// The most trials. More are probably a mistake.
const MOST: usize = 10_000;

/// How often a draw is repeated if it equals an earlier one.
const TRIES: usize = 100;

/// The trials of a sweep, without names.
pub(super) fn combine(spec: &SweepSpec) -> Result<Vec<Draft>, Vec<String>> {
    let wrong: Vec<String> =
        spec.check().into_iter().map(|wrong| format!("{}: {}", wrong.message, wrong.help)).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    match &spec.trials {
        Trials::Product => product(&spec.axes),
        Trials::Zip => Ok(zip(&spec.axes)),
        Trials::Random { count, seed } => random(&spec.axes, *count as usize, *seed),
        Trials::Rows { file } => super::rows::rows(file),
    }
}

/// Every combination; the last axis varies first.
fn product(axes: &[Axis]) -> Result<Vec<Draft>, Vec<String>> {
    let lists: Vec<(&str, &[String])> = axes.iter().map(|axis| (axis.key.as_str(), list(axis))).collect();
    let count = lists.iter().fold(1_usize, |count, (_, values)| count.saturating_mul(values.len()));
    if count > MOST {
        let sizes: Vec<String> = lists.iter().map(|(_, values)| values.len().to_string()).collect();
        return Err(vec![format!(
            "every combination of {} values is more than {MOST} trials: draw some with --random N, or pair the \
             values with --zip",
            sizes.join(" x ")
        )]);
    }
    let mut trials: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for (key, list) in lists {
        let with = |trial: &[_], value: &String| [trial, &[(key.to_owned(), value.clone())]].concat();
        trials = trials.iter().flat_map(|trial| list.iter().map(move |value| with(trial, value))).collect();
    }
    Ok(trials.into_iter().map(|values| Draft { name: None, values, places: places(axes) }).collect())
}

/// The first of each list, then the second of each.
fn zip(axes: &[Axis]) -> Vec<Draft> {
    let count = axes.first().map_or(0, |axis| list(axis).len());
    let value = |axis: &Axis, index: usize| Some((axis.key.clone(), list(axis).get(index)?.clone()));
    let trial = |index: usize| axes.iter().filter_map(|axis| value(axis, index)).collect();
    (0..count).map(|index| Draft { name: None, values: trial(index), places: places(axes) }).collect()
}

/// Where the values of a trial are written.
fn places(axes: &[Axis]) -> Vec<String> {
    axes.iter().map(|axis| axis.place.clone()).collect()
}

/// The values of a list. `SweepSpec::check` allows ranges only for random draws, so there are none here.
fn list(axis: &Axis) -> &[String] {
    match &axis.values {
        Values::List(values) => values,
        Values::Range(_) => &[],
    }
}

fn random(axes: &[Axis], count: usize, seed: u64) -> Result<Vec<Draft>, Vec<String>> {
    if count > MOST {
        return Err(vec![format!("{count} trials are too many: at most {MOST} can be drawn")]);
    }
    let mut draws: Vec<Draws<'_>> = axes.iter().map(|axis| Draws::new(axis, seed)).collect();
    let mut seen: HashSet<Vec<String>> = HashSet::new();
    let mut drafts = Vec::with_capacity(count);
    let mut tries = 0;
    while drafts.len() < count {
        let values: Vec<(String, String)> = draws.iter_mut().map(Draws::next).collect();
        if seen.insert(values.iter().map(|(_, value)| shown(value)).collect()) {
            drafts.push(Draft { name: None, values, places: places(axes) });
            tries = 0;
        } else if tries < TRIES {
            tries += 1;
        } else {
            let found = drafts.len();
            return Err(vec![format!(
                "only {found} different trials could be drawn, and {count} are asked for: draw fewer, from more \
                 values, or leave `random` out for every combination"
            )]);
        }
    }
    Ok(drafts)
}

/// The draws of one axis.
struct Draws<'a> {
    axis: &'a Axis,
    random: ChaCha8Rng,
}

impl<'a> Draws<'a> {
    fn new(axis: &'a Axis, seed: u64) -> Self {
        let key = blake3::hash(format!("pcamflow sweep 1\n{seed}\n{}", axis.key).as_bytes());
        Self { axis, random: ChaCha8Rng::from_seed(*key.as_bytes()) }
    }

    fn next(&mut self) -> (String, String) {
        let unit = self.unit();
        let value = match &self.axis.values {
            Values::List(values) => values[at(unit, values.len())].clone(),
            Values::Range(range) => drawn(range, unit),
        };
        (self.axis.key.clone(), value)
    }

    /// From 0 to below 1, in steps of 2^-53.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn unit(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// An index below `count`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn at(unit: f64, count: usize) -> usize {
    ((unit * count as f64) as usize).min(count.saturating_sub(1))
}

/// A number of a range, with four digits.
fn drawn(range: &Range, unit: f64) -> String {
    let Range { from, to, log, whole } = *range;
    // Each whole number, including the last one, is a step of width 1.
    let end = if whole { to + 1.0 } else { to };
    let value = match log {
        true => (from.ln() + unit * (end.ln() - from.ln())).exp(),
        false => from + unit * (end - from),
    };
    match whole {
        true => format!("{:.0}", value.floor().clamp(from, to)),
        false => format!("{:?}", rounded(value).clamp(from, to)),
    }
}

/// To four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(key: &str, values: &[&str]) -> Axis {
        let values = Values::List(values.iter().map(|value| (*value).to_owned()).collect());
        Axis { key: key.to_owned(), values, place: String::new() }
    }

    fn range(key: &str, from: f64, to: f64, log: bool, whole: bool) -> Axis {
        Axis {
            key: key.to_owned(),
            values: Values::Range(Range { from, to, log, whole }),
            place: String::new(),
        }
    }

    fn trials(trials: Trials, axes: Vec<Axis>) -> Vec<String> {
        let drafts = combine(&SweepSpec { trials, axes, place: String::new() }).unwrap();
        let values =
            |draft: Draft| draft.values.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ");
        drafts.into_iter().map(values).collect()
    }

    #[test]
    fn values_are_combined_or_paired() {
        let axes = || vec![axis("a", &["1", "2"]), axis("b", &["x", "y"])];
        assert_eq!(trials(Trials::Product, axes()), ["1 x", "1 y", "2 x", "2 y"]);
        assert_eq!(trials(Trials::Zip, axes()), ["1 x", "2 y"]);
        let many: Vec<Axis> = (0..20).map(|index| axis(&format!("k{index}"), &["1", "2"])).collect();
        let spec = SweepSpec { trials: Trials::Product, axes: many, place: String::new() };
        assert!(combine(&spec).unwrap_err()[0].contains("more than 10000 trials"));
    }

    #[test]
    fn draws_are_in_range_and_different_and_the_first_ones_stay() {
        let axes = || {
            vec![
                range("rate", 1e-5, 1e-2, true, false),
                range("count", 1.0, 8.0, false, true),
                axis("word", &["a", "b"]),
            ]
        };
        let drawn = |count, seed| trials(Trials::Random { count, seed }, axes());
        let forty = drawn(40, 42);
        assert_eq!(forty.len(), 40);
        assert_eq!(forty[..10], drawn(10, 42));
        assert_ne!(forty[..10], drawn(10, 43));
        let mut small = 0;
        for trial in &forty {
            let parts: Vec<&str> = trial.split(' ').collect();
            let rate: f64 = parts[0].parse().unwrap();
            small += usize::from(rate < 3.162e-4);
            assert!((1e-5..=1e-2).contains(&rate), "{trial}");
            assert!((1..=8).contains(&parts[1].parse::<u32>().unwrap()), "{trial}");
            assert!(["a", "b"].contains(&parts[2]), "{trial}");
        }
        // Half are below the middle of the logarithms: 20 of 40, with a deviation of 3.2.
        assert!((8..=32).contains(&small), "{small}");
        // Another axis changes nothing of these.
        let alone = trials(Trials::Random { count: 3, seed: 42 }, axes()[..1].to_vec());
        assert!(forty.iter().zip(&alone).all(|(all, one)| all.starts_with(one)));
    }

    #[test]
    fn every_whole_number_of_a_range_is_drawn_and_no_more_than_there_are() {
        let axes = || vec![range("n", 3.0, 6.0, false, true)];
        let mut all = trials(Trials::Random { count: 4, seed: 1 }, axes());
        all.sort();
        assert_eq!(all, ["3", "4", "5", "6"]);
        let spec =
            SweepSpec { trials: Trials::Random { count: 5, seed: 1 }, axes: axes(), place: String::new() };
        assert!(combine(&spec).unwrap_err()[0].contains("only 4 different trials"));
    }

    #[test]
    fn draws_never_change() {
        let axes = vec![range("train.base.optimizer.adam.learning-rate", 1e-5, 1e-2, true, false)];
        let drawn = trials(Trials::Random { count: 3, seed: 42 }, axes);
        // Other values would be other trials, which would be computed again.
        assert_eq!(drawn, ["0.00662", "2.456e-5", "0.0001705"]);
    }
}
