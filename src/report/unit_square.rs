//! The picture of a curve of a classifier whose axes both go from 0 to 1.

use super::{
    Picture,
    axes::{Axis, axes},
    color::{AXIS, BLUE, Color, VERMILION},
    legend::{Entry, MARGIN, Mark, SUBTITLE, heading, legend, ring, width},
    numbers::{images, interval, level_in_percent, of_slides},
    scene::{Pen, Point, Rect, Scene},
    series::shade,
};
use crate::metrics::{ChosenThreshold, CurveBand, Evaluation, Interval};

const WIDTH: f64 = 480.0;
const CURVE: Pen = Pen::new(BLUE, 2.0);
const CHANCE: Pen = Pen::new(AXIS, 1.2).dashed(5.0, 4.0);
/// Light enough for the grid, and darker than the area under a curve.
const BAND: Color = Color { alpha: 0.22, ..BLUE };
/// The point at the threshold that was chosen on validation images (Okabe & Ito's yellow).
const CHOSEN: Color = Color::rgb(0xf0, 0xe4, 0x42);

/// A curve and the texts around it; all points are x and y of the data.
pub(super) struct UnitSquare {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    /// The area under the curve and its interval; the area is undefined where only one class occurs.
    pub(super) area: (&'static str, Option<f64>, Option<Interval>),
    /// The name of the line that guessing reaches, and its ends.
    pub(super) chance: (String, [Point; 2]),
    /// The corners of the curve; `None` where only one class occurs.
    pub(super) curve: Option<Vec<Point>>,
    /// The band around the curve; `None` if the curve has none.
    pub(super) band: Option<CurveBand>,
    /// Whether the area under the curve is shaded. With a band it never is: below the curve, the band would be
    /// darker than above it.
    pub(super) shaded: bool,
    /// The point at the fixed threshold; `None` where it is undefined.
    pub(super) fixed: Option<Point>,
    /// The point at the chosen threshold, if there is one.
    pub(super) chosen: Option<Point>,
}

impl UnitSquare {
    pub(super) fn picture(self, evaluation: &Evaluation) -> Picture {
        let chosen = self.chosen_entry(evaluation);
        // The criterion has a line of its own, for which the sheet is higher.
        let line = if chosen.is_some() { 18.0 } else { 0.0 };
        let mut scene = Scene::new(WIDTH, 530.0 + line);
        heading(&mut scene, self.title, &self.subtitle(evaluation));
        let entries = self.entries(evaluation);
        // Above the plot, or further left if it is too long for that.
        let left = (WIDTH - MARGIN - width(&entries)).min(72.0);
        legend(&mut scene, (left, 82.0), &entries);
        legend(&mut scene, (left, 82.0 + line), chosen.as_slice());
        // A little wider than 0 to 1, so that a curve along the edge is seen whole.
        let axis = |label| Axis { low: -0.02, high: 1.02, ..Axis::linear(label, 0.0, 1.0, 5) };
        let (x, y) = (axis(self.x), axis(self.y));
        let plane = axes(&mut scene, Rect::new(16.0, 96.0 + line, 440.0, 422.0), &x, &y);
        let at = |&(x, y): &Point| plane.at(x, y);
        scene.line(self.chance.1.iter().map(at).collect(), CHANCE);
        let Some(curve) = &self.curve else { return Picture(scene) };
        let points: Vec<Point> = curve.iter().map(at).collect();
        if self.shaded && self.band.is_none() {
            let outline = points.iter().copied().chain([plane.at(1.0, 0.0)]).collect();
            scene.area(outline, Color { alpha: 0.08, ..BLUE });
        }
        if let Some(CurveBand { x, y }) = &self.band {
            shade(&mut scene, &plane, x, y, BAND, BAND.alpha);
        }
        scene.line(points, CURVE);
        for (point, color) in [(&self.fixed, VERMILION), (&self.chosen, CHOSEN)] {
            point.iter().for_each(|point| ring(&mut scene, at(point), color));
        }
        Picture(scene)
    }

    fn subtitle(&self, evaluation: &Evaluation) -> String {
        let (name, area, ends) = self.area;
        let level = evaluation.bootstrap.level;
        let area = area.map_or("undefined: all images belong to one class".to_owned(), |area| {
            format!("{name} {area:.3}{}", interval(ends, level))
        });
        let (count, slides) = (images(evaluation.images), of_slides(evaluation.slides));
        let whole = format!("{count}{slides}; {area}");
        // The slides are in the report too; the area is the point of the picture.
        if SUBTITLE.width(&whole) <= WIDTH - 2.0 * MARGIN { whole } else { format!("{count}; {area}") }
    }

    fn entries(&self, evaluation: &Evaluation) -> Vec<Entry> {
        let curve = self.curve.as_ref();
        let band = || format!("{} % band", level_in_percent(evaluation.bootstrap.level));
        let fixed = || Entry::new(Mark::Ring(VERMILION), format!("threshold {}", evaluation.threshold));
        let entries = [
            curve.map(|_| Entry::new(Mark::Line(CURVE), "model")),
            self.band.as_ref().map(|_| Entry::new(Mark::Ground(BAND), band())),
            curve.and(self.fixed).map(|_| fixed()),
            Some(Entry::new(Mark::Line(CHANCE), self.chance.0.as_str())),
        ];
        entries.into_iter().flatten().collect()
    }

    /// The chosen threshold, and by what it was chosen.
    fn chosen_entry(&self, evaluation: &Evaluation) -> Option<Entry> {
        self.chosen.filter(|_| self.curve.is_some())?;
        let ChosenThreshold { threshold, criterion, .. } = evaluation.chosen_threshold.as_ref()?.chosen;
        let text = format!("threshold {threshold:.3}: highest {} on validation", criterion.words());
        Some(Entry::new(Mark::Ring(CHOSEN), text))
    }
}
