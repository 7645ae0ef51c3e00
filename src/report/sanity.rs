//! The maps of a model while its layers are randomised, from the output to the input (Adebayo et al. 2018).

use super::{
    Picture,
    axes::{Axis, Plane, axes},
    color::{AXIS, BLUE, GRID, INK, MUTED},
    font::fitted,
    legend::{Entry, MARGIN, Mark, fitted_heading, legend},
    method::color_of_method,
    numbers::{level_in_percent, units},
    scene::{Align, Pen, Rect, Scene, TextStyle},
    series::shade,
    ticks::extremes,
};
use crate::metrics::{
    Interval,
    faithfulness::{AgainstChance, Estimate, LocalisationScores, Truth},
    sanity::{Sanity, SanityDepth},
};

const CHANCE: Pen = Pen::new(AXIS, 1.2).dashed(5.0, 4.0);
const NAME: TextStyle = TextStyle::new(11.0).color(MUTED).align(Align::Right);
/// The longest name of a layer that is shown whole, in pixels.
const LONGEST: f64 = 84.0;

/// An estimate at every depth; a missing mean leaves a gap.
struct Series {
    name: &'static str,
    values: Vec<Option<Estimate>>,
    pen: Pen,
}

/// Draws the correlations and, if it was measured, the localisation by depth of randomisation; `method` is
/// the explainer.
#[must_use]
pub fn sanity_curves(method: &str, sanity: &Sanity) -> Picture {
    let located = sanity.depths.iter().any(|depth| depth.localisation.is_some());
    let (width, plot) = if located { (940.0, 446.0) } else { (520.0, 488.0) };
    let mut scene = Scene::new(width, 420.0 + names_height(sanity));
    let (title, room) = (format!("Sanity: randomised model, {method}"), width - 2.0 * MARGIN);
    fitted_heading(&mut scene, (&title, room), (&subtitle(sanity), room));
    let pens = pens(method);
    correlations(&mut scene, Rect::new(16.0, 96.0, plot, 320.0), sanity, pens);
    if located {
        localisation(&mut scene, Rect::new(478.0, 96.0, plot, 320.0), sanity, pens);
    }
    Picture(scene)
}

/// The localisation of the untouched model, if it was measured.
fn untouched(sanity: &Sanity) -> Option<&LocalisationScores> {
    sanity.depths.first()?.localisation.as_ref()
}

fn subtitle(sanity: &Sanity) -> String {
    let truth = sanity.truth.map(|truth| match truth {
        Truth::Mask => "true masks",
        Truth::CentreBox => "the centre box (weak truth)",
    });
    let located = untouched(sanity).zip(truth);
    let located = located.map(|(it, truth)| format!(", {} of them held against {truth}", it.images));
    let (level, units) = (level_in_percent(sanity.bootstrap.level), units(sanity.slides));
    let bands = match sanity.bootstrap.resamples {
        0 => String::new(),
        _ => format!("; bands: {level} % bootstrap interval over {units}"),
    };
    format!("{} images{}{bands}", sanity.images, located.unwrap_or_default())
}

/// The pens of up to three series, in the order in which they are drawn: the first has the colour of the method.
/// Later ones are narrower and dashed, so that series with the same numbers are all seen.
fn pens(method: &str) -> [Pen; 3] {
    [
        Pen::new(color_of_method(method).unwrap_or(BLUE), 3.6),
        Pen::new(INK, 1.8).dashed(9.0, 6.0),
        Pen::new(MUTED, 1.4).dashed(2.0, 3.0),
    ]
}

fn correlations(scene: &mut Scene, area: Rect, sanity: &Sanity, [first, second, _]: [Pen; 3]) {
    let of = |name, value: fn(&SanityDepth) -> Estimate, pen| Series {
        name,
        values: sanity.depths.iter().map(|depth| Some(value(depth))).collect(),
        pen,
    };
    let signed = of("signed maps", |depth| depth.spearman, first);
    let mut absolute = of("absolute maps", |depth| depth.absolute_spearman, second);
    // Maps without negative values are their own absolute values.
    if absolute.values == signed.values {
        absolute.name = "absolute maps (the same numbers)";
    }
    let all = [signed, absolute];
    let (low, _) = range(&all);
    let y = Axis::linear("Spearman's correlation with the original", low.min(-0.05) - 0.03, 1.04, 6);
    draw(scene, area, &y, sanity, &all, (Some(0.0), ""));
}

