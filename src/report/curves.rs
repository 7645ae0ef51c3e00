//! The course of a training: loss and accuracy, side by side.

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, Plane, axes},
    color::{AXIS, BLUE, VERMILION},
    legend::{Entry, Mark, heading, legend_at_right, ring},
    scene::{Pen, Point, Rect, Scene},
    ticks::{extremes, whole_ticks},
};
use crate::metrics::{Epoch, History};

const TRAIN: Pen = Pen::new(BLUE, 2.0);
const VALIDATION: Pen = Pen::new(VERMILION, 2.0);
const RESUMED: Pen = Pen::new(AXIS, 1.2).dashed(4.0, 3.0);

/// Draws loss and accuracy on the training and the validation patches by epoch, with the best epoch marked,
/// and a dashed line after each epoch of `resumed_after` (the last one before a resumption).
///
/// A number that is not finite leaves a gap.
///
/// # Errors
/// The history has no epoch.
pub fn training_curves(history: &History, resumed_after: &[u32]) -> Result<Picture> {
    ensure!(!history.epochs.is_empty(), "there are no epochs to draw: the history is empty");
    let mut scene = Scene::new(940.0, 400.0);
    heading(&mut scene, "Training: loss and accuracy", &summary(history));
    legend_at_right(&mut scene, &entries(history, resumed_after));
    for (left, measure) in [(16.0, LOSS), (478.0, ACCURACY)] {
        let all =
            history.epochs.iter().flat_map(|epoch| [(measure.train)(epoch), (measure.validation)(epoch)]);
        let mut values: Vec<f64> = all.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (x, y) = (epochs_axis(history), (measure.axis)(&values));
        let plane = axes(&mut scene, Rect::new(left, 72.0, 446.0, 314.0), &x, &y);
        draw(&mut scene, &plane, history, &measure, resumed_after);
    }
    Ok(Picture(scene))
}

/// One of the two charts.
struct Measure {
    train: fn(&Epoch) -> f64,
    validation: fn(&Epoch) -> f64,
    /// The axis for some sorted values.
    axis: fn(&[f64]) -> Axis,
}

const LOSS: Measure =
    Measure { train: |epoch| epoch.train_loss, validation: |epoch| epoch.validation_loss, axis: loss_axis };

const ACCURACY: Measure = Measure {
    train: |epoch| epoch.train_accuracy,
    validation: |epoch| epoch.validation_accuracy,
    axis: accuracy_axis,
};

/// The ends of sorted values, and a length for margins: at least a tenth of the highest, so that equal
/// numbers do not get a scale of thousandths.
fn range(values: &[f64]) -> (f64, f64, f64) {
    let (low, high) = values.first().copied().zip(values.last().copied()).unwrap_or((0.0, 1.0));
    (low, high, (high - low).max(0.1 * high.abs()).max(1e-3))
}

/// From 0 if the values are near it; logarithmic if a few values are so large that a linear axis would
/// flatten all others.
fn loss_axis(values: &[f64]) -> Axis {
    let (low, high, span) = range(values);
    if low > 0.0 && high > 6.0 * values[values.len() / 2] {
        return Axis::logarithmic("loss (logarithmic)", low / 1.4, high * 1.2);
    }
    let (low, room) = if low < 0.4 * high { (0.0, 0.06) } else { (low - 0.12 * span, 0.12) };
    Axis::linear("loss", low, high + room * span, 6)
}

/// Never far beyond 100 %.
fn accuracy_axis(values: &[f64]) -> Axis {
    let (low, high, span) = range(values);
    let ceiling = 1.0_f64.max(high) + 0.02 * span;
    let (low, high) = ((low - 0.1 * span).max(0.0), (high + 0.12 * span).min(ceiling));
    Axis { percent: true, ..Axis::linear("accuracy", low, high, 6) }
}

fn summary(history: &History) -> String {
    let count = match history.epochs.len() {
        1 => "1 epoch".to_owned(),
        count => format!("{count} epochs"),
    };
    match history.best() {
        None => format!("{count}, no validation loss is a number"),
        Some(best) => format!(
            "{count}, best {}: validation loss {:.4}, validation accuracy {:.2} %",
            best.epoch,
            best.validation_loss,
            100.0 * best.validation_accuracy
        ),
    }
}

fn entries(history: &History, resumed_after: &[u32]) -> Vec<Entry> {
    let mut entries =
        vec![Entry::new(Mark::Line(TRAIN), "training"), Entry::new(Mark::Line(VALIDATION), "validation")];
    // Its number is here, because beside the point it would cover the curve.
    if let Some(best) = history.best() {
        entries.push(Entry::new(Mark::Ring(VERMILION), format!("best epoch: {}", best.epoch)));
    }
    if !resumed_after.is_empty() {
        entries.push(Entry::new(Mark::Line(RESUMED), "resumed"));
    }
    entries
}

