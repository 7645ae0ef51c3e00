//! The order of a map's pixels: the one that every metric of explanations uses.

use std::cmp::Ordering;

/// Descending; 0 and -0 are equal; NaN comes first, as PyTorch has it.
fn descending(a: f32, b: f32) -> Ordering {
    (b + 0.0).total_cmp(&(a + 0.0))
}

/// The indices of the values from the largest to the smallest; ties in order of index.
#[must_use]
pub fn by_value_descending(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| descending(values[a], values[b]));
    order
}

/// The index of the largest value, the first of several; `None` of nothing.
#[must_use]
pub fn first_maximum(values: &[f32]) -> Option<usize> {
    let pixels = values.iter().copied().enumerate();
    // `min_by` keeps the first of equals.
    pixels.min_by(|a, b| descending(a.1, b.1)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_keep_the_order_of_the_index() {
        assert_eq!(by_value_descending(&[0.0, 2.0, -0.0, 2.0, -1.0]), [1, 3, 0, 2, 4]);
        assert_eq!(first_maximum(&[0.0, 2.0, -0.0, 2.0, -1.0]), Some(1));
        assert_eq!(first_maximum(&[-0.0, 0.0]), Some(0));
        assert_eq!(first_maximum(&[]), None);
    }

    proptest! {
        #[test]
        fn the_first_maximum_comes_first(values in prop::collection::vec(-3..3_i8, 1..40)) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            prop_assert_eq!(by_value_descending(&values).first().copied(), first_maximum(&values));
        }
    }
}
