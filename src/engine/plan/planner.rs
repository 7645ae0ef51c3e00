//! Decides, stage by stage, what is taken from the store and what has to run.
//!
//! The plan (`forecast`) and the run call the same function, `Planner::decide`: the plan once per stage, the run
//! again when inputs appear. What the store has comes from `findings`: nothing is read here.

use std::cell::OnceCell;

use crate::engine::plan::{
    findings::Findings,
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
    pub(in crate::engine) known: Known,
    /// Stages that run even if the store has their results.
    pub(in crate::engine) forced: Vec<bool>,
    /// What was found in the store.
    pub(in crate::engine) findings: Findings<'a>,
    /// Where values are written; filled when a message needs it.
    pub(in crate::engine) places: OnceCell<Places<'a>>,
}

/// The artifacts of a stage that is done, by name.
pub(in crate::engine) type Made = Artifacts;

/// What to do about a stage whose inputs are known.
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
    /// What the user should know before it runs.
    pub(in crate::engine) warning: Option<String>,
    /// Whether the new result replaces one that is in the store.
    pub(in crate::engine) existing: Existing,
    /// Whether it runs although the store may have a sound result. Even one that was just made does not count.
    pub(in crate::engine) forced: bool,
}

impl ToRun {
    fn replacing(fingerprint: Fingerprint, why: Why, warning: Option<String>) -> Self {
        let forced = why == Why::Forced;
        Self { fingerprint, why, warning, existing: Existing::Replace, forced }
    }
}

impl<'a> Planner<'a> {
    /// The fingerprint of a stage; `None` if an input is not known yet.
    pub(in crate::engine) fn fingerprint(&self, stage: usize, made: &[Option<Made>]) -> Option<Fingerprint> {
        let node = &self.pipeline.stages[stage];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push((input.slot.as_str(), self.digest(&input.source, made)?));
        }
        Some(Fingerprint::new(&node.stage, inputs))
    }

    fn digest(&self, source: &Source, made: &[Option<Made>]) -> Option<Digest> {
        match source {
            Source::Artifact { stage, artifact } => {
                Some(made[*stage].as_ref()?.get(artifact.as_ref())?.digest)
            }
            Source::File(user) => user.file.blake3.or_else(|| self.known.digest(&user.path)),
        }
    }

    /// What to do about a stage with this fingerprint.
    pub(in crate::engine) fn decide(&self, stage: usize, fingerprint: Fingerprint) -> Decision {
        let key = fingerprint.key();
        tracing::debug!("{}: key {key}", self.pipeline.stages[stage].name);
        if self.forced[stage] {
            return Decision::Run(ToRun::replacing(fingerprint, Why::Forced, None));
        }
        match self.findings.look(stage, &key) {
            Ok(Some(record)) => Decision::Cached(record),
            Ok(None) => {
                let (why, existing) = (self.why(stage, &fingerprint), Existing::Keep);
                Decision::Run(ToRun { fingerprint, why, warning: None, existing, forced: false })
            }
            Err(damage) => Decision::Run(ToRun::replacing(fingerprint, Why::Damaged, Some(damage))),
        }
    }

    /// Runs a stage whose result is in the store without its bytes.
    pub(in crate::engine) fn recompute(fingerprint: Fingerprint) -> ToRun {
        ToRun::replacing(fingerprint, Why::BytesNeeded, None)
    }

    fn why(&self, stage: usize, fingerprint: &Fingerprint) -> Why {
        if let Ok(Some(loss)) = self.findings.store.loss(&fingerprint.key()) {
            return Why::Lost(loss);
        }
        let name = self.pipeline.stages[stage].name.to_string();
        match self.findings.previous(&name) {
            Some(record) => self.teller(stage).reason(&differences(&record.lines, fingerprint.lines())),
            None => self.without_result(&name),
        }
    }

    fn without_result(&self, name: &str) -> Why {
        if self.findings.had_result(name) { Why::Removed } else { Why::NeverRan }
    }

    /// Why a stage would run whatever its missing inputs turn out to be; `None` if everything known about it is
    /// as before.
    pub(in crate::engine) fn so_far(&self, stage: usize, made: &[Option<Made>]) -> Option<Why> {
        let name = self.pipeline.stages[stage].name.to_string();
        let Some(record) = self.findings.previous(&name) else { return Some(self.without_result(&name)) };
        let known = self.known_lines(stage, made);
        let mut changed = differences(&record.lines, known.lines());
        changed.retain(|Difference { line, new, .. }| !line.starts_with("input ") || new.is_some());
        (!changed.is_empty()).then(|| self.teller(stage).reason(&changed))
    }

    /// The fingerprint of a stage without the lines of inputs that are not known yet.
    pub(in crate::engine) fn known_lines(&self, stage: usize, made: &[Option<Made>]) -> Fingerprint {
        let node = &self.pipeline.stages[stage];
        let inputs = node.inputs.iter();
        let known = inputs.filter_map(|input| Some((input.slot.as_str(), self.digest(&input.source, made)?)));
        Fingerprint::new(&node.stage, known)
    }

    /// The stages that a stage reads, each with the artifact that it reads.
    pub(in crate::engine) fn makers(&self, stage: usize) -> impl Iterator<Item = (usize, &'a str)> {
        let pipeline = self.pipeline;
        pipeline.stages[stage].inputs.iter().filter_map(|input| match &input.source {
            Source::Artifact { stage, artifact } => Some((*stage, artifact.as_ref())),
            Source::File(_) => None,
        })
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
