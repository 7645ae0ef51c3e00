//! The repeats of a stage as plain data: mean and spread of each number over the seeds. Pure arithmetic.

use schemars::JsonSchema;
use serde::Serialize;

use crate::protocol::Number;

/// The repeats of one stage, together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Repeated {
    /// The stage as the pipeline file names it.
    pub stage: String,
    /// Its seeds, in the order of the file.
    pub seeds: Vec<u64>,
    /// The seeds without a result: failed, or not reached.
    pub missing: Vec<u64>,
    /// Its main numbers, in the stage's order.
    pub numbers: Vec<Spread>,
}

/// One number over the seeds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Spread {
    /// The number's name, as in the stage's own results.
    pub name: String,
    /// Its value for each seed; `None` if there is no result or the number is undefined.
    pub values: Vec<Option<f64>>,
    /// How many values there are.
    pub n: usize,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The sample standard deviation (divided by n - 1), if there are two values or more.
    pub sd: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Spread {
    /// The spread of finite values.
    #[must_use]
    pub fn of(name: &str, values: Vec<Option<f64>>) -> Self {
        let there: Vec<f64> = values.iter().flatten().copied().collect();
        let mean = mean(&there);
        Self {
            name: name.to_owned(),
            n: there.len(),
            mean,
            sd: mean.and_then(|mean| sd(&there, mean)),
            min: there.iter().copied().reduce(f64::min),
            max: there.iter().copied().reduce(f64::max),
            values,
        }
    }

    /// Every number that one of the repeats has, over all repeats.
    pub(in crate::engine) fn of_each(repeats: &[&[Number]]) -> Vec<Self> {
        let mut names: Vec<&str> = Vec::new();
        for number in repeats.iter().copied().flatten() {
            if !names.contains(&number.name.as_str()) {
                names.push(&number.name);
            }
        }
        let value = |numbers: &[Number], name: &str| {
            let number = numbers.iter().find(|number| number.name == name)?;
            Some(number.value).filter(|value| value.is_finite())
        };
        let values = |name: &str| repeats.iter().map(|numbers| value(numbers, name)).collect();
        names.into_iter().map(|name| Self::of(name, values(name))).collect()
    }
}

/// The mean, from the differences to the first value, so that equal values have exactly themselves as their mean.
fn mean(values: &[f64]) -> Option<f64> {
    let first = values.first()?;
    let sum: f64 = values.iter().map(|value| value - first).sum();
    Some(first + sum / count(values.len()))
}

fn sd(values: &[f64], mean: f64) -> Option<f64> {
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / count(values.len() - 1)).sqrt())
}

#[allow(clippy::cast_precision_loss, reason = "at most a hundred seeds")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_deviation_is_that_of_a_sample() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squares 32, divided by 7.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].map(Some).to_vec();
        let spread = Spread::of("x", values);
        assert_eq!((spread.n, spread.mean, spread.min, spread.max), (8, Some(5.0), Some(2.0), Some(9.0)));
        assert!((spread.sd.unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn equal_values_do_not_spread() {
        let spread = Spread::of("x", vec![Some(0.1); 3]);
        assert_eq!((spread.mean, spread.sd), (Some(0.1), Some(0.0)));
    }

    #[test]
    fn missing_values_do_not_count() {
        let spread = Spread::of("x", vec![None, Some(0.5), None]);
        assert_eq!((spread.n, spread.mean, spread.sd, spread.max), (1, Some(0.5), None, Some(0.5)));
        assert_eq!(Spread::of("x", vec![None]).mean, None);
    }
}
