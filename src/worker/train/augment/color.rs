//! Brightness, contrast, saturation and hue, by the formulas that torchvision has for float images.
//!
//! In float32 throughout, rounded to bytes once, at the end. Plain arithmetic: the same on every machine.

/// One change of the colours of a whole patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Adjustment {
    /// Blended with black: the factor of the patch's own part (`adjust_brightness`).
    Brightness(f32),
    /// Blended with the mean of its greys (`adjust_contrast`).
    Contrast(f32),
    /// Blended with its greys (`adjust_saturation`).
    Saturation(f32),
    /// Turned on the colour circle, which is 1 around (`adjust_hue`).
    Hue(f32),
}

/// Red, green and blue in [0, 1].
type Color = [f32; 3];

/// Changes a patch of red, green and blue bytes.
pub(super) fn apply(adjustments: &[Adjustment], patch: &mut [u8]) {
    if adjustments.is_empty() {
        return;
    }
    let (pixels, _) = patch.as_chunks_mut::<3>();
    let mut colors: Vec<Color> =
        pixels.iter().map(|pixel| pixel.map(|byte| f32::from(byte) / 255.0)).collect();
    adjustments.iter().for_each(|adjustment| adjust(*adjustment, &mut colors));
    for (pixel, color) in pixels.iter_mut().zip(colors) {
        *pixel = color.map(|value| (value * 255.0 + 0.5) as u8);
    }
}

fn adjust(adjustment: Adjustment, colors: &mut [Color]) {
    match adjustment {
        Adjustment::Brightness(factor) => each(colors, |color| blend(color, 0.0, factor)),
        Adjustment::Contrast(factor) => {
            let sum: f64 = colors.iter().map(|&color| f64::from(grey(color))).sum();
            let mean = (sum / colors.len().max(1) as f64) as f32;
            each(colors, |color| blend(color, mean, factor));
        }
        Adjustment::Saturation(factor) => each(colors, |color| blend(color, grey(color), factor)),
        Adjustment::Hue(shift) => each(colors, |color| turned(color, shift)),
    }
}

fn each(colors: &mut [Color], change: impl Fn(Color) -> Color) {
    colors.iter_mut().for_each(|color| *color = change(*color));
}

fn blend(color: Color, other: f32, factor: f32) -> Color {
    color.map(|value| (factor * value + (1.0 - factor) * other).clamp(0.0, 1.0))
}

fn grey([red, green, blue]: Color) -> f32 {
    0.2989 * red + 0.587 * green + 0.114 * blue
}

/// To hue, saturation and value; the hue shifted; and back.
fn turned([red, green, blue]: Color, shift: f32) -> Color {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let range = most - least;
    if range == 0.0 {
        return [red, green, blue]; // A grey has no hue.
    }
    let from = |value: f32| (most - value) / range;
    let sixths = if most == red {
        from(blue) - from(green)
    } else if most == green {
        2.0 + from(red) - from(blue)
    } else {
        4.0 + from(green) - from(red)
    };
    let hue = (sixths / 6.0 + 1.0 + shift).rem_euclid(1.0);
    from_hue(hue, range / most, most)
}

/// The colour of a hue in [0, 1], a saturation and a value.
fn from_hue(hue: f32, saturation: f32, value: f32) -> Color {
    let sector = (hue * 6.0).floor();
    let along = hue * 6.0 - sector;
    let low = value * (1.0 - saturation);
    let falling = value * (1.0 - saturation * along);
    let rising = value * (1.0 - saturation * (1.0 - along));
    let color = match sector as i32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    };
    color.map(|value| value.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch of all sorts of colours, with a grey beginning.
    fn patch() -> Vec<Color> {
        let color = |at: usize| {
            let (y, x) = (at / 96, at % 96);
            [0, 1, 2].map(|channel| ((y * 7 + x * 13 + channel * 50 + y * x) % 256) as f32 / 255.0)
        };
        (0..96 * 96).map(|at| if at < 32 { [0.5; 3] } else { color(at) }).collect()
    }

    struct Wanted {
        adjustments: Vec<Adjustment>,
        /// At (row, column) (0, 0), (3, 40), (50, 7) and (95, 95).
        colors: [Color; 4],
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

    /// Tolerance: some units in the last place of float32, of which hue makes the most.
    #[test]
    fn the_formulas_are_torchvisions() {
        for Wanted { adjustments, colors, mean } in wanted() {
            let mut got = patch();
            adjustments.iter().for_each(|adjustment| adjust(*adjustment, &mut got));
            for (at, wanted) in [0, 3 * 96 + 40, 50 * 96 + 7, 95 * 96 + 95].into_iter().zip(colors) {
                for (got, wanted) in got[at].iter().zip(wanted) {
                    assert!((got - wanted).abs() < 2e-6, "{adjustments:?} at {at}: {got} is not {wanted}");
                }
            }
            let sum: f64 = got.iter().flatten().map(|&value| f64::from(value)).sum();
            let off = (sum / (96.0 * 96.0 * 3.0) - mean).abs();
            assert!(off < 1e-6, "{adjustments:?}: the mean is off by {off}");
        }
    }

    #[test]
    fn bytes_are_rounded_once_and_what_changes_nothing_changes_nothing() {
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
