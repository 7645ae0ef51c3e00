//! Event files for TensorBoard, written while networks train: `[run] logs = { tensorboard = true }`.
//!
//! Listens to a run, between the engine and the display. The files are a view like everything below `out`: no stage
//! reads them, and no key depends on them. What an event file looks like is in `events`.

mod events;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    engine::tell::event::{Event, Observer},
    protocol::EpochEnd,
};

/// The folder with a folder for each training, in the folder of the pipeline's results.
const FOLDER: &str = "tensorboard";

/// Listens to a run and writes what TensorBoard shows.
pub(super) struct Logged<'a> {
    folder: PathBuf,
    /// The file of each training of this run; `None` if it could not be written.
    files: HashMap<String, Option<File>>,
    /// Whether the loss of every step is written, too.
    steps: bool,
    inner: &'a mut dyn Observer,
}

impl<'a> Logged<'a> {
    /// Writes below the folder `out` of a pipeline, and passes all events on.
    pub(super) fn new(out: &Path, steps: bool, inner: &'a mut dyn Observer) -> Self {
        Self { folder: out.join(FOLDER), files: HashMap::new(), steps, inner }
    }

    /// Writes an epoch. An error is a warning, once for each training: the training itself goes on.
    fn write(&mut self, stage: &str, epoch: &EpochEnd, losses: &[f32]) {
        let folder = self.folder.join(stage.replace('/', "_"));
        let file = match self.files.remove(stage) {
            None => begin(&folder, epoch.epoch).map(Some),
            Some(file) => Ok(file),
        };
        let written = file.and_then(|mut file| {
            if let Some(file) = &mut file {
                let losses = if self.steps { losses } else { &[] };
                file.write_all(&records(epoch, losses))?;
            }
            Ok(file)
        });
        let file = written.unwrap_or_else(|error| {
            let text = format!("nothing more is written for TensorBoard to {}: {error}", folder.display());
            self.inner.event(&Event::Warning { stage: Some(stage.to_owned()), text });
            None
        });
        self.files.insert(stage.to_owned(), file);
    }
}

impl Observer for Logged<'_> {
    fn event(&mut self, event: &Event) {
        if let Event::Epoch { stage, epoch, losses, .. } = event {
            self.write(stage, epoch, losses);
        }
        self.inner.event(event);
    }
}

/// A new event file. A training that begins with its first epoch replaces the files of an earlier one; a training that
/// goes on adds to them.
fn begin(folder: &Path, first: u32) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    if first == 1 {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(events::PREFIX)) {
                fs::remove_file(path)?;
            }
        }
    }
    let name = format!("{}{:010}.{first}.pcamflow", events::PREFIX, seconds().trunc());
    let mut file = File::create(folder.join(name))?;
    file.write_all(&events::header(seconds()))?;
    Ok(file)
}

/// The records of an epoch, and of its steps. Steps are counted from the first of the training.
fn records(epoch: &EpochEnd, losses: &[f32]) -> Vec<u8> {
    let numbers = [
        ("loss/train", epoch.train_loss),
        ("loss/validation", epoch.validation_loss),
        ("accuracy/train", epoch.train_accuracy),
        ("accuracy/validation", epoch.validation_accuracy),
    ];
    let before = u64::from(epoch.epoch.saturating_sub(1)) * losses.len() as u64;
    let step = |(at, loss): (u64, &f32)| events::scalars(seconds(), at, &[("loss/step", f64::from(*loss))]);
    let mut records: Vec<u8> = (before + 1..).zip(losses).flat_map(step).collect();
    records.extend(events::scalars(seconds(), epoch.epoch.into(), &numbers));
    records
}

/// The time, in seconds since 1970.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Observer for Heard {
        fn event(&mut self, event: &Event) {
            self.0.push(match event {
                Event::Warning { text, .. } => text.clone(),
                _ => "passed on".to_owned(),
            });
        }
    }

    fn epoch(epoch: u32) -> Event {
        let numbers = EpochEnd {
            epoch,
            of: 9,
            train_loss: 0.5,
            train_accuracy: 0.75,
            validation_loss: 0.25,
            validation_accuracy: 1.0,
            best: 1,
            best_loss: 0.25,
        };
        Event::Epoch { stage: "train.t".to_owned(), epoch: numbers, losses: vec![0.5, 0.25], curves: None }
    }

    fn files(folder: &Path) -> Vec<u64> {
        let entries = fs::read_dir(folder.join("tensorboard/train.t")).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
    }

    #[test]
    fn a_new_training_replaces_the_files_and_one_that_goes_on_adds_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let run = |epochs: &[u32]| {
            let mut heard = Heard::default();
            let mut logged = Logged::new(folder.path(), false, &mut heard);
            epochs.iter().for_each(|number| logged.event(&epoch(*number)));
            heard.0
        };
        assert_eq!(run(&[1, 2]), ["passed on", "passed on"]);
        let two = files(folder.path());
        assert_eq!(run(&[3]).len(), 1);
        assert_eq!(files(folder.path()).len(), 2);
        run(&[1, 2]);
        assert_eq!(files(folder.path()), two);
        let mut heard = Heard::default();
        Logged::new(folder.path(), true, &mut heard).event(&epoch(1));
        assert!(files(folder.path())[0] > 2 * two[0] / 3, "also the loss of each of its two steps");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_one_warning() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tensorboard"), "in the way").unwrap();
        let mut heard = Heard::default();
        let mut logged = Logged::new(folder.path(), false, &mut heard);
        [1, 2].iter().for_each(|number| logged.event(&epoch(*number)));
        assert!(
            heard.0[0].contains("for TensorBoard") && heard.0[1..] == ["passed on", "passed on"],
            "{heard:?}",
            heard = heard.0
        );
    }
}
