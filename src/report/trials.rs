//! One number of several runs: by the one parameter in which they differ, or as a list.

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, LABELS, Plane, Scale, axes},
    color::{Color, MUTED, VERMILION},
    font::{CAPITALS, fitted},
    forest::{rows, separator},
    legend::{ENTRY, Entry, MARGIN, Mark, fitted_heading, legend_at_right, ring, width},
    numbers::short,
    scene::{Align, Pen, Point, Rect, Scene, TextStyle},
    ticks::{extremes, whole_ticks},
    trial::{Trial, Trials},
};

/// A parameter whose largest value is this many times its smallest has a logarithmic axis. Slightly less than a
/// decade, because ends are rounded (3e-4 to 3e-3).
const DECADE: f64 = 9.99;

/// Numbers without bars have an axis of at least this share of the largest: a difference that may be that of two
/// images should not fill the picture.
const WITHOUT_BARS: f64 = 0.2;
/// The same for numbers with bars, which say what a difference means.
const WITH_BARS: f64 = 0.02;

/// The height of a line of the list.
const ROW: f64 = 24.0;

/// Draws the number of each run: by parameter, on a logarithmic axis if its values span a decade, or as a
/// list. The best is marked.
///
/// # Errors
/// No run has a finite number.
pub fn trials(trials: &Trials) -> Result<Picture> {
    let points: Vec<&Trial> = trials.points.iter().filter(|point| point.value.is_finite()).collect();
    ensure!(!points.is_empty(), "there is nothing to draw: no run has a finite `{}`", trials.title);
    Ok(match &trials.parameter {
        Some(parameter) if points.iter().all(|point| point.x.is_some_and(f64::is_finite)) => {
            by_parameter(trials, points, parameter)
        }
        _ => list(trials, &points),
    })
}

fn heading(scene: &mut Scene, trials: &Trials, points: &[&Trial]) {
    let room = scene.width - 2.0 * MARGIN;
    let best = points.iter().any(|point| point.best).then(|| Entry::new(Mark::Ring(VERMILION), "best"));
    let beside = if best.is_some() { width(best.as_slice()) + 20.0 } else { 0.0 };
    fitted_heading(scene, (trials.title.as_str(), room - beside), (trials.subtitle.as_str(), room));
    legend_at_right(scene, best.as_slice());
}

/// A little more than the values and their bars. Numbers that are never negative have no axis far below 0, and
/// shares none far above 1.
fn value_axis(points: &[&Trial]) -> Axis {
    let values = points.iter().flat_map(|point| {
        let [low, high] = point.ends().unwrap_or([point.value; 2]);
        [low, high, point.value]
    });
    let (low, high) = extremes(values).unwrap_or_default();
    let least = if points.iter().any(|point| point.ends().is_some()) { WITH_BARS } else { WITHOUT_BARS };
    let span = (high - low).max(least * low.abs().max(high.abs()));
    let span = if span > 0.0 { span } else { 0.1 };
    let (middle, half, edge) = ((low + high) / 2.0, 0.58 * span, 0.02 * span);
    let bottom = if low >= 0.0 { (middle - half).max(-edge) } else { middle - half };
    let top = if low >= 0.0 && high <= 1.0 { (middle + half).min(1.0 + edge) } else { middle + half };
    Axis::linear("", bottom, top, 6)
}

fn parameter_axis(points: &[&Trial]) -> Axis {
    let values = || points.iter().filter_map(|point| point.x);
    let (low, high) = extremes(values()).unwrap_or_default();
    if low > 0.0 && high / low >= DECADE {
        let room = (high / low).powf(0.06);
        return Axis::logarithmic("", low / room, high * room);
    }
    let span = (high - low).max(0.1 * high.abs()).max(1e-9);
    let axis = Axis::linear("", low - 0.06 * span, high + 0.06 * span, 8);
    if values().all(|value| value.fract() == 0.0) && span >= 1.0 {
        return Axis { ticks: whole_ticks(axis.low, axis.high, 8), ..axis };
    }
    axis
}

fn by_parameter(trials: &Trials, mut points: Vec<&Trial>, parameter: &str) -> Picture {
    let mut scene = Scene::new(720.0, 460.0);
    heading(&mut scene, trials, &points);
    let (x, y) = (parameter_axis(&points), value_axis(&points));
    let plane = axes(&mut scene, Rect::new(16.0, 70.0, 680.0, 364.0), &x, &y);
    let at = |point: &Trial, value| plane.at(point.x.unwrap_or_default(), value);
    let color = trials.color();
    points.sort_by(|a, b| a.x.unwrap_or_default().total_cmp(&b.x.unwrap_or_default()));
    // Several runs with one value have no order that a line could follow.
    if points.windows(2).all(|pair| pair[0].x < pair[1].x) {
        scene.line(points.iter().map(|point| at(point, point.value)).collect(), pen(color));
    }
    for point in points {
        if let Some(ends) = point.ends() {
            error_bar(&mut scene, ends.map(|end| at(point, end)), (4.0, 0.0), color);
        }
        mark(&mut scene, at(point, point.value), point, color);
    }
    let scale = if x.scale == Scale::Logarithmic { " (logarithmic)" } else { "" };
    let name = fitted(&format!("{parameter}{scale}"), 12.0, false, plane.frame.width);
    let (middle, _) = plane.frame.centre();
    let style = TextStyle::new(12.0).align(Align::Centre);
    scene.text(name, (middle, plane.frame.bottom() + 36.0), style);
    Picture(scene)
}

