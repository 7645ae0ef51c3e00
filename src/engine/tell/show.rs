//! Shows the artifacts of finished stages below `out/<pipeline>`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::engine::tell::trial::FOLDER;
use crate::{
    fsx::{BadName, Below},
    pipeline::Pipeline,
    store::{ActionRecord, Store, StoredArtifact},
};

/// The file name of a stage's log.
pub(in crate::engine) const LOG: &str = "log.txt";

/// The folder in which a run shows its results.
pub(in crate::engine) struct Show<'a> {
    store: &'a Store,
    folder: PathBuf,
    pipeline: &'a Pipeline,
    /// For each stage of a sweep, the trials that have it.
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

    /// The folder with everything that this run shows.
    pub(in crate::engine) fn shown(&self) -> PathBuf {
        if self.pipeline.trials.is_empty() { self.folder.clone() } else { self.folder.join(FOLDER) }
    }

    /// Shows the artifacts and the log of a stage. Returns their folder, or `None` if the store has none of their
    /// bytes. A stage of several trials is shown in the folder of each, and the first one is returned.
    pub(in crate::engine) fn stage(
        &self,
        stage: usize,
        record: &ActionRecord,
        warn: &mut dyn FnMut(String),
    ) -> Option<PathBuf> {
        let name = &self.pipeline.stages[stage].name;
        let folders: Vec<PathBuf> = match self.pipeline.trials.is_empty() {
            true => vec![self.folder.join(name.to_string())],
            false => {
                let of = |trial: &usize| self.shown().join(&self.pipeline.trials[*trial].name);
                let name = name.in_its_trial().to_string();
                self.trials[stage].iter().map(|trial| of(trial).join(&name)).collect()
            }
        };
        let mut first = None;
        for folder in folders {
            match self.show(&folder, record, warn) {
                Ok(shown) => first = first.or(shown),
                Err(text) => {
                    warn(text);
                    return None;
                }
            }
        }
        first
    }

    fn show(
        &self,
        folder: &Path,
        record: &ActionRecord,
        warn: &mut dyn FnMut(String),
    ) -> Result<Option<PathBuf>, String> {
        let log = |digest| -> Result<StoredArtifact, BadName> {
            Ok(StoredArtifact { digest, file: Below::new(LOG)?, size: 0, stat: None })
        };
        let log = record.log.map(log).transpose().map_err(|bad| bad.to_string())?;
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

    /// Removes what is shown of stages that the pipeline no longer has and, for a sweep, of other trials.
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
            if of_it.is_none() && self.is_real(&folder) {
                // The tables of repeats are removed as well; other files stay.
                super::repeats::show(&folder, &[]);
                crate::fsx::remove_folder_if_empty(&folder).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Whether a folder exists and is not behind a link below the pipeline's folder. What is behind a link may belong
    /// to another project, so nothing is removed there.
    fn is_real(&self, folder: &Path) -> bool {
        let mut ours = folder.ancestors().take_while(|above| above.starts_with(&self.folder));
        folder.is_dir() && ours.all(|above| !above.is_symlink())
    }

    fn keep(&self, folder: &Path, names: &BTreeSet<String>) -> Result<(), String> {
        if !self.is_real(folder) {
            return Ok(());
        }
        self.store.hide_others(folder, names).map(drop).map_err(|error| error.to_string())
    }
}
