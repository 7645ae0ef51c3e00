//! Shows the artifacts of finished stages below `out/<pipeline>`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::engine::tell::{
    ended::FinishedStage,
    event::{Event, Observer},
    trial::FOLDER,
};
use crate::{
    pipeline::Pipeline,
    store::{ActionRecord, Store, StoredArtifact},
};

/// The file name of a stage's log.
pub(in crate::engine) const LOG: &str = "log.txt";

/// The folder in which a run shows what it made.
pub(in crate::engine) struct Show<'a> {
    store: &'a Store,
    folder: PathBuf,
    pipeline: &'a Pipeline,
    /// Of each stage of a sweep, the trials that have it.
    trials: Vec<Vec<usize>>,
}

impl<'a> Show<'a> {
    pub(in crate::engine) fn new(store: &'a Store, folder: PathBuf, pipeline: &'a Pipeline) -> Self {
        let mut trials = vec![Vec::new(); pipeline.stages.len()];
        for (index, trial) in pipeline.trials.iter().enumerate() {
            trial.stages.iter().for_each(|stage| trials[*stage].push(index));
        }
        Self { store, folder, pipeline, trials }
    }

    /// The pipeline's folder.
    pub(in crate::engine) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder in which all that is shown lies.
    pub(in crate::engine) fn shown(&self) -> PathBuf {
        if self.pipeline.trials.is_empty() { self.folder.clone() } else { self.folder.join(FOLDER) }
    }

    /// Shows the result of a stage that is done, and says what there is to say of it.
    pub(in crate::engine) fn finished(
        &self,
        stage: usize,
        name: &str,
        record: &ActionRecord,
        cached: bool,
        observer: &mut dyn Observer,
    ) -> FinishedStage {
        let mut warn = |text| observer.event(&Event::Warning { stage: Some(name.to_owned()), text });
        let folder = self.stage(stage, record, &mut warn).unwrap_or_else(|text| {
            warn(text);
            None
        });
        FinishedStage {
            stage: name.to_owned(),
            key: record.key.hex(),
            cached,
            seconds: record.made.seconds,
            numbers: record.numbers.clone(),
            folder,
            device: record.made.device.clone(),
            resumed: record.made.resumed.clone(),
        }
    }

    /// Shows a stage's artifacts and log; returns their folder, or `None` where none of their bytes are
    /// in this store. A stage of several trials is shown in the folder of each; the first is returned.
    pub(in crate::engine) fn stage(
        &self,
        stage: usize,
        record: &ActionRecord,
        warn: &mut dyn FnMut(String),
    ) -> Result<Option<PathBuf>, String> {
        let name = &self.pipeline.stages[stage].name;
        if self.pipeline.trials.is_empty() {
            return self.show(&self.folder.join(name.to_string()), record, warn);
        }
        let name = name.in_its_trial().to_string();
        let folder =
            |trial: &usize| self.folder.join(FOLDER).join(&self.pipeline.trials[*trial].name).join(&name);
        let mut first = None;
        for trial in &self.trials[stage] {
            let shown = self.show(&folder(trial), record, warn)?;
            first = first.or(shown);
        }
        Ok(first)
    }

    fn show(
        &self,
        folder: &Path,
        record: &ActionRecord,
        warn: &mut dyn FnMut(String),
    ) -> Result<Option<PathBuf>, String> {
        let log =
            record.log.map(|digest| StoredArtifact { digest, file: LOG.to_owned(), size: 0, stat: None });
        let shown = self
            .store
            .show(folder, record.artifacts.values().chain(&log))
            .map_err(|error| error.to_string())?;
        for kept in shown.kept {
            warn(format!(
                "a file that was put, or changed, where results are shown is not lost: it is {} now",
                kept.display()
            ));
        }
        Ok((shown.absent.len() < record.artifacts.len()).then(|| folder.to_owned()))
    }

    /// Removes what is shown of stages that the pipeline no longer has; of a sweep, what is shown of other
    /// trials, and of such stages in its own.
    pub(in crate::engine) fn forget_others(&self) -> Result<(), String> {
        if self.pipeline.trials.is_empty() {
            let names = self.pipeline.stages.iter().map(|node| node.name.to_string());
            return self.keep(&self.folder, &names.collect());
        }
        let folder = self.shown();
        for trial in crate::fsx::list(&folder).map_err(|error| error.to_string())? {
            let of_it = self.pipeline.trials.iter().find(|known| trial.to_str() == Some(&known.name));
            let stages = of_it.iter().flat_map(|trial| &trial.stages);
            let names = stages.map(|stage| self.pipeline.stages[*stage].name.in_its_trial().to_string());
            let folder = folder.join(&trial);
            self.keep(&folder, &names.collect())?;
            if of_it.is_none() && folder.is_dir() {
                // What repeats said together went with them; what others put there stays.
                super::repeats::show(&folder, &[]);
                crate::fsx::remove_folder_if_empty(&folder).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn keep(&self, folder: &Path, names: &BTreeSet<String>) -> Result<(), String> {
        if !folder.is_dir() {
            return Ok(());
        }
        self.store.hide_others(folder, names).map(drop).map_err(|error| error.to_string())
    }
}
