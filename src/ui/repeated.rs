//! Joins the names of repeats: `train.base@1`, `train.base@2` and `train.base@3` become `train.base@{1,2,3}`, which
//! a shell expands to the three names.

/// The parts of a name: the stage in the file, and the seed of a repeat.
#[must_use]
pub(super) fn parts(name: &str) -> (&str, Option<&str>) {
    name.rsplit_once('@').map_or((name, None), |(stage, seed)| (stage, Some(seed)))
}

/// Joins the repeats of each stage, at the position of the first one.
#[must_use]
pub fn folded<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    grouped(names, |name| parts(name).1.map(|_| parts(name).0)).iter().map(|group| one_name(group)).collect()
}

/// Groups items with the same mark, at the position of the first one. An item without a mark is a group.
pub(super) fn grouped<T, M: PartialEq>(
    items: impl IntoIterator<Item = T>,
    mark: impl Fn(T) -> Option<M>,
) -> Vec<Vec<T>>
where
    T: Copy,
{
    let mut groups: Vec<(Option<M>, Vec<T>)> = Vec::new();
    for item in items {
        let mark = mark(item);
        let group = groups.iter_mut().rev().find(|(other, _)| other.is_some() && *other == mark);
        match group {
            Some((_, group)) => group.push(item),
            None => groups.push((mark, vec![item])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The joined name of repeats, or a single name.
#[must_use]
pub(super) fn one_name(names: &[&str]) -> String {
    let [first, _, ..] = names else { return names.first().copied().unwrap_or_default().to_owned() };
    let seeds: Vec<&str> = names.iter().filter_map(|name| parts(name).1).collect();
    format!("{}@{{{}}}", parts(first).0, in_braces(&seeds))
}

/// Seeds in a shell's brace expansion: `1,2,3`, `1..20`. Of many seeds, the first ones.
fn in_braces(seeds: &[&str]) -> String {
    const FEW: usize = 8;
    let numbers: Vec<u64> = seeds.iter().filter_map(|seed| seed.parse().ok()).collect();
    let run = numbers.len() == seeds.len()
        && numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    match seeds {
        [first, .., last] if run && seeds.len() > 3 => format!("{first}..{last}"),
        [first @ .., _] if seeds.len() > FEW => format!("{},...", first[..FEW - 1].join(",")),
        _ => seeds.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repeats_of_a_stage_become_one_name() {
        let names = ["split.d", "train.a@3", "evaluate.e@3", "train.a@1", "evaluate.e@1", "evaluate.f"];
        assert_eq!(folded(names), ["split.d", "train.a@{3,1}", "evaluate.e@{3,1}", "evaluate.f"]);
    }

    #[test]
    fn many_seeds_are_a_range_or_the_first_few() {
        let braces = |seeds: &[u64]| {
            let names: Vec<String> = seeds.iter().map(|seed| format!("train.a@{seed}")).collect();
            one_name(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(braces(&[1, 2, 3]), "train.a@{1,2,3}");
        assert_eq!(braces(&[1, 2, 3, 4]), "train.a@{1..4}");
        assert_eq!(braces(&[4, 3, 2, 1]), "train.a@{4,3,2,1}");
        assert_eq!(braces(&[2, 4, 6, 8, 10, 12, 14, 16, 18]), "train.a@{2,4,6,8,10,12,14,...}");
        assert_eq!(braces(&[u64::MAX, 0]), "train.a@{18446744073709551615,0}");
    }
}
