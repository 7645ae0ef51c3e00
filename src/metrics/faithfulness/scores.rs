//! The values of one method, image by image: what everything that is said of it is made from.

use super::{Comparison, Explained, Method, auc};
use crate::metrics::Localisation;

/// One value per image, where it has one.
pub(super) type Values = Vec<Option<f64>>;

/// One list per number of a method.
pub(super) struct Scores {
    pub(super) deletion: Values,
    pub(super) insertion: Values,
    pub(super) centre_box: Located,
    pub(super) mask: Located,
}

/// The localisation against one kind of region.
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
        let located = |region: fn(&Explained) -> Option<Localisation>| {
            method.explained.iter().map(region).collect::<Vec<_>>()
        };
        Self {
            deletion: each(&|it| it.curves.as_ref().map(|curves| area(&curves.deletion))),
            insertion: each(&|it| it.curves.as_ref().map(|curves| area(&curves.insertion))),
            centre_box: Located::of(&located(|it| it.centre_box)),
            mask: Located::of(&located(|it| it.mask)),
        }
    }
}

impl Located {
    /// From the localisation of each image's map, where it has one.
    pub(in crate::metrics) fn of(maps: &[Option<Localisation>]) -> Self {
        let each = |value: &dyn Fn(Localisation) -> Option<f64>| {
            maps.iter().map(|map| map.and_then(value)).collect()
        };
        Self {
            energy: each(&|map| map.energy),
            pointing: each(&|map| Some(f64::from(u8::from(map.pointing)))),
            rank: each(&|map| Some(map.rank)),
            chance: each(&|map| Some(map.chance)),
        }
    }

    /// Whether there is anything at all.
    pub(super) fn is_empty(&self) -> bool {
        self.chance.iter().all(Option::is_none)
    }
}

/// One minus the other, where both have a value.
pub(super) fn minus(one: &[Option<f64>], other: &[Option<f64>]) -> Values {
    one.iter().zip(other).map(|(one, other)| Some((*one)? - (*other)?)).collect()
}
