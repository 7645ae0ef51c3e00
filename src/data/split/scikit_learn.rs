//! `train_test_split` of scikit-learn 1.x with `stratify`, index for index.
//!
//! Three calls with the same seed: the subset of all rows, training against the rest, validation against test. A call
//! is `StratifiedShuffleSplit`: the number of each class (`_approximate_mode`), a permutation of each class, a
//! permutation of each side. Random numbers are those of NumPy's legacy `RandomState`: MT19937 with masked rejection.
//! Sources: scikit-learn `model_selection/_split.py`, `utils/extmath.py`; NumPy `random/mtrand.pyx`.

use anyhow::{Context, Result, bail, ensure};
use rand_mt::Mt;

use super::{Parts, check};

/// The rows of each part, in the order in which scikit-learn returns them.
///
/// # Errors
/// Those of scikit-learn: too few patches of a class, parts or a rest smaller than the number of classes, a seed
/// above 2^32 - 1. And parts that cannot be made.
pub fn split(labels: &[u8], sizes: &Parts<u64>, seed: u64) -> Result<Parts<Vec<u64>>> {
    check(labels, sizes)?;
    let seed = u32::try_from(seed).ok().with_context(|| {
        format!("seed {seed}: scikit-learn's seeds go up to {}; take a smaller one", u32::MAX)
    })?;
    let total = sizes.total() as usize;
    let mut subset: Vec<u64> = (0..labels.len() as u64).collect();
    if total < labels.len() {
        let sides = [("the subset", total), ("the rest", labels.len() - total)];
        subset = train_test_split(&subset, labels, sides, seed)?.0;
    }
    let (train, rest) = (sizes.train as usize, total - sizes.train as usize);
    let sides = [("train", train), ("validation and test", rest)];
    let (train, rest) = train_test_split(&subset, labels, sides, seed)?;
    let sides = [("validation", sizes.validation as usize), ("test", sizes.test as usize)];
    let (validation, test) = train_test_split(&rest, labels, sides, seed)?;
    Ok(Parts { train, validation, test })
}

