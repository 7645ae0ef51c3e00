//! Pushes and pulls results for `pcamflow push` and `pull`, and what a run leaves to its end: results that others need in
//! order to find the new ones, and the bundle of all records.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde::Serialize;

use crate::engine::{
    plan::{
        ask::tell,
        engine::{Engine, Refused},
        planner::Planner,
    },
    tell::{
        event::{Direction, Observer, Planned},
        transfer::transfer,
    },
};
use crate::{
    digest::Digest,
    remote::{Answer, Failed, Pushed, RESULTS_AT_ONCE, Remote, Trouble, Wanted, each},
    store::{ActionRecord, Existing, Progress},
};

/// What became of the results that were to be pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PushedResults {
    /// Stages whose results are new in the remote store.
    pub pushed: Vec<String>,
    /// Stages whose results it had.
    pub there: Vec<String>,
    /// Stages of whose keys it has other results, which stay.
    pub others: Vec<String>,
    /// Stages whose bytes are neither here nor there.
    pub incomplete: Vec<String>,
    /// Stages without a result here.
    pub not_computed: Vec<String>,
    /// Why it ended early.
    pub trouble: Option<String>,
}

/// What became of the results that were to be pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PulledResults {
    /// Stages whose results are here, with all bytes.
    pub here: Vec<String>,
    /// How many objects were fetched.
    pub fetched: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Stages without a result, here or in the remote store.
    pub not_computed: Vec<String>,
    /// Artifacts that could not be fetched, and why.
    pub failed: Vec<(String, String)>,
}

