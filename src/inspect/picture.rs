//! The size of a picture.

use std::{io::Read, path::Path};

use anyhow::{Context, Result, ensure};

/// Width and height in pixels.
type Size = (Option<u32>, Option<u32>);

/// The size of a PNG, from its first chunk. A decoder would add a megabyte to the program.
///
/// # Errors
/// A file that cannot be read or is not a PNG.
pub(super) fn png(path: &Path) -> Result<Size> {
    let mut head = [0; 24];
    std::fs::File::open(path)?.read_exact(&mut head).context("it is too short for a PNG")?;
    ensure!(head.starts_with(b"\x89PNG\r\n\x1a\n") && &head[12..16] == b"IHDR", "it is not a PNG");
    let number = |at: usize| Some(head[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)));
    Ok((number(16), number(20)))
}

/// The size that an SVG declares, in pixels.
pub(super) fn svg(text: &str) -> Size {
    let head = text.find("<svg").and_then(|at| text[at..].split('>').next()).unwrap_or_default();
    let number = |name: &str| {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        let value = rest.split('"').next()?.trim_end_matches("px");
        value.parse::<f64>().ok().map(f64::round).and_then(|value| format!("{value}").parse().ok())
    };
    (number("width"), number("height"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_png_is_read() {
        let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
        image::RgbImage::new(640, 300).save(file.path()).unwrap();
        assert_eq!(png(file.path()).unwrap(), (Some(640), Some(300)));
        std::fs::write(file.path(), "a text that is longer than a header").unwrap();
        assert!(png(file.path()).is_err());
    }

    #[test]
    fn the_size_of_an_svg_is_read_if_it_has_one() {
        assert_eq!(
            svg("<?xml?>\n<svg xmlns=\"x\" width=\"640\" height=\"480.4px\"><a width=\"1\"/>"),
            (Some(640), Some(480))
        );
        assert_eq!(svg("<svg viewBox=\"0 0 1 1\">"), (None, None));
    }
}
