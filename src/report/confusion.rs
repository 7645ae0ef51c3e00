//! The confusion matrix as a heat map.

use super::{
    Picture,
    color::{AXIS, Color, MUTED},
    font::{self, CAPITALS},
    legend::heading,
    numbers::{images, percent, percent_interval, thousands},
    scene::{Align, Pen, Rect, Scene, TextStyle},
};
use crate::metrics::Evaluation;

const CELL: f64 = 136.0;
const GAP: f64 = 3.0;
const COUNT: TextStyle = TextStyle::new(26.0).bold().align(Align::Centre);
const SHARE: TextStyle = TextStyle::new(13.0).align(Align::Centre);
const NAME: TextStyle = TextStyle::new(13.0);
const AXIS_NAME: TextStyle = TextStyle::new(12.0).color(MUTED).align(Align::Centre);

/// Draws counts and row percentages, shaded by percentage. The diagonal is the recall of both classes.
#[must_use]
pub fn confusion_matrix(evaluation: &Evaluation) -> Picture {
    let mut scene = Scene::new(520.0, 414.0);
    heading(&mut scene, "Evaluation: confusion matrix", &subtitle(evaluation));
    let grid = Rect::new(138.0, 110.0, 2.0 * CELL + GAP, 2.0 * CELL + GAP);
    columns(&mut scene, grid, &evaluation.classes);
    rows(&mut scene, grid, evaluation);
    for truth in 0..2 {
        for predicted in 0..2 {
            cell(&mut scene, grid, evaluation, truth, predicted);
        }
    }
    bar(&mut scene, Rect::new(grid.right() + 24.0, grid.top, 14.0, grid.height));
    Picture(scene)
}

fn subtitle(evaluation: &Evaluation) -> String {
    let interval = percent_interval(evaluation.at.accuracy_interval, evaluation.bootstrap.level);
    format!(
        "{}, accuracy {}{interval}, threshold {}",
        images(evaluation.images),
        percent(evaluation.at.accuracy),
        evaluation.threshold
    )
}

/// The start of a class along an axis of the grid.
fn offset(class: usize) -> f64 {
    class as f64 * (CELL + GAP)
}

fn columns(scene: &mut Scene, grid: Rect, classes: &[String; 2]) {
    scene.text("predicted", (grid.centre().0, grid.top - 28.0), AXIS_NAME);
    for (class, name) in classes.iter().enumerate() {
        let name = font::fitted(name, NAME.size, true, CELL);
        let centre = grid.left + offset(class) + CELL / 2.0;
        scene.text(name, (centre, grid.top - 9.0), NAME.bold().align(Align::Centre));
    }
}

fn rows(scene: &mut Scene, grid: Rect, evaluation: &Evaluation) {
    scene.text("true", (30.0, grid.centre().1), AXIS_NAME.turned(-90.0));
    for (class, name) in evaluation.classes.iter().enumerate() {
        let lines = font::wrapped(name, NAME.size, true, 88.0);
        let middle = grid.top + offset(class) + CELL / 2.0;
        let mut base = middle - 16.0 * (lines.len() as f64) / 2.0 + NAME.size * CAPITALS / 2.0;
        for line in lines {
            scene.text(line, (grid.left - 10.0, base), NAME.bold().align(Align::Right));
            base += 16.0;
        }
        let support = thousands(evaluation.at.confusion.support(class));
        scene.text(support, (grid.left - 10.0, base), NAME.color(MUTED).align(Align::Right));
    }
}

fn cell(scene: &mut Scene, grid: Rect, evaluation: &Evaluation, truth: usize, predicted: usize) {
    let count = evaluation.at.confusion.counts[truth][predicted];
    let support = evaluation.at.confusion.support(truth);
    let share = (support > 0).then(|| count as f64 / support as f64);
    let rect = Rect::new(grid.left + offset(predicted), grid.top + offset(truth), CELL, CELL);
    let ground = shade(share.unwrap_or(0.0));
    scene.rectangle(rect, ground);
    let (x, y) = rect.centre();
    let ink = ground.readable();
    scene.text(thousands(count), (x, y + 4.0), COUNT.color(ink));
    let share = share.map_or_else(|| "no images".to_owned(), percent);
    scene.text(share, (x, y + 27.0), SHARE.color(ink));
}

/// Pale to dark blue. The palest blue is not white, so that an empty cell is seen.
fn shade(share: f64) -> Color {
    colorous::BLUES.eval_continuous(0.04 + 0.88 * share).into()
}

fn bar(scene: &mut Scene, rect: Rect) {
    const STEPS: usize = 64;
    let height = rect.height / STEPS as f64;
    for step in 0..STEPS {
        let top = rect.bottom() - (step + 1) as f64 * height;
        // Steps overlap a little, so that no white line shows between them.
        let piece = Rect::new(rect.left, top, rect.width, height + if step > 0 { 0.5 } else { 0.0 });
        scene.rectangle(piece, shade((step as f64 + 0.5) / STEPS as f64));
    }
    scene.frame(rect, Pen::new(AXIS, 0.8));
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let y = rect.bottom() - share * rect.height;
        scene.line(vec![(rect.right(), y), (rect.right() + 4.0, y)], Pen::new(AXIS, 1.0));
        let text = format!("{:.0} %", share * 100.0);
        scene.text(text, (rect.right() + 8.0, y + 4.0), TextStyle::new(11.0).color(MUTED));
    }
    let middle = (rect.right() + 56.0, rect.centre().1);
    scene.text("share of the true class", middle, AXIS_NAME.turned(-90.0));
}

#[cfg(test)]
mod tests {
    use crate::report::{fixture, gallery::drawn};

    use super::*;

    #[test]
    fn shows_counts_and_shares() {
        let (size, svg) = drawn("confusion", &confusion_matrix(&fixture::evaluation(4000)));
        assert_eq!(size, (1040, 828));
        for text in [">true<", ">predicted<", ">Cancerous<", "CI"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn shows_a_class_without_images_and_long_names() {
        let mut evaluation = fixture::evaluation(4000);
        evaluation.at.confusion.counts[1] = [0, 0];
        evaluation.at.confusion.counts[0][0] = 29_000;
        evaluation.classes =
            ["healthy tissue of lymph nodes", "metastasis_of_breast_cancer"].map(str::to_owned);
        let (_, svg) = drawn("confusion-odd", &confusion_matrix(&evaluation));
        assert!(svg.contains(">no images<") && svg.contains('…'));
    }
}
