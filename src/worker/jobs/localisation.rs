//! How well maps find the evidence of positive patches: in true masks, or in the centre box if there are no
//! masks. The centre box is weak truth: the label says that it contains tumour, not that the rest does not.

use anyhow::Result;
use pcamflow::{
    metrics::{Localisation, LocalisationSummary, MapRange, Region, centre_map, faithfulness::Truth},
    protocol::Number,
    serve::Reporter,
    side::Side,
};

use crate::numbers::defined;

/// The localisation of all maps so far, and of the `centre` control in true masks. (In the centre box the
/// control always wins.)
pub(super) struct Located {
    truth: Truth,
    maps: Vec<Localisation>,
    control: Vec<Localisation>,
    centre: Vec<f32>,
}

impl Located {
    pub(super) fn new(truth: Truth, side: Side) -> Self {
        Self { truth, maps: Vec::new(), control: Vec::new(), centre: centre_map(side) }
    }

    /// Adds the map of a positive patch. A map that is not finite is left out.
    ///
    /// # Errors
    /// Map and region differ in size.
    pub(super) fn add(&mut self, map: &[f32], region: &Region) -> Result<()> {
        if matches!(MapRange::of(map), MapRange::NotFinite(_)) {
            return Ok(());
        }
        self.maps.push(Localisation::of(map, region)?);
        if self.truth == Truth::Mask {
            self.control.push(Localisation::of(&self.centre, region)?);
        }
        Ok(())
    }

    /// Logs the means over all maps, and returns them as main numbers. `chance` is what a random map would
    /// reach. The control has no positive mass, so it has no energy.
    pub(super) fn report(&self, reporter: &dyn Reporter) -> Vec<Number> {
        let Some(maps) = LocalisationSummary::of(&self.maps) else { return Vec::new() };
        let control = LocalisationSummary::of(&self.control);
        let truth = match self.truth {
            Truth::Mask => "true masks",
            Truth::CentreBox => "the centre box (weak truth: the label does not describe the rest)",
        };
        let energy = maps.energy.map_or_else(|| "undefined".to_owned(), |energy| format!("{energy:.3}"));
        reporter.info(&format!(
            "localisation of {} positives in {truth}: energy {energy} ({} without), rank {:.3}, pointing {:.3}, \
             chance {:.3}",
            maps.images, maps.without_energy, maps.rank, maps.pointing, maps.chance
        ));
        defined([
            ("energy", maps.energy),
            ("rank", Some(maps.rank)),
            ("pointing", Some(maps.pointing)),
            ("chance", Some(maps.chance)),
            ("centre-rank", control.map(|control| control.rank)),
            ("centre-pointing", control.map(|control| control.pointing)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::Recorder;

    fn number(located: &Located, name: &str) -> Option<f64> {
        let numbers = located.report(&Recorder::default());
        numbers.into_iter().find(|number| number.name == name).map(|number| number.value)
    }

    /// A square of 16 x 16 whose first row and column are given.
    fn square(first: usize) -> Vec<u8> {
        let inside = |at: usize| (first..first + 16).contains(&at);
        (0..9216).map(|at| u8::from(inside(at / 96) && inside(at % 96))).collect()
    }

    #[test]
    fn a_map_that_is_the_mask_finds_it_and_the_control_does_not() {
        let mut located = Located::new(Truth::Mask, Side::PCAM);
        let mask = square(0);
        let region = Region::from_mask(&mask).unwrap();
        let map: Vec<f32> = mask.iter().map(|&value| f32::from(value)).collect();
        located.add(&map, &region).unwrap();
        located.add(&[f32::NAN; 9216], &region).unwrap();
        assert_eq!(number(&located, "energy"), Some(1.0));
        assert_eq!(number(&located, "pointing"), Some(1.0));
        assert_eq!(number(&located, "centre-pointing"), Some(0.0));
        assert_eq!(number(&located, "centre-rank"), Some(0.0));
        assert_eq!(number(&located, "chance"), Some(256.0 / 9216.0));
    }

    #[test]
    fn the_control_finds_a_region_in_the_centre() {
        let mut located = Located::new(Truth::Mask, Side::PCAM);
        located.add(&[0.0; 9216], &Region::from_mask(&square(40)).unwrap()).unwrap();
        assert_eq!(number(&located, "centre-pointing"), Some(1.0));
        assert!(number(&located, "centre-rank").unwrap() > 0.7);
        assert_eq!(number(&located, "energy"), None);
    }

    #[test]
    fn in_the_centre_box_there_is_no_control() {
        let mut located = Located::new(Truth::CentreBox, Side::PCAM);
        located.add(&centre_map(Side::PCAM), &Region::centre(Side::PCAM, 32)).unwrap();
        assert_eq!(number(&located, "pointing"), Some(1.0));
        assert_eq!(number(&located, "centre-pointing"), None);
        assert!(Located::new(Truth::CentreBox, Side::PCAM).report(&Recorder::default()).is_empty());
    }
}
