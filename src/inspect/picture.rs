//! The size of a picture.

use std::path::Path;

use anyhow::{Context, Result};

/// Width and height in pixels.
type Size = (Option<u32>, Option<u32>);

/// The size of a PNG.
///
/// # Errors
/// A file that cannot be read or is no PNG.
pub(super) fn png(path: &Path) -> Result<Size> {
    let mut reader = image::ImageReader::new(std::io::BufReader::new(std::fs::File::open(path)?));
    reader.set_format(image::ImageFormat::Png);
    let (width, height) = reader.into_dimensions().context("it is no PNG")?;
    Ok((Some(width), Some(height)))
}

/// The size that an SVG says it has, in pixels.
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
    fn an_svg_says_its_size_or_does_not() {
        assert_eq!(
            svg("<?xml?>\n<svg xmlns=\"x\" width=\"640\" height=\"480.4px\"><a width=\"1\"/>"),
            (Some(640), Some(480))
        );
        assert_eq!(svg("<svg viewBox=\"0 0 1 1\">"), (None, None));
    }
}
