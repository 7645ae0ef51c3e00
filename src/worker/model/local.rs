//! Exact recomputation of a small change of an image, on a CPU.
//!
//! A change inside a square of the image alters a square of every map, a little larger after each convolution. Outside
//! of it the maps of the whole image hold. So each operation is computed for a patch around the altered square only,
//! from the maps of the whole image and from the altered squares before it. Nothing is approximated: every pixel is
//! computed from the same numbers as in a whole pass. The idea is from Krypton (Nakandala et al., SIGMOD 2019).
//!
//! All squares of a map have one size, so that many copies are one batch. At the border a square is shifted into the
//! map; the pixels that it covers too much are computed again, with the same result.

use anyhow::Result;
use tch::Tensor;

use super::{
    averaging::averaged,
    body::{Body, Work},
    folded::{Folded, pool_on_device},
    group::joined,
    places::{Places, Reach, Region},
};
use crate::{
    kernels::{
        MaxPool, Number, Shared, Squares, assemble, dense, empty_map, numbers, numbers_mut, with_number,
    },
    libtorch::Step,
};

/// The maps of an image, [1, C, h, w] each.
pub(crate) struct Whole(Vec<Tensor>);

/// The altered squares of a map, [copies, C, side, side], and where they lie.
struct Altered {
    values: Tensor,
    region: Region,
}

impl Folded {
    /// All maps of an image [1, 3, S, S].
    pub(super) fn whole(&self, body: &Body, image: &Tensor) -> Result<Whole> {
        Ok(Whole(self.maps(body, image)?))
    }

    /// The logits of copies of an image that have the pixels of `other` in a window. The windows begin at two of the
    /// starts of `places` each.
    pub(super) fn local(
        &self,
        body: &Body,
        places: &Places,
        whole: &Whole,
        other: &Tensor,
        copies: &[[usize; 2]],
    ) -> Result<Tensor> {
        let mut altered = vec![replaced(places, &whole.0[0], &dense(other), copies)?];
        for (at, operation) in body.operations.iter().enumerate() {
            let region = places.altered(at + 1, copies);
            let take = |map: usize, reach: Reach| {
                let from = reach.inputs(&region, places.all(map, copies.len()));
                taken(&whole.0[map], &altered[map], &from, reach.outside())
            };
            let x = take(operation.from, Reach::of(&operation.work, places.rows(operation.from)))?;
            let values = match &operation.work {
                Work::Unit(unit) => {
                    let filter = self.filter(at)?;
                    let shortcut = unit.shortcut.map(|map| take(map, Reach::SAME)).transpose()?;
                    // The padding is in the patch.
                    filter.unit(&x, Step { padding: 0, ..filter.alone.step }, shortcut.as_ref(), unit.relu)?
                }
                Work::MaxPool(pool) => pool_on_device(MaxPool { padding: 0, ..*pool }, &x)?,
                // As many means as the square has rows.
                Work::AveragePool(_) | Work::Halve(_) => dense(&averaged(region.side as i64, &x)),
                Work::Norm(norm) => self.normed(norm, at, &x)?,
                Work::Convolution(_) => dense(&self.convolution(at)?.unpadded().forward(&x)),
                Work::Join { other, order } => dense(&joined(*order, &x, &take(*other, Reach::SAME)?)),
            };
            altered.push(Altered { values, region });
        }
        let last = body.operations.len();
        let all = places.all(last, copies.len());
        Ok(body.head.forward(&taken(&whole.0[last], &altered[last], &all, 0.0)?))
    }
}

/// The squares of the image that contain the windows, with the pixels of `other` in them.
fn replaced(places: &Places, image: &Tensor, other: &Tensor, copies: &[[usize; 2]]) -> Result<Altered> {
    let starts = |copy: &[usize; 2]| copy.map(|start| places.starts[start] as isize);
    let windows = Region { corners: copies.iter().map(starts).collect(), side: places.window };
    let nothing = Altered {
        values: empty_map(image.kind(), [0, 3, 0, 0]),
        region: Region { side: 0, ..windows.clone() },
    };
    let values = taken(other, &nothing, &windows, 0.0)?;
    let region = places.altered(0, copies);
    let values = taken(image, &Altered { values, region: windows }, &region, 0.0)?;
    Ok(Altered { values, region })
}

/// Patches of a map: altered where it is altered, and `outside` around it.
fn taken(map: &Tensor, altered: &Altered, region: &Region, outside: f32) -> Result<Tensor> {
    let (_, c, h, w) = map.size4()?;
    let side = region.side as i64;
    let mut patches = empty_map(map.kind(), [region.corners.len() as i64, c, side, side]);
    let Altered { values, region: Region { corners, side } } = altered;
    with_number!(map, T => {
        let shared = Shared {
            values: numbers::<T>(map)?,
            size: [h, w, c].map(|n| n as usize),
            outside: T::nearest(outside),
        };
        let own = Squares { corners, side: *side, values: numbers(values)? };
        assemble(shared, own, &region.corners, region.side, numbers_mut(&mut patches)?);
    });
    Ok(patches)
}

#[cfg(test)]
mod tests {
    use pcamflow::stages::architecture::{Architecture, ClassCnn};
    use tch::{Device, Kind};

