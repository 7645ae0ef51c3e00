//! The order of a map's pixels, the same for all metrics of explanations.

use std::cmp::Ordering;

/// Descending; 0 and -0 are equal; NaN comes first, as in PyTorch.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_keep_the_order_of_the_index() {
        assert_eq!(by_value_descending(&[0.0, 2.0, -0.0, 2.0, -1.0]), [1, 3, 0, 2, 4]);
    }
}
