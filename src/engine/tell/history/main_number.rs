//! The most important number of a run.

use super::Facts;
use crate::engine::tell::repeats::Spread;

/// The kinds by the importance of their numbers, the most important first.
const KINDS: [&str; 5] = ["evaluate.", "metrics.", "resume-train.", "train.", ""];

/// The most important number of a run with its stage: the first number of its last evaluation, or else of its last
/// metrics, training or stage.
#[must_use]
pub fn main_number(facts: &Facts) -> Option<(&str, &Spread)> {
    let first = |kind: &str| {
        let (last, _) = facts.numbers.iter().rfind(|(stage, _)| stage.starts_with(kind))?;
        facts.numbers.iter().find(|(stage, _)| stage == last)
    };
    KINDS.iter().find_map(|kind| first(kind)).map(|(stage, number)| (stage.as_str(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_evaluation_is_the_most_important() {
        let number = |stage: &str, name: &str| (stage.to_owned(), Spread::of(name, vec![Some(1.0)]));
        let mut facts = Facts { numbers: vec![number("split.d", "test")], ..Facts::default() };
        let main = |facts: &Facts| main_number(facts).map(|(stage, it)| format!("{stage}.{}", it.name));
        assert_eq!(main(&facts).as_deref(), Some("split.d.test"));
        facts.numbers.push(number("evaluate.validation", "accuracy"));
        facts.numbers.push(number("evaluate.test", "accuracy"));
        facts.numbers.push(number("evaluate.test", "brier"));
        facts.numbers.push(number("preview.p", "patches"));
        assert_eq!(main(&facts).as_deref(), Some("evaluate.test.accuracy"));
        assert_eq!(main(&Facts::default()), None);
    }
}
