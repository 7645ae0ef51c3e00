//! A map over its patch: colour for the map, grey for the tissue.

use std::borrow::Cow;

use anyhow::{Context as _, Result, ensure};
use imgref::ImgVec;

use super::{colormap::Sign, numbers::short, smooth::magnitudes};
use crate::{metrics::MapRange, side::Side};

/// A map over the greyscale patch, and its scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// As many pixels as the patch: red, green, blue.
    pub pixels: ImgVec<[u8; 3]>,
    /// The value of the strongest colour, or why no map is shown.
    pub scale: String,
}

/// Draws a map [S, S] over a patch [S, S, 3] (both row-major). Each map has its own scale; `full` says
/// where it ends.
///
/// A map that is 0, constant, or not finite somewhere has no scale: the bare patch is shown, and the text
/// says why.
///
/// # Errors
/// The patch is not square, or the map has another size.
pub fn overlay(rgb: &[u8], map: &[f32], sign: Sign, full: FullColor) -> Result<Overlay> {
    overlay_up_to(rgb, map, sign, full, None)
}

/// The same; the strongest colour is that of `shared`, if it is given, instead of the map's own limit.
pub(super) fn overlay_up_to(
    rgb: &[u8],
    map: &[f32],
    sign: Sign,
    full: FullColor,
    shared: Option<f64>,
) -> Result<Overlay> {
    let grey = grey(&patch(rgb)?);
    let (side, values) = (grey.width(), map.len());
    ensure!(values == side * side, "a map of {values} values is not {side} x {side} pixels like its patch");
    Ok(match shown(map, sign) {
        Err(reason) => Overlay { pixels: grey, scale: reason },
        Ok((map, maximum)) => {
            let limit = full.limit(&map, sign, maximum);
            let pixels = blend(&grey, &map, sign, shared.unwrap_or(limit));
            Overlay { pixels, scale: full.scale(sign, maximum, limit) }
        }
    })
}

/// The largest of the limits of some maps; `None` if none of them has a scale.
pub(super) fn shared_limit<'a>(
    maps: impl Iterator<Item = &'a [f32]>,
    sign: Sign,
    full: FullColor,
) -> Option<f64> {
    let limits = maps.filter_map(|map| shown(map, sign).ok().map(|(map, most)| full.limit(&map, sign, most)));
    limits.reduce(f64::max)
}

/// A map as it is shown, with its largest magnitude, or why there is nothing to colour.
fn shown(map: &[f32], sign: Sign) -> Result<(Cow<'_, [f32]>, f64), String> {
    let maximum = maximum(map, sign)?;
    let side = Side::of_square(map.len()).filter(|_| sign == Sign::Magnitude);
    let Some(side) = side else { return Ok((map.into(), maximum)) };
    let smooth = magnitudes(map, side.get());
    let maximum = smooth.iter().copied().fold(0.0, f32::max);
    Ok((smooth.into(), maximum.into()))
}

/// Which value of a map has the strongest colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullColor {
    /// Its largest magnitude: for smooth maps.
    Maximum,
    /// The 99th percentile of its magnitudes: for maps with a few pixels so large that nothing else would be
    /// seen.
    Percentile99,
}

impl FullColor {
    fn limit(self, map: &[f32], sign: Sign, maximum: f64) -> f64 {
        match self {
            Self::Maximum => maximum,
            Self::Percentile99 => {
                let mut values: Vec<f64> = map.iter().map(|&value| sign.magnitude(value.into())).collect();
                values.sort_by(f64::total_cmp);
                let limit = values[values.len() * 99 / 100];
                // It is 0 if fewer than a hundredth of the pixels have a value.
                if limit > 0.0 { limit } else { maximum }
            }
        }
    }

    fn scale(self, sign: Sign, maximum: f64, limit: f64) -> String {
        let prefix = if sign == Sign::Both { "±" } else { "" };
        let maximum = short(maximum);
        match self {
            Self::Maximum => format!("max {prefix}{maximum}"),
            Self::Percentile99 => format!("99 % below {prefix}{}, max {maximum}", short(limit)),
        }
    }

