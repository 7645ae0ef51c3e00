//! Finds the recorded runs that a command names, and reads their records.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    Exit, complain,
    project::{give_name, root_of},
};
use crate::{
    engine::tell::given::Given,
    pipeline,
    store::{self, ReadRun, RunFile, RunRecord, RunState, Store},
};

/// The records of a store.
pub(super) struct History {
    pub(super) store: Store,
    /// The oldest first.
    pub(super) files: Vec<RunFile>,
    /// What a command that is named has to repeat.
    given: String,
}

/// What was found in the file of a record.
pub(super) enum Found {
    /// A run.
    Run(Box<RunRecord>, RunState),
    /// A record that cannot be read: why.
    Unreadable(String),
    /// Nothing any more.
    Gone,
}

impl History {
    /// Opens the store: the one that is named, or that of the project of a pipeline's file, or of this folder.
    pub(super) fn open(file: Option<&Path>, store: Option<&PathBuf>) -> Result<Self, Exit> {
        let file = file.filter(|file| file.exists()).unwrap_or(Path::new("pipeline.toml"));
        let folder = match store {
            Some(folder) => folder.clone(),
            None => root_of(file)?.join(".pcamflow"),
        };
        let opened = Store::open(&folder, store::Options::default());
        let given = Given { store: store.cloned(), ..Given::default() }.places();
        let history = opened.and_then(|store| Ok(Self { files: store.runs()?, store, given }));
        history.map_err(|error| environment(&error))
    }

    /// Whether there is a run of a pipeline: of that file, or of that name.
    pub(super) fn knows(&self, file: &Path) -> bool {
        let name = self.name_of(file);
        self.files.iter().any(|run| run.is_of(&name))
    }

    /// The pipelines that there are runs of: `there are runs of full, small`.
    pub(super) fn pipelines(&self) -> String {
        let names: BTreeSet<&str> = self.files.iter().map(|run| run.pipeline.as_str()).collect();
        match names.is_empty() {
            true => "no run is recorded yet".to_owned(),
            false => format!("there are runs of {}", names.into_iter().collect::<Vec<_>>().join(", ")),
        }
    }

    /// Only the runs of a pipeline: of that file, or of that name.
    pub(super) fn of_pipeline(mut self, file: &Path) -> Self {
        let name = self.name_of(file);
        self.files.retain(|run| run.is_of(&name));
        self
    }

    /// The name of the pipeline in a file. A path without a file counts as the name itself, or as that of a file that
    /// was removed.
    pub(super) fn name_of(&self, file: &Path) -> String {
        let stem = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match pipeline::load(file, &pipeline::Options::default()) {
            Ok(mut pipeline) => {
                give_name(&mut pipeline, &self.store);
                pipeline.name
            }
            Err(_) if file.exists() || file.extension().is_some_and(|ending| ending == "toml") => stem(),
            Err(_) => file.to_string_lossy().into_owned(),
        }
    }

    /// Reads a record.
    pub(super) fn look(&self, file: &RunFile) -> Result<Found, Exit> {
        let (read, state) = self.store.look(file).map_err(|error| environment(&error))?;
        Ok(match read {
            ReadRun::Record(record) => Found::Run(record, state),
            ReadRun::Foreign(format) => Found::Unreadable(format!(
                "its record has format {format}, this pcamflow reads {}: use the pcamflow that wrote it",
                store::RUN_FORMAT
            )),
            ReadRun::Damaged(what) => Found::Unreadable(format!(
                "its record is damaged: {what}; `pcamflow cache verify{}` puts it aside",
                self.given
            )),
            ReadRun::Absent => Found::Gone,
        })
    }

    /// The runs that a word means: a number, `latest`, `latest~2` (the second before it), `12..15`.
    pub(super) fn named(&self, word: &str) -> Result<Vec<RunFile>, String> {
        if let Some((first, last)) = word.split_once("..") {
            let (first, last) = (self.one(first)?.id, self.one(last)?.id);
            let range = first.min(last)..=first.max(last);
            return Ok(self.files.iter().filter(|run| range.contains(&run.id)).cloned().collect());
        }
        self.one(word).map(|run| vec![run])
    }

    fn one(&self, word: &str) -> Result<RunFile, String> {
        let back = match word.split_once('~') {
            None if word == "latest" => Some(0),
            Some(("latest", back)) => back.parse::<usize>().ok(),
            _ => None,
        };
        let found = match (back, word.parse::<u64>()) {
            (Some(back), _) => self.files.iter().rev().nth(back),
            (None, Ok(id)) => self.files.iter().find(|run| run.id == id),
            (None, Err(_)) if word.ends_with(".toml") || word.contains('/') => {
                return Err(format!("there is no file `{word}`, and no run of it: {}", self.pipelines()));
            }
            (None, Err(_)) => {
                return Err(format!(
                    "`{word}` is not a run: write a number, `latest`, `latest~2`, `3..7`, or a pipeline ({})",
                    self.pipelines()
                ));
            }
        };
        found.cloned().ok_or_else(|| format!("there is no run `{word}`: {}", self.range()))
    }

    fn range(&self) -> String {
        match (self.files.first(), self.files.last()) {
            (Some(first), Some(last)) if first.id != last.id => {
                format!("there are runs {} to {} (`pcamflow runs{}`)", first.id, last.id, self.given)
            }
            (Some(first), _) => format!("there is only run {}", first.id),
            _ => "no run is recorded yet".to_owned(),
        }
    }
}

/// Says why the store cannot be used.
pub(super) fn environment(error: &store::Error) -> Exit {
    complain(&format!("error: {error}"));
    Exit::Environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(ids: &[u64]) -> History {
        let file = |id: &u64| RunFile { id: *id, pipeline: "p".to_owned(), path: PathBuf::new() };
        let store = Store::open(Path::new("/nowhere"), store::Options::default()).unwrap();
        History { store, files: ids.iter().map(file).collect(), given: String::new() }
    }

    #[test]
    fn runs_are_named_by_number_from_the_end_and_by_range() {
        let history = history(&[3, 4, 7, 8]);
        let ids = |word: &str| -> Result<Vec<u64>, String> {
            Ok(history.named(word)?.iter().map(|run| run.id).collect())
        };
        assert_eq!(ids("7"), Ok(vec![7]));
        assert_eq!(ids("latest"), Ok(vec![8]));
        assert_eq!(ids("latest~3"), Ok(vec![3]));
        assert_eq!(ids("4..8"), Ok(vec![4, 7, 8]));
        assert_eq!(ids("latest..latest~1"), Ok(vec![7, 8]));
        assert!(ids("5").unwrap_err().contains("there is no run `5`: there are runs 3 to 8"));
        assert!(ids("latest~4").unwrap_err().contains("there is no run `latest~4`"));
        assert!(ids("x").unwrap_err().contains("there are runs of p"));
        assert!(ids("x.toml").unwrap_err().contains("there is no file `x.toml`"));
        assert!(history.knows(Path::new("p")) && history.knows(Path::new("gone/p.toml")));
        assert!(!history.knows(Path::new("q")));
        for word in ["", "x", "latest~", "latest~x", "-1", "3..x", "1.5"] {
            assert!(ids(word).is_err(), "{word}");
        }
    }
}
