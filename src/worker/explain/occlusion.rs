//! Occlusion (Zeiler & Fergus 2014).
//!
//! A square window hides a part of the image in all channels, and the explained scalar is computed again. The value
//! of a pixel is the mean loss over the windows that cover it; it is positive if the pixel supports the score.
//! Windows begin at 0, s, 2s, ... along each axis. The last one is cropped at the border, so that every pixel is
//! covered.

use anyhow::{Result, ensure};
use pcamflow::{
    report::{FullColor, Sign},
    side::Side,
    stages::explain::Occlusion as Settings,
};
use tch::{Device, Kind, Tensor};

use super::{
    Display, Explainer, Maps, Query, numbers,
    passes::{ALONE, logits},
};
use crate::{
    baseline::Fill,
    model::{Classifier, Network, Places},
};

/// Recomputed copies at once, for each whole image that fits the caches.
const PATCHES: usize = 4;

pub(super) struct Occlusion {
    windows: Windows,
    fill: Fill,
    title: String,
}

impl Occlusion {
    /// # Errors
    /// The window is larger than the images.
    pub(super) fn new(settings: &Settings, fill: Fill, side: Side) -> Result<Self> {
        let Settings { window, stride, baseline } = settings;
        ensure!(
            *window as usize <= side.get(),
            "`window` is {window}, but the patches have only {side} pixels"
        );
        let title = format!("Occlusion, {window} x {window} every {stride}, {baseline}");
        let windows = Windows::new(side.get(), *window as usize, *stride as usize);
        Ok(Self { windows, fill, title })
    }

    /// The logit of each occluded copy of an image [1, 3, S, S], by recomputing what its window changes.
    fn by_recomputing(
        &self,
        network: &Network,
        places: &Places,
        image: &Tensor,
        at_once: usize,
    ) -> Result<Vec<f32>> {
        let copies = &self.windows.copies;
        let (whole, baseline) = (network.whole(image)?, self.fill.of(image));
        let mut all = Vec::with_capacity(copies.len());
        for copies in copies.chunks(at_once * PATCHES) {
            all.extend(numbers(&network.local(places, &whole, &baseline, copies)?)?);
        }
        Ok(all)
    }

    /// As `by_recomputing`, by a whole pass for each copy.
    fn by_whole_passes(&self, network: &dyn Classifier, image: &Tensor, at_once: usize) -> Result<Vec<f32>> {
        let last = |images: &Tensor| images.permute([0, 2, 3, 1]);
        let (image, baseline) = (last(image), last(&self.fill.of(image)));
        let mut all = Vec::with_capacity(self.windows.corners.len());
        for corners in self.windows.corners.chunks(at_once) {
            let hidden = self.windows.hidden(corners, image.device());
            let copies = baseline.where_self(&hidden, &image).permute([0, 3, 1, 2]);
            all.extend(logits(network, &copies, at_once)?);
        }
        Ok(all)
    }
}

impl Explainer for Occlusion {
    fn explain(&self, network: &dyn Classifier, query: &Query<'_>) -> Result<Maps> {
        let mut maps = Maps { logits: logits(network, query.images, ALONE)?, ..Maps::default() };
        let Windows { image, side, starts, .. } = &self.windows;
        let known = network.layers().and_then(|known| Some((known, known.places(*image, *side, starts)?)));
        for (index, scalar) in query.scalars(&maps.logits).enumerate() {
            let image = query.images.narrow(0, index as i64, 1);
            let whole = scalar.value(maps.logits[index]);
            let occluded = match &known {
                Some((network, places)) => self.by_recomputing(network, places, &image, query.at_once)?,
                None => self.by_whole_passes(network, &image, query.at_once)?,
            };
            let lost = occluded.into_iter().map(|logit| whole - scalar.value(logit));
            maps.map.extend(self.windows.means(lost));
        }
        Ok(maps)
    }

    fn passes(&self) -> usize {
        self.windows.corners.len()
    }

    fn display(&self) -> Display {
        Display { title: self.title.clone(), sign: Sign::Both, full: FullColor::Maximum }
    }
}

/// The places of the windows.
struct Windows {
    /// Rows and columns of the image.
    image: usize,
    side: usize,
    /// Their first rows, and columns.
    starts: Vec<usize>,
    /// Which start is the first row of a window, and which its first column; in row-major order.
    copies: Vec<[usize; 2]>,
    /// The first row and column of each window.
    corners: Vec<[usize; 2]>,
}

