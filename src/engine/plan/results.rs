//! The result of each stage: the one that the pipeline asks for now, or else the latest one.
//!
//! Looks where a plan looks. Knows no formats.

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
    digest::Digest,
    pipeline::{Pipeline, StageNode},
    remote::{Failed, Wanted},
    stages::Word,
    store::{ActionRecord, Check, Lookup, Progress, Store, StoredArtifact},
};

/// The result of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageResult {
    /// The stage.
    pub stage: String,
    /// Its result; `None` if the store has none.
    pub record: Option<ActionRecord>,
    /// Why the result is not what the pipeline asks for now, or why there is none; `None` if it is current.
    pub outdated: Option<String>,
    /// Whether it is unknown what the pipeline asks for now, because sources are missing: see `outdated`.
    pub unknown: bool,
    /// The names of its inputs, by slot.
    pub inputs: BTreeMap<String, String>,
    /// The artifacts that it declares: names and files.
    pub declared: Vec<(Word, Word)>,
    /// The present key; `None` if it is not known.
    pub key: Option<Digest>,
    /// The log of an attempt with the present key that failed or is still running.
    pub attempt: Option<PathBuf>,
}

impl Engine<'_> {
    /// The results of the targets (of all stages if there are none). If sources are missing, it is unknown whether
    /// they are current.
    ///
    /// # Errors
    /// A stage that the pipeline does not have.
    pub fn results(&self, observer: &mut dyn Observer) -> Result<Vec<StageResult>, Refused> {
        let named = self.named()?;
        let (known, unknown) = match self.known(observer) {
            Ok(known) => (known, None),
            Err(refused) => (Default::default(), Some(refused.to_string())),
        };
        let planner = self.planner_with(known);
        let forecast = unknown.is_none().then(|| self.forecast(&planner, observer));
        let why_unknown = unknown.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
        let named = self.order.iter().filter(|stage| named[**stage]);
        Ok(named.map(|stage| planner.result(*stage, forecast.as_ref(), why_unknown)).collect())
    }

    /// The results with these keys, by stage: those of an earlier run. A stage without a key has no result.
    #[must_use]
    pub fn results_of(&self, keys: &BTreeMap<String, Digest>) -> Vec<StageResult> {
        let of = |stage: &usize| {
            let name = self.pipeline.stages[*stage].name.to_string();
            let key = keys.get(&name).copied();
            let record = key.map_or(Ok(None), |key| self.store.record(&key).map(Lookup::found));
            let (record, outdated) = match record {
                Ok(Some(record)) => (Some(record), None),
                Ok(None) if key.is_some() => (None, Some("its result is no longer in the store".to_owned())),
                Ok(None) => (None, Some("the run did not finish it".to_owned())),
                Err(error) => (None, Some(error.to_string())),
            };
            let node = &self.pipeline.stages[*stage];
            StageResult { record, outdated, key, ..StageResult::none(self.pipeline, node) }
        };
        self.order.iter().map(of).collect()
    }

    /// Why the bytes of an artifact are missing, and what to do about it; `None` if they are here.
    #[must_use]
    pub fn absence(&self, result: &StageResult, artifact: &StoredArtifact) -> Option<String> {
        let record = result.record.as_ref()?;
        let (again, stage) = (self.run_of(&result.stage), &result.stage);
        match self.store.check(record, artifact) {
            Ok(check) if check.is_here() => None,
            Ok(Check::Elsewhere) if self.options.remote.is_some() => {
                Some(format!("its bytes are not in this store: `{}` fetches them", self.pull_of(stage)))
            }
            Ok(Check::Elsewhere) => Some(format!(
                "its bytes are not in this store, only its record is: `{again} --force '{stage}'` makes them"
            )),
            Ok(_) => Some(format!("its bytes are damaged or gone: `{again}` makes them again")),
            Err(error) => Some(error.to_string()),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.store
    }

    /// The file below `out` that shows an artifact, if it shows this content.
    #[must_use]
    pub fn shown_as(&self, out: &Path, stage: &str, artifact: &StoredArtifact) -> Option<PathBuf> {
        if artifact.is_folder() {
            return self.store.shown(&self.out(out).join(stage), artifact).ok().flatten();
        }
        let path = artifact.file.under(&self.out(out).join(stage));
        let same = |hashed: crate::fsx::Hashed| hashed.digest == artifact.digest;
        crate::fsx::hash_file(&path).is_ok_and(same).then_some(path)
    }

    /// The log of a result; `None` if nothing was logged or the log is not in this store.
    #[must_use]
    pub fn log(&self, record: &ActionRecord) -> Option<PathBuf> {
        record.log.filter(|log| self.store.has(log)).map(|log| self.store.lend(&log).path().to_owned())
    }

    /// Fetches the bytes that this store lacks from the remote store, if there is one. Returns what could not be
    /// fetched.
    pub fn fetch(&self, wanted: Vec<Wanted>, report: &(dyn Fn(Progress) + Sync)) -> Vec<Failed> {
        let missing = |wanted: &Wanted| !self.store.has(&wanted.digest);
        let missing: Vec<Wanted> = wanted.into_iter().filter(missing).collect();
        let remote = self.options.remote.as_ref().filter(|_| !missing.is_empty());
        let fetch = |progress| {
            report(progress);
            true
        };
        remote.map(|remote| remote.fetch(self.store, &missing, &fetch)).unwrap_or_default()
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
        StageResult {
            record: current.or_else(|| self.findings.previous(&name)),
            outdated,
            unknown: outlook.is_none(),
            key,
            attempt: attempt.filter(|log| log.exists()),
            ..StageResult::none(self.pipeline, node)
        }
    }
}

impl StageResult {
    /// What is known of a stage without a result.
    fn none(pipeline: &Pipeline, node: &StageNode) -> Self {
        let inputs = node.inputs.iter();
        Self {
            stage: node.name.to_string(),
            record: None,
            outdated: None,
            unknown: false,
            inputs: inputs.map(|input| (input.slot.clone(), source(pipeline, &input.source))).collect(),
            declared: node.stage.artifacts().into_iter().map(|made| (made.name, made.file)).collect(),
            key: None,
            attempt: None,
        }
    }
}
