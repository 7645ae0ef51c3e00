//! A picture of the curves so far, in the folder that the engine keeps per key.
//!
//! It is for people who watch a training: it is no artifact, and no training fails for it. Knows no engine, which
//! shows it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;
use pcamflow::{
    fsx::{self, Durability},
    metrics::History,
    protocol::CURVES,
    report::training_curves,
    serve::Reporter,
};

/// The time between two pictures, and before the first one: a shorter training needs none.
const EVERY: Duration = Duration::from_secs(1);

/// The picture of one training.
pub(super) struct SoFar {
    /// `None` once the picture could not be written.
    folder: Option<PathBuf>,
    every: Duration,
    last: Instant,
}

impl SoFar {
    /// A picture in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), every: EVERY, last: Instant::now() }
    }

    /// Draws all epochs, if the last picture is old enough.
    pub(super) fn draw(&mut self, history: &History, resumed_after: &[u32], reporter: &dyn Reporter) {
        let Some(folder) = self.folder.as_deref().filter(|_| self.last.elapsed() >= self.every) else {
            return;
        };
        if let Err(error) = write(folder, history, resumed_after) {
            reporter.info(&format!("the curves so far cannot be drawn: {error:#}"));
            self.folder = None;
        }
        // From here on, so that drawing never takes most of the time.
        self.last = Instant::now();
    }
}

fn write(folder: &Path, history: &History, resumed_after: &[u32]) -> Result<()> {
    let picture = training_curves(history, resumed_after)?.png()?;
    fsx::create_folder(folder)?;
    Ok(fsx::write_atomic(&folder.join(CURVES), &picture, Durability::Relaxed)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pcamflow::{metrics::Epoch, protocol::EpochEnd};

    use super::*;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Reporter for Lines {
        fn progress(&self, _: u64, _: u64, _: &str, _: &str) {}
        fn epoch(&self, _: EpochEnd, _: Vec<f32>) {}
        fn info(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
        fn warn(&self, text: &str) {
            panic!("{text}");
        }
    }

    fn history(epochs: u32) -> History {
        let epoch = |epoch| Epoch {
            epoch,
            train_loss: 0.5,
            train_accuracy: 0.8,
            validation_loss: 0.6,
            validation_accuracy: 0.7,
            learning_rate: None,
        };
        History { epochs: (1..=epochs).map(epoch).collect() }
    }

    #[test]
    fn the_picture_has_all_epochs_and_is_not_drawn_too_often() {
        let folder = tempfile::tempdir().unwrap();
        let (work, told) = (folder.path().join("work"), Lines::default());
        let read = || std::fs::read(work.join(CURVES)).ok();
        let mut so_far = SoFar::new(&work);
        so_far.draw(&history(2), &[], &told);
        assert_eq!(read(), None, "the training has only begun");
        so_far.every = Duration::ZERO;
        so_far.draw(&history(2), &[1], &told);
        assert_eq!(read(), training_curves(&history(2), &[1]).unwrap().png().ok());
        so_far.every = EVERY;
        so_far.draw(&history(3), &[1], &told);
        assert_eq!(read(), training_curves(&history(2), &[1]).unwrap().png().ok());
        assert!(told.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_picture_that_cannot_be_written_is_a_line_in_the_log_and_not_tried_again() {
        let told = Lines::default();
        let mut so_far = SoFar { every: Duration::ZERO, ..SoFar::new(Path::new("/dev/null/work")) };
        so_far.draw(&history(1), &[], &told);
        so_far.draw(&history(2), &[], &told);
        let lines = told.0.lock().unwrap();
        assert!(lines.len() == 1 && lines[0].starts_with("the curves so far cannot be drawn: "), "{lines:?}");
    }
}