    /// The unit of the colour bar.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Maximum => "in units of the map's maximum",
            Self::Percentile99 => "in units of the map's 99th percentile",
        }
    }
}

/// The bytes of a patch as an image.
pub(super) fn patch(rgb: &[u8]) -> Result<ImgVec<[u8; 3]>> {
    let (pixels, rest) = rgb.as_chunks();
    let side = Side::of_square(pixels.len()).filter(|_| rest.is_empty());
    let side = side.with_context(|| format!("{} bytes are not a square patch", rgb.len()))?;
    Ok(ImgVec::new(pixels.to_vec(), side.get(), side.get()))
}

/// The largest magnitude of a map, or why there is nothing to colour.
fn maximum(map: &[f32], sign: Sign) -> Result<f64, String> {
    match (MapRange::of(map), sign) {
        (MapRange::Zero, _) => Err("map is 0 everywhere".to_owned()),
        (MapRange::Constant(value), _) => Err(format!("map is {} everywhere", short(value.into()))),
        (MapRange::NotFinite(1), _) => Err("map has a pixel that is no number".to_owned()),
        (MapRange::NotFinite(count), _) => Err(format!("map has {count} pixels that are no numbers")),
        (MapRange::Varied { high, .. }, Sign::Positive) if high <= 0.0 => {
            Err("map is never above 0".to_owned())
        }
        (MapRange::Varied { high, .. }, Sign::Positive) => Ok(high.into()),
        (MapRange::Varied { low, high }, Sign::Both | Sign::Magnitude) => {
            Ok(low.abs().max(high.abs()).into())
        }
    }
}

/// Rec. 601 luma, moved a little towards white: evidence is dark in H&E, and colours need a pale background.
fn grey(patch: &ImgVec<[u8; 3]>) -> ImgVec<[u8; 3]> {
    let pixels = patch.pixels().map(|pixel| {
        let [red, green, blue] = pixel.map(f64::from);
        let luma: f64 = 0.299 * red + 0.587 * green + 0.114 * blue;
        [(40.0 + luma * 215.0 / 255.0).round() as u8; 3]
    });
    ImgVec::new(pixels.collect(), patch.width(), patch.height())
}

