//! Decodes a picture to the bytes of a patch.

use std::io::Cursor;

use anyhow::{Context as _, Result, bail, ensure};
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::side::Side;

/// A decoded patch.
pub(super) struct Decoded {
    pub(super) side: Side,
    /// [S, S, 3]: red, green, blue.
    pub(super) rgb: Vec<u8>,
}

/// Decodes a picture. Grey becomes three equal channels; an alpha channel is left out if it is opaque everywhere. With a
/// side, others are refused before they are decoded.
///
/// # Errors
/// Why it cannot be a patch.
pub(super) fn decode(bytes: &[u8], expected: Option<Side>) -> Result<Decoded> {
    ensure!(!bytes.is_empty(), "is empty (0 bytes)");
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Tiff | ImageFormat::Bmp) => {}
        _ => bail!("is neither PNG nor JPEG, TIFF or BMP"),
    }
    let decoder = reader.into_decoder().context("is damaged")?;
    let side = side(decoder.dimensions(), expected)?;
    let color = decoder.color_type();
    match color {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {}
        _ => bail!("has {} bits per pixel, but 8 per channel are expected", color.bits_per_pixel()),
    }
    let image = DynamicImage::from_decoder(decoder).context("is damaged")?;
    ensure!(is_opaque(&image), "is transparent in some pixels");
    Ok(Decoded { side, rgb: image.into_rgb8().into_raw() })
}

fn side((width, height): (u32, u32), expected: Option<Side>) -> Result<Side> {
    if let Some(expected) = expected {
        let right = expected.get() as u64 == u64::from(width) && width == height;
        ensure!(right, "has {width} x {height} pixels, but {expected} are expected");
    }
    ensure!(width == height, "has {width} x {height} pixels, but a patch is square");
    let (least, most) = (Side::LEAST, Side::MOST);
    Side::new(width as usize)
        .with_context(|| format!("has {width} x {height} pixels, but a patch has {least} to {most} rows"))
}

fn is_opaque(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().all(|pixel| pixel.0[1] == u8::MAX),
        DynamicImage::ImageRgba8(image) => image.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, RgbaImage};

    use super::*;

    fn bytes(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn picture() -> RgbImage {
        RgbImage::from_fn(50, 50, |x, y| Rgb([x as u8, y as u8, (x * y % 251) as u8]))
    }

    fn wrong(bytes: &[u8]) -> String {
        format!("{:#}", decode(bytes, Side::new(50)).err().unwrap())
    }

    #[test]
    fn lossless_formats_keep_every_byte() {
        for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Bmp] {
            let it = decode(&bytes(picture(), format), None).unwrap();
            assert_eq!((it.side.get(), it.rgb), (50, picture().into_raw()), "{format:?}");
        }
        let jpeg = decode(&bytes(RgbImage::from_pixel(50, 50, Rgb([200, 100, 50])), ImageFormat::Jpeg), None)
            .unwrap();
        assert!(jpeg.rgb.chunks(3).all(|pixel| pixel[0].abs_diff(200) < 4 && pixel[2].abs_diff(50) < 4));
    }

    #[test]
    fn grey_and_opaque_pictures_become_rgb_and_others_are_refused() {
        let grey = decode(&bytes(GrayImage::from_pixel(50, 50, Luma([7])), ImageFormat::Png), None).unwrap();
        assert_eq!(grey.rgb, [7; 7500]);
        let rgba = |alpha| RgbaImage::from_pixel(50, 50, image::Rgba([1, 2, 3, alpha]));
        assert_eq!(decode(&bytes(rgba(255), ImageFormat::Png), None).unwrap().rgb[..4], [1, 2, 3, 1]);
        assert_eq!(wrong(&bytes(rgba(254), ImageFormat::Png)), "is transparent in some pixels");
        let deep: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::new(50, 50);
        assert!(wrong(&bytes(deep, ImageFormat::Png)).starts_with("has 16 bits per pixel"));
    }

    #[test]
    fn odd_and_damaged_pictures_say_what_is_wrong() {
        let png = bytes(picture(), ImageFormat::Png);
        assert!(wrong(&png[..png.len() / 2]).starts_with("is damaged"));
        assert_eq!(wrong(b"GIF89a, or a text"), "is neither PNG nor JPEG, TIFF or BMP");
        assert_eq!(wrong(b""), "is empty (0 bytes)");
        let wide = bytes(RgbImage::new(50, 49), ImageFormat::Bmp);
        assert_eq!(wrong(&wide), "has 50 x 49 pixels, but 50 x 50 are expected");
        let small =
            format!("{:#}", decode(&bytes(RgbImage::new(20, 20), ImageFormat::Bmp), None).err().unwrap());
        assert_eq!(small, "has 20 x 20 pixels, but a patch has 32 to 512 rows");
    }
}