const fn pen(color: Color) -> Pen {
    Pen::new(color, 1.4)
}

/// A line between two ends, each with a cap that reaches so far to both sides.
fn error_bar(scene: &mut Scene, ends: [Point; 2], cap: Point, color: Color) {
    scene.line(ends.to_vec(), pen(color));
    for (x, y) in ends {
        scene.line(vec![(x - cap.0, y - cap.1), (x + cap.0, y + cap.1)], pen(color));
    }
}

fn mark(scene: &mut Scene, at: Point, point: &Trial, color: Color) {
    if point.best { ring(scene, at, VERMILION) } else { scene.disc(at, 4.0, color) }
}

/// The width for the number of a row.
const NUMBER: f64 = 64.0;
/// The largest width for the names of runs.
const NAMES: f64 = 420.0;

fn list(trials: &Trials, points: &[&Trial]) -> Picture {
    let widest = points.iter().map(|point| ENTRY.width(&point.label)).fold(60.0, f64::max);
    let names = widest.min(NAMES);
    let height = ROW * points.len() as f64;
    let mut scene = Scene::new(MARGIN + names + 14.0 + 420.0 + NUMBER + MARGIN, 76.0 + height + LABELS.1);
    heading(&mut scene, trials, points);
    let plot = Rect::new(MARGIN + names + 14.0, 76.0, 420.0, height);
    let x = value_axis(points);
    let plane = rows(&mut scene, plot, &x);
    for (index, point) in points.iter().enumerate() {
        if index > 0 {
            separator(&mut scene, plot, plot.top + ROW * index as f64);
        }
        row(&mut scene, &plane, point, (plot.top + ROW * (index as f64 + 0.5), names), trials.color());
    }
    Picture(scene)
}

fn row(scene: &mut Scene, plane: &Plane<'_>, point: &Trial, (middle, names): (f64, f64), color: Color) {
    let base = middle + ENTRY.size * CAPITALS / 2.0;
    let label = fitted(&point.label, ENTRY.size, false, names);
    scene.text(label, (MARGIN + names, base), ENTRY.align(Align::Right));
    let at = |value| (plane.at(value, 0.5).0, middle);
    if let Some(ends) = point.ends() {
        error_bar(scene, ends.map(at), (0.0, 4.0), color);
    }
    mark(scene, at(point.value), point, color);
    let style = TextStyle::new(11.0).align(Align::Right);
    let style = if point.best { style.bold() } else { style.color(MUTED) };
    let number = short(point.value).replace('-', "\u{2212}");
    scene.text(number, (plane.frame.right() + NUMBER - 6.0, middle + 11.0 * CAPITALS / 2.0), style);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::Interval,
        report::{color::BLUE, gallery::drawn, method::color_of_method},
    };

    fn point(x: f64, value: f64, sd: Option<f64>) -> Trial {
        let label = format!("17: learning-rate {x}, batch-size 64");
        let bar = sd.map(|sd| Interval { low: value - sd, high: value + sd });
        Trial { label, x: Some(x), value, bar, best: false }
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
    fn draws_by_parameter_and_as_a_list() {
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
        assert!((axis.low - 0.7072).abs() < 1e-12 && (axis.high - 0.8928).abs() < 1e-12);
        assert_eq!(parameter_axis(&same).scale, Scale::Logarithmic);
        let zeros = of([(1.0, 0.0), (8.0, 0.0)]);
        let zeros: Vec<&Trial> = zeros.iter().collect();
        let axis = value_axis(&zeros);
        assert!((axis.low + 0.002).abs() < 1e-12 && (axis.high - 0.058).abs() < 1e-12);
        assert_eq!(parameter_axis(&zeros).scale, Scale::Linear);
    }

    #[test]
    fn a_small_difference_fills_the_picture_only_with_bars() {
        // 46 and 48 of 50 patches.
        let filled = |half: Option<f64>| {
            let points = [(1.0, 0.92, half), (2.0, 0.96, half)].map(|(x, value, half)| point(x, value, half));
            let axis = value_axis(&points.iter().collect::<Vec<_>>());
            assert!(axis.high <= 1.01);
            0.04 / (axis.high - axis.low)
        };
        assert!(filled(None) < 0.3 && filled(Some(0.001)) > 0.8, "{:?}", (filled(None), filled(Some(0.001))));
        let two = [(1.0, 0.92, None), (2.0, 0.96, None)];
        drawn("trials-two-patches", &trials(&some(&two, true)).unwrap());
    }

    #[test]
    fn the_number_of_a_method_has_its_colour() {
        let mut of_method = some(&RATES, false);
        assert_eq!(of_method.color(), BLUE);
        of_method.title = "metrics.faithfulness.saliency/insertion".to_owned();
        assert_eq!(Some(of_method.color()), color_of_method("saliency"));
        let (_, svg) = drawn("trials-method", &trials(&of_method).unwrap());
        assert!(svg.contains("d55e00") && !svg.contains("0072b2"));
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