fn localisation(scene: &mut Scene, area: Rect, sanity: &Sanity, [first, second, third]: [Pen; 3]) {
    let of = |name, value: fn(&LocalisationScores) -> AgainstChance, pen| Series {
        name,
        values: sanity.depths.iter().map(|it| it.localisation.as_ref().map(|it| value(it).score)).collect(),
        pen,
    };
    let all = [
        of("energy", |it| it.energy, first),
        of("pointing", |it| it.pointing, second),
        of("rank", |it| it.rank, third),
    ];
    let chance = untouched(sanity).map(|it| it.chance);
    let (_, high) = range(&all);
    let high = high.max(chance.unwrap_or(0.0)).max(0.2) * 1.06;
    let y = Axis::linear("localisation", -0.02 * high, high.min(1.04), 6);
    draw(scene, area, &y, sanity, &all, (chance, "chance"));
}

/// The lowest and the highest end of any interval or mean.
fn range(all: &[Series]) -> (f64, f64) {
    let ends = |estimate: &Estimate| {
        let interval = estimate.interval.map(|ends| [ends.low, ends.high]);
        estimate.mean.into_iter().chain(interval.into_iter().flatten())
    };
    let values = all.iter().flat_map(|series| &series.values).flatten().flat_map(ends);
    extremes(values).unwrap_or((f64::INFINITY, f64::NEG_INFINITY))
}

/// Draws series, and a dashed line at a level, which is in the legend if it has a name.
fn draw(
    scene: &mut Scene,
    area: Rect,
    y: &Axis,
    sanity: &Sanity,
    all: &[Series],
    (level, name): (Option<f64>, &str),
) {
    let mut entries: Vec<Entry> = all.iter().map(|it| Entry::new(Mark::Line(it.pen), it.name)).collect();
    entries.extend(level.filter(|_| !name.is_empty()).map(|_| Entry::new(Mark::Line(CHANCE), name)));
    legend(scene, (area.left + 56.0, 82.0), &entries);
    let x = Axis::bare(-0.4, sanity.depths.len() as f64 - 0.6);
    let plane = axes(scene, area, &x, y);
    layers(scene, &plane, area.bottom(), sanity);
    if let Some(level) = level {
        let y = plane.at(0.0, level).1;
        scene.line(vec![(plane.frame.left, y), (plane.frame.right(), y)], CHANCE);
    }
    all.iter().for_each(|it| series(scene, &plane, it));
}

/// The name of the layer that was randomised last.
fn layer(depth: &SanityDepth) -> &str {
    depth.layer.as_deref().unwrap_or("untouched")
}

/// Draws a line for each depth, with the name of its layer turned below it.
fn layers(scene: &mut Scene, plane: &Plane<'_>, below: f64, sanity: &Sanity) {
    for (at, depth) in sanity.depths.iter().enumerate() {
        let (x, bottom) = (plane.at(at as f64, 0.0).0, plane.frame.bottom());
        scene.line(vec![(x, plane.frame.top), (x, bottom)], Pen::new(GRID, 0.6));
        scene.line(vec![(x, bottom), (x, bottom + 4.0)], Pen::new(AXIS, 1.0));
        let name = fitted(layer(depth), NAME.size, false, LONGEST);
        scene.text(name, (x + 4.0, bottom + 14.0), NAME.turned(-45.0));
    }
    let place = (plane.frame.centre().0, below + names_height(sanity) - 4.0);
    scene.text("randomised down to (output to input)", place, TextStyle::new(12.0).align(Align::Centre));
}

/// The height of the turned names, beyond the space that `axes` leaves for labels.
fn names_height(sanity: &Sanity) -> f64 {
    let widths = sanity.depths.iter().map(|depth| NAME.width(layer(depth)).min(LONGEST));
    widths.fold(0.0, f64::max) * std::f64::consts::FRAC_1_SQRT_2 + 2.0
}

