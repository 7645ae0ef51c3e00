//! Shows the artifacts of finished stages to people, below `out/<pipeline>`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::event::{Event, FinishedStage, Observer};
use crate::{
    pipeline::Pipeline,
    protocol::Number,
    store::{ActionRecord, Store, StoredArtifact},
};

/// The file name of a stage's log.
pub(super) const LOG: &str = "log.txt";

/// The folder in which a run shows what it made.
pub(super) struct Show<'a> {
    store: &'a Store,
    folder: PathBuf,
    pipeline: &'a Pipeline,
}

impl<'a> Show<'a> {
    pub(super) fn new(store: &'a Store, folder: PathBuf, pipeline: &'a Pipeline) -> Self {
        Self { store, folder, pipeline }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Shows the result of a stage that is done, and says what there is to say of it.
    pub(super) fn finished(
        &self,
        name: &str,
        record: &ActionRecord,
        cached: bool,
        observer: &mut dyn Observer,
    ) -> FinishedStage {
        let folder = self.stage(name, record).unwrap_or_else(|text| {
            observer.event(&Event::Warning { stage: Some(name.to_owned()), text });
            None
        });
        let numbers =
            record.numbers.iter().map(|number| Number { name: number.name.clone(), value: number.value });
        FinishedStage {
            stage: name.to_owned(),
            cached,
            seconds: record.made.seconds,
            numbers: numbers.collect(),
            folder,
            device: record.made.device.clone(),
            resumed: record.made.resumed.clone(),
        }
    }

    /// Shows a stage's artifacts and log; returns their folder, or `None` where none of their bytes are
    /// in this store.
    pub(super) fn stage(&self, name: &str, record: &ActionRecord) -> Result<Option<PathBuf>, String> {
        let folder = self.folder.join(name);
        let log =
            record.log.map(|digest| StoredArtifact { digest, file: LOG.to_owned(), size: 0, stat: None });
        let shown = self
            .store
            .show(&folder, record.artifacts.values().chain(&log))
            .map_err(|error| error.to_string())?;
        Ok((shown.absent.len() < record.artifacts.len()).then_some(folder))
    }

    /// Removes what is shown of stages that the pipeline no longer has.
    pub(super) fn forget_others(&self) -> Result<(), String> {
        if !self.folder.exists() {
            return Ok(());
        }
        let names: BTreeSet<String> = self.pipeline.stages.iter().map(|node| node.name.to_string()).collect();
        self.store.hide_others(&self.folder, &names).map(drop).map_err(|error| error.to_string())
    }
}
