//! The header of a sheet of explained patches: titles, legend and colour bar.

use super::{
    color_bar::{BAR, bar},
    colormap::Sign,
    legend::{Entry, MARGIN, fitted_heading, legend},
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
}

pub(super) fn header(scene: &mut Scene, sheet: &Sheet<'_>, subtitle: &str, entries: &[Entry]) {
    let room = scene.width - 2.0 * MARGIN;
    fitted_heading(scene, (sheet.title, room), (subtitle, room - BAR - MARGIN));
    legend(scene, (MARGIN, 84.0), entries);
    bar(scene, Rect::new(scene.width - MARGIN - 8.0 - BAR, 70.0, BAR, 12.0), sheet.sign, sheet.full);
}
