//! Titles and legends. A legend is one line above the plot, so that it never covers data.

use super::{
    color::{Color, INK, MUTED},
    font::CAPITALS,
    scene::{Pen, Point, Rect, Scene, TextStyle},
};
use crate::metrics::Evaluation;

/// Headings.
pub(super) const TITLE: TextStyle = TextStyle::new(16.0).bold();
/// The line below a heading.
pub(super) const SUBTITLE: TextStyle = TextStyle::new(12.0).color(MUTED);
/// Entries of a legend.
pub(super) const ENTRY: TextStyle = TextStyle::new(12.0);

/// What stands before the text of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// A piece of a line.
    Line(Pen),
    /// A patch of ground.
    Ground(Color),
    /// A disc with a rim: a point that matters.
    Ring(Color),
    /// The frame of a box.
    Frame(Pen),
    /// A line around something, with a dark rim.
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

/// The point that matters in a chart.
pub(super) fn ring(scene: &mut Scene, at: Point, color: Color) {
    scene.badge(at, 5.0, color, INK, 1.6);
}

/// The colour of the point at a threshold that was chosen on validation images (Okabe & Ito's yellow).
pub(super) const CHOSEN: Color = Color::rgb(0xf0, 0xe4, 0x42);

/// What a legend says of that point, where there is one.
pub(super) fn chosen_threshold(evaluation: &Evaluation) -> Option<Entry> {
    let at = evaluation.chosen_threshold.as_ref()?;
    Some(Entry::new(Mark::Ring(CHOSEN), format!("chosen: {:.3}", at.chosen.threshold)))
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
