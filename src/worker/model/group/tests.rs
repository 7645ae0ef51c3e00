//! Derived filters against cases by hand, libtorch's derivative, and the equation that defines equivariance.

use tch::{Device, Kind, Tensor};

use super::*;
use crate::model::testing::difference;

const GROUPS: [Symmetry; 2] = [Symmetry::P4, Symmetry::P4m];

fn wave(shape: &[i64], step: f64) -> Tensor {
    let index = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
    (index * step).sin().view(shape)
}

/// The filters of an image are turned against the clock, after a reflection at the vertical axis.
#[test]
fn the_filters_that_lift_are_those_by_hand() {
    let learnt = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).view([1, 1, 3, 3]);
    let filters = Symmetry::P4m.filters(&learnt);
    assert_eq!(filters.size(), [8, 1, 3, 3]);
    let wanted = [
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [3, 6, 9, 2, 5, 8, 1, 4, 7],
        [9, 8, 7, 6, 5, 4, 3, 2, 1],
        [7, 4, 1, 8, 5, 2, 9, 6, 3],
        [3, 2, 1, 6, 5, 4, 9, 8, 7],
        [1, 4, 7, 2, 5, 8, 3, 6, 9],
        [7, 8, 9, 4, 5, 6, 1, 2, 3],
        [9, 6, 3, 8, 5, 2, 7, 4, 1],
    ];
    for (g, wanted) in wanted.into_iter().enumerate() {
        let got = Vec::<f64>::try_from(&filters.select(0, g as i64).flatten(0, -1)).unwrap();
        assert_eq!(got, wanted.map(f64::from), "{g}");
    }
    assert_eq!(Symmetry::P4.filters(&learnt), filters.narrow(0, 0, 4));
}

/// 1x1 filters are not turned: for g they are in the order of g^-1 h.
#[test]
fn the_filters_between_maps_of_a_group_are_those_by_hand() {
    let learnt = |order: i64| Tensor::arange(order, (Kind::Double, Device::Cpu)).view([1, 1, order, 1, 1]);
    let rows = |symmetry: Symmetry| {
        let filters = symmetry.filters(&learnt(symmetry.order())).view([symmetry.order(), -1]);
        Vec::<Vec<f64>>::try_from(&filters).unwrap()
    };
    let wanted = [[0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1], [1, 2, 3, 0]];
    assert_eq!(rows(Symmetry::P4), wanted.map(|row| row.map(f64::from).to_vec()));
    let p4m = rows(Symmetry::P4m);
    assert_eq!(p4m[1], [3, 0, 1, 2, 7, 4, 5, 6].map(f64::from));
    // F^-1 R^r = R^-r F, and F^-1 R^r F = R^-r.
    assert_eq!(p4m[4], [4, 7, 6, 5, 0, 3, 2, 1].map(f64::from));
    // (R F)^-1 R^r = R^(1 - r) F, and (R F)^-1 R^r F = R^(1 - r).
    assert_eq!(p4m[5], [5, 4, 7, 6, 1, 0, 3, 2].map(f64::from));
}

#[test]
fn the_gradient_is_libtorchs() {
    for symmetry in GROUPS {
        for shape in [vec![2, 3, 3, 3], vec![2, 3, symmetry.order(), 3, 3]] {
            let learnt = wave(&shape, 0.7).set_requires_grad(true);
            let all = symmetry.filters(&learnt);
            let weight = wave(&all.size(), 1.9);
            let wanted =
                Tensor::run_backward(&[(&all * &weight).sum(Kind::Double)], &[&learnt], false, false);
            assert!(difference(&symmetry.gradient(&learnt, &weight), &wanted[0]) < 1e-12);
        }
    }
}

/// Turned by u, f becomes f(u^-1 h) turned, for each element.
fn turned_map(symmetry: Symmetry, map: &Tensor, u: Element) -> Tensor {
    let size = map.size();
    let each = map.view([size[0], symmetry.order(), -1, size[2], size[3]]);
    let moved = each.index_select(1, &Tensor::from_slice(&symmetry.relative(u)));
    transformed(&moved, u).reshape(size.as_slice())
}

#[test]
fn convolutions_are_equivariant() {
    for symmetry in GROUPS {
        let lifting = symmetry.filters(&wave(&[2, 3, 3, 3], 0.7));
        let between = symmetry.filters(&wave(&[3, 2, symmetry.order(), 3, 3], 1.3));
        let convolved = |x: &Tensor, filters: &Tensor| x.conv2d(filters, None::<&Tensor>, [1], [1], [1], 1);
        let of = |image: &Tensor| convolved(&convolved(image, &lifting).relu(), &between);
        let image = wave(&[2, 3, 7, 7], 2.3);
        for u in symmetry.elements() {
            let got = of(&transformed(&image, u));
            assert!(difference(&got, &turned_map(symmetry, &of(&image), u)) < 1e-12, "{u:?}");
        }
        assert!(difference(&of(&image), &of(&image.flip([-1]))) > 0.1, "the image has no symmetry");
    }
}

#[test]
fn joined_maps_hold_the_channels_of_each_element_side_by_side() {
    let map = |channels: &[f64]| Tensor::from_slice(channels).view([1, -1, 1, 1]);
    let (one, other) = (map(&[1.0, 2.0]), map(&[3.0, 4.0, 5.0, 6.0]));
    assert_eq!(joined(2, &one, &other), map(&[1.0, 3.0, 4.0, 2.0, 5.0, 6.0]));
    assert_eq!(joined(1, &one, &other), map(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    for order in [1, 2] {
        assert_eq!(parted(order, &joined(order, &one, &other), 2), [one.copy(), other.copy()]);
    }
}
