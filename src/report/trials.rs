//! One number of several runs: over the one parameter in which they differ, or as a list.

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, Plane, Scale, axes},
    color::{BLUE, GRID, INK, MUTED, VERMILION},
    font::{self, CAPITALS},
    forest::{LABELS, lines_axis},
    legend::{ENTRY, Entry, Mark, SUBTITLE, TITLE, legend, ring},
    numbers::short,
    scene::{Align, Pen, Rect, Scene, TextStyle},
    ticks::{logarithmic_ticks, ticks, whole_ticks},
};

/// A number of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Trials {
    /// What the number is.
    pub title: String,
    /// A line below that.
    pub subtitle: String,
    /// The parameter in which the runs differ; without it they are a list.
    pub parameter: Option<String>,
    /// The runs, in the order of the list.
    pub points: Vec<Trial>,
}

/// The number of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What the run is called in a list.
    pub label: String,
    /// Its value of the parameter.
    pub x: Option<f64>,
    /// The number, or its mean over repeats.
    pub value: f64,
    /// The standard deviation over repeats.
    pub sd: Option<f64>,
    /// Whether it is the best.
    pub best: bool,
}

/// From this ratio of the largest to the smallest value on, a parameter has a logarithmic axis: from one decade on,
/// also where its ends are rounded (3e-4 to 3e-3).
const DECADES: f64 = 9.99;

const LINE: Pen = Pen::new(BLUE, 1.4);
const WHISKER: Pen = Pen::new(BLUE, 1.4);
/// The height of a line of the list.
const ROW: f64 = 24.0;

/// Draws the number of each run: over the parameter, on a logarithmic axis where its values span decades, or
/// as a list. The best is marked.
///
/// # Errors
/// There is no run with a finite number.
pub fn trials(trials: &Trials) -> Result<Picture> {
    let points: Vec<&Trial> = trials.points.iter().filter(|point| point.value.is_finite()).collect();
    ensure!(!points.is_empty(), "there is nothing to draw: no run has a finite `{}`", trials.title);
    match &trials.parameter {
        Some(parameter) if points.iter().all(|point| point.x.is_some_and(f64::is_finite)) => {
            over_parameter(trials, &points, parameter)
        }
        _ => list(trials, &points),
    }
}

fn heading(scene: &mut Scene, trials: &Trials, points: &[&Trial]) {
    let room = scene.width - 48.0;
    let entry = Entry::new(Mark::Ring(VERMILION), "best");
    let any_best = points.iter().any(|point| point.best);
    let beside = if any_best { super::legend::width(std::slice::from_ref(&entry)) + 20.0 } else { 0.0 };
    scene.text(font::fitted(&trials.title, TITLE.size, true, room - beside), (24.0, 34.0), TITLE);
    scene.text(font::fitted(&trials.subtitle, SUBTITLE.size, false, room), (24.0, 54.0), SUBTITLE);
    if any_best {
        legend(scene, (24.0 + room - beside + 20.0, 34.0), &[entry]);
    }
}

/// A little more than the values with their bars need.
fn value_axis(points: &[&Trial]) -> Axis {
    let bar = |point: &Trial| point.sd.filter(|sd| sd.is_finite()).unwrap_or(0.0);
    let low = points.iter().map(|point| point.value - bar(point)).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.value + bar(point)).fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if high > low {
        // So that numbers that are all but equal do not stand on a scale of millionths.
        let room = 0.08 * (high - low).max(1e-3 * high.abs()).max(1e-9);
        (low - room, high + room)
    } else {
        let room = if low == 0.0 { 0.05 } else { 0.05 * low.abs() };
        (low - room, high + room)
    };
    Axis { label: "", low, high, ticks: ticks(low, high, 6), scale: Scale::Linear, percent: false }
}

fn parameter_axis(points: &[&Trial]) -> Axis {
    let values = || points.iter().filter_map(|point| point.x);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > 0.0 && high / low >= DECADES {
        let room = (high / low).powf(0.06);
        let (low, high) = (low / room, high * room);
        let ticks = logarithmic_ticks(low, high);
        return Axis { label: "", low, high, ticks, scale: Scale::Logarithmic, percent: false };
    }
    let span = (high - low).max(0.1 * high.abs()).max(1e-9);
    let (low, high) = (low - 0.06 * span, high + 0.06 * span);
    let whole = values().all(|value| value.fract() == 0.0) && span >= 1.0;
    let ticks = if whole { whole_ticks(low, high, 8) } else { ticks(low, high, 8) };
    Axis { label: "", low, high, ticks, scale: Scale::Linear, percent: false }
}

