//! The course of a training: loss and accuracy, side by side.

use anyhow::{Result, ensure};

use super::{
    Picture,
    axes::{Axis, Plane, Scale, axes},
    color::{AXIS, BLUE, VERMILION},
    legend::{ENTRY, Entry, Mark, SUBTITLE, TITLE, legend, ring},
    scene::{Align, Pen, Point, Rect, Scene},
    ticks::{logarithmic_ticks, ticks, whole_ticks},
};
use crate::metrics::{Epoch, History};

const TRAIN: Pen = Pen::new(BLUE, 2.0);
const VALIDATION: Pen = Pen::new(VERMILION, 2.0);
const RESUMED: Pen = Pen::new(AXIS, 1.2).dashed(4.0, 3.0);

/// Draws loss and accuracy on the training and the validation patches against the epoch, with the
/// best epoch marked, and a dashed line after each epoch of `resumed_after` (the last one before a
/// resumption).
///
/// A number that is not finite leaves a gap.
///
/// # Errors
/// The history has no epoch.
pub fn training_curves(history: &History, resumed_after: &[u32]) -> Result<Picture> {
    ensure!(!history.epochs.is_empty(), "there are no epochs to draw: the history is empty");
    let mut scene = Scene::new(940.0, 400.0);
    scene.text("Training", (24.0, 34.0), TITLE);
    scene.text(summary(history), (24.0, 54.0), SUBTITLE);
    let entries = entries(history, resumed_after);
    let right = scene.width - 24.0;
    legend(&mut scene, (right - super::legend::width(&entries), 34.0), &entries);
    let mut left = 16.0;
    for measure in [Measure::Loss, Measure::Accuracy] {
        let area = Rect::new(left, 72.0, 446.0, 314.0);
        let (x, y) = (epochs_axis(history), measure.axis(history));
        let plane = axes(&mut scene, area, &x, &y)?;
        draw(&mut scene, &plane, history, measure, resumed_after);
        left += 462.0;
    }
    Ok(Picture(scene))
}

#[derive(Clone, Copy)]
enum Measure {
    Loss,
    Accuracy,
}

impl Measure {
    fn train(self, epoch: &Epoch) -> f64 {
        match self {
            Self::Loss => epoch.train_loss,
            Self::Accuracy => epoch.train_accuracy,
        }
    }

    fn validation(self, epoch: &Epoch) -> f64 {
        match self {
            Self::Loss => epoch.validation_loss,
            Self::Accuracy => epoch.validation_accuracy,
        }
    }

    fn axis(self, history: &History) -> Axis {
        let all = history.epochs.iter().flat_map(|epoch| [self.train(epoch), self.validation(epoch)]);
        let mut values: Vec<f64> = all.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = values.first().copied().zip(values.last().copied()).unwrap_or((0.0, 1.0));
        match self {
            Self::Loss if low > 0.0 && high > 6.0 * values[values.len() / 2] => spiky(low, high),
            Self::Loss | Self::Accuracy => self.linear(low, high),
        }
    }

    /// A little more than the data need: from 0 where they come near it, never far beyond 100 %.
    fn linear(self, low: f64, high: f64) -> Axis {
        // So that equal numbers do not stand on a scale of thousandths.
        let span = (high - low).max(0.1 * high.abs()).max(1e-3);
        let (label, percent, low, high) = match self {
            Self::Loss if low < 0.4 * high => ("loss", false, 0.0, high + 0.06 * span),
            Self::Loss => ("loss", false, low - 0.12 * span, high + 0.12 * span),
            Self::Accuracy => {
                let ceiling = 1.0_f64.max(high) + 0.02 * span;
                ("accuracy", true, (low - 0.1 * span).max(0.0), (high + 0.12 * span).min(ceiling))
            }
        };
        Axis { label, low, high, ticks: ticks(low, high, 6), scale: Scale::Linear, percent }
    }
}

/// The axis of losses of which a few are so large that a linear axis would flatten all others.
fn spiky(low: f64, high: f64) -> Axis {
    let (low, high) = (low / 1.4, high * 1.2);
    let ticks = logarithmic_ticks(low, high);
    Axis { label: "loss (logarithmic)", low, high, ticks, scale: Scale::Logarithmic, percent: false }
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
    if history.best().is_some() {
        entries.push(Entry::new(Mark::Ring(VERMILION), "best epoch"));
    }
    if !resumed_after.is_empty() {
        entries.push(Entry::new(Mark::Line(RESUMED), "resumed"));
    }
    entries
}

fn epochs_axis(history: &History) -> Axis {
    let numbers = || history.epochs.iter().map(|epoch| f64::from(epoch.epoch));
    let (first, last) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(0.0, f64::max));
    let room = (0.03 * (last - first)).max(0.3);
    let (low, high) = (first - room, last + room);
    let ticks = whole_ticks(low, high, 9);
    Axis { label: "epoch", low, high, ticks, scale: Scale::Linear, percent: false }
}

fn draw(scene: &mut Scene, plane: &Plane<'_>, history: &History, measure: Measure, resumed_after: &[u32]) {
    for &epoch in resumed_after {
        let (x, _) = plane.at(f64::from(epoch) + 0.5, 1.0);
        scene.line(vec![(x, plane.frame.top), (x, plane.frame.bottom())], RESUMED);
    }
    series(scene, plane, history, TRAIN, |epoch| measure.train(epoch));
    series(scene, plane, history, VALIDATION, |epoch| measure.validation(epoch));
    if let Some(best) = history.best() {
        mark_best(scene, plane, best, measure);
    }
}

fn series(scene: &mut Scene, plane: &Plane<'_>, history: &History, pen: Pen, value: impl Fn(&Epoch) -> f64) {
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

fn mark_best(scene: &mut Scene, plane: &Plane<'_>, best: &Epoch, measure: Measure) {
    let value = measure.validation(best);
    if value.is_finite() {
        let at = plane.at(f64::from(best.epoch), value);
        ring(scene, at, VERMILION);
        // On the side from which the curve does not come.
        let down = match measure {
            Measure::Loss => 18.0,
            Measure::Accuracy => -9.0,
        };
        scene.label(&best.epoch.to_string(), (at.0, at.1 + down), ENTRY.bold().align(Align::Centre));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gallery::drawn;

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
            assert!(svg.contains(">best epoch</text>"));
            assert_eq!(svg.contains(">resumed</text>"), epochs == 13);
        }
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
