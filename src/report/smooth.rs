//! Smooths the magnitudes of a map, for the eye alone: numbers are never made from the result.

use super::colormap::SIGMA;

/// The absolute values of a square map with `side` pixels a row, weighted over their neighbours by a Gaussian. At
/// the border the weights of the pixels that exist are used, so that a constant map stays what it is.
pub(super) fn magnitudes(map: &[f32], side: usize) -> Vec<f32> {
    let absolute: Vec<f64> = map.iter().map(|&value| f64::from(value).abs()).collect();
    let along_rows = smoothed(&absolute, side, |line, at| line * side + at);
    let both = smoothed(&along_rows, side, |line, at| at * side + line);
    both.into_iter().map(|value| value as f32).collect()
}

/// Smooths along lines; `place` is where a pixel of a line is.
fn smoothed(map: &[f64], side: usize, place: impl Fn(usize, usize) -> usize) -> Vec<f64> {
    let reach = (3.0 * SIGMA).ceil() as usize;
    let weight = |distance: usize| (-0.5 * (distance as f64 / SIGMA).powi(2)).exp();
    let mut out = vec![0.0; map.len()];
    for (line, at) in (0..side).flat_map(|line| (0..side).map(move |at| (line, at))) {
        let near = at.saturating_sub(reach)..(at + reach + 1).min(side);
        let pairs = near.map(|other| (weight(at.abs_diff(other)), map[place(line, other)]));
        let (sum, weights) =
            pairs.fold((0.0, 0.0), |(sum, all), (weight, value)| (sum + weight * value, all + weight));
        out[place(line, at)] = sum / weights;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_gone_and_a_constant_stays() {
        let checks: Vec<f32> = (0..81).map(|at| if at % 2 == 0 { 2.0 } else { -2.0 }).collect();
        assert!(magnitudes(&checks, 9).iter().all(|value| (value - 2.0).abs() < 1e-6));
    }

    #[test]
    fn a_pixel_spreads_evenly_and_loses_no_mass() {
        let mut map = vec![0.0; 31 * 31];
        map[15 * 31 + 15] = -1.0;
        let out = magnitudes(&map, 31);
        assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let at = |x: usize, y: usize| out[y * 31 + x];
        assert!(at(15, 15) > at(16, 15) && at(16, 15) > at(18, 15) && at(22, 15) == 0.0);
        assert!((at(17, 15) - at(15, 17)).abs() < 1e-7 && (at(17, 15) - at(13, 15)).abs() < 1e-7);
    }
}
