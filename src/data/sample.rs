//! Draws some patches out of many, to look at.

use super::draw::Draw;

/// The positions of `count` patches, drawn without replacement, in random order. All patches if there are fewer.
/// If balanced, half of each class (one more negative if `count` is odd). If a class has too few, all of it.
///
/// # Panics
/// A label is neither 0 nor 1.
#[must_use]
pub fn sample(labels: &[u8], count: usize, balanced: bool, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    Draw::new(seed).shuffle(&mut order);
    let count = count.min(labels.len());
    if balanced {
        let mut open = quotas(labels, count);
        order.retain(|&at| {
            let left = &mut open[usize::from(labels[at])];
            let taken = *left > 0;
            *left = left.saturating_sub(1);
            taken
        });
    }
    order.truncate(count);
    order
}

/// How many patches of classes 0 and 1 to take.
fn quotas(labels: &[u8], count: usize) -> [usize; 2] {
    let positives = labels.iter().filter(|&&label| label == 1).count();
    let negatives = labels.len() - positives;
    let positive = (count / 2).max(count.saturating_sub(negatives)).min(positives);
    [count - positive, positive]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn draws_never_change() {
        // Other patches would give another picture under the same key.
        let labels = [0, 1, 0, 1, 0, 0, 0, 0, 1, 0];
        assert_eq!(sample(&labels, 4, true, 42), [8, 0, 4, 3]);
        assert_ne!(sample(&labels, 4, true, 42), sample(&labels, 4, true, 43));
    }

    proptest! {
        #[test]
        fn everyone_is_drawn_at_most_once_and_classes_are_as_even_as_they_can_be(
            labels in prop::collection::vec(0..2_u8, 0..60), count in 0..70_usize, seed in 0..9_u64,
        ) {
            let drawn = sample(&labels, count, true, seed);
            prop_assert_eq!(drawn.len(), count.min(labels.len()));
            let mut unique = drawn.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), drawn.len());
            let of = |class: u8, among: &[usize]| among.iter().filter(|&&at| labels[at] == class).count();
            let all: Vec<usize> = (0..labels.len()).collect();
            let (less, more) = (of(0, &drawn).min(of(1, &drawn)), of(0, &drawn).max(of(1, &drawn)));
            let scarce = of(0, &all).min(of(1, &all));
            prop_assert!(more - less <= 1 || less == scarce, "{less} {more}");
        }

        #[test]
        fn unbalanced_is_a_plain_shuffle(labels in prop::collection::vec(0..2_u8, 1..40), seed in 0..9_u64) {
            let all = sample(&labels, labels.len(), false, seed);
            prop_assert_eq!(&all[..labels.len() / 2], &sample(&labels, labels.len() / 2, false, seed)[..]);
        }
    }
}
