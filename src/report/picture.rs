//! A finished picture, to be written as PNG and SVG.

use anyhow::Result;

use super::{legend::heading, png::png, scene::Scene, svg::svg};

/// One picture. Its files contain no time stamps and no machine names: the same picture gives the same bytes.
#[derive(Debug, Clone)]
pub struct Picture(pub(super) Scene);

impl Picture {
    /// A heading and a line below it, for an artifact that has nothing to draw.
    #[must_use]
    pub fn of_words(title: &str, line: &str) -> Self {
        let mut scene = Scene::new(940.0, 76.0);
        heading(&mut scene, title, line);
        Self(scene)
    }

    /// For screens: a PNG with two pixels per logical pixel.
    ///
    /// # Errors
    /// The picture is too large to be drawn.
    pub fn png(&self) -> Result<Vec<u8>> {
        png(&self.0)
    }

    /// For papers: an SVG with lines as lines and text as text.
    ///
    /// # Errors
    /// An embedded image cannot be encoded.
    pub fn svg(&self) -> Result<String> {
        svg(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::report::{confusion_matrix, fixture, roc_curve};

    #[test]
    fn the_same_numbers_are_the_same_bytes() {
        let draw = || {
            let predictions = fixture::predictions(300);
            let evaluation = fixture::evaluation_of(&predictions);
            [confusion_matrix(&evaluation), roc_curve(&predictions, &evaluation)]
                .map(|picture| (picture.png().unwrap(), picture.svg().unwrap()))
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_png_holds_pixels_and_nothing_else() {
        let png = confusion_matrix(&fixture::evaluation(50)).png().unwrap();
        let mut chunks = Vec::new();
        let mut at = 8;
        while at < png.len() {
            let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
            chunks.push(String::from_utf8(png[at + 4..at + 8].to_vec()).unwrap());
            at += 12 + length;
        }
        chunks.dedup();
        assert_eq!(chunks, ["IHDR", "IDAT", "IEND"]);
    }
}
