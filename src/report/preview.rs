//! A grid of patches, with their labels and what the meta table says about them.

use anyhow::{Context, Result};

use super::{
    Picture,
    boxed::{boxed, color_of, entries, outlined, truth},
    color::{MUTED, VERMILION},
    font,
    legend::{Entry, MARGIN, fitted_heading, legend},
    overlay::patch,
    scene::{Align, Point, Rect, Scene, TextStyle},
};

/// Side of a shown patch in logical pixels: in the PNG every pixel of a patch of PatchCamelyon is 3 x 3.
const SIDE: f64 = 144.0;
const BETWEEN: f64 = 14.0;
/// The height of titles and legend.
const HEADER: f64 = 104.0;
/// The least width, which the legend needs.
const NARROWEST: f64 = 500.0;
const LINE: f64 = 13.5;

const NAME: TextStyle = TextStyle::new(11.5).bold();
const FACT: TextStyle = TextStyle::new(10.5).color(MUTED);

/// One patch and what is known about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample<'a> {
    /// The patch, [S, S, 3].
    pub rgb: &'a [u8],
    /// Its tumour mask, [S, S]; not 0 is tumour.
    pub mask: Option<&'a [u8]>,
    /// Whether it is of class 1.
    pub positive: bool,
    /// Its row in the source.
    pub row: i64,
    /// Its slide.
    pub slide: Option<&'a str>,
    /// Its x and y on the slide.
    pub position: Option<[&'a str; 2]>,
    /// Whether it contains tumour, according to the meta table.
    pub tumor_patch: Option<bool>,
    /// Whether its centre contains tumour, according to the meta table. The label should say the same.
    pub center_tumor_patch: Option<bool>,
}

/// The texts and the layout of a grid.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The heading.
    pub title: &'a str,
    /// The line below it.
    pub subtitle: &'a str,
    /// The names of the classes 0 and 1.
    pub classes: &'a [String; 2],
    /// Patches side by side.
    pub columns: usize,
    /// The side of the centre box that labels describe; `None` if they describe whole patches.
    pub centre_box: Option<usize>,
}