fn over_parameter(trials: &Trials, points: &[&Trial], parameter: &str) -> Result<Picture> {
    let mut scene = Scene::new(720.0, 460.0);
    heading(&mut scene, trials, points);
    let (x, y) = (parameter_axis(points), value_axis(points));
    let plane = axes(&mut scene, Rect::new(16.0, 70.0, 680.0, 364.0), &x, &y)?;
    let mut sorted: Vec<&Trial> = points.to_vec();
    sorted.sort_by(|a, b| a.x.unwrap_or_default().total_cmp(&b.x.unwrap_or_default()));
    let at = |point: &Trial| plane.at(point.x.unwrap_or_default(), point.value);
    // Several runs of one value have no order that a line could follow.
    if sorted.windows(2).all(|pair| pair[0].x < pair[1].x) {
        scene.line(sorted.iter().map(|point| at(point)).collect(), LINE);
    }
    for point in sorted {
        vertical_bar(&mut scene, &plane, point);
        mark(&mut scene, at(point), point);
    }
    let scale = if x.scale == Scale::Logarithmic { " (logarithmic)" } else { "" };
    let name = font::fitted(&format!("{parameter}{scale}"), 12.0, false, plane.frame.width);
    let (middle, _) = plane.frame.centre();
    let style = TextStyle::new(12.0).color(INK).align(Align::Centre);
    scene.text(name, (middle, plane.frame.bottom() + 36.0), style);
    Ok(Picture(scene))
}

fn vertical_bar(scene: &mut Scene, plane: &Plane<'_>, point: &Trial) {
    let Some(sd) = point.sd.filter(|sd| sd.is_finite()) else { return };
    let x = point.x.unwrap_or_default();
    let ((at, top), (_, bottom)) = (plane.at(x, point.value + sd), plane.at(x, point.value - sd));
    scene.line(vec![(at, top), (at, bottom)], WHISKER);
    for end in [top, bottom] {
        scene.line(vec![(at - 4.0, end), (at + 4.0, end)], WHISKER);
    }
}

fn mark(scene: &mut Scene, at: (f64, f64), point: &Trial) {
    if point.best { ring(scene, at, VERMILION) } else { scene.disc(at, 4.0, BLUE) }
}

/// The room for a number behind its line.
const NUMBER: f64 = 64.0;
/// The most room for what runs are called.
const NAMES: f64 = 420.0;

fn list(trials: &Trials, points: &[&Trial]) -> Result<Picture> {
    let widest = points.iter().map(|point| ENTRY.width(&point.label)).fold(60.0, f64::max);
    let names = widest.min(NAMES);
    let height = ROW * points.len() as f64;
    let mut scene = Scene::new(24.0 + names + 14.0 + 420.0 + NUMBER + 24.0, 76.0 + height + LABELS.1);
    heading(&mut scene, trials, points);
    let plot = Rect::new(24.0 + names + 14.0, 76.0, 420.0, height);
    let (x, y) = (value_axis(points), lines_axis());
    let area = Rect::new(plot.left - LABELS.0, plot.top, plot.width + LABELS.0, plot.height + LABELS.1);
    let plane = axes(&mut scene, area, &x, &y)?;
    for (index, point) in points.iter().enumerate() {
        let middle = plot.top + ROW * (index as f64 + 0.5);
        if index > 0 {
            let above = plot.top + ROW * index as f64;
            scene.line(vec![(plot.left, above), (plot.right(), above)], Pen::new(GRID, 0.6));
        }
        row(&mut scene, &plane, point, middle, names);
    }
    Ok(Picture(scene))
}