impl Windows {
    fn new(image: usize, side: usize, stride: usize) -> Self {
        let starts: Vec<usize> = (0..=(image - side).div_ceil(stride)).map(|index| index * stride).collect();
        let every = |row: usize| (0..starts.len()).map(move |column| [row, column]);
        let copies: Vec<[usize; 2]> = (0..starts.len()).flat_map(every).collect();
        let corners = copies.iter().map(|copy| copy.map(|start| starts[start])).collect();
        Self { image, side, starts, copies, corners }
    }

    /// The pixels that the windows at some corners hide: bool [corners, S, S, 1].
    fn hidden(&self, corners: &[[usize; 2]], device: Device) -> Tensor {
        let image = self.image as i64;
        let inside = |axis: usize, shape: [i64; 4]| {
            let starts: Vec<i64> = corners.iter().map(|corner| corner[axis] as i64).collect();
            let from_start = Tensor::arange(image, (Kind::Int64, device)).view([1, -1])
                - Tensor::from_slice(&starts).to_device(device).view([-1, 1]);
            from_start.ge(0).logical_and(&from_start.lt(self.side as i64)).view(shape)
        };
        inside(0, [-1, image, 1, 1]).logical_and(&inside(1, [-1, 1, image, 1]))
    }

    /// The mean value of the windows at each pixel, [S, S]. Sums are float64, in the order of the windows.
    fn means(&self, values: impl Iterator<Item = f64>) -> Vec<f32> {
        let mut sums = vec![(0.0, 0_u32); self.image * self.image];
        let span = |start: usize| start..(start + self.side).min(self.image);
        for (&[row, column], value) in self.corners.iter().zip(values) {
            for row in sums.chunks_exact_mut(self.image).skip(row).take(span(row).len()) {
                for (sum, windows) in &mut row[span(column)] {
                    *sum += value;
                    *windows += 1;
                }
            }
        }
        sums.into_iter().map(|(sum, windows)| (sum / f64::from(windows)) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 96;

    fn starts(window: usize, stride: usize) -> Vec<usize> {
        let windows = Windows::new(SIDE, window, stride);
        let first_row = windows.corners.iter().filter(|corner| corner[0] == 0);
        first_row.map(|corner| corner[1]).collect()
    }

    #[test]
    fn windows_begin_at_multiples_of_the_stride_and_cover_every_pixel() {
        assert_eq!(Windows::new(SIDE, 16, 8).corners.len(), 121);
        assert_eq!(starts(16, 8).last(), Some(&80));
        assert_eq!(starts(15, 8).last(), Some(&88));
        assert_eq!(starts(20, 12), [0, 12, 24, 36, 48, 60, 72, 84]);
        assert_eq!(starts(96, 5), [0]);
        assert_eq!(starts(1, 1).len(), 96);
        for side in 1..=96 {
            for stride in 1..=side {
                let starts = starts(side, stride);
                assert_eq!(starts.len(), (96 - side).div_ceil(stride) + 1);
                let last = starts[starts.len() - 1];
                assert!(last < 96 && last + side >= 96, "{side} {stride}: {last}");
            }
        }
    }

    #[test]
    fn each_window_hides_its_pixels_and_is_cropped_at_the_border() {
        let windows = Windows::new(SIDE, 20, 12);
        let hidden = windows.hidden(&[[0, 24], [84, 84]], Device::Cpu);
        assert_eq!(hidden.size(), [2, 96, 96, 1]);
        let count = |window: i64| hidden.select(0, window).sum(Kind::Int64).int64_value(&[]);
        assert_eq!((count(0), count(1)), (400, 144));
        let at = |row, column| hidden.int64_value(&[0, row, column, 0]);
        assert_eq!([at(0, 24), at(19, 43), at(20, 24), at(0, 23), at(0, 44)], [1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_pixel_has_the_mean_of_the_windows_over_it() {
        let windows = Windows::new(SIDE, 64, 32); // Two per axis.
        let map = windows.means([1.0, 2.0, 4.0, 8.0].into_iter());
        let at = |row: usize, column: usize| map[row * SIDE + column];
        assert_eq!([at(0, 0), at(0, 95), at(95, 0), at(95, 95)], [1.0, 2.0, 4.0, 8.0]);
        assert_eq!([at(0, 40), at(40, 0), at(40, 40)], [1.5, 2.5, 3.75]);
    }
}