    use super::*;
    use crate::model::{
        Network, Source,
        testing::{as_if_trained, densenets, difference, imagenet_resnets, noisy_patches_of, resnet},
    };

    fn class_cnn() -> Network {
        let architecture = Architecture::ClassCnn(ClassCnn { channels: [3, 4, 5, 6], hidden: 7 });
        Network::new(&architecture, Source::Seed(1), Device::Cpu).unwrap()
    }

    /// With other kernels, strides, paddings and pools than any architecture has.
    fn odd(averaged_to: i64) -> Network {
        let mut network = class_cnn();
        let mut units = 0;
        for operation in &mut network.body.operations {
            match &mut operation.work {
                Work::Unit(unit) => {
                    let (kernel, stride, padding) = [(5, 1, 2), (3, 2, 0), (1, 1, 1), (4, 1, 0)][units];
                    let [outputs, inputs, ..] = unit.convolution.weight.size()[..] else { unreachable!() };
                    let size = [outputs, inputs, kernel, kernel];
                    let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Float, Device::Cpu));
                    unit.convolution.weight = (index * 1.7).sin().view(size.as_slice());
                    unit.convolution.step = Step { stride, padding };
                    units += 1;
                }
                Work::MaxPool(pool) => *pool = MaxPool { kernel: 3, stride: 2, padding: 1 },
                Work::AveragePool(to) => *to = averaged_to,
                other => unreachable!("{other:?}"),
            }
        }
        network.body.head.mean = true;
        network.body.head.layers.truncate(1);
        network.body.head.layers[0].weight = Tensor::ones([1, 6], (Kind::Float, Device::Cpu));
        network.body.head.layers[0].bias = Tensor::zeros([1], (Kind::Float, Device::Cpu));
        network
    }

    fn same_as_whole_passes(network: &Network, side: usize, window: usize, starts: &[usize]) {
        let [image, other] = [4, 9].map(|seed| noisy_patches_of(1, side as i64, seed));
        let places = Places::new(&network.body, side, window, starts);
        let folded = Folded::new(&network.body, Kind::Float).unwrap();
        let whole = folded.whole(&network.body, &image).unwrap();
        let every = |row: usize| (0..starts.len()).map(move |column| [row, column]);
        let copies: Vec<[usize; 2]> = (0..starts.len()).flat_map(every).collect();
        let got = folded.local(&network.body, &places, &whole, &other, &copies).unwrap();
        let changed = |[row, column]: &[usize; 2]| {
            let copy = image.copy();
            let part = |of: &Tensor| {
                let rows = |start: usize| (start as i64, window.min(side - start) as i64);
                let ((top, height), (left, width)) = (rows(starts[*row]), rows(starts[*column]));
                of.narrow(2, top, height).narrow(3, left, width)
            };
            part(&copy).copy_(&part(&other));
            copy
        };
        let copies = Tensor::cat(&copies.iter().map(changed).collect::<Vec<_>>(), 0);
        let wanted = network.forward(&copies).unwrap();
        let scale = wanted.abs().max().double_value(&[]);
        assert!(difference(&got, &wanted) <= 2e-6 * scale, "{} of {scale}", difference(&got, &wanted));
        let change = wanted.std(true).double_value(&[]);
        assert!(change > 1e-4 * scale, "the changes matter: {change} of {scale}");
    }

    #[test]
    fn logits_are_those_of_whole_passes() {
        let networks = [class_cnn(), odd(5), odd(3), resnet(&[1, 1], 4, 2), resnet(&[2, 1, 1], 3, 3)];
        for network in networks.into_iter().chain(imagenet_resnets(4)).map(as_if_trained) {
            same_as_whole_passes(&network, 96, 16, &[0, 8, 40, 80]);
            same_as_whole_passes(&network, 96, 20, &[0, 12, 84]);
            same_as_whole_passes(&network, 96, 1, &[0, 37, 95]);
            same_as_whole_passes(&network, 96, 95, &[0, 48]);
            same_as_whole_passes(&network, 50, 16, &[0, 8, 40]);
            same_as_whole_passes(&network, 72, 9, &[0, 30, 66]);
        }
    }

    /// Also with the 25 rows of a map, which are halved to 12 by windows that overlap.
    #[test]
    fn logits_of_densely_connected_networks_are_those_of_whole_passes() {
        for network in densenets(5).map(as_if_trained) {
            for (side, window, starts) in [(96, 16, [0, 8, 80]), (50, 16, [0, 8, 40]), (72, 20, [0, 30, 60])]
            {
                same_as_whole_passes(&network, side, window, &starts);
            }
        }
    }

    #[test]
    fn a_small_window_needs_a_small_part_of_the_work() {
        let starts: Vec<usize> = (0..=10).map(|index| 8 * index).collect();
        let full = Architecture::ClassCnn(ClassCnn::default());
        let network = Network::new(&full, Source::Seed(1), Device::Cpu).unwrap();
        let share = Places::new(&network.body, 96, 16, &starts).share();
        assert!(share < 0.1, "{share}");
        assert!(Places::new(&network.body, 96, 96, &[0]).share() == 1.0);
    }
}
