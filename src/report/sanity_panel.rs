//! A sheet of maps of a model whose layers are randomised: one patch per row, its maps side by side.

use anyhow::{Context, Result};

use super::{
    Picture,
    boxed::{boxed, color_of, entries, outlined, truth},
    color::{INK, MUTED},
    font,
    legend::MARGIN,
    overlay::{overlay, patch},
    panel_header::{Sheet, header},
    scene::{Align, Point, Rect, Scene, TextStyle},
};

/// Side of a patch in logical pixels: in the PNG every pixel of a patch of PatchCamelyon is 2 x 2.
const SIDE: f64 = 96.0;
const BETWEEN: f64 = 8.0;
/// The height of titles and legend.
const HEADER: f64 = 112.0;
/// The height of the headings of the columns.
const HEADINGS: f64 = 20.0;
/// The height below a patch.
const CAPTION: f64 = 34.0;
/// The width that legend and colour bar need.
const NARROWEST: f64 = 800.0;

const HEADING: TextStyle = TextStyle::new(11.0).bold().align(Align::Centre);
const FACT: TextStyle = TextStyle::new(10.5).color(MUTED);
const SCALE: TextStyle = TextStyle::new(9.5).color(MUTED);

/// One patch and its maps.
#[derive(Debug, Clone)]
pub struct RandomisedMaps<'a> {
    /// The patch, [S, S, 3].
    pub rgb: &'a [u8],
    /// Whether it is of class 1.
    pub positive: bool,
    /// Its row in the source.
    pub row: i64,
    /// Its true tumour, [S, S], if known; not 0 is tumour.
    pub mask: Option<&'a [u8]>,
    /// Its maps, [S, S], each with its correlation with the first one, that of the untouched model.
    pub maps: Vec<(&'a [f32], Option<f64>)>,
}

/// Draws a sheet; `headings` are those of the columns of maps. Every map has its own scale. Without patches
/// the sheet is its header.
///
/// # Errors
/// A patch is not square, or a map has another size; the message names the row.
pub fn sanity_panel(rows: &[RandomisedMaps<'_>], headings: &[String], sheet: &Sheet<'_>) -> Result<Picture> {
    let columns = 1 + headings.len();
    let width = (2.0 * MARGIN + columns as f64 * (SIDE + BETWEEN) - BETWEEN).max(NARROWEST);
    let height = HEADER + HEADINGS + rows.len() as f64 * (SIDE + CAPTION) + MARGIN / 2.0;
    let mut scene = Scene::new(width, height);
    let mut legend = entries(sheet.classes, sheet.centre_box);
    legend.extend(truth(rows.iter().map(|row| row.mask)));
    header(&mut scene, sheet, rows.len(), sheet.subtitle, &legend, sheet.full.unit());
    for (column, heading) in ["patch"].into_iter().chain(headings.iter().map(String::as_str)).enumerate() {
        let at = (left_of(column) + SIDE / 2.0, HEADER + HEADINGS - 7.0);
        scene.text(font::fitted(heading, HEADING.size, true, SIDE + BETWEEN - 4.0), at, HEADING);
    }
    for (index, row) in rows.iter().enumerate() {
        let top = HEADER + HEADINGS + index as f64 * (SIDE + CAPTION);
        draw(&mut scene, top, row, sheet).with_context(|| format!("row {} cannot be shown", row.row))?;
    }
    Ok(Picture(scene))
}

fn left_of(column: usize) -> f64 {
    MARGIN + column as f64 * (SIDE + BETWEEN)
}

fn draw(scene: &mut Scene, top: f64, row: &RandomisedMaps<'_>, sheet: &Sheet<'_>) -> Result<()> {
    let square = |column: usize| Rect::new(left_of(column), top, SIDE, SIDE);
    boxed(scene, patch(row.rgb)?, square(0), row.positive, sheet.centre_box);
    outlined(scene, row.mask, square(0));
    let name = font::fitted(&sheet.classes[usize::from(row.positive)], FACT.size, true, SIDE);
    let below = |column: usize, line: f64| -> Point { (left_of(column), top + SIDE + 12.0 * line) };
    scene.text(name, below(0, 1.0), FACT.bold().color(color_of(row.positive)));
    scene.text(format!("row {}", row.row), below(0, 2.0), FACT);
    for (column, (map, correlation)) in (1..).zip(&row.maps) {
        let shown = overlay(row.rgb, map, sheet.sign, sheet.full)?;
        boxed(scene, shown.pixels, square(column), row.positive, sheet.centre_box);
        outlined(scene, row.mask, square(column));
        let value = correlation.map_or_else(|| "no correlation".to_owned(), words);
        scene.text(value, below(column, 1.0), FACT.color(INK));
        // A percentile's maximum has no room here.
        let scale = shown.scale.split(',').next().unwrap_or_default();
        let scale = font::fitted(scale, SCALE.size, false, SIDE + BETWEEN - 2.0);
        scene.text(scale, below(column, 2.0), SCALE);
    }
    Ok(())
}

/// A correlation, with the typographic minus.
fn words(value: f64) -> String {
    // Adding 0 removes the sign of -0.
    let rounded = (value * 100.0).round() / 100.0 + 0.0;
    format!("correlation {rounded:.2}").replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FullColor, Sign, gallery::drawn};

    #[test]
    fn shows_every_map_with_its_correlation_or_why_there_is_none() {
        let rgb = vec![170; 27_648];
        let map: Vec<f32> = (0..9216).map(|at| (at % 96) as f32).collect();
        let zero = vec![0.0; 9216];
        let classes = ["Non-cancerous", "Cancerous"].map(str::to_owned);
        let headings = ["untouched", "fc2", "+ fc1"].map(str::to_owned);
        let sheet = Sheet {
            title: "Grad-CAM, relu4",
            subtitle: "explains the logit of Cancerous",
            classes: &classes,
            sign: Sign::Positive,
            full: FullColor::Maximum,
            shared: false,
            of: 16,
            centre_box: Some(32),
        };
        let mask: Vec<u8> = (0..9216).map(|at| u8::from((40..60).contains(&(at % 96)))).collect();
        let maps = vec![(&map[..], Some(1.0)), (&map[..], Some(-0.254)), (&zero[..], None)];
        let row = |row| {
            let mask = (row > 1).then_some(&mask[..]);
            RandomisedMaps { rgb: &rgb, positive: row > 1, row, mask, maps: maps.clone() }
        };
        let (size, svg) = drawn("sanity-panel", &sanity_panel(&[row(1), row(2)], &headings, &sheet).unwrap());
        assert_eq!(size, (1600, 2 * (112 + 20 + 2 * 130 + 12)));
        for text in ["untouched", "+ fc1", "correlation 1.00", "correlation −0.25", "no correlation", "row 2"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.contains("map is 0 everywhere") && svg.contains(">2 of 16 patches; explains"));
        assert!(svg.contains(">true tumour<"));
        drawn("sanity-panel-0", &sanity_panel(&[], &headings, &sheet).unwrap());
        let odd = RandomisedMaps { rgb: &rgb[..3], ..row(7) };
        let error = sanity_panel(&[odd], &headings, &sheet).unwrap_err();
        assert!(format!("{error:#}").starts_with("row 7 cannot be shown: 3 bytes are not a square patch"));
    }
}
