//! The results of stages: the one that the pipeline asks for now, or else the latest one.
//!
//! Looks where a plan looks, and runs nothing. Knows no formats.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::engine::{
    plan::{
        engine::{Engine, Refused},
        forecast::Forecast,
        planner::Planner,
        why::source,
    },
    tell::{event::Observer, show::LOG},
};
use crate::{
    stages::Word,
    store::{self, ActionRecord, Check, StoredArtifact},
};

/// The result of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageResult {
    /// The stage.
    pub stage: String,
    /// Its result; `None` where it never had one that still is in the store.
    pub record: Option<ActionRecord>,
    /// Why the result is not what the pipeline asks for now, or why there is none; `None` where it is.
    pub outdated: Option<String>,
    /// Whether it is open what the pipeline asks for now: sources are not here, and `outdated` says which.
    pub unknown: bool,
    /// What its inputs are, by slot.
    pub inputs: BTreeMap<String, String>,
    /// The artifacts that it declares: names, and the files that it writes.
    pub declared: Vec<(Word, Word)>,
    /// The log of an attempt at the present key that did not end well.
    pub attempt: Option<PathBuf>,
}

impl Engine<'_> {
    /// What the stages that were asked for have to show. Sources that are not here leave open whether a
    /// result is what the pipeline asks for now.
    ///
    /// # Errors
    /// A stage that the pipeline does not have.
    pub fn results(&self, observer: &mut dyn Observer) -> Result<Vec<StageResult>, Refused> {
        let asked = self.asked_for()?;
        let (known, unknown) = match self.known(observer) {
            Ok(known) => (known, None),
            Err(refused) => (Default::default(), Some(refused.to_string())),
        };
        let planner = self.planner(&known);
        let forecast = unknown.is_none().then(|| planner.forecast(&self.order));
        let why_unknown = unknown.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
        Ok(asked.into_iter().map(|stage| planner.result(stage, forecast.as_ref(), why_unknown)).collect())
    }

    /// What is wrong with the bytes of an artifact, and what to do about it; `None` if they are here.
    #[must_use]
    pub fn absence(&self, result: &StageResult, artifact: &StoredArtifact) -> Option<String> {
        let record = result.record.as_ref()?;
        let (again, stage) = (self.run_of(&result.stage), &result.stage);
        match self.store.check(record, artifact) {
            Ok(check) if check.is_here() => None,
            Ok(Check::Elsewhere) => Some(format!(
                "its bytes are not in this store, only its record is: `{again} --force '{stage}'` makes them"
            )),
            Ok(Check::Damaged(damage)) => {
                Some(format!("its bytes are damaged ({}): `{again}` makes them again", damage.what))
            }
            Ok(_) => Some(format!("its bytes are gone from the store: `{again}` makes them again")),
            Err(error) => Some(error.to_string()),
        }
    }

    /// A file of the bytes of an artifact, for reading only.
    #[must_use]
    pub fn lend(&self, artifact: &StoredArtifact) -> PathBuf {
        self.store.lend(&artifact.digest).path().to_owned()
    }

    /// Puts an artifact at a path of the user's: see [`crate::store::Store::materialise`].
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn materialise(&self, artifact: &StoredArtifact, to: &Path, replace: bool) -> store::Result<()> {
        self.store.materialise(artifact, to, replace)
    }

    /// The file below `out` that shows an artifact now, if it shows this very content.
    #[must_use]
    pub fn shown_as(&self, out: &Path, stage: &str, artifact: &StoredArtifact) -> Option<PathBuf> {
        if artifact.is_folder() {
            return self.store.shown(&self.out(out).join(stage), artifact).ok().flatten();
        }
        let path = artifact.file.under(&self.out(out).join(stage));
        let same = |hashed: crate::fsx::Hashed| hashed.digest == artifact.digest;
        crate::fsx::hash_file(&path).is_ok_and(same).then_some(path)
    }

    /// Where the log of a result is; `None` where it logged nothing, or the log is not here.
    #[must_use]
    pub fn log(&self, record: &ActionRecord) -> Option<PathBuf> {
        record.log.filter(|log| self.store.has(log)).map(|log| self.store.lend(&log).path().to_owned())
    }
}

impl Planner<'_> {
    fn result(&self, stage: usize, forecast: Option<&Forecast>, why_unknown: &str) -> StageResult {
        let node = &self.pipeline.stages[stage];
        let name = node.name.to_string();
        let outlook = forecast.and_then(|forecast| forecast.of(stage));
        let current = outlook.and_then(|outlook| self.present(outlook));
        let outdated = match (&current, outlook) {
            (Some(_), _) => None,
            (None, Some(outlook)) => Some(outlook.reason()),
            (None, None) => Some(why_unknown.to_owned()),
        };
        let key = outlook.and_then(|outlook| outlook.key);
        let attempt =
            key.filter(|_| current.is_none()).map(|key| self.findings.store.work_of(&key).join(LOG));
        let inputs = node.inputs.iter();
        StageResult {
            record: current.or_else(|| self.previous(&name)),
            stage: name,
            outdated,
            unknown: outlook.is_none(),
            inputs: inputs.map(|input| (input.slot.clone(), source(self.pipeline, &input.source))).collect(),
            declared: node.stage.artifacts().into_iter().map(|made| (made.name, made.file)).collect(),
            attempt: attempt.filter(|log| log.exists()),
        }
    }
}
