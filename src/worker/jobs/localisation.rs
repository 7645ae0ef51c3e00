//! How well maps find the evidence: against true masks where there are some, else against the centre
//! box, which is all that PatchCamelyon's label speaks of (weak truth). Positives only.

use anyhow::Result;
use pcamflow::{
    metrics::{Localisation, LocalisationSummary, MapRange, PATCH_SIDE, Region},
    protocol::Number,
};

/// The localisation of the maps seen so far, and of the `centre` control where it means something.
pub(super) struct Located {
    truth: Truth,
    maps: Vec<Localisation>,
    control: Vec<Localisation>,
    centre: Vec<f32>,
    without_region: usize,
}

/// Against what maps are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// The true mask of each patch.
    Mask,
    /// The centre 32x32: a control that points there would always win, so there is none.
    CentreBox,
}

impl Located {
    pub(super) fn new(truth: Truth) -> Self {
        let (maps, control) = (Vec::new(), Vec::new());
        Self { truth, maps, control, centre: centre_control(), without_region: 0 }
    }

    /// Holds the map of one positive patch against its mask, or the centre box. A map that is not finite
    /// has no place, and neither has an empty mask; both are left out.
    ///
    /// # Errors
    /// A map or a mask of another size.
    pub(super) fn add(&mut self, map: &[f32], mask: Option<&[u8]>) -> Result<()> {
        let region = match mask {
            None => Region::centre(),
            Some(mask) if mask.iter().all(|&value| value == 0) => {
                self.without_region += 1;
                return Ok(());
            }
            Some(mask) => Region::from_mask(mask)?,
        };
        if matches!(MapRange::of(map), MapRange::NotFinite(_)) {
            return Ok(());
        }
        self.maps.push(Localisation::of(map, &region)?);
        if self.truth == Truth::Mask {
            self.control.push(Localisation::of(&self.centre, &region)?);
        }
        Ok(())
    }

    /// Positives whose mask is empty.
    pub(super) fn without_region(&self) -> usize {
        self.without_region
    }

    /// Means over the positives, the most telling first; nothing where there was none. `chance` is what a
    /// random map reaches; the `centre` control has no positive mass, hence no energy.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let maps = LocalisationSummary::of(&self.maps);
        let control = LocalisationSummary::of(&self.control);
        let all = [
            ("energy", maps.and_then(|maps| maps.energy)),
            ("rank", maps.map(|maps| maps.rank)),
            ("pointing", maps.map(|maps| maps.pointing)),
            ("chance", maps.map(|maps| maps.chance)),
            ("centre-rank", control.map(|control| control.rank)),
            ("centre-pointing", control.map(|control| control.pointing)),
        ];
        let number =
            |(name, value): (&str, Option<f64>)| Some(Number { name: name.to_owned(), value: value? });
        all.into_iter().filter_map(number).collect()
    }

    /// The same in a sentence, for the log.
    pub(super) fn words(&self) -> Option<String> {
        let it = LocalisationSummary::of(&self.maps)?;
        let truth = match self.truth {
            Truth::Mask => "the true masks",
            Truth::CentreBox => "the centre box (weak truth: the label says nothing of the rest)",
        };
        let energy = it.energy.map_or_else(|| "undefined".to_owned(), |energy| format!("{energy:.3}"));
        Some(format!(
            "localisation of {} positives in {truth}: energy {energy} ({} without), rank {:.3}, pointing {:.3}, \
             chance {:.3}",
            it.images, it.without_energy, it.rank, it.pointing, it.chance
        ))
    }
}

/// Minus the distance to the patch's centre.
pub(super) fn centre_control() -> Vec<f32> {
    let centre = (PATCH_SIDE as f32 - 1.0) / 2.0;
    let distance = |at: usize| {
        let (row, column) = ((at / PATCH_SIDE) as f32 - centre, (at % PATCH_SIDE) as f32 - centre);
        row.hypot(column)
    };
    (0..PATCH_SIDE * PATCH_SIDE).map(|at| -distance(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(located: &Located, name: &str) -> Option<f64> {
        located.numbers().into_iter().find(|number| number.name == name).map(|number| number.value)
    }

    /// A square of 16 x 16 from a corner on.
    fn square(first: usize) -> Vec<u8> {
        let inside = |at: usize| (first..first + 16).contains(&at);
        (0..9216).map(|at| u8::from(inside(at / 96) && inside(at % 96))).collect()
    }

    #[test]
    fn a_map_that_is_the_mask_finds_it_and_the_control_does_not() {
        let mut located = Located::new(Truth::Mask);
        let mask = square(0);
        let map: Vec<f32> = mask.iter().map(|&value| f32::from(value)).collect();
        located.add(&map, Some(&mask)).unwrap();
        located.add(&map, Some(&[0; 9216])).unwrap();
        located.add(&[f32::NAN; 9216], Some(&mask)).unwrap();
        assert_eq!(number(&located, "energy"), Some(1.0));
        assert_eq!(number(&located, "pointing"), Some(1.0));
        assert_eq!(number(&located, "centre-pointing"), Some(0.0));
        assert_eq!(number(&located, "centre-rank"), Some(0.0));
        assert_eq!(number(&located, "chance"), Some(256.0 / 9216.0));
        assert_eq!(located.without_region(), 1);
        assert!(located.words().unwrap().starts_with("localisation of 1 positives in the true masks"));
    }

    #[test]
    fn the_control_finds_what_lies_in_the_centre() {
        let mut located = Located::new(Truth::Mask);
        located.add(&[0.0; 9216], Some(&square(40))).unwrap();
        assert_eq!(number(&located, "centre-pointing"), Some(1.0));
        assert!(number(&located, "centre-rank").unwrap() > 0.7);
        assert_eq!(number(&located, "energy"), None);
    }

    #[test]
    fn without_masks_the_centre_box_counts_and_there_is_no_control() {
        let mut located = Located::new(Truth::CentreBox);
        located.add(&centre_control(), None).unwrap();
        assert_eq!(number(&located, "pointing"), Some(1.0));
        assert_eq!(number(&located, "centre-pointing"), None);
        assert!(Located::new(Truth::CentreBox).numbers().is_empty());
    }
}
