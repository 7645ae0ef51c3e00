//! Numbers that count as equal because they differ only by float32 rounding.
//!
//! The logit of an image differs in its last digits on another device, with other threads or in a batch of
//! another size. Rank statistics would turn that noise into an order.

/// The largest difference of two float32 results of one computation, as a share of their magnitude.
///
/// A float32 has a relative error of 6e-8, and a sum of some hundred terms has some tens of that. Images that
/// really differ are seldom that close: of 32,768 logits spread over 10 units, one in 150 has such a
/// neighbour, and such a pair moves a ROC AUC by 5e-10.
const ROUNDING: f64 = 2e-6;

/// Whether two probabilities, the higher first, may come from one logit. The rounding error of the logit z is
/// `ROUNDING * max(1, |z|)`, because its terms may cancel; that of the probability is dp = p (1 - p) dz.
pub(super) fn same_probability(high: f64, low: f64) -> bool {
    let slope = high * (1.0 - high);
    let logit = (high / (1.0 - high)).ln().abs();
    let rounding = if slope > 0.0 { ROUNDING * logit.max(1.0) * slope } else { 0.0 };
    // Near 1, the precision of float64 is the limit.
    high - low <= rounding + f64::EPSILON * high
}

/// Whether two pixels of a map, the higher first, are equal up to rounding. A pixel is a sum or a difference of
/// numbers as large as the map's largest, and has their rounding error.
pub(super) fn same_pixel(largest: f32) -> impl Fn(f32, f32) -> bool {
    let rounding = ROUNDING * f64::from(largest);
    move |high, low| f64::from(high) - f64::from(low) <= rounding
}

/// Divides descending values into groups of values that are the same as the first of the group.
///
/// They are compared with the first, not with their neighbour, so that a group is never wider than the rounding.
pub(super) fn groups<T>(descending: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<&[T]> {
    let (mut rest, mut groups) = (descending, Vec::new());
    while let Some(first) = rest.first() {
        let size = rest.iter().take_while(|value| same(first, value)).count();
        let (group, left) = rest.split_at(size.max(1));
        groups.push(group);
        rest = left;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::sigmoid;

    /// The float32 number some steps further.
    fn further(value: f32, steps: u32) -> f32 {
        f32::from_bits(value.to_bits() + steps)
    }

    #[test]
    fn last_digits_of_a_logit_are_rounding_at_every_size() {
        for logit in [0.05, 0.7, 3.0, 11.0, 25.0, 33.0] {
            for logit in [logit, -logit] {
                let [one, other, next] = [logit, further(logit, 10), logit * 1.00002 + 2e-5].map(sigmoid);
                assert!(same_probability(one.max(other), one.min(other)), "{logit}");
                assert_eq!(same_probability(one.max(next), one.min(next)), logit > 25.0, "{logit}");
            }
        }
        assert!(same_probability(1.0, 1.0) && same_probability(0.0, -0.0) && !same_probability(1e-30, 0.0));
        assert!(!same_probability(sigmoid(-37.0), sigmoid(-40.0)));
    }

    #[test]
    fn a_group_is_no_wider_than_the_rounding_of_its_first() {
        let close = |high: &f64, low: &f64| high - low <= 1.0;
        let values = [5.0, 4.5, 4.0, 3.5, 1.0, 1.0];
        assert_eq!(groups(&values, close), [&values[..3], &values[3..4], &values[4..]]);
        assert!(groups::<f64>(&[], close).is_empty());
        assert_eq!(groups(&[f64::NAN], close).len(), 1);
    }
}