/// Draws a line with its band, both broken where a mean is missing; a single point has a bar.
fn series(scene: &mut Scene, plane: &Plane<'_>, series: &Series) {
    let point = |(at, value): (usize, &Option<Estimate>)| {
        let (mean, interval) = value.and_then(|it| Some((it.mean?, it.interval)))?;
        Some((at as f64, mean, interval.unwrap_or(Interval { low: mean, high: mean })))
    };
    let points: Vec<_> = series.values.iter().enumerate().map(point).collect();
    let pen = series.pen;
    for unbroken in points.split(Option::is_none) {
        let unbroken: Vec<_> = unbroken.iter().copied().flatten().collect();
        let xs: Vec<f64> = unbroken.iter().map(|point| point.0).collect();
        let ends: Vec<Interval> = unbroken.iter().map(|point| point.2).collect();
        shade(scene, plane, &xs, &ends, pen.color, 0.15);
        let line: Vec<_> = unbroken.iter().map(|point| plane.at(point.0, point.1)).collect();
        if let [(x, _, ends)] = unbroken[..] {
            scene.line(vec![plane.at(x, ends.low), plane.at(x, ends.high)], pen);
        }
        // As narrow as its line in relation to the others: a disc does not hide that of an earlier series.
        line.iter().for_each(|&point| scene.disc(point, 1.4 + pen.width, pen.color));
        scene.line(line, pen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metrics::{Bootstrap, faithfulness::OddMaps},
        report::{gallery::drawn, scene::Shape},
    };

    fn estimate(mean: f64, half: f64) -> Estimate {
        let interval = Some(Interval { low: mean - half, high: mean + half });
        Estimate { images: 40, mean: Some(mean), interval, ..Estimate::default() }
    }

    fn sanity(layers: &[&str], located: bool) -> Sanity {
        let depth = |(at, layer): (usize, &&str)| {
            let left = (-(at as f64) / 2.0).exp();
            let here =
                |mean: f64| AgainstChance { score: estimate(mean, 0.03), lift: None, lift_interval: None };
            SanityDepth {
                depth: at as u64,
                layer: Some((*layer).to_owned()),
                spearman: estimate(1.3 * left - 0.3, 0.1 * (1.0 - left)),
                absolute_spearman: estimate(0.2 + 0.8 * left, 0.1 * (1.0 - left)),
                without_correlation: 0,
                odd_maps: OddMaps::default(),
                localisation: located.then(|| LocalisationScores {
                    images: 20,
                    chance: 0.09,
                    without_energy: 0,
                    energy: here(0.08 + 0.2 * left),
                    pointing: here(0.1 + 0.55 * left),
                    rank: here(0.09 + 0.3 * left),
                }),
            }
        };
        Sanity {
            images: 40,
            slides: None,
            truth: Some(Truth::Mask),
            bootstrap: Bootstrap::default(),
            depths: layers.iter().enumerate().map(depth).collect(),
            centre: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn draws_small_and_large_models() {
        let small = ["original", "fc2", "fc1", "conv4 + bn4", "conv3 + bn3", "conv2 + bn2", "conv1 + bn1"];
        let names: Vec<String> = (0..24)
            .map(|at| format!("layer{}.{}.conv2 + layer{}.{}.bn2", at / 6, at % 6, at / 6, at % 6))
            .collect();
        let large: Vec<&str> = names.iter().map(String::as_str).collect();
        for (name, layers, localised) in [
            ("small", &small[..], true),
            ("plain", &small[..], false),
            ("large", &large[..], true),
            ("one", &small[..1], true),
        ] {
            let picture = sanity_curves("grad-cam", &sanity(layers, localised));
            let (_, svg) = drawn(&format!("sanity-{name}"), &picture);
            assert_eq!(svg.contains(">chance</text>"), localised);
            assert!(svg.contains("signed maps") && svg.contains("95 % bootstrap interval over images"));
        }
    }

    #[test]
    fn series_with_the_same_numbers_are_all_seen() {
        let mut same = sanity(&["original", "fc2", "fc1", "conv1"], false);
        same.depths.iter_mut().for_each(|depth| depth.absolute_spearman = depth.spearman);
        let picture = sanity_curves("Occlusion, window 16", &same);
        let (_, svg) = drawn("sanity-same", &picture);
        assert!(svg.contains(">absolute maps (the same numbers)</text>"));
        let lines = picture.0.shapes.iter().filter_map(|shape| match shape {
            Shape::Line { points, pen, .. } if points.len() == 4 => Some((points, pen)),
            _ => None,
        });
        let lines: Vec<_> = lines.collect();
        let [(first, below), (second, above)] = lines[..] else { panic!("{} lines", lines.len()) };
        assert_eq!(first, second);
        assert!(above.width < below.width && above.dash.is_some() && below.dash.is_none());
        assert_eq!(Some(below.color), color_of_method("occlusion"));
    }

    #[test]
    fn a_missing_number_is_a_gap() {
        let mut gap = sanity(&["original", "fc2", "fc1", "conv1"], true);
        gap.depths[2].spearman.mean = None;
        gap.depths[1].localisation.as_mut().unwrap().energy.score.mean = None;
        drawn("sanity-gap", &sanity_curves("grad-cam", &gap));
    }
}
