//! The header of a sheet of explained patches: titles, legend and colour bar.

use super::{
    color_bar::{BAR, bar},
    colormap::Sign,
    font::fitted,
    legend::{Entry, MARGIN, SUBTITLE, fitted_heading, legend},
    numbers::thousands,
    overlay::FullColor,
    scene::{Rect, Scene},
};

/// The texts of a sheet, and how its maps are shown.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The heading, for example the method and the layer.
    pub title: &'a str,
    /// The line below it, for example "explains the logit of tumour".
    pub subtitle: &'a str,
    /// The names of the classes 0 and 1.
    pub classes: &'a [String; 2],
    /// Whether the maps are signed.
    pub sign: Sign,
    /// Which value of a map has the strongest colour.
    pub full: FullColor,
    /// Whether all maps of the sheet have one scale, that of the strongest.
    pub shared: bool,
    /// How many patches there are. The sheet may show fewer.
    pub of: usize,
    /// The side of the centre box that labels describe; `None` if they describe whole patches.
    pub centre_box: Option<usize>,
}

/// Draws the header of a sheet that shows so many patches; `unit` is that of the colour bar.
pub(super) fn header(
    scene: &mut Scene,
    sheet: &Sheet<'_>,
    shown: usize,
    subtitle: &str,
    entries: &[Entry],
    unit: &str,
) {
    let room = scene.width - 2.0 * MARGIN;
    let narrow = room - BAR - MARGIN;
    let subtitle = format!("{}; {subtitle}", patches(shown, sheet.of));
    fitted_heading(scene, (sheet.title, room), (&subtitle, narrow));
    if let Some(how) = sheet.sign.how() {
        scene.text(fitted(how, SUBTITLE.size, false, narrow), (MARGIN, 71.0), SUBTITLE);
    }
    legend(scene, (MARGIN, 92.0), entries);
    bar(scene, Rect::new(scene.width - MARGIN - 8.0 - BAR, 70.0, BAR, 12.0), sheet.sign, unit);
}

/// `30 of 50 patches`, or `50 patches` if all are shown.
fn patches(shown: usize, of: usize) -> String {
    let name = if of == 1 { "patch" } else { "patches" };
    let all = thousands(of as u64);
    if shown == of { format!("{all} {name}") } else { format!("{} of {all} {name}", thousands(shown as u64)) }
}
