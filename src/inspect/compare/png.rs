//! Two pictures, pixel by pixel.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::{Context, Result};
use image::{DynamicImage, codecs::png::PngDecoder};

use super::tally::Findings;

pub(super) fn compare(old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let read = |path| -> Result<image::RgbaImage> {
        let decoder = PngDecoder::new(BufReader::new(File::open(path)?)).context("it is no PNG")?;
        Ok(DynamicImage::from_decoder(decoder).context("it is a damaged PNG")?.into_rgba8())
    };
    let (old, new) = (read(old)?, read(new)?);
    if old.dimensions() != new.dimensions() {
        let told = |(width, height): (u32, u32)| format!("{width} x {height} pixels");
        findings.otherwise(|| format!("it has {}, had {}", told(new.dimensions()), told(old.dimensions())));
        return Ok(());
    }
    let width = old.width().max(1) as usize;
    for (place, (old, new)) in old.pixels().zip(new.pixels()).enumerate() {
        let apart =
            old.0.iter().zip(new.0).map(|(old, new)| (*old, new)).max_by_key(|(old, new)| old.abs_diff(*new));
        let (a, b) = apart.unwrap_or_default();
        findings.number("pixels", a.into(), b.into(), || {
            format!("column {}, row {}", place % width, place / width)
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::contents;

    fn png(changed: Option<(u32, u32)>, width: u32) -> Vec<u8> {
        let mut picture = image::RgbImage::new(width, 4);
        if let Some((x, y)) = changed {
            picture.put_pixel(x, y, image::Rgb([0, 9, 3]));
        }
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn pixels_that_differ_are_counted_by_their_channel_that_differs_most() {
        let compared = contents(&png(None, 5), &png(Some((3, 1)), 5), "a.png").unwrap();
        let part = &compared.parts[0];
        assert_eq!((part.elements, part.different, part.absolute), (20, 1, 9.0));
        assert_eq!(part.at, "column 3, row 1");
        let sizes = contents(&png(None, 5), &png(None, 6), "a.png").unwrap();
        assert_eq!(sizes.otherwise, ["it has 6 x 4 pixels, had 5 x 4 pixels"]);
    }
}