fn epochs_axis(history: &History) -> Axis {
    let numbers = history.epochs.iter().map(|epoch| f64::from(epoch.epoch));
    let (first, last) = extremes(numbers).unwrap_or_default();
    let room = (0.03 * (last - first)).max(0.3);
    let (low, high) = (first - room, last + room);
    Axis { label: "epoch", ticks: whole_ticks(low, high, 9), ..Axis::bare(low, high) }
}

fn draw(scene: &mut Scene, plane: &Plane<'_>, history: &History, of: &Measure, resumed_after: &[u32]) {
    for &epoch in resumed_after {
        let (x, _) = plane.at(f64::from(epoch) + 0.5, 1.0);
        scene.line(vec![(x, plane.frame.top), (x, plane.frame.bottom())], RESUMED);
    }
    series(scene, plane, history, TRAIN, of.train);
    series(scene, plane, history, VALIDATION, of.validation);
    let Some(best) = history.best() else { return };
    let value = (of.validation)(best);
    if value.is_finite() {
        ring(scene, plane.at(f64::from(best.epoch), value), VERMILION);
    }
}

fn series(scene: &mut Scene, plane: &Plane<'_>, history: &History, pen: Pen, value: fn(&Epoch) -> f64) {
    let points: Vec<Option<Point>> = history
        .epochs
        .iter()
        .map(|epoch| value(epoch).is_finite().then(|| plane.at(f64::from(epoch.epoch), value(epoch))))
        .collect();
    for unbroken in points.split(Option::is_none) {
        scene.line(unbroken.iter().copied().flatten().collect(), pen);
    }
    if history.epochs.len() <= 40 {
        points.into_iter().flatten().for_each(|point| scene.disc(point, 2.8, pen.color));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{gallery::drawn, scene::Shape};

    /// A course as trainings take it: falling, then over-fitting, with jumps.
    fn history(epochs: u32) -> History {
        let epoch = |epoch: u32| {
            let t = f64::from(epoch);
            let jump = 0.06 * (t * 2.7).sin() + if epoch % 7 == 2 { 0.2 / t.sqrt() } else { 0.0 };
            let train_loss = 0.12 + 0.45 * (-t / 6.0).exp();
            let validation_loss = 0.24 + 0.4 * (-t / 4.0).exp() + 0.002 * t + jump;
            Epoch {
                epoch,
                train_loss,
                train_accuracy: 1.0 - 0.42 * train_loss,
                validation_loss,
                validation_accuracy: 1.0 - 0.36 * validation_loss,
                learning_rate: None,
            }
        };
        History { epochs: (1..=epochs).map(epoch).collect() }
    }

    fn with(change: impl Fn(&mut Epoch)) -> History {
        let mut history = history(6);
        history.epochs.iter_mut().for_each(change);
        history
    }

    #[test]
    fn draws_one_epoch_and_a_hundred() {
        for epochs in [1, 2, 13, 100] {
            let resumed: &[u32] = if epochs == 13 { &[8] } else { &[] };
            let picture = training_curves(&history(epochs), resumed).unwrap();
            let (size, svg) = drawn(&format!("curves-{epochs}"), &picture);
            assert_eq!(size, (1880, 800));
            assert!(svg.contains(">best epoch: "));
            assert_eq!(svg.contains(">resumed</text>"), epochs == 13);
        }
    }

    #[test]
    fn nothing_covers_the_points_of_a_curve() {
        let Picture(scene) = training_curves(&history(13), &[8]).unwrap();
        let first = scene.shapes.iter().position(|shape| matches!(shape, Shape::Disc { .. })).unwrap();
        let covers = |shape: &&Shape| matches!(shape, Shape::Area { .. } | Shape::Image { .. });
        assert_eq!(scene.shapes[first..].iter().find(covers).map(|shape| format!("{shape:?}")), None);
    }

    #[test]
    fn draws_odd_courses() {
        let gap = with(|it| {
            if it.epoch == 3 {
                it.validation_loss = f64::NAN
            }
        });
        let nothing = with(|it| (it.validation_loss, it.train_loss) = (f64::NAN, f64::INFINITY));
        let flat = with(|it| (it.validation_loss, it.train_loss) = (0.25, 0.25));
        let perfect = with(|it| (it.validation_accuracy, it.train_accuracy) = (1.0, 1.0));
        let spike = with(|it| {
            if it.epoch == 2 {
                it.validation_loss = 9.5
            }
        });
        for (name, history) in
            [("gap", gap), ("nothing", nothing), ("flat", flat), ("perfect", perfect), ("spike", spike)]
        {
            drawn(&format!("curves-{name}"), &training_curves(&history, &[]).unwrap());
        }
    }

    #[test]
    fn an_empty_history_is_an_error() {
        assert!(training_curves(&History::default(), &[]).is_err());
    }
}
