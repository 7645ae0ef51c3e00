//! Finds the recorded runs that a command names, and reads their records.

use std::{collections::BTreeSet, path::Path};

use super::{
    Error,
    project::{give_name, here, store_for},
};
use crate::{
    engine::tell::given::Given,
    pipeline,
    store::{self, ReadRun, RunFile, RunRecord, RunState, Store},
};

/// The recorded runs of a store.
pub(super) struct History {
    pub(super) store: Store,
    /// Oldest first.
    pub(super) files: Vec<RunFile>,
    /// The options that a suggested command has to repeat.
    given: String,
}

/// What the file of a record contains.
pub(super) enum Found {
    /// A run.
    Run(Box<RunRecord>, RunState),
    /// A record that cannot be read, and why.
    Unreadable(String),
    /// The file was removed meanwhile.
    Gone,
}

impl History {
    /// Opens the given store, or that of the project of a file, or of the current folder.
    pub(super) fn open(file: Option<&Path>, store: Option<&Path>) -> Result<Self, Error> {
        let file = file.filter(|file| file.exists()).unwrap_or(here());
        let given = Given { store: store.map(Path::to_owned), ..Given::default() }.places();
        let store = store_for(file, store)?;
        Ok(Self { files: store.runs()?, store, given })
    }

    /// Whether there are runs of a pipeline, given by its file or name.
    pub(super) fn knows(&self, file: &Path) -> bool {
        let name = self.name_of(file);
        self.files.iter().any(|run| run.is_of(&name))
    }

    /// The pipelines that have runs: `there are runs of full, small`.
    pub(super) fn pipelines(&self) -> String {
        let names: BTreeSet<&str> = self.files.iter().map(|run| run.pipeline.as_str()).collect();
        match names.is_empty() {
            true => "no run is recorded yet".to_owned(),
            false => format!("there are runs of {}", names.into_iter().collect::<Vec<_>>().join(", ")),
        }
    }

    /// The name of the pipeline in a file. A path without a file is a name, or a file that was removed.
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
    pub(super) fn look(&self, file: &RunFile) -> Result<Found, Error> {
        let (read, state) = self.store.look(file)?;
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

    /// The runs that a word names: a number, `latest`, `latest~2` (the second before the latest), `12..15`.
    pub(super) fn named(&self, word: &str) -> Result<Vec<RunFile>, String> {
        if let Some((first, last)) = word.split_once("..") {
            let (first, last) = (self.one(first)?.id, self.one(last)?.id);
            let range = first.min(last)..=first.max(last);
            return Ok(self.files.iter().filter(|run| range.contains(&run.id)).cloned().collect());
        }
        self.one(word).map(|run| vec![run])
    }

    /// The one run that a word names. `several` says what to do if it names several.
    pub(super) fn run(&self, word: &str, several: &str) -> Result<(RunFile, RunRecord, RunState), Error> {
        let mut files = self.named(word).map_err(Error::usage)?;
        let (Some(file), true) = (files.pop(), files.is_empty()) else {
            return Err(Error::usage(format!("`{word}` is not one run: {several}")));
        };
        match self.look(&file)? {
            Found::Run(run, state) => Ok((file, *run, state)),
            Found::Unreadable(why) => Err(Error::failed(format!("run {}: {why}", file.id))),
            Found::Gone => Err(Error::usage(format!("run {} was removed just now", file.id))),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn history(ids: &[u64]) -> History {
        let file = |id: &u64| RunFile { id: *id, pipeline: "p".to_owned(), path: std::path::PathBuf::new() };
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
