//! The end of an epoch in a line: losses and accuracies of training and validation, and the best epoch so far.
//!
//! Pure functions from an epoch to a text; knows neither colours nor terminals.

use crate::protocol::EpochEnd;

/// The parts of the line, in order: `4/12`, `training 0.312 86.9%`, `validation 0.355 84.1%`, `best 3 (0.341)`.
pub(super) fn parts(end: &EpochEnd) -> [String; 4] {
    worded(end, "training", "validation")
}

/// The parts in one line of at most `room` columns, if that is possible: with shorter words, and then without the
/// training. Numbers are never cut.
pub(super) fn fitted(end: &EpochEnd, room: usize) -> String {
    let short = worded(end, "train", "val");
    let [of, _, validation, best] = &short;
    let forms = [parts(end).join(", "), short.join(", "), format!("{of}, {validation}, {best}")];
    let fits = |form: &String| form.len() <= room;
    forms.into_iter().find(fits).unwrap_or_else(|| format!("{of}, {validation}"))
}

fn worded(end: &EpochEnd, training: &str, validation: &str) -> [String; 4] {
    [
        format!("{}/{}", end.epoch, end.of),
        format!("{training} {}", result(end.train_loss, end.train_accuracy)),
        format!("{validation} {}", result(end.validation_loss, end.validation_accuracy)),
        match end.best == end.epoch {
            true => "best so far".to_owned(),
            false => format!("best {} ({})", end.best, loss(end.best_loss)),
        },
    ]
}

/// `0.312 86.9%`
fn result(of_loss: f64, accuracy: f64) -> String {
    format!("{} {:.1}%", loss(of_loss), accuracy * 100.0)
}

/// A loss with three decimals. One that is nearly zero has more, so that it still says something.
fn loss(loss: f64) -> String {
    if loss.abs() < 0.01 { format!("{loss:.5}") } else { format!("{loss:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::tell::event::Event, ui::testing};

    fn end(epoch: u32) -> EpochEnd {
        match testing::epoch("train.base", epoch) {
            Event::Epoch { epoch, .. } => epoch,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_best_epoch_says_so_and_others_name_it() {
        assert_eq!(parts(&end(3))[3], "best so far");
        assert_eq!(parts(&end(4))[3], "best 3 (0.341)");
    }

    #[test]
    fn less_room_takes_words_and_then_the_training_and_no_number() {
        assert_eq!(fitted(&end(4), 66), "4/12, training 0.312 86.9%, validation 0.355 84.1%, best 3 (0.341)");
        assert_eq!(fitted(&end(4), 65), "4/12, train 0.312 86.9%, val 0.355 84.1%, best 3 (0.341)");
        assert_eq!(fitted(&end(4), 50), "4/12, val 0.355 84.1%, best 3 (0.341)");
        assert_eq!(fitted(&end(4), 9), "4/12, val 0.355 84.1%");
    }

    #[test]
    fn small_losses_have_more_decimals() {
        let tiny = EpochEnd { train_loss: 0.000_42, train_accuracy: 1.0, ..end(3) };
        assert_eq!(parts(&tiny)[1], "training 0.00042 100.0%");
    }
}
