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
    fsx::Below,
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
        let mut warnings = Vec::new();
        let folder = self.stage(stage, record, &mut warnings);
        for text in warnings {
            observer.event(&Event::Warning { stage: Some(name.to_owned()), text });
        }
        Self::told(name, record, cached, folder)
    }

    /// What there is to say of a result that is shown.
    pub(in crate::engine) fn told(
        name: &str,
        record: &ActionRecord,
        cached: bool,
        folder: Option<PathBuf>,
    ) -> FinishedStage {
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

    /// Whether showing a result may take so long that nothing else should wait for it: a folder has many files.
    pub(in crate::engine) fn takes_long(record: &ActionRecord) -> bool {
        record.artifacts.values().any(StoredArtifact::is_folder)
    }

    /// Shows a stage's artifacts and log; returns their folder, or `None` where none of their bytes are
    /// in this store. A stage of several trials is shown in the folder of each; the first is returned.
    pub(in crate::engine) fn stage(
        &self,
        stage: usize,
        record: &ActionRecord,
        warnings: &mut Vec<String>,
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
            match self.show(&folder, record, warnings) {
                Ok(shown) => first = first.or(shown),
                Err(text) => {
                    warnings.push(text);
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
        warnings: &mut Vec<String>,
    ) -> Result<Option<PathBuf>, String> {
        let file = Below::new(LOG).map_err(|bad| bad.to_string())?;
        let log = record.log.map(|digest| StoredArtifact { digest, file, size: 0, stat: None });
        let shown = self
            .store
            .show(folder, record.artifacts.values().chain(&log))
            .map_err(|error| error.to_string())?;
        for kept in shown.kept {
            warnings.push(format!(
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
            if of_it.is_none() && self.is_real(&folder) {
                // What repeats said together went with them; what others put there stays.
                super::repeats::show(&folder, &[]);
                crate::fsx::remove_folder_if_empty(&folder).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Whether a folder is there, with no link on the way to it from the folder in which all is shown: what
    /// lies behind a link may be another project's, and nothing is removed there.
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