fn row(scene: &mut Scene, plane: &Plane<'_>, point: &Trial, middle: f64, names: f64) {
    let base = middle + ENTRY.size * CAPITALS / 2.0;
    let label = font::fitted(&point.label, ENTRY.size, false, names);
    scene.text(label, (24.0 + names, base), ENTRY.align(Align::Right));
    if let Some(sd) = point.sd.filter(|sd| sd.is_finite()) {
        let ((left, _), (right, _)) = (plane.at(point.value - sd, 0.5), plane.at(point.value + sd, 0.5));
        scene.line(vec![(left, middle), (right, middle)], WHISKER);
        for end in [left, right] {
            scene.line(vec![(end, middle - 4.0), (end, middle + 4.0)], WHISKER);
        }
    }
    let (at, _) = plane.at(point.value, 0.5);
    mark(scene, (at, middle), point);
    let style = TextStyle::new(11.0).align(Align::Right).color(if point.best { INK } else { MUTED });
    let style = if point.best { style.bold() } else { style };
    let number = short(point.value).replace('-', "\u{2212}");
    scene.text(number, (plane.frame.right() + NUMBER - 6.0, middle + 11.0 * CAPITALS / 2.0), style);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gallery::drawn;

    fn point(x: f64, value: f64, sd: Option<f64>) -> Trial {
        let label = format!("17: learning-rate {x}, batch-size 64");
        Trial { label, x: Some(x), value, sd, best: false }
    }

    fn some(values: &[(f64, f64, Option<f64>)], parameter: bool) -> Trials {
        let mut points: Vec<Trial> = values.iter().map(|(x, value, sd)| point(*x, *value, *sd)).collect();
        let best = (0..points.len()).max_by(|a, b| points[*a].value.total_cmp(&points[*b].value));
        if let Some(best) = best {
            points[best].best = true;
        }
        Trials {
            title: "evaluate.test.accuracy".to_owned(),
            subtitle: "5 runs of full, higher is better; bars are standard deviations over seeds".to_owned(),
            parameter: parameter.then(|| "train.base.optimizer.adam.learning-rate".to_owned()),
            points,
        }
    }

    const RATES: [(f64, f64, Option<f64>); 5] = [
        (1e-5, 0.81, Some(0.02)),
        (1e-4, 0.89, Some(0.01)),
        (1e-3, 0.934, Some(0.004)),
        (3e-3, 0.92, Some(0.011)),
        (1e-2, 0.71, Some(0.08)),
    ];

    #[test]
    fn draws_over_a_parameter_and_as_a_list() {
        let (size, svg) = drawn("trials-log", &trials(&some(&RATES, true)).unwrap());
        assert_eq!(size, (1440, 920));
        assert!(svg.contains("learning-rate (logarithmic)") && svg.contains(">best</text>"));
        let (_, svg) = drawn("trials-list", &trials(&some(&RATES, false)).unwrap());
        assert!(svg.contains("17: learning-rate 0.001, batch-size 64"));
        assert_eq!(svg.matches("batch-size 64").count(), 5);
        let linear: Vec<_> = (1..=4).map(|x| (f64::from(x), 0.5 + 0.1 * f64::from(x), None)).collect();
        let (_, svg) = drawn("trials-linear", &trials(&some(&linear, true)).unwrap());
        assert!(!svg.contains("logarithmic"));
    }

    #[test]
    fn equal_numbers_have_room_around_them_and_one_decade_is_logarithmic() {
        let of = |values: [(f64, f64); 2]| values.map(|(x, value)| point(x, value, None));
        let same = of([(3e-4, 0.8), (3e-3, 0.8)]);
        let same: Vec<&Trial> = same.iter().collect();
        let axis = value_axis(&same);
        assert!((axis.low - 0.76).abs() < 1e-12 && (axis.high - 0.84).abs() < 1e-12);
        assert_eq!(parameter_axis(&same).scale, Scale::Logarithmic);
        let zeros = of([(1.0, 0.0), (8.0, 0.0)]);
        let zeros: Vec<&Trial> = zeros.iter().collect();
        assert_eq!((value_axis(&zeros).low, value_axis(&zeros).high), (-0.05, 0.05));
        assert_eq!(parameter_axis(&zeros).scale, Scale::Linear);
    }

    #[test]
    fn draws_odd_numbers() {
        let same = [(1.0, 0.5, None), (1.0, 0.5, None)];
        drawn("trials-same", &trials(&some(&same, true)).unwrap());
        let one = [(0.0, 0.0, None)];
        drawn("trials-one", &trials(&some(&one, true)).unwrap());
        let undefined = [(1.0, f64::NAN, None), (2.0, -123.4, Some(f64::NAN))];
        let (_, svg) = drawn("trials-undefined", &trials(&some(&undefined, false)).unwrap());
        assert!(svg.contains("\u{2212}123"));
        let nothing = [(1.0, f64::NAN, None)];
        assert!(trials(&some(&nothing, true)).unwrap_err().to_string().contains("no run has a finite"));
        let mut long = some(&RATES, false);
        long.points[0].label = "very long ".repeat(30);
        drawn("trials-long", &trials(&long).unwrap());
    }
}