impl Engine<'_> {
    /// Pushes the results of the targets, and of what they need, that are here. With `replace`, they replace others.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn push(
        &self,
        remote: &Remote,
        replace: bool,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<PushedResults, Refused> {
        let planner = self.planner(observer)?;
        let forecast = planner.forecast(&self.order);
        let existing = if replace { Existing::Replace } else { Existing::Keep };
        let mut results = PushedResults::default();
        let (mut keys, mut records) = (vec![None; self.pipeline.stages.len()], Vec::new());
        for outlook in &forecast.stages {
            let stage = self.pipeline.stages[outlook.stage].name.to_string();
            let record = planner.present(outlook).filter(|_| outlook.state == Planned::Cached);
            let Some(record) = record else {
                results.not_computed.push(stage);
                continue;
            };
            keys[outlook.stage] = outlook.key;
            records.push((stage, record));
        }
        let pushed = self.push_all(remote, &records, existing, stopped, observer);
        for ((stage, _), pushed) in records.into_iter().zip(pushed) {
            match pushed {
                Ok(Pushed::New) => results.pushed.push(stage),
                Ok(Pushed::There) => results.there.push(stage),
                Ok(Pushed::Other) => results.others.push(stage),
                Ok(Pushed::Incomplete) => results.incomplete.push(stage),
                Err(trouble) => results.trouble = Some(trouble.to_string()),
            }
        }
        if results.trouble.is_some() {
            return Ok(results);
        }
        let bundled = self.push_bundles(&planner, remote, &keys);
        results.trouble = bundled.err().map(|trouble| trouble.to_string());
        // The trouble is in the results.
        drop(remote.take_warnings());
        Ok(results)
    }

    /// Pushes results, several at once. What became of each, in order.
    fn push_all(
        &self,
        remote: &Remote,
        records: &[(String, ActionRecord)],
        existing: Existing,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Vec<Answer<Pushed>> {
        let total = records.iter().map(|(_, record)| size(record)).sum();
        let done = AtomicU64::new(0);
        transfer(Direction::Pushing, "results", observer, |report| {
            let moved = |bytes: u64| {
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                report(Progress { done: done.min(total), total }) && !stopped.load(Ordering::SeqCst)
            };
            each(records, RESULTS_AT_ONCE, |(_, record)| match stopped.load(Ordering::SeqCst) {
                true => Err(Trouble::Stopped),
                false => remote.push(self.store, record, existing, &moved),
            })
        })
    }

    /// Completes a push: pushes the results of the stages that the pushed ones depend on, because a key is computed from
    /// them, and then the bundle. `keys` has the key of each stage that is done.
    pub(super) fn push_rest(
        &self,
        planner: &Planner<'_>,
        remote: &Remote,
        pushed: &[usize],
        keys: &[Option<Digest>],
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Answer<()> {
        let needed = needed(planner, pushed);
        let with_keys: Vec<Digest> = needed.iter().filter_map(|stage| keys[*stage]).collect();
        remote.find_records(&with_keys);
        let mut records = Vec::new();
        for stage in needed {
            let Some(key) = keys[stage].filter(|key| !remote.has_record(key)) else { continue };
            let Some(record) = self.store.record(&key)?.found() else { continue };
            records.push((self.pipeline.stages[stage].name.to_string(), record));
        }
        let pushed = self.push_all(remote, &records, Existing::Keep, stopped, observer);
        pushed.into_iter().collect::<Answer<Vec<Pushed>>>()?;
        self.push_bundles(planner, remote, keys)
    }

    /// Writes the records of all results that the remote has into its bundles.
    fn push_bundles(&self, planner: &Planner<'_>, remote: &Remote, keys: &[Option<Digest>]) -> Answer<()> {
        let all = keys.iter().flatten().copied();
        let (same, unknown): (Vec<Digest>, Vec<Digest>) = all.partition(|key| remote.has_same(key));
        let mut records = remote.look_up(&unknown, self.store);
        for key in same {
            records.extend(self.store.record(&key)?.found());
        }
        if records.is_empty() { Ok(()) } else { remote.write_bundles(&self.bundles(planner), &records) }
    }

    /// Fetches the results of the targets (of all stages if there are none), with all their bytes.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub fn pull(
        &self,
        remote: &Remote,
        stopped: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<PulledResults, Refused> {
        let planner = self.planner(observer)?;
        let named = self.named()?;
        let forecast = self.forecast(&planner, observer);
        let (mut results, mut all) = (PulledResults::default(), Vec::new());
        for outlook in forecast.stages.iter().filter(|outlook| named[outlook.stage]) {
            let stage = self.pipeline.stages[outlook.stage].name.to_string();
            let Some(record) = planner.present(outlook) else {
                results.not_computed.push(stage);
                continue;
            };
            let is_missing = |digest: &Digest| !self.store.has(digest);
            let artifacts = record.artifacts.iter().filter(|(_, artifact)| is_missing(&artifact.digest));
            all.extend(artifacts.map(|(name, artifact)| Wanted::artifact(&stage, name, artifact)));
            if let Some(digest) = record.log.filter(is_missing) {
                all.push(Wanted::log(&stage, digest));
            }
            results.here.push(stage);
        }
        let failed = transfer(Direction::Fetching, "results", observer, |report| {
            remote.fetch(self.store, &all, &|progress| report(progress) && !stopped.load(Ordering::SeqCst))
        });
        tell(remote, observer);
        let lacks = |stage: &str| {
            failed.iter().any(|failed| {
                failed.what.strip_prefix(stage).is_some_and(|rest| rest.starts_with(['/', ',']))
            })
        };
        results.here.retain(|stage| !lacks(stage));
        let fetched = all.iter().filter(|wanted| !failed.iter().any(|failed| failed.digest == wanted.digest));
        for wanted in fetched {
            results.fetched += 1;
            results.bytes += wanted.size;
        }
        let stopped = failed.iter().filter(|Failed { trouble, .. }| *trouble != Trouble::Stopped);
        results.failed = stopped.map(|failed| (failed.what.clone(), failed.trouble.to_string())).collect();
        Ok(results)
    }
}

/// The bytes of a result's artifacts.
pub(super) fn size(record: &ActionRecord) -> u64 {
    record.artifacts.values().map(|artifact| artifact.size).sum()
}

/// The stages that some stages need, directly or not, in order.
fn needed(planner: &Planner<'_>, stages: &[usize]) -> BTreeSet<usize> {
    let (mut needed, mut open) = (BTreeSet::new(), stages.to_vec());
    while let Some(stage) = open.pop() {
        open.extend(planner.makers(stage).map(|(maker, _)| maker).filter(|maker| needed.insert(*maker)));
    }
    needed
}
