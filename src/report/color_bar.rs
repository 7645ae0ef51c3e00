//! The colour bar of maps.

use super::{
    color::{AXIS, Color, MUTED},
    colormap::Sign,
    legend::ENTRY,
    scene::{Align, Pen, Rect, Scene, TextStyle},
};

/// Its width.
pub(super) const BAR: f64 = 220.0;

/// Draws a bar with its numbers and their unit, on mid-grey, because maps are drawn on grey tissue.
pub(super) fn bar(scene: &mut Scene, rect: Rect, sign: Sign, unit: &str) {
    const STEPS: usize = 110;
    scene.rectangle(rect, Color::rgb(0xb4, 0xb4, 0xb4));
    let (low, step) = (sign.lowest(), rect.width / STEPS as f64);
    for index in 0..STEPS {
        let value = low + (1.0 - low) * (index as f64 + 0.5) / STEPS as f64;
        let piece = Rect::new(rect.left + index as f64 * step, rect.top, step, rect.height);
        scene.rectangle(piece, Color { alpha: sign.opacity(value), ..sign.color(value) });
    }
    scene.frame(rect, Pen::new(AXIS, 0.8));
    let style = TextStyle::new(11.0).color(MUTED).align(Align::Centre);
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let (x, value) = (rect.left + share * rect.width, low + (1.0 - low) * share);
        scene.line(vec![(x, rect.bottom()), (x, rect.bottom() + 4.0)], Pen::new(AXIS, 1.0));
        let number = format!("{value}").replace('-', "\u{2212}");
        scene.text(number, (x, rect.bottom() + 15.0), style);
    }
    scene.text(unit, (rect.centre().0, rect.top - 7.0), ENTRY.align(Align::Centre));
}
