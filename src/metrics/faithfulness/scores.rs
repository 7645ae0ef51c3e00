//! The values of one method, image by image.

use super::{Comparison, Explained, Method, auc};
use crate::metrics::Localisation;

/// The value of each image, if it has one.
pub(super) type Values = Vec<Option<f64>>;

/// All numbers of a method.
pub(super) struct Scores {
    pub(super) deletion: Values,
    pub(super) insertion: Values,
    pub(super) centre_box: Located,
    pub(super) mask: Located,
}

/// The localisation in one kind of region.
pub(in crate::metrics) struct Located {
    pub(super) energy: Values,
    pub(super) pointing: Values,
    pub(super) rank: Values,
    pub(super) chance: Values,
}

impl Scores {
    pub(super) fn of(comparison: &Comparison, method: &Method) -> Self {
        let area = |curve: &[f64]| auc(curve, &comparison.fractions);
        let each = |value: &dyn Fn(&Explained) -> Option<f64>| method.explained.iter().map(value).collect();
        Self {
            deletion: each(&|it| it.curves.as_ref().map(|curves| area(&curves.deletion))),
            insertion: each(&|it| it.curves.as_ref().map(|curves| area(&curves.insertion))),
            centre_box: Located::of(method.explained.iter().map(|it| it.centre_box)),
            mask: Located::of(method.explained.iter().map(|it| it.mask)),
        }
    }
}

impl Located {
    /// From the localisation of each image's map, if it has one.
    pub(in crate::metrics) fn of(maps: impl Iterator<Item = Option<Localisation>> + Clone) -> Self {
        let each = |value: &dyn Fn(Localisation) -> Option<f64>| {
            maps.clone().map(|map| map.and_then(value)).collect()
        };
        Self {
            energy: each(&|map| map.energy),
            pointing: each(&|map| Some(u8::from(map.pointing).into())),
            rank: each(&|map| Some(map.rank)),
            chance: each(&|map| Some(map.chance)),
        }
    }

    /// Whether no image has a localisation.
    pub(super) fn is_empty(&self) -> bool {
        self.chance.iter().all(Option::is_none)
    }
}
