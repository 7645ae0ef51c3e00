//! What becomes of maps while the model is randomised, from its output down (Adebayo et al. 2018).

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, Plane, Scale, axes},
    color::{AXIS, GRID, MUTED, SERIES},
    font,
    legend::{Entry, Mark, SUBTITLE, TITLE, legend},
    scene::{Align, Pen, Rect, Scene, TextStyle},
    series::shade,
    ticks::ticks,
};
use crate::metrics::{Interval, faithfulness::Estimate};

const SIGNED: Pen = Pen::new(SERIES[0], 2.0);
const ABSOLUTE: Pen = Pen::new(SERIES[1], 2.0);
const ENERGY: Pen = Pen::new(SERIES[2], 2.0);
const POINTING: Pen = Pen::new(SERIES[3], 2.0);
const RANK: Pen = Pen::new(SERIES[4], 2.0);
const CHANCE: Pen = Pen::new(AXIS, 1.2).dashed(5.0, 4.0);
const NAME: TextStyle = TextStyle::new(11.0).color(MUTED).align(Align::Right);
/// The longest name of a layer that is shown whole, in pixels.
const LONGEST: f64 = 84.0;

/// The maps of one explainer while more and more layers are randomised.
#[derive(Debug, Clone, PartialEq)]
pub struct Sanity {
    /// The explainer.
    pub label: String,
    /// How many images, how often, and the like: the line below the heading.
    pub subtitle: String,
    /// First the model as it is, then from the output to the input, every layer with all above it.
    pub depths: Vec<Depth>,
    /// What random maps reach in the localisation; `None` without localisation.
    pub chance: Option<f64>,
}

/// The maps of a model of which some layers are randomised; a missing mean leaves a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Depth {
    /// The layer that was randomised last; of the model as it is, for example `original`.
    pub layer: String,
    /// Spearman's correlation with the maps of the model as it is.
    pub signed: Estimate,
    /// The same of the maps' absolute values.
    pub absolute: Estimate,
    /// The share of positive mass in the region.
    pub energy: Option<Estimate>,
    /// The share of maps that point into the region.
    pub pointing: Option<Estimate>,
    /// The rank accuracy in the region.
    pub rank: Option<Estimate>,
}

/// Draws the correlations and, where it was measured, the localisation over the depth of randomisation.
///
/// # Errors
/// There is no depth to draw; plotters cannot draw the axes.
pub fn sanity_curves(sanity: &Sanity) -> Result<Picture> {
    ensure!(!sanity.depths.is_empty(), "there is nothing to draw: no layer was randomised");
    let localised =
        sanity.depths.iter().any(|it| [it.energy, it.pointing, it.rank].iter().any(Option::is_some));
    let below = names_height(sanity);
    let mut scene = Scene::new(if localised { 940.0 } else { 520.0 }, 420.0 + below);
    let title = format!("Randomised model: {}", sanity.label);
    scene.text(font::fitted(&title, TITLE.size, true, scene.width - 48.0), (24.0, 34.0), TITLE);
    let subtitle = font::fitted(&sanity.subtitle, SUBTITLE.size, false, scene.width - 48.0);
    scene.text(subtitle, (24.0, 54.0), SUBTITLE);
    let width = if localised { 446.0 } else { 488.0 };
    correlations(&mut scene, Rect::new(16.0, 96.0, width, 320.0), sanity)?;
    if localised {
        localisation(&mut scene, Rect::new(478.0, 96.0, width, 320.0), sanity)?;
    }
    Ok(Picture(scene))
}

fn correlations(scene: &mut Scene, area: Rect, sanity: &Sanity) -> Result<()> {
    let signed: Vec<_> = sanity.depths.iter().map(|it| Some(it.signed)).collect();
    let absolute: Vec<_> = sanity.depths.iter().map(|it| Some(it.absolute)).collect();
    let (low, _) = range([&signed, &absolute]);
    let y = vertical("Spearman's correlation with the original", low.min(-0.05) - 0.03, 1.04);
    let entries =
        [Entry::new(Mark::Line(SIGNED), "signed maps"), Entry::new(Mark::Line(ABSOLUTE), "absolute maps")];
    legend(scene, (area.left + 56.0, 82.0), &entries);
    let x = horizontal(sanity);
    let plane = frame(scene, area, &x, &y, sanity)?;
    level(scene, &plane, 0.0);
    series(scene, &plane, &signed, SIGNED);
    series(scene, &plane, &absolute, ABSOLUTE);
    Ok(())
}

fn localisation(scene: &mut Scene, area: Rect, sanity: &Sanity) -> Result<()> {
    let all: [(Vec<_>, Pen, &str); 3] = [
        (sanity.depths.iter().map(|it| it.energy).collect(), ENERGY, "energy"),
        (sanity.depths.iter().map(|it| it.pointing).collect(), POINTING, "pointing"),
        (sanity.depths.iter().map(|it| it.rank).collect(), RANK, "rank"),
    ];
    let (_, high) = range(all.iter().map(|(values, ..)| values));
    let high = high.max(sanity.chance.unwrap_or(0.0)).max(0.2) * 1.06;
    let mut entries: Vec<Entry> =
        all.iter().map(|(_, pen, name)| Entry::new(Mark::Line(*pen), *name)).collect();
    entries.extend(sanity.chance.map(|_| Entry::new(Mark::Line(CHANCE), "chance")));
    legend(scene, (area.left + 56.0, 82.0), &entries);
    let (x, y) = (horizontal(sanity), vertical("localisation", -0.02 * high, high.min(1.04)));
    let plane = frame(scene, area, &x, &y, sanity)?;
    if let Some(chance) = sanity.chance {
        level(scene, &plane, chance);
    }
    for (values, pen, _) in &all {
        series(scene, &plane, values, *pen);
    }
    Ok(())
}

