//! A sheet of maps while a model is forgotten: a patch a row, and beside it its maps, from the untouched
//! model to one of which nothing learnt is left.

use anyhow::{Context, Result};

use super::{
    FullColor, Picture, Sign,
    boxed::{boxed, color_of},
    color::{INK, MUTED},
    color_bar::{BAR, bar},
    font,
    legend::{ENTRY, Entry, Mark, SUBTITLE, TITLE, legend},
    overlay::{overlay, patch},
    scene::{Align, Pen, Point, Rect, Scene, TextStyle},
};

/// Side of a patch in logical pixels: in the PNG every pixel of the patch is 2 x 2.
const SIDE: f64 = 96.0;
const BETWEEN: f64 = 8.0;
const MARGIN: f64 = 24.0;
/// The height of titles and legend.
const HEADER: f64 = 112.0;
/// The height of the headings of the columns.
const HEADINGS: f64 = 20.0;
/// The height below a patch.
const CAPTION: f64 = 34.0;
/// What legend and colour bar need.
const NARROWEST: f64 = 640.0;

const HEADING: TextStyle = TextStyle::new(11.0).bold().align(Align::Centre);
const FACT: TextStyle = TextStyle::new(10.5).color(MUTED);

/// One patch and what became of its map.
#[derive(Debug, Clone)]
pub struct Forgetting<'a> {
    /// The patch, [96, 96, 3].
    pub rgb: &'a [u8],
    /// Whether it is of class 1.
    pub positive: bool,
    /// Its row in the source.
    pub row: i64,
    /// Its maps, [96, 96], from the untouched model on, each with its correlation with the first.
    pub maps: Vec<(&'a [f32], Option<f64>)>,
}

/// What stands around the patches.
#[derive(Debug, Clone, Copy)]
pub struct ForgettingSheet<'a> {
    /// The heading, for example the method and the layer.
    pub title: &'a str,
    /// The line below it.
    pub subtitle: &'a str,
    /// The names of the classes 0 and 1.
    pub classes: &'a [String; 2],
    /// What stands above each column of maps.
    pub headings: &'a [String],
    /// Whether the maps are signed.
    pub sign: Sign,
    /// Which value of a map has the strongest colour.
    pub full: FullColor,
}

/// Draws a sheet; every map has its own scale. Without patches it is its heading.
///
/// # Errors
/// A patch or a map has another size than 96x96; the row is named.
pub fn forgetting_panel(rows: &[Forgetting<'_>], sheet: &ForgettingSheet<'_>) -> Result<Picture> {
    let columns = 1 + sheet.headings.len();
    let width = (2.0 * MARGIN + columns as f64 * (SIDE + BETWEEN) - BETWEEN).max(NARROWEST);
    let height = HEADER + HEADINGS + rows.len() as f64 * (SIDE + CAPTION) + MARGIN / 2.0;
    let mut scene = Scene::new(width, height);
    header(&mut scene, sheet);
    for (column, heading) in
        ["patch"].into_iter().chain(sheet.headings.iter().map(String::as_str)).enumerate()
    {
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

fn header(scene: &mut Scene, sheet: &ForgettingSheet<'_>) {
    let room = scene.width - 2.0 * MARGIN;
    let beside_bar = room - BAR - MARGIN;
    scene.text(font::fitted(sheet.title, TITLE.size, true, room), (MARGIN, 34.0), TITLE);
    scene.text(font::fitted(sheet.subtitle, SUBTITLE.size, false, beside_bar), (MARGIN, 54.0), SUBTITLE);
    let [negative, positive] =
        sheet.classes.each_ref().map(|name| font::fitted(name, ENTRY.size, false, 90.0));
    let frame = |positive| Mark::Frame(Pen::new(color_of(positive), 1.8));
    let entries = [
        Entry::new(frame(false), format!("label {negative} (centre box)")),
        Entry::new(frame(true), format!("label {positive}")),
    ];
    legend(scene, (MARGIN, 84.0), &entries);
    bar(scene, Rect::new(scene.width - MARGIN - 8.0 - BAR, 70.0, BAR, 12.0), sheet.sign, sheet.full);
}

fn draw(scene: &mut Scene, top: f64, row: &Forgetting<'_>, sheet: &ForgettingSheet<'_>) -> Result<()> {
    let square = |column: usize| Rect::new(left_of(column), top, SIDE, SIDE);
    boxed(scene, patch(row.rgb)?, square(0), row.positive);
    let name = font::fitted(&sheet.classes[usize::from(row.positive)], FACT.size, true, SIDE);
    let below = |column: usize, line: f64| -> Point { (left_of(column), top + SIDE + 12.0 * line) };
    scene.text(name, below(0, 1.0), FACT.bold().color(color_of(row.positive)));
    scene.text(format!("row {}", row.row), below(0, 2.0), FACT);
    for (column, (map, correlation)) in (1..).zip(&row.maps) {
        let shown = overlay(row.rgb, map, sheet.sign, sheet.full)?;
        boxed(scene, shown.pixels, square(column), row.positive);
        let value = correlation.map_or_else(|| "no correlation".to_owned(), words);
        scene.text(value, below(column, 1.0), FACT.color(INK));
        // A percentile's maximum has no room here.
        let scale = shown.scale.split(',').next().unwrap_or_default();
        scene.text(
            font::fitted(scale, 9.5, false, SIDE + BETWEEN - 2.0),
            below(column, 2.0),
            TextStyle { size: 9.5, ..FACT },
        );
    }
    Ok(())
}

/// A correlation, with a real minus.
fn words(value: f64) -> String {
    // No minus zero.
    let rounded = (value * 100.0).round() / 100.0 + 0.0;
    format!("correlation {rounded:.2}").replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gallery::drawn;

    #[test]
    fn shows_every_map_with_its_correlation_or_why_there_is_none() {
        let rgb = vec![170; 27_648];
        let map: Vec<f32> = (0..9216).map(|at| (at % 96) as f32).collect();
        let zero = vec![0.0; 9216];
        let classes = ["Non cancerous", "Cancerous"].map(str::to_owned);
        let headings = ["untouched", "fc2", "+ fc1"].map(str::to_owned);
        let sheet = ForgettingSheet {
            title: "Grad-CAM, relu4",
            subtitle: "explains the logit of Cancerous",
            classes: &classes,
            headings: &headings,
            sign: Sign::Positive,
            full: FullColor::Maximum,
        };
        let maps = vec![(&map[..], Some(1.0)), (&map[..], Some(-0.254)), (&zero[..], None)];
        let row = |row| Forgetting { rgb: &rgb, positive: row > 1, row, maps: maps.clone() };
        let (size, svg) = drawn("sanity-panel", &forgetting_panel(&[row(1), row(2)], &sheet).unwrap());
        assert_eq!(size, (1280, 2 * (112 + 20 + 2 * 130 + 12)));
        for text in ["untouched", "+ fc1", "correlation 1.00", "correlation −0.25", "no correlation", "row 2"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.contains("map is 0 everywhere"));
        drawn("sanity-panel-0", &forgetting_panel(&[], &sheet).unwrap());
        let odd = Forgetting { rgb: &rgb[..3], ..row(7) };
        let error = forgetting_panel(&[odd], &sheet).unwrap_err();
        assert!(format!("{error:#}").starts_with("row 7 cannot be shown: a patch has 27648 bytes"));
    }
}
