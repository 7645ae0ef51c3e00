//! One map, compared with that of the untouched model for the same image.

use anyhow::Result;

use crate::metrics::{Localisation, MapRange, Region, spearman};

/// A map that was made again, compared with the original.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remade {
    /// Its range of values.
    pub range: MapRange,
    /// Spearman's correlation with the original; `None` if either map is constant or not finite.
    pub spearman: Option<f64>,
    /// The same for their absolute values: also high if only the sign changed.
    pub absolute: Option<f64>,
    /// How well it finds the region, if there is one and the map is finite.
    pub located: Option<Localisation>,
}

impl Remade {
    /// Compares a map with the original, and with the region that contains the evidence.
    ///
    /// # Errors
    /// Maps or region differ in size.
    pub fn of(original: &[f32], map: &[f32], region: Option<&Region>) -> Result<Self> {
        let absolute = |map: &[f32]| map.iter().map(|value| value.abs()).collect::<Vec<f32>>();
        let range = MapRange::of(map);
        let region = region.filter(|_| !matches!(range, MapRange::NotFinite(_)));
        Ok(Self {
            range,
            spearman: spearman(original, map)?,
            absolute: spearman(&absolute(original), &absolute(map))?,
            located: region.map(|region| Localisation::of(map, region)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_with_the_other_sign_is_the_same_in_absolute_values() {
        let map = [0.5, -3.0, 2.0, -1.0];
        let turned = map.map(|value: f32| -value);
        let it = Remade::of(&map, &turned, None).unwrap();
        assert_eq!((it.spearman, it.absolute, it.located), (Some(-1.0), Some(1.0), None));
    }

    #[test]
    fn odd_maps_have_no_correlation_and_those_not_finite_no_localisation() {
        let (map, region) = ([0.0, 1.0, 2.0, 3.0], Region::from_mask(&[0, 0, 0, 1]).unwrap());
        let zero = Remade::of(&map, &[0.0; 4], Some(&region)).unwrap();
        assert_eq!((zero.range, zero.spearman, zero.absolute), (MapRange::Zero, None, None));
        assert_eq!(zero.located.map(|it| (it.energy, it.pointing)), Some((None, false)));
        let odd = Remade::of(&map, &[f32::NAN, 0.0, 1.0, 2.0], Some(&region)).unwrap();
        assert_eq!((odd.spearman, odd.located), (None, None));
        assert!(Remade::of(&map, &[0.0; 3], None).is_err());
    }
}
