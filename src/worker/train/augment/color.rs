//! Brightness, contrast, saturation and hue, by torchvision's formulas for float images.
//!
//! Computed in float32 and rounded to bytes once, at the end. The results are the same on every machine.

/// One change of the colours of a whole patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Adjustment {
    /// Blends with black (`adjust_brightness`). The factor is the weight of the patch.
    Brightness(f32),
    /// Blends with the mean grey (`adjust_contrast`).
    Contrast(f32),
    /// Blends with the greys of the pixels (`adjust_saturation`).
    Saturation(f32),
    /// Shifts the hue (`adjust_hue`); 1 is the whole circle.
    Hue(f32),
}

/// Red, green and blue in [0, 1].
type Color = [f32; 3];

/// Red, green and blue in separate arrays, so that the compiler can vectorise.
struct Planes([Vec<f32>; 3]);

/// Changes a patch of red, green and blue bytes.
pub(super) fn apply(adjustments: &[Adjustment], patch: &mut [u8]) {
    if adjustments.is_empty() {
        return;
    }
    let mut planes = Planes::read(patch);
    adjustments.iter().for_each(|adjustment| planes.adjust(*adjustment));
    planes.write(patch);
}

impl Planes {
    fn read(patch: &[u8]) -> Self {
        let (pixels, _) = patch.as_chunks::<3>();
        let plane = |channel: usize| pixels.iter().map(|pixel| f32::from(pixel[channel]) / 255.0).collect();
        Self([plane(0), plane(1), plane(2)])
    }

    fn write(&self, patch: &mut [u8]) {
        let (pixels, _) = patch.as_chunks_mut::<3>();
        for (channel, plane) in self.0.iter().enumerate() {
            for (pixel, value) in pixels.iter_mut().zip(plane) {
                pixel[channel] = (value * 255.0 + 0.5) as u8;
            }
        }
    }

    fn adjust(&mut self, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Brightness(factor) => self.each(|color| blend(color, 0.0, factor)),
            Adjustment::Contrast(factor) => {
                let mean = self.mean_grey();
                self.each(|color| blend(color, mean, factor));
            }
            Adjustment::Saturation(factor) => self.each(|color| blend(color, grey(color), factor)),
            Adjustment::Hue(shift) => self.each(|color| turned(color, shift)),
        }
    }

    fn mean_grey(&self) -> f32 {
        let [red, green, blue] = &self.0;
        let colors = red.iter().zip(green).zip(blue);
        let sum: f64 = colors.map(|((&red, &green), &blue)| f64::from(grey([red, green, blue]))).sum();
        (sum / red.len().max(1) as f64) as f32
    }

    fn each(&mut self, change: impl Fn(Color) -> Color) {
        let [red, green, blue] = &mut self.0;
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            [*red, *green, *blue] = change([*red, *green, *blue]);
        }
    }
}

fn blend(color: Color, other: f32, factor: f32) -> Color {
    color.map(|value| smaller(1.0, larger(0.0, factor * value + (1.0 - factor) * other)))
}

fn grey([red, green, blue]: Color) -> f32 {
    0.2989 * red + 0.587 * green + 0.114 * blue
}

