//! `group-by`: keeps groups together, so that no slide is in two parts.
//!
//! Patches of one slide are alike, so a model tested on its training slides looks better than it is. `search` finds
//! the distribution of groups that is nearest to the sizes. This module refuses it if it is too far off.

use anyhow::{Result, bail, ensure};

use super::{
    Parts, check, positives,
    search::{Group, OUT, Target, search},
};
use crate::data::{draw::Draw, meta::Groups};

/// The rows of each part, in random order, and the number of groups in each.
///
/// # Errors
/// Sizes of 0 or beyond the rows, a class without patches, fewer than three groups. Sizes or classes that whole
/// groups cannot give: `tolerance` is how far a part may be off, as a share of its size.
///
/// # Panics
/// If groups and labels have different lengths.
pub fn split(
    labels: &[u8],
    groups: &Groups,
    sizes: &Parts<u64>,
    tolerance: f64,
    seed: u64,
) -> Result<(Parts<Vec<u64>>, Parts<usize>)> {
    assert_eq!(labels.len(), groups.codes.len(), "one group per label");
    check(labels, sizes)?;
    let count = groups.names.len();
    ensure!(count >= 3, "{count} groups cannot be shared between three parts: take patches of more groups");
    let target = Target { sizes: *sizes, share: positives(labels) as f64 / labels.len() as f64 };
    let members = members(labels, groups);
    let mut draw = Draw::new(seed);
    let parts = search(&members, &target, &mut draw);
    let mut rows: [Vec<u64>; 3] = Default::default();
    for (row, &code) in (0..).zip(&groups.codes) {
        let part = parts[code as usize];
        if part != OUT {
            rows[part].push(row);
        }
    }
    check_achieved(&rows, labels, groups, &members, sizes, tolerance)?;
    rows.iter_mut().for_each(|rows| draw.shuffle(rows));
    let in_part = |part| parts.iter().filter(|&&of| of == part).count();
    Ok((Parts::from_array(rows), Parts::from_array([0, 1, 2].map(in_part))))
}

fn members(labels: &[u8], groups: &Groups) -> Vec<Group> {
    let mut members = vec![Group::default(); groups.names.len()];
    for (&code, &label) in groups.codes.iter().zip(labels) {
        members[code as usize].patches += 1;
        members[code as usize].ones += u64::from(label);
    }
    members
}

fn check_achieved(
    rows: &[Vec<u64>; 3],
    labels: &[u8],
    groups: &Groups,
    members: &[Group],
    sizes: &Parts<u64>,
    tolerance: f64,
) -> Result<()> {
    let off = |(rows, size): (&Vec<u64>, &u64)| (rows.len() as f64 - *size as f64) / *size as f64;
    let offs: Vec<f64> = rows.iter().zip(sizes.as_array()).map(off).collect();
    let worst = offs.iter().map(|off| off.abs()).fold(0.0, f64::max);
    if worst > tolerance {
        let achieved: Vec<String> = sizes
            .named()
            .zip(rows)
            .zip(&offs)
            .map(|(((name, size), rows), off)| {
                format!("{name} {} of {size} ({:+.1} %)", rows.len(), off * 100.0)
            })
            .collect();
        let largest = members.iter().enumerate().max_by_key(|(_, group)| group.patches);
        let (name, patches) =
            largest.map_or(("", 0), |(code, group)| (groups.names[code].as_str(), group.patches));
        bail!(
            "whole groups come no nearer than {}; more than {:.1} % is too far. The largest group, `{name}`, has \
             {patches} patches: choose sizes that fit, or `group-tolerance = {:.2}`",
            achieved.join(", "),
            tolerance * 100.0,
            (worst * 100.0).ceil() / 100.0
        );
    }
    for (name, rows) in Parts::<()>::NAMES.iter().zip(rows) {
        for class in [0, 1] {
            ensure!(
                rows.iter().any(|&row| labels[row as usize] == class),
                "no distribution of whole groups was found that gives {name} patches of class {class}: too few \
                 groups have any; choose other sizes"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups(codes: Vec<i32>) -> Groups {
        let count = codes.iter().max().unwrap() + 1;
        Groups { names: (0..count).map(|code| format!("slide_{code:03}")).collect(), codes }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn groups_stay_whole_and_sizes_near(
            sizes_of_groups in prop::collection::vec((1_usize..60, 0.0_f64..1.0), 30..80),
            seed: u64,
        ) {
            let mut codes = Vec::new();
            let mut labels = Vec::new();
            for (code, (size, share)) in sizes_of_groups.iter().enumerate() {
                codes.extend(std::iter::repeat_n(code as i32, *size));
                labels.extend((0..*size).map(|i| u8::from((i as f64) < *share * *size as f64)));
            }
            let groups = groups(codes);
            let n = labels.len() as u64;
            let sizes = Parts { train: n / 2, validation: n / 5, test: n / 5 };
            let (parts, counts) = split(&labels, &groups, &sizes, 0.1, seed).unwrap();
            let mut home = vec![None; groups.names.len()];
            let mut seen = vec![false; labels.len()];
            for (part, rows) in parts.as_array().into_iter().enumerate() {
                for &row in rows {
                    prop_assert!(!std::mem::replace(&mut seen[row as usize], true));
                    let home = &mut home[groups.codes[row as usize] as usize];
                    prop_assert_eq!(*home.get_or_insert(part), part);
                }
                let whole = groups.codes.iter().filter(|&&code| home[code as usize] == Some(part)).count();
                prop_assert_eq!(whole, rows.len());
                let fair = positives(&labels) as f64 / n as f64;
                let ones = rows.iter().filter(|&&row| labels[row as usize] == 1).count() as f64;
                prop_assert!((ones / rows.len() as f64 - fair).abs() < 0.05, "share {} of {}", ones, rows.len());
            }
            prop_assert_eq!(counts.train, home.iter().filter(|home| **home == Some(0)).count());
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_split_and_another_seed_another_one() {
        let codes: Vec<i32> = (0..600).map(|row| row / 15).collect();
        let labels: Vec<u8> = (0..600).map(|row| (row % 2) as u8).collect();
        let groups = groups(codes);
        let sizes = Parts { train: 300, validation: 150, test: 150 };
        let split = |seed| split(&labels, &groups, &sizes, 0.1, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1).0, split(2).0);
        assert_eq!(split(1).0.as_array().map(Vec::len), [300, 150, 150]);
    }

    #[test]
    fn sizes_that_whole_groups_cannot_make_are_refused_with_what_they_can() {
        let message = |labels: &[u8], groups: &Groups, sizes: [u64; 3]| {
            split(labels, groups, &Parts::from_array(sizes), 0.1, 1).unwrap_err().to_string()
        };
        let labels: Vec<u8> = (0..100).map(|row| (row % 2) as u8).collect();
        let large = groups((0..100).map(|row| if row < 80 { 0 } else { 1 + (row - 80) / 5 }).collect());
        let error = message(&labels, &large, [40, 30, 30]);
        assert!(
            error.contains("`slide_000`, has 80 patches") && error.contains("group-tolerance = "),
            "{error}"
        );
        let two = groups((0..100).map(|row| row / 50).collect());
        assert!(message(&labels, &two, [40, 30, 30]).contains("2 groups cannot be shared"));
        let pure: Vec<u8> = (0..100).map(|row| u8::from(row < 20)).collect();
        let of_20 = groups((0..100).map(|row| row / 20).collect());
        assert!(message(&pure, &of_20, [60, 20, 20]).contains("patches of class 1: too few"));
    }
}
