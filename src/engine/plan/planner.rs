//! Decides, stage by stage, what is taken from the store and what has to run.
//!
//! The plan (`forecast`) and the real run ask the same function, `Planner::decide`: the plan once per
//! stage, the real run again as inputs come. What the store has is a value (`findings`): nothing is read here.

use std::cell::OnceCell;

use crate::engine::plan::{
    findings::{Findings, Looked},
    fingerprint::Fingerprint,
    known::Known,
    reason::Why,
    why::{Difference, Teller, differences},
};
use crate::{
    digest::Digest,
    pipeline::{Pipeline, Places, Source},
    store::{ActionRecord, Artifacts, Existing},
};

/// Decides what has to run.
pub(in crate::engine) struct Planner<'a> {
    pub(in crate::engine) pipeline: &'a Pipeline,
    /// The digests of the source files.
    pub(in crate::engine) known: &'a Known,
    /// Stages that run whatever the store holds.
    pub(in crate::engine) forced: Vec<bool>,
    /// What was found in the store.
    pub(in crate::engine) findings: Findings<'a>,
    /// Where values are written, once a message needs it.
    pub(in crate::engine) places: OnceCell<Places<'a>>,
}

/// The artifacts of a stage that is done, by name.
pub(in crate::engine) type Made = Artifacts;

/// What has to be done for a stage whose inputs are known.
pub(in crate::engine) enum Decision {
    /// Nothing: this is its result.
    Cached(Box<ActionRecord>),
    /// Compute it.
    Run(ToRun),
}

/// A stage that has to run.
#[derive(Debug, Clone)]
pub(in crate::engine) struct ToRun {
    pub(in crate::engine) fingerprint: Fingerprint,
    pub(in crate::engine) why: Why,
    /// What the user should know about it before.
    pub(in crate::engine) warning: Option<String>,
    /// Whether a result that is in the store gives way to the new one, instead of counting.
    pub(in crate::engine) existing: Existing,
    /// Whether it runs although a sound result may be there: not even one that was made meanwhile counts.
    pub(in crate::engine) forced: bool,
}

impl<'a> Planner<'a> {
    /// The fingerprint of a stage, once everything that it reads is known.
    pub(in crate::engine) fn fingerprint(&self, stage: usize, made: &[Option<Made>]) -> Option<Fingerprint> {
        let node = &self.pipeline.stages[stage];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push((input.slot.as_str(), self.digest(&input.source, made)?));
        }
        Some(Fingerprint::new(&node.stage, inputs))
    }

    pub(in crate::engine) fn digest(&self, source: &Source, made: &[Option<Made>]) -> Option<Digest> {
        match source {
            Source::Artifact { stage, artifact } => {
                Some(made[*stage].as_ref()?.get(artifact.as_ref())?.digest)
            }
            Source::File(user) => user.file.blake3.or_else(|| self.known.digest(&user.path)),
        }
    }

    /// What has to be done for a stage with this fingerprint.
    pub(in crate::engine) fn decide(&self, stage: usize, fingerprint: Fingerprint) -> Decision {
        let key = fingerprint.key();
        tracing::debug!("{}: key {key}", self.pipeline.stages[stage].name);
        if self.forced[stage] {
            return replace(fingerprint, Why::Forced, None);
        }
        match self.findings.look(stage, &key) {
            Looked::Sound(record) => Decision::Cached(record),
            Looked::Nothing => {
                let why = self.why(stage, &fingerprint);
                let existing = Existing::Keep;
                Decision::Run(ToRun { fingerprint, why, warning: None, existing, forced: false })
            }
            Looked::Damaged(damage) => replace(fingerprint, Why::Damaged, Some(damage)),
        }
    }

    /// A result that is in the store, but has to be computed for its bytes.
    pub(in crate::engine) fn recompute(fingerprint: Fingerprint) -> ToRun {
        ToRun {
            fingerprint,
            why: Why::BytesNeeded,
            warning: None,
            existing: Existing::Replace,
            forced: false,
        }
    }

    fn why(&self, stage: usize, fingerprint: &Fingerprint) -> Why {
        if let Some(loss) = self.findings.loss(&fingerprint.key()) {
            return Why::Lost(loss);
        }
        let name = self.pipeline.stages[stage].name.to_string();
        match self.previous(&name) {
            Some(record) => self.teller(stage).reason(&differences(&record.lines, fingerprint.lines())),
            None => self.findings.without_result(&name),
        }
    }

    /// Of a stage whose inputs are not all known, why it would run whatever they are; `None` where what is known
    /// of it is as it was.
    pub(in crate::engine) fn so_far(&self, stage: usize, made: &[Option<Made>]) -> Option<Why> {
        let name = self.pipeline.stages[stage].name.to_string();
        let Some(record) = self.previous(&name) else { return Some(self.findings.without_result(&name)) };
        let known = self.known_lines(stage, made);
        let mut changed = differences(&record.lines, known.lines());
        changed.retain(|Difference { line, new, .. }| !line.starts_with("input ") || new.is_some());
        (!changed.is_empty()).then(|| self.teller(stage).reason(&changed))
    }

    /// The fingerprint of a stage as far as it is known: the lines of inputs that are still to be made are
    /// not in it.
    pub(in crate::engine) fn known_lines(&self, stage: usize, made: &[Option<Made>]) -> Fingerprint {
        let node = &self.pipeline.stages[stage];
        let known = node
            .inputs
            .iter()
            .filter_map(|input| Some((input.slot.as_str(), self.digest(&input.source, made)?)));
        Fingerprint::new(&node.stage, known)
    }

    /// The record that a stage of this name had last; of a trial that is new, that of the stage in the pipeline
    /// itself: it says best what is different in the trial.
    pub(in crate::engine) fn previous(&self, name: &str) -> Option<ActionRecord> {
        self.findings.previous(name)
    }

    /// Says in words why a stage runs.
    pub(in crate::engine) fn teller(&self, stage: usize) -> Teller<'_> {
        Teller { pipeline: self.pipeline, node: &self.pipeline.stages[stage], places: self.written() }
    }

    /// Where the values of the pipeline are written.
    pub(in crate::engine) fn written(&self) -> &Places<'a> {
        self.places.get_or_init(|| self.pipeline.places())
    }
}

fn replace(fingerprint: Fingerprint, why: Why, warning: Option<String>) -> Decision {
    let forced = why == Why::Forced;
    Decision::Run(ToRun { fingerprint, why, warning, existing: Existing::Replace, forced })
}