/// The lowest and the highest end of any interval or mean.
fn range<'a>(all: impl IntoIterator<Item = &'a Vec<Option<Estimate>>>) -> (f64, f64) {
    let ends = |estimate: &Estimate| {
        let interval = estimate.interval.map(|ends| [ends.low, ends.high]);
        estimate.mean.into_iter().chain(interval.into_iter().flatten())
    };
    let values = all.into_iter().flatten().flatten().flat_map(ends);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

fn horizontal(sanity: &Sanity) -> Axis {
    let high = sanity.depths.len() as f64 - 0.6;
    Axis { label: "", low: -0.4, high, ticks: Vec::new(), scale: Scale::Linear, percent: false }
}

fn vertical(label: &'static str, low: f64, high: f64) -> Axis {
    Axis { label, low, high, ticks: ticks(low, high, 6), scale: Scale::Linear, percent: false }
}

/// The axes, with the names of layers turned below the horizontal one.
fn frame<'a>(scene: &mut Scene, area: Rect, x: &'a Axis, y: &'a Axis, sanity: &Sanity) -> Result<Plane<'a>> {
    let plane = axes(scene, area, x, y)?;
    for (at, depth) in sanity.depths.iter().enumerate() {
        let (x, bottom) = (plane.at(at as f64, 0.0).0, plane.frame.bottom());
        scene.line(vec![(x, plane.frame.top), (x, bottom)], Pen::new(GRID, 0.6));
        scene.line(vec![(x, bottom), (x, bottom + 4.0)], Pen::new(AXIS, 1.0));
        let name = font::fitted(&depth.layer, NAME.size, false, LONGEST);
        scene.text(name, (x + 4.0, bottom + 14.0), NAME.turned(-45.0));
    }
    let caption = "randomised down to (output to input)";
    let base = area.bottom() + names_height(sanity) - 4.0;
    scene.text(caption, (plane.frame.centre().0, base), TextStyle::new(12.0).align(Align::Centre));
    Ok(plane)
}

/// What the turned names need below the plot, beyond what `axes` keeps for its own.
fn names_height(sanity: &Sanity) -> f64 {
    let widths = sanity.depths.iter().map(|depth| NAME.width(&depth.layer).min(LONGEST));
    widths.fold(0.0, f64::max) * std::f64::consts::FRAC_1_SQRT_2 + 2.0
}

fn level(scene: &mut Scene, plane: &Plane<'_>, value: f64) {
    let y = plane.at(0.0, value).1;
    scene.line(vec![(plane.frame.left, y), (plane.frame.right(), y)], CHANCE);
}

/// A line with its band, both broken where a mean is missing; a point alone has a bar.
fn series(scene: &mut Scene, plane: &Plane<'_>, values: &[Option<Estimate>], pen: Pen) {
    let points: Vec<Option<(f64, f64, Interval)>> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let (mean, interval) = value.and_then(|it| Some((it.mean?, it.interval)))?;
            Some((at as f64, mean, interval.unwrap_or(Interval { low: mean, high: mean })))
        })
        .collect();
    for unbroken in points.split(Option::is_none) {
        let unbroken: Vec<_> = unbroken.iter().copied().flatten().collect();
        let xs: Vec<f64> = unbroken.iter().map(|point| point.0).collect();
        let ends: Vec<Interval> = unbroken.iter().map(|point| point.2).collect();
        shade(scene, plane, &xs, &ends, pen.color, 0.15);
        let line: Vec<_> = unbroken.iter().map(|point| plane.at(point.0, point.1)).collect();
        if let [(x, _, ends)] = unbroken[..] {
            scene.line(vec![plane.at(x, ends.low), plane.at(x, ends.high)], pen);
        }
        line.iter().for_each(|&point| scene.disc(point, 3.0, pen.color));
        scene.line(line, pen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gallery::drawn;

    fn estimate(mean: f64, half: f64) -> Estimate {
        let interval = Some(Interval { low: mean - half, high: mean + half });
        Estimate { images: 40, mean: Some(mean), interval, ..Estimate::default() }
    }

    fn sanity(layers: &[&str], localised: bool) -> Sanity {
        let depth = |(at, layer): (usize, &&str)| {
            let left = (-(at as f64) / 2.0).exp();
            let here = |score: f64| localised.then(|| estimate(score, 0.03));
            Depth {
                layer: (*layer).to_owned(),
                signed: estimate(1.3 * left - 0.3, 0.1 * (1.0 - left)),
                absolute: estimate(0.2 + 0.8 * left, 0.1 * (1.0 - left)),
                energy: here(0.08 + 0.2 * left),
                pointing: here(0.1 + 0.55 * left),
                rank: here(0.09 + 0.3 * left),
            }
        };
        Sanity {
            label: "grad-cam".to_owned(),
            subtitle: "40 images; bands: 95 % bootstrap interval over images".to_owned(),
            depths: layers.iter().enumerate().map(depth).collect(),
            chance: localised.then_some(0.09),
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
            let (_, svg) =
                drawn(&format!("sanity-{name}"), &sanity_curves(&sanity(layers, localised)).unwrap());
            assert_eq!(svg.contains(">chance</text>"), localised);
            assert!(svg.contains("signed maps"));
        }
    }

    #[test]
    fn a_missing_number_is_a_gap_and_nothing_is_an_error() {
        let mut gap = sanity(&["original", "fc2", "fc1", "conv1"], true);
        gap.depths[2].signed.mean = None;
        gap.depths[1].energy = None;
        drawn("sanity-gap", &sanity_curves(&gap).unwrap());
        gap.depths.clear();
        assert!(sanity_curves(&gap).is_err());
    }
}
