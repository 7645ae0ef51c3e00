//! Titles and legends. A legend is one line above the plot, so that it never covers data.

use super::{
    color::{Color, INK, MUTED},
    font::{CAPITALS, fitted},
    scene::{Pen, Point, Rect, Scene, TextStyle},
};

/// The space at the left and right of titles and legends.
pub(super) const MARGIN: f64 = 24.0;

/// Headings.
pub(super) const TITLE: TextStyle = TextStyle::new(16.0).bold();
/// The line below a heading.
pub(super) const SUBTITLE: TextStyle = TextStyle::new(12.0).color(MUTED);
/// Entries of a legend.
pub(super) const ENTRY: TextStyle = TextStyle::new(12.0);

/// The symbol before the text of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// A piece of a line.
    Line(Pen),
    /// A coloured square.
    Ground(Color),
    /// A marked point of a chart.
    Ring(Color),
    /// The frame of a box.
    Frame(Pen),
    /// An outline with a dark rim.
    Outline(Color),
}

const MARK_WIDTH: f64 = 22.0;
const GAP: f64 = 6.0;
const BETWEEN: f64 = 20.0;

impl Mark {
    fn width(self) -> f64 {
        match self {
            Self::Line(_) => MARK_WIDTH,
            Self::Ring(_) => 10.0,
            Self::Frame(_) | Self::Ground(_) | Self::Outline(_) => 12.0,
        }
    }

    /// Draws the mark with its left end at `x`, centred on `y`.
    fn draw(self, scene: &mut Scene, x: f64, y: f64) {
        match self {
            Self::Line(pen) => scene.line(vec![(x, y), (x + MARK_WIDTH, y)], pen),
            Self::Ground(color) => scene.rectangle(Rect::new(x, y - 6.0, 12.0, 12.0), color),
            Self::Ring(color) => ring(scene, (x + 5.0, y), color),
            Self::Frame(pen) => scene.frame(Rect::new(x + 1.0, y - 5.0, 10.0, 10.0), pen),
            Self::Outline(color) => {
                let rect = Rect::new(x + 1.5, y - 4.5, 9.0, 9.0);
                scene.frame(rect, Pen::new(INK, 2.8));
                scene.frame(rect, Pen::new(color, 1.4));
            }
        }
    }
}

/// Marks a point of a chart.
pub(super) fn ring(scene: &mut Scene, at: Point, color: Color) {
    scene.disc(at, 5.0, INK);
    scene.disc(at, 3.4, color);
}

/// One entry of a legend.
pub(super) struct Entry {
    pub(super) mark: Mark,
    pub(super) text: String,
}

impl Entry {
    pub(super) fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into() }
    }

    fn width(&self) -> f64 {
        self.mark.width() + GAP + ENTRY.width(&self.text)
    }
}

/// The width of a legend in one line.
pub(super) fn width(entries: &[Entry]) -> f64 {
    let between = BETWEEN * entries.len().saturating_sub(1) as f64;
    entries.iter().map(Entry::width).sum::<f64>() + between
}

/// Draws a legend from `at` (left, base line) to the right.
pub(super) fn legend(scene: &mut Scene, at: Point, entries: &[Entry]) {
    let mut x = at.0;
    for entry in entries {
        entry.mark.draw(scene, x, at.1 - ENTRY.size * CAPITALS / 2.0);
        scene.text(&entry.text, (x + entry.mark.width() + GAP, at.1), ENTRY);
        x += entry.width() + BETWEEN;
    }
}

/// Draws a legend beside the title, up to the right margin.
pub(super) fn legend_at_right(scene: &mut Scene, entries: &[Entry]) {
    legend(scene, (scene.width - MARGIN - width(entries), 34.0), entries);
}

/// Draws the title of a picture, and a line below it.
pub(super) fn heading(scene: &mut Scene, title: &str, subtitle: &str) {
    fitted_heading(scene, (title, f64::INFINITY), (subtitle, f64::INFINITY));
}

/// The same, each text cut to a width.
pub(super) fn fitted_heading(scene: &mut Scene, title: (&str, f64), subtitle: (&str, f64)) {
    scene.text(fitted(title.0, TITLE.size, true, title.1), (MARGIN, 34.0), TITLE);
    scene.text(fitted(subtitle.0, SUBTITLE.size, false, subtitle.1), (MARGIN, 54.0), SUBTITLE);
}
