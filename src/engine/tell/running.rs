//! Shows the curves of a training that is running, in `out/<pipeline>/running/`.
//!
//! The picture is for people who watch. It is no result: nothing reads it, no error fails the run, and it goes when the
//! stage ends. Knows no process, which draws it.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use crate::fsx::{self, StatTuple};

/// The folder of the pictures, in a pipeline's folder.
const FOLDER: &str = "running";

/// The picture of one stage. Dropping it removes the picture.
pub(in crate::engine) struct Running {
    file: PathBuf,
    /// What was shown last, as it was drawn.
    shown: RefCell<Option<StatTuple>>,
}

impl Running {
    /// The picture of a stage, in a pipeline's folder.
    pub(in crate::engine) fn of(stage: &str, folder: &Path) -> Self {
        Self { file: file(stage, folder), shown: RefCell::default() }
    }

    /// Shows the picture that was drawn, if there is one and it is new. Returns its place the first time.
    pub(in crate::engine) fn show(&self, drawn: &Path) -> Option<PathBuf> {
        let now = fsx::stat(drawn).ok().flatten()?;
        let mut shown = self.shown.borrow_mut();
        if *shown == Some(now) {
            return None;
        }
        if let Err(error) = fsx::copy_whole(drawn, &self.file, true) {
            tracing::debug!("the curves so far are not shown: {error}");
            return None;
        }
        shown.replace(now).is_none().then(|| self.file.clone())
    }
}

/// Removes the pictures of stages that have results. A run that was killed just when a stage ended may have left one.
pub(in crate::engine) fn clear_up<'a>(folder: &Path, finished: impl Iterator<Item = &'a str>) {
    if folder.join(FOLDER).is_dir() {
        finished.for_each(|stage| remove(&file(stage, folder)));
    }
}

fn file(stage: &str, folder: &Path) -> PathBuf {
    folder.join(FOLDER).join(format!("{stage}.png"))
}

/// Removes a picture. The folder stays as long as it has pictures of other stages.
fn remove(picture: &Path) {
    if fsx::remove_file(picture).is_ok_and(|removed| removed) {
        let _ = fsx::remove_folder_if_empty(&fsx::parent(picture));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Also one that a killed run left.
        remove(&self.file);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_picture_is_replaced_and_goes_with_its_stage() {
        let folder = tempfile::tempdir().unwrap();
        let drawn = folder.path().join("drawn.png");
        let (one, two) = (Running::of("train.a", folder.path()), Running::of("train.b", folder.path()));
        assert_eq!(one.show(&drawn), None, "nothing is drawn yet");
        fs::write(&drawn, "first").unwrap();
        let shown = one.show(&drawn).unwrap();
        assert_eq!(shown, folder.path().join("running/train.a.png"));
        fs::write(&drawn, "the second").unwrap();
        assert_eq!(one.show(&drawn), None, "its place was told");
        assert_eq!(fs::read_to_string(&shown).unwrap(), "the second");
        two.show(&drawn).unwrap();
        drop(one);
        assert!(!shown.exists() && folder.path().join("running/train.b.png").exists());
        drop(two);
        assert!(!folder.path().join("running").exists());
    }

    #[test]
    fn what_a_killed_run_left_goes_once_the_stage_has_a_result() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = ["a", "b"].map(|name| folder.path().join(format!("running/train.{name}.png")));
        fs::create_dir(folder.path().join("running")).unwrap();
        pictures.iter().for_each(|picture| fs::write(picture, "left").unwrap());
        clear_up(folder.path(), ["train.a", "evaluate.e"].into_iter());
        assert_eq!(pictures.map(|picture| picture.exists()), [false, true]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let drawn = folder.path().join("drawn.png");
        fs::write(&drawn, "").unwrap();
        assert_eq!(Running::of("train.a", Path::new("/dev/null")).show(&drawn), None);
    }
}