fn blend(grey: &ImgVec<[u8; 3]>, map: &[f32], sign: Sign, limit: f64) -> ImgVec<[u8; 3]> {
    let pixels = grey.pixels().zip(map).map(|(ground, &value)| {
        let value = f64::from(value) / limit;
        let (opacity, color) = (sign.opacity(value), sign.color(value));
        let mixed = |ground: u8, ink: u8| f64::from(ground) * (1.0 - opacity) + f64::from(ink) * opacity;
        [0, 1, 2].map(|channel| mixed(ground[channel], color.rgb[channel]).round() as u8)
    });
    ImgVec::new(pixels.collect(), grey.width(), grey.height())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: usize = Side::PCAM.pixels();

    fn scale(map: Vec<f32>, sign: Sign) -> String {
        overlay(&[128; 3 * PIXELS], &map, sign, FullColor::Maximum).unwrap().scale
    }

    fn with(value: f32) -> Vec<f32> {
        let mut map = vec![0.0; PIXELS];
        map[5] = value;
        map
    }

    #[test]
    fn says_what_the_strongest_colour_means() {
        assert_eq!(scale(with(0.0123), Sign::Positive), "max 0.0123");
        assert_eq!(scale(with(-2.5), Sign::Both), "max ±2.50");
    }

    #[test]
    fn a_percentile_leaves_room_for_the_many() {
        let map: Vec<f32> =
            (0..PIXELS).map(|pixel| if pixel < 9 { 50.0 } else { pixel as f32 / 9216.0 }).collect();
        let it = overlay(&[128; 3 * PIXELS], &map, Sign::Positive, FullColor::Percentile99).unwrap();
        assert_eq!(it.scale, "99 % below 0.991, max 50.0");
        // Where only a few pixels have a value, the largest of them is full colour.
        let it = overlay(&[128; 3 * PIXELS], &with(2.0), Sign::Both, FullColor::Percentile99).unwrap();
        assert_eq!(it.scale, "99 % below ±2.00, max 2.00");
    }

    #[test]
    fn maps_that_share_a_scale_are_as_strong_as_their_values() {
        let rgb = [128; 3 * PIXELS];
        let (weak, strong) = (with(0.5), with(2.0));
        let limit = shared_limit([&weak[..], &strong[..]].into_iter(), Sign::Positive, FullColor::Maximum);
        assert_eq!(limit, Some(2.0));
        let draw = |map: &[f32], limit| {
            let it = overlay_up_to(&rgb, map, Sign::Positive, FullColor::Maximum, limit).unwrap();
            it.pixels[(5_u32, 0_u32)]
        };
        assert_eq!(draw(&weak, None), draw(&strong, None));
        assert_ne!(draw(&weak, limit), draw(&strong, limit));
        assert_eq!(shared_limit([&[0.0; PIXELS][..]].into_iter(), Sign::Both, FullColor::Maximum), None);
    }

    #[test]
    fn magnitudes_are_smooth_and_have_no_sign() {
        let rgb = [128; 3 * PIXELS];
        let map: Vec<f32> = (0..PIXELS).map(|at| if at % 3 == 0 { -1.0 } else { 0.2 }).collect();
        let draw = |map: &[f32]| overlay(&rgb, map, Sign::Magnitude, FullColor::Maximum).unwrap();
        let opposite: Vec<f32> = map.iter().map(|value| -value).collect();
        assert_eq!(draw(&map), draw(&opposite));
        let many = draw(&with(-1.0)).pixels.pixels().filter(|pixel| pixel[0] != pixel[1]).count();
        assert!(many > 12, "a single pixel is seen: {many}");
        assert_eq!(draw(&vec![0.0; PIXELS]).scale, "map is 0 everywhere");
    }

    #[test]
    fn says_why_there_is_no_map() {
        assert_eq!(scale(vec![0.0; PIXELS], Sign::Positive), "map is 0 everywhere");
        assert_eq!(scale(vec![-3.0; PIXELS], Sign::Both), "map is -3.00 everywhere");
        assert_eq!(scale(with(-1.0), Sign::Positive), "map is never above 0");
        assert_eq!(scale(with(f32::NAN), Sign::Both), "map has a pixel that is no number");
    }

    #[test]
    fn leaves_the_tissue_where_there_is_no_evidence() {
        let bare = overlay(&[128; 3 * PIXELS], &vec![0.0; PIXELS], Sign::Positive, FullColor::Maximum)
            .unwrap()
            .pixels;
        let with =
            overlay(&[128; 3 * PIXELS], &with(1.0), Sign::Positive, FullColor::Maximum).unwrap().pixels;
        let changed = bare.pixels().zip(with.pixels()).filter(|(a, b)| a != b).count();
        assert_eq!(changed, 1);
        assert_ne!(bare[(5_u32, 0_u32)], with[(5_u32, 0_u32)]);
    }

    #[test]
    fn refuses_other_sizes() {
        let error =
            overlay(&[0; 12], &[0.0; PIXELS], Sign::Both, FullColor::Maximum).unwrap_err().to_string();
        assert_eq!(error, "12 bytes are not a square patch");
        let error = overlay(&[0; 3 * PIXELS], &[0.0; 4], Sign::Both, FullColor::Maximum).unwrap_err();
        assert_eq!(error.to_string(), "a map of 4 values is not 96 x 96 pixels like its patch");
    }

    #[test]
    fn patches_of_other_sides_are_drawn() {
        let (rgb, map) = (vec![128; 3 * 50 * 50], (0..2500).map(|at| at as f32).collect::<Vec<_>>());
        let it = overlay(&rgb, &map, Sign::Magnitude, FullColor::Maximum).unwrap();
        assert_eq!((it.pixels.width(), it.pixels.height()), (50, 50));
    }
}
