//! What stands above a sheet of explained patches: titles, legend and colour bar.

use super::{
    color::{Color, GREEN, RED},
    color_bar::{BAR, bar},
    colormap::Sign,
    font,
    legend::{ENTRY, Entry, Mark, SUBTITLE, TITLE, legend},
    overlay::FullColor,
    scene::{Pen, Rect, Scene},
};

/// The height of all this.
pub(super) const HEADER: f64 = 120.0;

/// The ground of wrongly predicted patches.
pub(super) const WRONG: Color = Color::rgb(0xff, 0xf0, 0xcc);

const LEFT: f64 = 24.0;

/// What stands around the patches.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The heading, for example the method and the layer.
    pub title: &'a str,
    /// What the maps explain, for example "logit of tumour".
    pub subtitle: &'a str,
    /// The names of the classes 0 and 1.
    pub classes: &'a [String; 2],
    /// Predicted as class 1 is what has a probability above it.
    pub threshold: f64,
    /// Whether the maps are signed.
    pub sign: Sign,
    /// Which value of a map has the strongest colour.
    pub full: FullColor,
}

pub(super) fn header(scene: &mut Scene, sheet: &Sheet<'_>) {
    let room = scene.width - 2.0 * LEFT;
    let beside_bar = room - BAR - LEFT;
    scene.text(font::fitted(sheet.title, TITLE.size, true, room), (LEFT, 34.0), TITLE);
    let subtitle = format!("{}; p is the probability of {}", sheet.subtitle, sheet.classes[1]);
    scene.text(font::fitted(&subtitle, SUBTITLE.size, false, beside_bar), (LEFT, 54.0), SUBTITLE);
    legend(scene, (LEFT, 84.0), &entries(sheet));
    bar(scene, Rect::new(scene.width - LEFT - 8.0 - BAR, 70.0, BAR, 12.0), sheet.sign, sheet.full);
}

fn entries(sheet: &Sheet<'_>) -> [Entry; 3] {
    let frame = |color| Mark::Frame(Pen::new(color, 1.8));
    // Short enough for three entries beside the bar of the narrowest sheet.
    let [negative, positive] =
        sheet.classes.each_ref().map(|name| font::fitted(name, ENTRY.size, false, 90.0));
    [
        Entry::new(frame(GREEN), format!("label {negative} (centre box)")),
        Entry::new(frame(RED), format!("label {positive}")),
        Entry::new(Mark::Ground(WRONG), "wrongly predicted"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::legend;

    #[test]
    fn long_names_do_not_reach_the_bar() {
        let classes = ["tissue without any metastasis", "tissue with some metastasis"].map(str::to_owned);
        let sheet = Sheet {
            title: "",
            subtitle: "",
            classes: &classes,
            threshold: 0.5,
            sign: Sign::Both,
            full: FullColor::Maximum,
        };
        let narrowest = 800.0;
        assert!(LEFT + legend::width(&entries(&sheet)) < narrowest - LEFT - 8.0 - BAR);
    }
}