/// The name and the number of rows of the two sides of a call.
type Sides = [(&'static str, usize); 2];

/// One call: divides all `rows` into two stratified sides.
fn train_test_split(rows: &[u64], labels: &[u8], sides: Sides, seed: u32) -> Result<(Vec<u64>, Vec<u64>)> {
    let classes = classes_of(rows, labels);
    check_call(&classes, sides)?;
    let counts: Vec<usize> = classes.iter().map(|(_, members)| members.len()).collect();
    let mut random = RandomState(Mt::new(seed));
    let first = approximate_mode(&counts, sides[0].1, &mut random);
    let left: Vec<usize> = counts.iter().zip(&first).map(|(count, taken)| count - taken).collect();
    let second = approximate_mode(&left, sides[1].1, &mut random);
    let mut drawn = (Vec::new(), Vec::new());
    for (((_, members), &first), &second) in classes.iter().zip(&first).zip(&second) {
        let order = random.permutation(members.len());
        drawn.0.extend(order[..first].iter().map(|&at| members[at]));
        drawn.1.extend(order[first..first + second].iter().map(|&at| members[at]));
    }
    random.shuffle(&mut drawn.0);
    random.shuffle(&mut drawn.1);
    Ok(drawn)
}

/// The classes that occur, ascending, with their rows in the given order.
fn classes_of(rows: &[u64], labels: &[u8]) -> Vec<(u8, Vec<u64>)> {
    let of =
        |class| -> Vec<u64> { rows.iter().copied().filter(|&row| labels[row as usize] == class).collect() };
    [0, 1].map(|class| (class, of(class))).into_iter().filter(|(_, members)| !members.is_empty()).collect()
}

fn check_call(classes: &[(u8, Vec<u64>)], sides: Sides) -> Result<()> {
    if let Some((class, _)) = classes.iter().find(|(_, members)| members.len() < 2) {
        bail!(
            "class {class} has 1 patch to share between {} and {}: scikit-learn's split needs 2; \
             choose other sizes, or `algorithm = \"pcamflow\"`",
            sides[0].0,
            sides[1].0
        );
    }
    for (name, count) in sides {
        ensure!(
            count >= classes.len(),
            "{name} would be {count} of the patches: scikit-learn's split needs {} there, one per class; \
             choose other sizes, or `algorithm = \"pcamflow\"`",
            classes.len()
        );
    }
    Ok(())
}

/// How many of each class to draw: the shares rounded down, then the largest remainders, ties at random.
fn approximate_mode(counts: &[usize], draws: usize, random: &mut RandomState) -> Vec<usize> {
    let sum = counts.iter().sum::<usize>() as f64;
    let shares: Vec<f64> = counts.iter().map(|&count| count as f64 / sum * draws as f64).collect();
    let mut drawn: Vec<usize> = shares.iter().map(|share| share.floor() as usize).collect();
    let mut missing = draws - drawn.iter().sum::<usize>();
    let remainders: Vec<f64> = shares.iter().map(|share| share - share.floor()).collect();
    let mut values = remainders.clone();
    values.sort_by(f64::total_cmp);
    values.dedup();
    for value in values.into_iter().rev() {
        if missing == 0 {
            break;
        }
        let tied: Vec<usize> = (0..counts.len()).filter(|&class| remainders[class] == value).collect();
        let now = tied.len().min(missing);
        random.permutation(tied.len())[..now].iter().for_each(|&at| drawn[tied[at]] += 1);
        missing -= now;
    }
    drawn
}

/// NumPy's legacy generator.
struct RandomState(Mt);

impl RandomState {
    /// A number from 0 to `most`: `random_interval` of NumPy.
    fn interval(&mut self, most: usize) -> usize {
        let mask = (usize::MAX).checked_shr((most as u64).leading_zeros()).unwrap_or(0);
        loop {
            // Above 32 bits NumPy draws two words, but no file has so many rows.
            let number = self.0.next_u32() as usize & mask;
            if number <= most {
                return number;
            }
        }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.interval(last));
        }
    }

    fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        self.shuffle(&mut order);
        order
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::data::{Source, h5};

    fn labels_of(text: &str) -> Option<Vec<u8>> {
        match text {
            "i % 2 for i in 0..262144" => Some((0..262_144).map(|i| (i % 2) as u8).collect()),
            "1 if i % 4 == 0 else 0, i in 0..262144" => {
                Some((0..262_144).map(|i| u8::from(i % 4 == 0)).collect())
            }
            "1 if i % 7 < 3 else 0, i in 0..1001" => Some((0..1001).map(|i| u8::from(i % 7 < 3)).collect()),
            "pcam-mini train_y" => {
                let path = crate::testing::shared("data/pcam-mini/camelyonpatch_level_2_split_train_y.h5")?;
                Some(
                    h5::read_labels(&h5::H5File::open(&Source::at(path)).unwrap(), "y", h5::Length::Any)
                        .unwrap(),
                )
            }
            other => panic!("labels {other:?} are new in the reference"),
        }
    }

    fn sha256(rows: &[u64]) -> String {
        let bytes: Vec<u8> = rows.iter().flat_map(|&row| (row as i64).to_le_bytes()).collect();
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn draws_what_scikit_learn_draws_in_all_reference_splits() {
        let paths = crate::testing::references(&["split.json"], "split.json");
        let read =
            |path| serde_json::from_slice::<Vec<serde_json::Value>>(&std::fs::read(path).unwrap()).unwrap();
        let cases: Vec<serde_json::Value> = paths.into_iter().flat_map(read).collect();
        assert!(cases.len() >= 4);
        for case in &cases {
            let Some(labels) = labels_of(case["labels"].as_str().unwrap()) else { continue };
            let size = |part: &str| case["sizes"][part].as_u64().unwrap();
            let sizes = Parts { train: size("train"), validation: size("validation"), test: size("test") };
            let parts = split(&labels, &sizes, case["seed"].as_u64().unwrap()).unwrap();
            for (name, rows) in parts.named() {
                let first: Vec<u64> =
                    case[name]["first"].as_array().unwrap().iter().map(|row| row.as_u64().unwrap()).collect();
                assert_eq!(rows[..first.len()], first, "{} {name}", case["name"]);
                assert_eq!(
                    sha256(rows),
                    case[name]["sha256_i64le"].as_str().unwrap(),
                    "{} {name}",
                    case["name"]
                );
            }
        }
    }

    /// From scikit-learn 1.9: the whole set (no subset drawn), 5 of 12 positive, and ties in the
    /// remainders (6 against 6 patches, odd sizes).
    #[test]
    fn small_cases_with_ties_match_scikit_learn() {
        let uneven: Vec<u8> = (0..12).map(|i| u8::from(i % 7 < 3)).collect();
        let even: Vec<u8> = (0..12).map(|i| (i % 2) as u8).collect();
        let drawn = |labels: &[u8], sizes: [u64; 3], seed| {
            split(labels, &Parts::from_array(sizes), seed).unwrap().as_array().map(Clone::clone)
        };
        let expected = [vec![11, 3, 8, 7, 9, 6], vec![0, 5, 10, 1], vec![2, 4]];
        assert_eq!(drawn(&uneven, [6, 4, 2], 7), expected);
        let expected = [vec![8, 9, 10, 11, 3], vec![4, 7], vec![6, 5]];
        assert_eq!(drawn(&even, [5, 2, 2], 3), expected);
    }

    #[test]
    fn refuses_what_scikit_learn_refuses_and_says_what_to_do() {
        let message = |labels: &[u8], sizes: [u64; 3], seed| {
            split(labels, &Parts::from_array(sizes), seed).unwrap_err().to_string()
        };
        let even: Vec<u8> = (0..12).map(|i| i % 2).collect();
        assert!(message(&even, [8, 1, 2], 0).contains("the rest would be 1 of the patches"));
        assert!(message(&even, [8, 1, 3], 0).contains("validation would be 1 of the patches"));
        assert!(message(&even, [4, 4, 4], 1 << 32).contains("seeds go up to 4294967295"));
        let mut one = vec![0; 12];
        one[5] = 1;
        assert!(message(&one, [4, 4, 4], 0).contains("class 1 has 1 patch to share between train"));
    }
}