/// Draws a grid, row by row. The frame on every patch is around what its label describes.
///
/// # Errors
/// A patch is not square; the message names the row.
pub fn preview(samples: &[Sample<'_>], grid: &Grid<'_>) -> Result<Picture> {
    let columns = grid.columns.max(1);
    let known = Known::of(samples);
    let step = (SIDE + BETWEEN, SIDE + known.height() + BETWEEN);
    let wide = columns as f64 * step.0 - BETWEEN;
    let width = (wide + 2.0 * MARGIN).max(NARROWEST);
    let rows = samples.len().div_ceil(columns) as f64;
    let mut scene = Scene::new(width, HEADER + rows * step.1 - BETWEEN + MARGIN);
    header(&mut scene, grid, truth(samples.iter().map(|sample| sample.mask)));
    for (index, sample) in samples.iter().enumerate() {
        let (column, row) = ((index % columns) as f64, (index / columns) as f64);
        let corner = ((width - wide) / 2.0 + column * step.0, HEADER + row * step.1);
        draw(&mut scene, corner, sample, grid)
            .with_context(|| format!("row {} cannot be shown", sample.row))?;
        caption(&mut scene, (corner.0, corner.1 + SIDE), sample, grid, known);
    }
    Ok(Picture(scene))
}

/// What is known about at least one patch: all captions of a grid have the same lines.
#[derive(Debug, Clone, Copy)]
struct Known {
    slides: bool,
    positions: bool,
    flags: bool,
}

impl Known {
    fn of(samples: &[Sample<'_>]) -> Self {
        let any = |known: fn(&Sample<'_>) -> bool| samples.iter().any(known);
        Self {
            slides: any(|sample| sample.slide.is_some()),
            positions: any(|sample| sample.position.is_some()),
            flags: any(|sample| sample.tumor_patch.or(sample.center_tumor_patch).is_some()),
        }
    }

    fn height(self) -> f64 {
        let lines = [true, self.slides, self.positions, self.flags];
        4.0 + LINE * lines.into_iter().filter(|&line| line).count() as f64
    }
}

fn header(scene: &mut Scene, grid: &Grid<'_>, truth: Option<Entry>) {
    let room = scene.width - 2.0 * MARGIN;
    fitted_heading(scene, (grid.title, room), (grid.subtitle, room));
    let mut entries = entries(grid.classes, grid.centre_box);
    entries.extend(truth);
    legend(scene, (MARGIN, 82.0), &entries);
}

fn draw(scene: &mut Scene, (left, top): Point, sample: &Sample<'_>, grid: &Grid<'_>) -> Result<()> {
    let square = Rect::new(left, top, SIDE, SIDE);
    boxed(scene, patch(sample.rgb)?, square, sample.positive, grid.centre_box);
    outlined(scene, sample.mask, square);
    Ok(())
}

fn caption(scene: &mut Scene, (left, top): Point, sample: &Sample<'_>, grid: &Grid<'_>, known: Known) {
    let row = format!("row {}", sample.row);
    let room = SIDE - FACT.width(&row) - 8.0;
    let label = font::fitted(&grid.classes[usize::from(sample.positive)], NAME.size, true, room);
    scene.text(label, (left, top + LINE), NAME.color(color_of(sample.positive)));
    scene.text(row, (left + SIDE, top + LINE), FACT.align(Align::Right));
    let contradicts = sample.center_tumor_patch.is_some_and(|tumor| tumor != sample.positive);
    let lines = [
        (known.slides, sample.slide.unwrap_or_default().to_owned(), FACT),
        (known.positions, sample.position.map_or_else(String::new, |[x, y]| format!("x {x}, y {y}")), FACT),
        (known.flags, flags(sample), if contradicts { FACT.color(VERMILION) } else { FACT }),
    ];
    let shown = lines.into_iter().filter(|(known, ..)| *known);
    for ((_, text, style), number) in shown.zip(2_u8..) {
        let at = (left, top + LINE * f64::from(number));
        scene.text(font::fitted(&text, style.size, style.bold, SIDE + BETWEEN - 2.0), at, style);
    }
}

/// What the meta table says about tumour.
fn flags(sample: &Sample<'_>) -> String {
    let word = |yes| if yes { "yes" } else { "no" };
    match (sample.center_tumor_patch, sample.tumor_patch) {
        (Some(centre), Some(patch)) => format!("tumour: centre {}, patch {}", word(centre), word(patch)),
        (Some(centre), None) => format!("tumour in the centre: {}", word(centre)),
        (None, Some(patch)) => format!("tumour in the patch: {}", word(patch)),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gallery::drawn;

    fn classes() -> [String; 2] {
        ["Non-cancerous", "Cancerous"].map(str::to_owned)
    }

    fn grid(classes: &[String; 2], columns: usize) -> Grid<'_> {
        Grid {
            title: "Sample patches",
            subtitle: "4 of 40,000 patches",
            classes,
            columns,
            centre_box: Some(32),
        }
    }

    #[test]
    fn shows_only_what_is_known() {
        let (rgb, mut mask) = (vec![170; 27_648], vec![0; 9216]);
        mask[4000..4030].fill(255);
        let bare = Sample { rgb: &rgb, row: 17, ..Sample::default() };
        let classes = classes();
        let (size, svg) = drawn("preview-bare", &preview(&[bare; 3], &grid(&classes, 2)).unwrap());
        assert_eq!(size, (1000, 930));
        assert!(svg.contains("row 17") && svg.contains("Non-cancerous"));
        assert!(!svg.contains("tumour") && !svg.contains("00e5ff"), "what is not known is left out");
        let full = Sample {
            mask: Some(&mask),
            positive: true,
            slide: Some("camelyon16_train_tumor_051"),
            position: Some(["24576", "39168"]),
            tumor_patch: Some(true),
            center_tumor_patch: Some(false),
            ..bare
        };
        let (_, svg) = drawn("preview-full", &preview(&[full, bare], &grid(&classes, 2)).unwrap());
        for text in ["Cancerous", "camelyon16_train_tum", "x 24576, y 39168", "tumour: centre no, patch yes"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.contains("true tumour") && svg.contains("00e5ff"));
        assert!(svg.contains("d55e00"), "the table contradicts the label");
    }

    #[test]
    fn names_the_row_that_cannot_be_shown() {
        let sample = Sample { rgb: &[0; 3], row: 7, ..Sample::default() };
        let error = preview(&[sample], &grid(&classes(), 4)).unwrap_err();
        assert!(format!("{error:#}").starts_with("row 7 cannot be shown: 3 bytes are not a square patch"));
    }
}
