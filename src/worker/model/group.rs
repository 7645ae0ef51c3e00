//! Rotations and reflections of filters: convolutions that are equivariant to the symmetries of the square (Cohen &
//! Welling 2016, "Group Equivariant Convolutional Networks").
//!
//! An element g = R^r F^m of the group turns a picture by r quarter turns, after a reflection if m is 1. Maps of a
//! group hold, for each g, all channels of g: [N, |G| C, h, w] with channel g C + c. Of a filter one copy is learnt,
//! and the filter for g is derived from it:
//!
//! - lifting, from an image: (f * w)(g) = f * (g w)
//! - between maps of the group: (f * w)(g) = sum over h of f(h) * (g w(g^-1 h))
//!
//! If the image is turned by u, output g is that of u^-1 g, turned by u.

use tch::{Kind, Tensor};

/// A group of rotations and reflections. Elements are numbers: m R + r, where R is the number of rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symmetry {
    /// The four quarter turns.
    P4,
    /// And their reflections.
    P4m,
}

/// An element: quarter turns, and whether a reflection comes before them.
type Element = (i64, bool);

const TURNS: i64 = 4;

impl Symmetry {
    /// How many elements it has.
    pub(super) fn order(self) -> i64 {
        match self {
            Self::P4 => TURNS,
            Self::P4m => 2 * TURNS,
        }
    }

    fn elements(self) -> impl Iterator<Item = Element> {
        (0..self.order()).map(|at| (at % TURNS, at >= TURNS))
    }

    /// For each element h, the number of g^-1 h.
    fn relative(self, g: Element) -> Vec<i64> {
        let inverse = inverse(g);
        self.elements().map(|h| number(product(inverse, h))).collect()
    }

    /// All filters [|G| out, in, k, k] of learnt ones [out, in, k, k], or [|G| out, |G| in, k, k] of [out, in, |G|,
    /// k, k]. Part of the graph.
    pub(super) fn filters(self, learnt: &Tensor) -> Tensor {
        let lifting = learnt.dim() == 4;
        let learnt = if lifting { learnt.unsqueeze(2) } else { learnt.shallow_clone() };
        let of = |g: Element| {
            let turned = transformed(&learnt, g);
            let turned = match lifting {
                true => turned,
                false => turned.index_select(2, &self.indices(self.relative(g), &learnt)),
            };
            let (o, i, h, k, l) = shape(&turned);
            turned.permute([0, 2, 1, 3, 4]).reshape([o, h * i, k, l])
        };
        Tensor::cat(&self.elements().map(of).collect::<Vec<_>>(), 0)
    }

    /// The gradient by the learnt filters, which have the shape of `learnt`, given the one by all filters.
    pub(super) fn gradient(self, learnt: &Tensor, by_all: &Tensor) -> Tensor {
        let lifting = learnt.dim() == 4;
        let size = learnt.size();
        let (outputs, inputs, side) = (size[0], size[1], size[size.len() - 1]);
        let each = by_all.view([self.order(), outputs, -1, inputs, side, side]);
        let of = |(at, g): (i64, Element)| {
            let of_element = each.select(0, at).permute([0, 2, 1, 3, 4]);
            let ordered = match lifting {
                true => of_element,
                // h stands at g^-1 h: that is undone by the inverse of g.
                false => of_element.index_select(2, &self.indices(self.relative(inverse(g)), learnt)),
            };
            transformed(&ordered, inverse(g))
        };
        let sum = Tensor::stack(&(0..).zip(self.elements()).map(of).collect::<Vec<_>>(), 0).sum_dim_intlist(
            [0].as_slice(),
            false,
            None::<Kind>,
        );
        sum.view(size.as_slice())
    }

    fn indices(self, of: Vec<i64>, like: &Tensor) -> Tensor {
        Tensor::from_slice(&of).to_device(like.device())
    }
}

/// Filters [.., k, k], turned.
fn transformed(filters: &Tensor, (turns, reflected): Element) -> Tensor {
    let filters = if reflected { filters.flip([-1]) } else { filters.shallow_clone() };
    filters.rot90(turns, [-2, -1])
}

fn number((turns, reflected): Element) -> i64 {
    turns + TURNS * i64::from(reflected)
}

/// g h: first h. A reflection turns the direction of later turns around: F R = R^-1 F.
fn product((turns, reflected): Element, (of_h, h_reflected): Element) -> Element {
    let of_h = if reflected { -of_h } else { of_h };
    ((turns + of_h).rem_euclid(TURNS), reflected != h_reflected)
}

fn inverse((turns, reflected): Element) -> Element {
    match reflected {
        true => (turns, true),
        false => ((-turns).rem_euclid(TURNS), false),
    }
}

fn shape(tensor: &Tensor) -> (i64, i64, i64, i64, i64) {
    let size = tensor.size();
    (size[0], size[1], size[2], size[3], size[4])
}

/// Joins the channels of two maps with so many elements of a group each: those of each element side by side. A map of one
/// image is repeated for all images of the other.
pub(super) fn joined(order: i64, one: &Tensor, other: &Tensor) -> Tensor {
    let images = one.size()[0].max(other.size()[0]);
    let [one, other] = &[one, other].map(|map| map.expand([images, -1, -1, -1], false));
    let size = one.size();
    let each = |map: &Tensor| map.reshape([size[0], order, -1, size[2], size[3]]);
    match order {
        1 => Tensor::cat(&[one, other], 1),
        _ => Tensor::cat(&[each(one), each(other)], 2).reshape([size[0], -1, size[2], size[3]]),
    }
}

/// The parts of a joined map, of which the first has so many channels.
pub(super) fn parted(order: i64, map: &Tensor, first: i64) -> [Tensor; 2] {
    let size = map.size();
    let each = map.reshape([size[0], order, -1, size[2], size[3]]);
    let (first, all) = (first / order, size[1] / order);
    [(0, first), (first, all - first)]
        .map(|(start, length)| each.narrow(2, start, length).reshape([size[0], -1, size[2], size[3]]))
}

#[cfg(test)]
mod tests;
