//! The common frame of curves whose axes both go from 0 to 1.

use anyhow::Result;

use super::{
    axes::{Axis, Plane, Scale, axes},
    color::{AXIS, BLUE},
    legend::{Entry, SUBTITLE, TITLE, legend},
    scene::{Pen, Rect, Scene},
    ticks::ticks,
};

/// The model's curve.
pub(super) const CURVE: Pen = Pen::new(BLUE, 2.0);
/// What guessing reaches.
pub(super) const CHANCE: Pen = Pen::new(AXIS, 1.2).dashed(5.0, 4.0);

/// What is written around such a curve.
pub(super) struct UnitSquare {
    pub(super) title: &'static str,
    pub(super) subtitle: String,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
}

impl UnitSquare {
    /// Draws titles, legend and axes, then what `content` draws.
    pub(super) fn draw(
        &self,
        scene: &mut Scene,
        entries: &[Entry],
        content: impl FnOnce(&mut Scene, &Plane<'_>),
    ) -> Result<()> {
        scene.text(self.title, (24.0, 34.0), TITLE);
        scene.text(&self.subtitle, (24.0, 54.0), SUBTITLE);
        legend(scene, (72.0, 82.0), entries);
        let (x, y) = (axis(self.x), axis(self.y));
        let plane = axes(scene, Rect::new(16.0, 96.0, 440.0, 422.0), &x, &y)?;
        content(scene, &plane);
        Ok(())
    }
}

/// From a little before 0 to a little beyond 1, so that a curve along the edge is seen whole.
fn axis(label: &'static str) -> Axis {
    Axis { label, low: -0.02, high: 1.02, ticks: ticks(0.0, 1.0, 5), scale: Scale::Linear, percent: false }
}
