//! Does a map point at the evidence? Energy, pointing and rank against a region.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{Region, by_value_descending};

/// How well one map finds one region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Localisation {
    /// The share of the map's positive mass inside (energy-based pointing game, Wang et al. 2020);
    /// null if the map has no positive mass.
    pub energy: Option<f64>,
    /// Whether the largest pixel (the first in row-major order) is inside (pointing game, Zhang et al. 2018).
    pub pointing: bool,
    /// For a region of K pixels: the share of the K largest pixels that are inside (relevance rank accuracy,
    /// Arras et al. 2022); ties in row-major order.
    pub rank: f64,
    /// The result of a random map for each of them: the region's share of the image.
    pub chance: f64,
}

impl Localisation {
    /// Compares a map with a region of the same image, both row-major.
    ///
    /// # Errors
    /// They differ in size, or a pixel of the map is not finite.
    pub fn of(map: &[f32], region: &Region) -> Result<Self> {
        let (pixels, expected) = (map.len(), region.image_pixels());
        ensure!(pixels == expected, "the map has {pixels} pixels, but the region is part of {expected}");
        if let Some((index, value)) = map.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            bail!("pixel {index} of the map (row-major) is {value}, not a finite number");
        }
        let order = by_value_descending(map);
        let found = order[..region.pixels()].iter().filter(|&&pixel| region.contains(pixel)).count();
        Ok(Self {
            energy: energy(map, region),
            pointing: region.contains(order[0]),
            rank: found as f64 / region.pixels() as f64,
            chance: region.chance(),
        })
    }
}

fn energy(map: &[f32], region: &Region) -> Option<f64> {
    let (mut inside, mut all) = (0.0, 0.0);
    for (pixel, &value) in map.iter().enumerate() {
        let mass = f64::from(value.max(0.0));
        all += mass;
        inside += if region.contains(pixel) { mass } else { 0.0 };
    }
    (all > 0.0).then(|| inside / all)
}

/// The mean localisation of several maps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalisationSummary {
    /// How many maps.
    pub images: u64,
    /// The mean energy of the maps that have one; null if none has one.
    pub energy: Option<f64>,
    /// How many maps have no positive mass, and so no energy.
    pub without_energy: u64,
    /// The share of maps that point inside.
    pub pointing: f64,
    /// The mean rank.
    pub rank: f64,
    /// The mean chance.
    pub chance: f64,
}

impl LocalisationSummary {
    /// The means; `None` without maps.
    #[must_use]
    pub fn of(maps: &[Localisation]) -> Option<Self> {
        Some(Self {
            images: maps.len() as u64,
            energy: mean(maps.iter().filter_map(|map| map.energy)),
            without_energy: maps.iter().filter(|map| map.energy.is_none()).count() as u64,
            pointing: mean(maps.iter().map(|map| f64::from(u8::from(map.pointing))))?,
            rank: mean(maps.iter().map(|map| map.rank))?,
            chance: mean(maps.iter().map(|map| map.chance))?,
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn region(mask: &[u8]) -> Region {
        Region::from_mask(mask).unwrap()
    }

    #[test]
    fn a_worked_example() {
        let it = Localisation::of(&[3.0, -5.0, 1.0, 4.0], &region(&[1, 1, 0, 0])).unwrap();
        assert_eq!(it, Localisation { energy: Some(3.0 / 8.0), pointing: false, rank: 0.5, chance: 0.5 });
    }

    #[test]
    fn a_map_without_positive_mass_has_no_energy_and_is_counted() {
        let region = region(&[0, 1, 1, 0]);
        let nothing = Localisation::of(&[0.0, -1.0, 0.0, 0.0], &region).unwrap();
        assert_eq!((nothing.energy, nothing.pointing, nothing.rank), (None, false, 0.5));
        let good = Localisation::of(&[0.0, 1.0, 2.0, 0.0], &region).unwrap();
        let summary = LocalisationSummary::of(&[nothing, good]).unwrap();
        assert_eq!((summary.energy, summary.without_energy), (Some(1.0), 1));
        assert_eq!((summary.pointing, summary.rank), (0.5, 0.75));
        assert_eq!(LocalisationSummary::of(&[]), None);
    }

    #[test]
    fn refuses_what_cannot_be_ranked() {
        let region = region(&[1, 0]);
        let error = Localisation::of(&[0.0], &region).unwrap_err();
        assert_eq!(error.to_string(), "the map has 1 pixels, but the region is part of 2");
        let error = Localisation::of(&[0.0, f32::NAN], &region).unwrap_err();
        assert!(error.to_string().starts_with("pixel 1 of the map"), "{error}");
    }

    proptest! {
        #[test]
        fn a_positive_factor_changes_nothing(map in prop::collection::vec(-8..8_i8, 12), mask in 1..4096_u32) {
            let mask: Vec<u8> = (0..12).map(|bit| (mask >> bit & 1) as u8).collect();
            let of = |factor: f32| {
                let map: Vec<f32> = map.iter().map(|&value| f32::from(value) * factor).collect();
                Localisation::of(&map, &region(&mask)).unwrap()
            };
            prop_assert_eq!(of(1.0), of(4.0));
            prop_assert!((0.0..=1.0).contains(&of(1.0).rank));
        }

        #[test]
        fn the_mask_itself_has_full_scores(mask in prop::collection::vec(0..2_u8, 1..30)) {
            prop_assume!(mask.contains(&1));
            let map: Vec<f32> = mask.iter().map(|&value| f32::from(value)).collect();
            let it = Localisation::of(&map, &region(&mask)).unwrap();
            prop_assert_eq!((it.energy, it.pointing, it.rank), (Some(1.0), true, 1.0));
        }
    }
}
