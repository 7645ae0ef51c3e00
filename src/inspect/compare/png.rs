//! Two pictures, pixel by pixel.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::{Context, Result};
use png::{Decoder, Transformations};

use super::tally::Findings;

/// The first frame of a picture, in bytes.
struct Picture {
    size: [u32; 2],
    /// Bytes a pixel: grey or colours, and what shines through.
    channels: usize,
    bytes: Vec<u8>,
}

pub(super) fn compare(old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let (old, new) = (read(old)?, read(new)?);
    if (old.size, old.channels) != (new.size, new.channels) {
        let told = |one: &Picture| {
            let [width, height] = one.size;
            format!("{width} x {height} pixels of {} bytes", one.channels)
        };
        findings.otherwise(|| format!("it has {}, had {}", told(&new), told(&old)));
        return Ok(());
    }
    let (width, channels) = (old.size[0].max(1) as usize, old.channels.max(1));
    let pixels = old.bytes.chunks_exact(channels).zip(new.bytes.chunks_exact(channels));
    for (place, (old, new)) in pixels.enumerate() {
        let both = old.iter().zip(new).map(|(old, new)| (*old, *new));
        let (a, b) = both.max_by_key(|(old, new)| old.abs_diff(*new)).unwrap_or_default();
        let at = || format!("column {}, row {}", place % width, place / width);
        findings.number("pixels", a.into(), b.into(), at);
    }
    Ok(())
}

fn read(path: &Path) -> Result<Picture> {
    let mut decoder = Decoder::new(BufReader::new(File::open(path)?));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().context("it is no PNG")?;
    let mut bytes = vec![0; reader.output_buffer_size().context("it is too large a PNG")?];
    let frame = reader.next_frame(&mut bytes).context("it is a damaged PNG")?;
    bytes.truncate(frame.buffer_size());
    Ok(Picture { size: [frame.width, frame.height], channels: frame.color_type.samples(), bytes })
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
        assert_eq!(sizes.otherwise, ["it has 6 x 4 pixels of 3 bytes, had 5 x 4 pixels of 3 bytes"]);
    }
}
