//! Shortens long names to the ends by which they differ.

use std::collections::BTreeMap;

/// The shortest end of each name that no other name has: `train.base.optimizer.adam.learning-rate` becomes
/// `learning-rate` if no other name ends with that. Equal names stay equal.
#[must_use]
pub fn shortened(names: &[&str]) -> Vec<String> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        for end in ends(name) {
            let users = users.entry(end).or_default();
            if !users.contains(name) {
                users.push(name);
            }
        }
    }
    let short = |name: &&str| {
        let alone = |end: &&str| users.get(end).is_none_or(|users| users.len() <= 1);
        ends(name).find(alone).unwrap_or(name).to_owned()
    };
    names.iter().map(short).collect()
}

/// The ends of a name after its dots, the shortest first, without those that begin with a digit (list items).
fn ends(name: &str) -> impl Iterator<Item = &str> {
    let starts = name.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
    starts.map(|at| &name[at..]).filter(|end| !end.starts_with(|letter: char| letter.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_as_far_as_they_differ() {
        let names =
            ["train.base.adam.learning-rate", "train.base.epochs", "train.more.epochs", "a.channels.2", "x"];
        assert_eq!(shortened(&names), ["learning-rate", "base.epochs", "more.epochs", "channels.2", "x"]);
        assert_eq!(shortened(&["a.b", "b", "a.b"]), ["a.b", "b", "a.b"]);
    }
}
