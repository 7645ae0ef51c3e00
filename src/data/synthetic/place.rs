//! Places: the regions of a patch, one in the centre and some outside, that get special content.
//!
//! Does not know the label or the content, so the position and size of a place do not depend on the class.

use super::{canvas::SIDE, random::Draw};

/// The first pixel of the centre box, in both directions. The label describes this box of 32x32 pixels.
pub(super) const CENTRE_START: usize = 32;
/// One past the last pixel of the centre box, in both directions.
pub(super) const CENTRE_END: usize = 64;

/// An elliptical region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// A point that always gets a cell.
    pub(super) anchor: (f32, f32),
    pub(super) centre: (f32, f32),
    /// Half the length and half the width in pixels.
    pub(super) half: (f32, f32),
    pub(super) axis: (f32, f32),
    /// If true, the content must not touch the centre box.
    pub(super) outside: bool,
}

/// Distance of (x, y) from the centre box, 0 inside.
pub(super) fn centre_distance(x: f32, y: f32) -> f32 {
    let beyond = |c: f32| (CENTRE_START as f32 - c).max(c - (CENTRE_END - 1) as f32).max(0.0);
    let (dx, dy) = (beyond(x), beyond(y));
    (dx * dx + dy * dy).sqrt()
}

impl Place {
    /// The central place. Its anchor is in the centre box, but the ellipse may extend beyond it.
    pub(super) fn central(draw: &mut Draw) -> Self {
        let (low, high) = (CENTRE_START as f32 + 2.0, CENTRE_END as f32 - 2.0);
        let anchor = (draw.between(low, high), draw.between(low, high));
        let mut place = Self::shape(draw, anchor, (15.0, 21.0), false);
        let (u, v) = place.point(draw, 0.8);
        place.centre = (2.0 * anchor.0 - u, 2.0 * anchor.1 - v);
        place
    }

    /// A place that does not touch the centre box or `others`. `None` if there is no room.
    pub(super) fn outside(draw: &mut Draw, others: &[Self]) -> Option<Self> {
        for _ in 0..40 {
            let edge = SIDE as f32 - 4.0;
            let centre = (draw.between(4.0, edge), draw.between(4.0, edge));
            let place = Self::shape(draw, centre, (10.0, 15.0), true);
            let clear = centre_distance(centre.0, centre.1) > place.half.0 + 1.0;
            if clear && others.iter().all(|other| place.apart(other)) {
                return Some(place);
            }
        }
        None
    }

    fn shape(draw: &mut Draw, at: (f32, f32), lengths: (f32, f32), outside: bool) -> Self {
        let long = draw.between(lengths.0, lengths.1);
        let ratio = draw.between(1.0, 1.4);
        Self { anchor: at, centre: at, half: (long, long / ratio), axis: draw.direction(), outside }
    }

    fn apart(&self, other: &Self) -> bool {
        let (dx, dy) = (self.centre.0 - other.centre.0, self.centre.1 - other.centre.1);
        let least = 0.9 * (self.half.0 + other.half.0);
        dx * dx + dy * dy > least * least
    }

    /// A uniformly distributed point of the ellipse, shrunk by the factor `share`.
    pub(super) fn point(&self, draw: &mut Draw, share: f32) -> (f32, f32) {
        let (c, s) = draw.direction();
        let out = draw.unit().sqrt() * share;
        let (u, v) = (c * out * self.half.0, s * out * self.half.1);
        (self.centre.0 + u * self.axis.0 - v * self.axis.1, self.centre.1 + u * self.axis.1 + v * self.axis.0)
    }

    /// 0 at the centre, 1 on the ellipse, more than 1 outside.
    pub(super) fn level(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        let u = (dx * self.axis.0 + dy * self.axis.1) / self.half.0;
        let v = (dy * self.axis.0 - dx * self.axis.1) / self.half.1;
        (u * u + v * v).sqrt()
    }
}
