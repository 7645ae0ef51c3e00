//! Asks the remote store for what is missing here: for records, then for bytes that stages need.
//!
//! Nothing is asked if every result is here. The records of an earlier run of the same pipeline come at once, in a
//! bundle. The other keys are asked for in rounds: each asks for all keys that are known by then. Records that are found
//! are taken over into the store, so that the planner finds them there.

use crate::engine::{
    plan::{
        engine::Engine,
        forecast::Forecast,
        planner::{Made, Planner},
    },
    tell::event::{Event, Observer, Planned},
};
use crate::{
    digest::Digest,
    pipeline::Source,
    remote::Remote,
    store::{ActionRecord, Error, StoredArtifact},
};

impl Engine<'_> {
    /// The forecast. If something is missing here, the remote store is asked for it.
    pub(in crate::engine) fn forecast(&self, planner: &Planner<'_>, observer: &mut dyn Observer) -> Forecast {
        let forecast = planner.forecast(&self.order);
        let Some(remote) = self.options.remote.as_deref() else { return forecast };
        if forecast.stages.iter().all(|outlook| outlook.state == Planned::Cached) {
            return forecast;
        }
        let found = Asking::new(self, planner, remote).found();
        tell(remote, observer);
        if found { planner.forecast(&self.order) } else { forecast }
    }

    /// The names of the bundles of a pipeline: one of exactly these stages, and the latest one of this name.
    pub(in crate::engine) fn bundles(&self, planner: &Planner<'_>) -> [Digest; 2] {
        let mut text = String::new();
        let nothing = vec![None; self.pipeline.stages.len()];
        for stage in &self.order {
            let node = &self.pipeline.stages[*stage];
            text += &format!("{}\n{}\n", node.name, planner.known_lines(*stage, &nothing).key());
            for input in &node.inputs {
                if let Source::Artifact { stage, artifact } = &input.source {
                    let from = &self.pipeline.stages[*stage].name;
                    text += &format!("{} = {from}/{artifact}\n", input.slot);
                }
            }
        }
        [format!("stages\n{text}"), format!("name\n{}", self.pipeline.name)]
            .map(|text| Digest::of(text.as_bytes()))
    }
}

/// Passes on what people should hear of.
pub(in crate::engine) fn tell(remote: &Remote, observer: &mut dyn Observer) {
    for text in remote.take_warnings() {
        observer.event(&Event::Warning { stage: None, text });
    }
}

/// One conversation with the remote store.
struct Asking<'a, 'p> {
    engine: &'a Engine<'a>,
    planner: &'a Planner<'p>,
    remote: &'a Remote,
    /// The artifacts of stages whose records are here by now.
    made: Vec<Option<Made>>,
    /// The other stages, each after those that it reads.
    open: Vec<usize>,
    found: bool,
}

impl<'a, 'p> Asking<'a, 'p> {
    fn new(engine: &'a Engine<'a>, planner: &'a Planner<'p>, remote: &'a Remote) -> Self {
        let made = vec![None; engine.pipeline.stages.len()];
        Self { engine, planner, remote, made, open: engine.order.clone(), found: false }
    }

    /// True if the remote has anything that changes the plan.
    fn found(mut self) -> bool {
        self.remote.read_bundles(&self.engine.bundles(self.planner), self.engine.store);
        loop {
            let keys = self.round();
            if keys.is_empty() {
                break;
            }
            for record in self.remote.look_up(&keys, self.engine.store) {
                self.take(record);
            }
        }
        let missing = self.missing_bytes();
        self.remote.find_objects(&missing);
        self.found || missing.iter().any(|digest| self.remote.has_object(digest))
    }

    /// Settles the stages whose records are here, or in a bundle. The keys of the others, as far as they are known and
    /// have not been asked for.
    fn round(&mut self) -> Vec<Digest> {
        let mut keys = Vec::new();
        for stage in std::mem::take(&mut self.open) {
            match self.key(stage) {
                Some(key) if self.settle(stage, &key) => continue,
                Some(key) if !self.remote.knows(&key) => keys.push(key),
                Some(_) | None => {}
            }
            self.open.push(stage);
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The key of a stage that takes its result from a store, if it is known.
    fn key(&self, stage: usize) -> Option<Digest> {
        let fingerprint = self.planner.fingerprint(stage, &self.made)?;
        (!self.planner.forced[stage]).then(|| fingerprint.key())
    }

    /// Whether the record of a stage is here.
    fn settle(&mut self, stage: usize, key: &Digest) -> bool {
        let look = || self.planner.findings.look(stage, key).ok().flatten();
        let mut record = look();
        if record.is_none()
            && let Some(bundled) = self.remote.bundled(key)
        {
            self.take(bundled);
            record = look();
        }
        self.made[stage] = record.map(|record| record.artifacts);
        self.made[stage].is_some()
    }

    fn take(&mut self, record: ActionRecord) {
        self.found = true;
        match self.engine.store.adopt(record.clone()) {
            Ok(_) => {}
            // It contradicts what is here.
            Err(error @ Error::Refused(_)) => self.remote.reject(&record, &error.to_string()),
            // The store cannot be written: a frozen run works all the same.
            Err(error) => {
                tracing::debug!("a record of the remote cannot be kept: {error}");
                self.planner.findings.lend(record);
            }
        }
    }

    /// The bytes that open stages read and that are not here.
    fn missing_bytes(&self) -> Vec<Digest> {
        let read = self.open.iter().flat_map(|stage| self.planner.makers(*stage));
        let artifacts = read.filter_map(|(maker, artifact)| self.made[maker].as_ref()?.get(artifact));
        let is_missing = |artifact: &&StoredArtifact| !self.engine.store.has(&artifact.digest);
        let mut missing: Vec<Digest> = artifacts.filter(is_missing).map(|artifact| artifact.digest).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }
}
