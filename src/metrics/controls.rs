//! Maps that depend neither on the model nor on the image. Explanations should be better than these.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::side::Side;

/// Minus the distance to the patch's centre, one value per pixel.
#[must_use]
pub fn centre_map(side: Side) -> Vec<f32> {
    let centre = (side.get() as f32 - 1.0) / 2.0;
    let distance = |at: usize| {
        let (row, column) = ((at / side.get()) as f32 - centre, (at % side.get()) as f32 - centre);
        row.hypot(column)
    };
    (0..side.pixels()).map(|at| -distance(at)).collect()
}

/// The numbers 1 to n in random order, n the number of pixels, as shares of n. All orders of the pixels are equally
/// likely, and no two pixels tie. Depends only on the side, the seed and the patch's row.
///
/// Fisher-Yates on ChaCha20, written out because a library's shuffle may change with its version.
#[must_use]
pub fn random_map(side: Side, seed: u64, row: i64) -> Vec<f32> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&row.to_le_bytes());
    key[16..22].copy_from_slice(b"random");
    let mut random = ChaCha20Rng::from_seed(key);
    let pixels = side.pixels();
    let mut map: Vec<f32> = (1..=pixels).map(|rank| rank as f32 / pixels as f32).collect();
    for last in (1..pixels).rev() {
        // A number in 0..=last, with a bias below 2^-50.
        let other = (u128::from(random.next_u64()) * (last as u128 + 1)) >> 64;
        map.swap(last, other as usize);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Localisation, Region, by_value_descending};

    const PCAM: Side = Side::PCAM;
    const PIXELS: usize = PCAM.pixels();

    #[test]
    fn the_centre_comes_first_and_the_corners_last() {
        let order = by_value_descending(&centre_map(PCAM));
        assert_eq!(order[..4], [47 * 96 + 47, 47 * 96 + 48, 48 * 96 + 47, 48 * 96 + 48]);
        let mut corners = order[PIXELS - 4..].to_vec();
        corners.sort_unstable();
        assert_eq!(corners, [0, 95, 95 * 96, 95 * 96 + 95]);
        let it = Localisation::of(&centre_map(PCAM), &Region::centre(PCAM, 32)).unwrap();
        assert!(it.pointing && it.energy.is_none() && it.rank > 0.85);
    }

    #[test]
    fn a_random_map_is_a_permutation_of_its_seed_and_row() {
        let map = random_map(PCAM, 42, 7);
        assert_eq!(map, random_map(PCAM, 42, 7));
        assert_ne!(map, random_map(PCAM, 42, 8));
        assert_ne!(map, random_map(PCAM, 43, 7));
        let order = by_value_descending(&map);
        assert!(order.iter().enumerate().all(|(rank, &at)| map[at] == (PIXELS - rank) as f32 / 9216.0));
        // Frozen: another order would give old keys other results.
        assert_eq!(order[..4], FIRST);
    }

    /// From an independent ChaCha20 (in Python).
    const FIRST: [usize; 4] = [3032, 4296, 6401, 2186];

    #[test]
    fn random_maps_find_the_centre_as_often_as_chance() {
        let maps: Vec<Localisation> = (0..300)
            .map(|row| Localisation::of(&random_map(PCAM, 1, row), &Region::centre(PCAM, 32)).unwrap())
            .collect();
        let mean = |of: fn(&Localisation) -> f64| maps.iter().map(of).sum::<f64>() / 300.0;
        // Standard errors: rank about 0.0092 / sqrt(300), energy less, pointing 0.31 / sqrt(300) = 0.018.
        assert!((mean(|it| it.rank) - 1.0 / 9.0).abs() < 0.0025);
        assert!((mean(|it| it.energy.unwrap()) - 1.0 / 9.0).abs() < 0.0025);
        assert!((mean(|it| f64::from(u8::from(it.pointing))) - 1.0 / 9.0).abs() < 0.06);
    }
}
