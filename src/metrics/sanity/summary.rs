//! The summary of a randomisation: means over images at every depth, with their intervals.

use serde::{Deserialize, Serialize};

use super::{Depth, Randomisation};
use crate::metrics::{
    Bootstrap,
    faithfulness::{
        Estimate, LocalisationScores, OddMaps, Truth, estimates::Estimator, number_slides,
        remarks::slides_note, scores::Located, summarise::of_region,
    },
};

/// All numbers of a randomisation; an undefined one is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sanity {
    /// How many images.
    pub images: u64,
    /// From how many slides; null if that is not known. Known slides are resampled, otherwise images are.
    pub slides: Option<u64>,
    /// The region that maps are compared with: `centre-box` or `mask`; null if none is known.
    pub truth: Option<Truth>,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// The untouched model, then one layer more at a time.
    pub depths: Vec<SanityDepth>,
    /// The localisation of a map that only points at the patch's centre; null without positive images.
    pub centre: Option<LocalisationScores>,
    /// What a reader should know, in sentences.
    pub notes: Vec<String>,
}

/// The numbers of the maps at one depth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SanityDepth {
    /// How many layers were initialised anew.
    pub depth: u64,
    /// The last of them; null for the untouched model.
    pub layer: Option<String>,
    /// Spearman's correlation with the original maps, over the images that have one.
    pub spearman: Estimate,
    /// The same for absolute values.
    pub absolute_spearman: Estimate,
    /// The number of images without a correlation, because their map or the original is constant or not finite.
    pub without_correlation: u64,
    /// The rows of the maps that are not ordinary.
    pub odd_maps: OddMaps,
    /// How well the maps of positive images find the region; null without any.
    pub localisation: Option<LocalisationScores>,
}

/// Summarises a randomisation.
#[must_use]
pub fn sanity(randomisation: &Randomisation) -> Sanity {
    let Randomisation { images, depths, truth, bootstrap } = randomisation;
    let slides = number_slides(images.iter().map(|image| image.slide.as_deref()));
    let estimator = &Estimator { slides: slides.as_deref(), bootstrap };
    let each = (0..).zip(depths);
    let mut sanity = Sanity {
        images: images.len() as u64,
        slides: estimator.slide_count(),
        truth: *truth,
        bootstrap: *bootstrap,
        depths: each.map(|(number, depth)| of_depth(randomisation, number, depth, estimator)).collect(),
        centre: of_region(&Located::of(images.iter().map(|image| image.centre)), estimator),
        notes: Vec::new(),
    };
    sanity.notes = notes(&sanity);
    sanity
}

fn of_depth(all: &Randomisation, number: u64, depth: &Depth, estimator: &Estimator<'_>) -> SanityDepth {
    let maps = &depth.maps;
    SanityDepth {
        depth: number,
        layer: depth.layer.clone(),
        spearman: estimator.mean(maps.iter().map(|map| map.spearman)),
        absolute_spearman: estimator.mean(maps.iter().map(|map| map.absolute)),
        without_correlation: maps.iter().filter(|map| map.spearman.is_none()).count() as u64,
        odd_maps: OddMaps::of(all.images.iter().zip(maps).map(|(image, map)| (image.row, map.range))),
        localisation: of_region(&Located::of(maps.iter().map(|map| map.located)), estimator),
    }
}

fn notes(sanity: &Sanity) -> Vec<String> {
    let mut notes = vec![slides_note(sanity.slides)];
    notes.push(
        "Depth 0 is the untouched model asked again: a correlation below 1 there is what computing it anew \
         (on another device, say) changes."
            .to_owned(),
    );
    if sanity.depths.iter().any(|depth| depth.without_correlation > 0) {
        notes.push(
            "Constant maps have no order, hence no correlation: they are counted, not averaged. A map that is 0 \
             everywhere points at its first pixel."
                .to_owned(),
        );
    }
    if sanity.truth == Some(Truth::CentreBox) {
        notes.push(
            "The centre box is weak truth: the label says that it holds tumour, not that the rest of the patch \
             does not."
                .to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{
        Region,
        sanity::{RandomisedImage, Remade},
    };

    fn randomisation(slides: bool) -> Randomisation {
        let region = Region::from_mask(&[1, 0, 0, 0]).unwrap();
        let original = [[4.0, 3.0, 2.0, 1.0], [9.0, 3.0, 2.0, 1.0], [0.0; 4]];
        let random = [[1.0, 2.0, 3.0, 4.0], [3.0, 9.0, 1.0, 2.0], [5.0, 3.0, 2.0, 2.0]];
        let depth = |layer: Option<&str>, maps: [[f32; 4]; 3]| Depth {
            layer: layer.map(str::to_owned),
            maps: (0..3)
                .map(|at| Remade::of(&original[at], &maps[at], (at != 1).then_some(&region)).unwrap())
                .collect(),
        };
        let image = |row: i64| RandomisedImage {
            row,
            positive: row != 11,
            slide: slides.then(|| format!("slide {}", row / 11)),
            centre: None,
        };
        Randomisation {
            images: (10..13).map(image).collect(),
            depths: vec![depth(None, original), depth(Some("fc2"), random)],
            truth: Some(Truth::Mask),
            bootstrap: Bootstrap { resamples: 100, ..Bootstrap::default() },
        }
    }

    #[test]
    fn the_untouched_model_agrees_with_itself_and_odd_maps_are_counted() {
        let it = sanity(&randomisation(false));
        let [first, second] = &it.depths[..] else { panic!() };
        assert_eq!((first.depth, first.layer.as_deref()), (0, None));
        assert_eq!((first.spearman.images, first.spearman.mean), (2, Some(1.0)));
        assert_eq!((first.without_correlation, &first.odd_maps.zero[..]), (1, &[12][..]));
        assert_eq!((second.depth, second.layer.as_deref()), (1, Some("fc2")));
        // -1 and 0.4 by hand: ranks 2 1 4 3 against 1 2 3 4 have distances 1 1 1 1.
        assert!((second.spearman.mean.unwrap() - (-1.0 + 0.6) / 2.0).abs() < 1e-12);
        assert_eq!((second.without_correlation, second.odd_maps.zero.len()), (1, 0));
        let located = second.localisation.as_ref().unwrap();
        assert_eq!((located.images, located.chance), (2, 0.25));
        assert_eq!(located.pointing.score.mean, Some(0.5));
        assert_eq!(it.centre, None);
        assert!(it.notes.iter().any(|note| note.contains("counted, not averaged")));
    }

    #[test]
    fn slides_are_resampled_where_they_are_known() {
        let it = sanity(&randomisation(true));
        assert_eq!((it.slides, it.depths[1].spearman.slides), (Some(2), Some(2)));
        assert_eq!(sanity(&randomisation(false)).depths[1].spearman.slides, None);
    }

    #[test]
    fn lines_are_written_depth_by_depth() {
        let lines = crate::metrics::sanity::per_image(&randomisation(false));
        let of = |at: usize| (lines[at].depth, lines[at].row, lines[at].label, lines[at].spearman);
        assert_eq!((lines.len(), of(0), of(4)), (6, (0, 10, 1, Some(1.0)), (1, 11, 0, Some(0.6))));
        assert_eq!((lines[4].rank, lines[3].rank), (None, Some(0.0)));
    }
}