/// Shifts the hue. Hues are in sixths of the circle.
///
/// There are no branches, and the range (saturation times value) is used as it is. Up to rounding the result is
/// torchvision's, in 0.03 ms per patch instead of 1 ms.
fn turned([red, green, blue]: Color, shift: f32) -> Color {
    let (most, least) = (larger(red, larger(green, blue)), smaller(red, smaller(green, blue)));
    let range = most - least;
    let divisor = if range == 0.0 { 1.0 } else { range }; // A grey has no hue.
    // Computing all three needs no branch.
    let if_red = (green - blue) / divisor;
    let if_green = 2.0 + (blue - red) / divisor;
    let if_blue = 4.0 + (red - green) / divisor;
    let if_not_red = if most == green { if_green } else { if_blue };
    let sixths = if most == red { if_red } else { if_not_red };
    let hue = around(sixths + 6.0 * shift);
    // A channel as a function of the hue is a trapezoid, shifted for each channel.
    let channel = |offset: f32| {
        let at = around(hue + offset);
        most - range * larger(0.0, smaller(1.0, smaller(at, 4.0 - at)))
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// Wraps a hue that is at most one circle off.
fn around(hue: f32) -> f32 {
    let hue = if hue < 0.0 { hue + 6.0 } else { hue };
    if hue >= 6.0 { hue - 6.0 } else { hue }
}

/// One instruction, unlike `f32::max`. Nothing here is NaN.
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// One instruction, unlike `f32::min`.
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch of many colours. Its first pixels are grey.
    fn patch() -> Planes {
        let value = |at: usize, channel: usize| {
            let (y, x) = (at / 96, at % 96);
            ((y * 7 + x * 13 + channel * 50 + y * x) % 256) as f32 / 255.0
        };
        let plane = |channel| (0..96 * 96).map(|at| if at < 32 { 0.5 } else { value(at, channel) }).collect();
        Planes([0, 1, 2].map(plane))
    }

    struct Wanted {
        adjustments: Vec<Adjustment>,
        /// At (row, column) (0, 0), (3, 40), (50, 7) and (95, 95).
        colors: [[f64; 3]; 4],
        mean: f64,
    }

    /// The numbers are torchvision 0.26's, on PyTorch 2.11, printed by
    /// ```python
    /// import torch; from torchvision.transforms import functional as F
    /// y, x, c = torch.meshgrid(torch.arange(96), torch.arange(96), torch.arange(3), indexing="ij")
    /// patch = ((y * 7 + x * 13 + c * 50 + y * x) % 256).to(torch.float32).permute(2, 0, 1) / 255
    /// patch[:, 0, :32] = 0.5
    /// def show(p):
    ///     print([p[:, a, b].tolist() for a, b in [(0, 0), (3, 40), (50, 7), (95, 95)]], p.double().mean().item())
    /// show(F.adjust_brightness(patch, 1.3)); show(F.adjust_contrast(patch, 0.6))
    /// show(F.adjust_saturation(patch, 1.4))
    /// show(F.adjust_hue(patch, -0.1)); show(F.adjust_hue(patch, 0.35))
    /// p = F.adjust_contrast(F.adjust_brightness(patch, 0.8), 1.2)
    /// show(F.adjust_hue(F.adjust_saturation(p, 0.7), 0.05))
    /// ```
    fn wanted() -> Vec<Wanted> {
        use Adjustment::{Brightness, Contrast, Hue, Saturation};
        let wanted = |adjustments: &[Adjustment], mean, colors| {
            let adjustments = adjustments.to_vec();
            Wanted { adjustments, colors, mean }
        };
        vec![
            wanted(
                &[Brightness(1.3)],
                0.6163300647181637,
                [
                    [0.65, 0.65, 0.65],
                    [0.759_607_85, 1.0, 1.0],
                    [0.117_254_9, 0.372_156_86, 0.627_058_8],
                    [0.881_960_75, 1.0, 0.086_666_666],
                ],
            ),
            wanted(
                &[Contrast(0.6)],
                0.5014815720070921,
                [
                    [0.500_795_3, 0.500_795_3, 0.500_795_3],
                    [0.551_383_55, 0.669_030_6, 0.786_677_66],
                    [0.254_912_9, 0.372_559_99, 0.490_207_08],
                    [0.607_854_13, 0.725_501_2, 0.240_795_28],
                ],
            ),
            wanted(
                &[Saturation(1.4)],
                0.504230213066438,
                [
                    [0.500_019_97, 0.500_019_97, 0.500_019_97],
                    [0.520_415_54, 0.794_925_27, 1.0],
                    [0.026_278_108, 0.300_787_93, 0.575_297_7],
                    [0.660_315_75, 0.934_825_54, 0.0],
                ],
            ),
            wanted(
                &[Hue(-0.1)],
                0.5577211255618683,
                [
                    [0.5, 0.5, 0.5],
                    [0.584_313_7, 0.976_470_6, 0.937_254_8],
                    [0.090_196_08, 0.482_352_94, 0.443_137_1],
                    [0.874_509_8, 0.585_882_13, 0.066_666_685],
                ],
            ),
            wanted(
                &[Hue(0.35)],
                0.4827137715361392,
                [
                    [0.5, 0.5, 0.5],
                    [0.976_470_6, 0.584_313_7, 0.741_176_7],
                    [0.482_352_94, 0.090_196_08, 0.247_059_05],
                    [0.066_666_685, 0.597_647_13, 0.874_509_8],
                ],
            ),
            wanted(
                &[Brightness(0.8), Contrast(1.2), Saturation(0.7), Hue(0.05)],
                0.3729606058381318,
                [
                    [0.399_669_9, 0.399_669_9, 0.399_669_9],
                    [0.526_632_2, 0.579_338_2, 0.790_161_6],
                    [0.052_293_476, 0.104_999_44, 0.315_822_9],
                    [0.425_145_3, 0.716_344_4, 0.184_896_54],
                ],
            ),
        ]
    }

    /// Tolerance: some units in the last place of float32, most of them from the hue.
    #[test]
    fn the_formulas_are_torchvisions() {
        for Wanted { adjustments, colors, mean } in wanted() {
            let mut got = patch();
            adjustments.iter().for_each(|adjustment| got.adjust(*adjustment));
            for (at, wanted) in [0, 3 * 96 + 40, 50 * 96 + 7, 95 * 96 + 95].into_iter().zip(colors) {
                for (plane, wanted) in got.0.iter().zip(wanted) {
                    let got = f64::from(plane[at]);
                    assert!((got - wanted).abs() < 2e-6, "{adjustments:?} at {at}: {got} is not {wanted}");
                }
            }
            let sum: f64 = got.0.iter().flatten().map(|&value| f64::from(value)).sum();
            let off = (sum / (96.0 * 96.0 * 3.0) - mean).abs();
            assert!(off < 1e-6, "{adjustments:?}: the mean is off by {off}");
        }
    }

    #[test]
    fn bytes_are_rounded_once_and_neutral_factors_change_nothing() {
        let bytes: Vec<u8> = (0..96 * 96 * 3).map(|at| (at * 7 % 256) as u8).collect();
        for same in [Adjustment::Brightness(1.0), Adjustment::Contrast(1.0), Adjustment::Hue(0.0)] {
            let mut patch = bytes.clone();
            apply(&[same], &mut patch);
            assert_eq!(patch, bytes, "{same:?}");
        }
        let mut patch = vec![100, 3, 255];
        apply(&[Adjustment::Brightness(0.5), Adjustment::Brightness(1.5)], &mut patch);
        assert_eq!(patch, [75, 2, 191]);
    }
}
