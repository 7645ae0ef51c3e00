//! Small pictures for pages: a patch, and a map that is laid over it.
//!
//! A map is a PNG of 256 colours whose opacity grows with the magnitude, so that a page can lay it over the patch and
//! change its strength. Knows no pages.

use anyhow::{Result, ensure};

use super::{colormap::Sign, smooth::magnitudes};

/// The share of a map's pixels that have a colour of their own: the largest 1% share the last one, because a single
/// bright pixel would otherwise hide the rest.
const SHOWN: f64 = 0.99;

/// A map as a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// A PNG with opacity.
    pub png: Vec<u8>,
    /// The magnitude that has full opacity; 0 for a map that is 0 everywhere.
    pub scale: f64,
}

/// Draws a map of `side` x `side` values, row-major. Values that are not finite stay transparent. Only for
/// [`Sign::Magnitude`], a map is smoothed.
///
/// # Errors
/// The map has not `side` x `side` values.
pub fn map_tile(map: &[f32], side: usize, sign: Sign) -> Result<Tile> {
    ensure!(map.len() == side * side, "a map of {} values is not {side} x {side} pixels", map.len());
    let smooth = (sign == Sign::Magnitude).then(|| magnitudes(map, side));
    let map = smooth.as_deref().unwrap_or(map);
    let scale = scale(map, sign);
    let pixels: Vec<u8> = map.iter().map(|value| level(f64::from(*value), scale)).collect();
    let levels = (0..=255_u8).map(|level| (f64::from(level) - 128.0) / 127.0);
    let (mut palette, mut opacity) = (Vec::with_capacity(768), Vec::with_capacity(256));
    for share in levels {
        palette.extend(sign.color(share).rgb);
        opacity.push((sign.opacity(share) * 255.0).round() as u8);
    }
    Ok(Tile { png: indexed(&pixels, side as u32, palette, opacity)?, scale })
}

/// The magnitude that [`SHOWN`] of the pixels do not exceed; the largest one if that is 0.
fn scale(map: &[f32], sign: Sign) -> f64 {
    let finite = map.iter().map(|value| f64::from(*value)).filter(|value| value.is_finite());
    let mut sizes: Vec<f64> = finite.map(|value| sign.magnitude(value)).collect();
    sizes.sort_by(f64::total_cmp);
    let last = sizes.len().saturating_sub(1);
    let at = |place: usize| sizes.get(place).copied().unwrap_or_default();
    match at((last as f64 * SHOWN).round() as usize) {
        0.0 => at(last),
        most => most,
    }
}

/// The place of a value in the palette; 128 is 0.
fn level(value: f64, scale: f64) -> u8 {
    if !value.is_finite() || scale == 0.0 {
        return 128;
    }
    (128.0 + (value / scale).clamp(-1.0, 1.0) * 127.0).round() as u8
}

fn indexed(pixels: &[u8], side: u32, palette: Vec<u8>, opacity: Vec<u8>) -> Result<Vec<u8>> {
    super::png::encode_as(pixels, side, side, |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette);
        encoder.set_trns(opacity);
    })
}

/// A patch as PNG: `side` x `side` pixels of red, green and blue.
///
/// # Errors
/// The patch has not as many bytes.
pub fn patch_tile(rgb: &[u8], side: usize) -> Result<Vec<u8>> {
    ensure!(rgb.len() == side * side * 3, "a patch of {} bytes is not {side} x {side} pixels", rgb.len());
    super::png::encode(rgb, side as u32, side as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(png: &[u8]) -> image::RgbaImage {
        image::load_from_memory(png).unwrap().into_rgba8()
    }

    #[test]
    fn opacity_grows_with_the_magnitude_and_nothing_is_transparent() {
        let tile = map_tile(&[0.0, 0.5, 1.0, f32::NAN], 2, Sign::Both).unwrap();
        let image = decoded(&tile.png);
        let alpha = |x, y| image.get_pixel(x, y)[3];
        assert_eq!((alpha(0, 0), alpha(1, 1)), (0, 0));
        assert!(0 < alpha(1, 0) && alpha(1, 0) < alpha(0, 1));
    }

    #[test]
    fn a_map_of_zeros_has_no_scale_and_no_colour() {
        let tile = map_tile(&[0.0; 4], 2, Sign::Positive).unwrap();
        assert_eq!(tile.scale, 0.0);
        assert!(decoded(&tile.png).pixels().all(|pixel| pixel[3] == 0));
    }

    #[test]
    fn one_bright_pixel_does_not_hide_the_rest() {
        let mut map = vec![1.0; 400];
        map[7] = 1000.0;
        assert_eq!(map_tile(&map, 20, Sign::Both).unwrap().scale, 1.0);
    }

    #[test]
    fn sizes_are_checked() {
        assert!(map_tile(&[0.0; 5], 2, Sign::Both).is_err() && patch_tile(&[0; 5], 1).is_err());
        assert_eq!(decoded(&patch_tile(&[1, 2, 3], 1).unwrap()).get_pixel(0, 0).0, [1, 2, 3, 255]);
    }
}
