//! The differences between two runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, facts::NONE};

/// One difference between two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A parameter: its path, old value and new value; `None` is an unknown default.
    Parameter(String, Option<String>, Option<String>),
    /// A source file is another file or has other content.
    Source(String),
    /// A stage is new.
    NewStage(String),
    /// A stage is missing.
    NoStage(String),
}

/// The differences of a run from an earlier one: stages, and source files and parameters of the stages that both have.
#[must_use]
pub fn differences(before: &Facts, after: &Facts) -> Vec<Difference> {
    let new = after.stages.difference(&before.stages).cloned().map(Difference::NewStage);
    let gone = before.stages.difference(&after.stages).cloned().map(Difference::NoStage);
    let both: BTreeSet<&String> = before.stages.intersection(&after.stages).collect();
    let in_both = |key: &str| both.iter().any(|stage| is_of(key, stage));
    let of_both = |a, b| changed(a, b).into_iter().filter(|(key, ..)| in_both(key)).collect::<Vec<_>>();
    let sources = of_both(&before.sources, &after.sources).into_iter();
    // A digest that one run does not know is no difference.
    let sources = sources.filter(|(_, old, new)| old.is_some() && new.is_some());
    let parameters = of_both(&before.parameters, &after.parameters).into_iter();
    // If only one run leaves out defaults, only values that both have can be compared.
    let alike = before.complete == after.complete;
    let parameters = parameters.filter(move |(_, old, new)| alike || (old.is_some() && new.is_some()));
    let none = |value: Option<String>| value.or_else(|| after.complete.then(|| NONE.to_owned()));
    parameters
        .map(|(key, old, new)| Difference::Parameter(key, none(old), none(new)))
        .chain(sources.map(|(key, ..)| Difference::Source(key)))
        .chain(new)
        .chain(gone)
        .collect()
}

/// Whether a path belongs to a stage, as `train.base.epochs` to `train.base`.
pub(super) fn is_of(path: &str, stage: &str) -> bool {
    path.strip_prefix(stage).is_some_and(|rest| rest.starts_with('.'))
}

type Changed = (String, Option<String>, Option<String>);

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Changed> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    differ.map(|key| (key.clone(), before.get(key).cloned(), after.get(key).cloned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::facts::tests::{facts, record},
        *,
    };

    #[test]
    fn parameters_stages_and_sources_are_compared() {
        let before = facts(&record(1, &["train.t.epochs=5"], [0.5, 0.7]));
        let mut run = record(2, &["train.t.batch-size=32"], [0.5, 0.7]);
        run.stages.remove(0);
        let mut after = facts(&run);
        after.stages.insert("split.e".to_owned());
        let found = differences(&before, &after);
        let parameter = |key: &str, old: Option<&str>, new: Option<&str>| {
            Difference::Parameter(key.to_owned(), old.map(str::to_owned), new.map(str::to_owned))
        };
        assert_eq!(
            found,
            [
                parameter("train.t.batch-size", Some("64"), Some("32")),
                parameter("train.t.epochs", Some("5"), Some("3")),
                Difference::NewStage("split.e".to_owned()),
                Difference::NoStage("synthesize.s".to_owned()),
            ]
        );
        assert_eq!(differences(&before, &before), []);
        let mut other = before.clone();
        other.sources.insert("split.d.labels".to_owned(), "y.h5 1".to_owned());
        assert_eq!(differences(&before, &other), [], "not known of one");
        let mut third = other.clone();
        third.sources.insert("split.d.labels".to_owned(), "y.h5 2".to_owned());
        assert_eq!(differences(&other, &third), [Difference::Source("split.d.labels".to_owned())]);
    }
}
