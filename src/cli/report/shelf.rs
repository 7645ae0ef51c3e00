//! The results of a pipeline, and reading their artifacts.

use std::{cell::OnceCell, collections::BTreeMap, fmt::Display, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use crate::{
    data::{
        Source,
        patch_set::{PatchSet, PatchSource},
    },
    digest::Digest,
    engine::{Engine, plan::results::StageResult},
    html::Picture,
    pipeline::{self, Pipeline, StageNode},
    remote::Wanted,
    stages::Kind,
    store::StoredArtifact,
    ui,
};

/// The largest artifact that is fetched from the store that a team shares. A page is not worth more than that.
const LARGEST: u64 = 64 << 20;

/// The results of a pipeline.
pub(super) struct Shelf<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) pipeline: &'a Pipeline,
    results: BTreeMap<&'a str, &'a StageResult>,
    /// The digests of the source files that are here, once a stage is found that read one.
    digests: OnceCell<BTreeMap<PathBuf, Digest>>,
    /// What could not be read, one sentence each.
    pub(super) gaps: Vec<String>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(engine: &'a Engine<'a>, pipeline: &'a Pipeline, results: &'a [StageResult]) -> Self {
        let results = results.iter().map(|result| (result.stage.as_str(), result)).collect();
        Self { engine, pipeline, results, digests: OnceCell::new(), gaps: Vec::new() }
    }

    /// The stages of some kinds that have a result, in the order of the pipeline.
    pub(super) fn stages(&self, kinds: &[Kind]) -> Vec<&'a StageNode> {
        let of_kind = self.pipeline.stages.iter().filter(|node| kinds.contains(&node.name.kind));
        of_kind.filter(|node| self.result(node).is_some_and(|result| result.record.is_some())).collect()
    }

    /// The result of a stage, if it is among the results.
    pub(super) fn result(&self, node: &StageNode) -> Option<&'a StageResult> {
        self.results.get(node.name.to_string().as_str()).copied()
    }

    /// Reads something of a stage. An error is noted, and the page does without.
    pub(super) fn note<T>(&mut self, of: impl Display, read: Result<Option<T>>) -> Option<T> {
        read.unwrap_or_else(|error| {
            self.gaps.push(format!("{of} cannot be read: {error:#}."));
            None
        })
    }

    /// The file with the bytes of an artifact; `None` if the result has no such artifact or its bytes are not here.
    pub(super) fn file(&self, node: &StageNode, artifact: &str) -> Option<PathBuf> {
        let (result, stored) = (self.result(node)?, self.stored(node, artifact)?);
        if stored.size <= LARGEST {
            // What cannot be fetched is not here.
            drop(self.engine.fetch(vec![Wanted::artifact(&result.stage, artifact, stored)], &|_| ()));
        }
        let is_here = self.engine.absence(result, stored).is_none();
        is_here.then(|| self.engine.store().lend(&stored.digest).path().to_owned())
    }

    /// The bytes of an artifact.
    pub(super) fn bytes(&self, node: &StageNode, artifact: &str) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.file(node, artifact) else { return Ok(None) };
        fs::read(&file).map(Some).with_context(|| format!("{}/{artifact}", node.name))
    }

    /// A JSON artifact.
    pub(super) fn json<T: DeserializeOwned>(&self, node: &StageNode, artifact: &str) -> Result<Option<T>> {
        let Some(bytes) = self.bytes(node, artifact)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{}/{artifact}", node.name))
    }

    /// The rows of a CSV artifact; none if there is no such artifact.
    pub(super) fn table<T: DeserializeOwned>(&self, node: &StageNode, artifact: &str) -> Result<Vec<T>> {
        let Some(bytes) = self.bytes(node, artifact)? else { return Ok(Vec::new()) };
        let rows = csv::Reader::from_reader(bytes.as_slice()).into_deserialize();
        rows.collect::<Result<_, _>>().with_context(|| format!("{}/{artifact}", node.name))
    }

    /// Pictures of a stage: artifacts that are SVG or PNG, with their titles. Those that are not here are left out.
    pub(super) fn pictures(&mut self, node: &StageNode, wanted: &[(&str, &str)]) -> Vec<(String, Picture)> {
        let mut pictures = Vec::new();
        for (artifact, title) in wanted {
            let read = self.bytes(node, artifact);
            let Some(bytes) = self.note(&node.name, read) else { continue };
            let picture =
                if bytes.starts_with(b"\x89PNG") { Picture::Png(bytes) } else { Picture::Svg(bytes) };
            pictures.push((format!("{title}, {}", node.name), picture));
        }
        pictures
    }

    /// What an input of a stage reads, as the pipeline names it; nothing if it has no such input.
    pub(super) fn reads(&self, node: &StageNode, slot: &str) -> String {
        let Some(result) = self.result(node) else { return String::new() };
        // The images of two files, or a network with its code.
        let slots = [slot.to_owned(), format!("{slot}.x"), format!("{slot}.torchscript")];
        slots.iter().find_map(|slot| result.inputs.get(slot)).cloned().unwrap_or_default()
    }

    /// The labelled patches that a stage read in a slot.
    pub(super) fn patches(&self, node: &StageNode, slot: &str) -> Result<Option<PatchSet>> {
        let source = match self.input(node, slot)? {
            Some(part) => PatchSource::Part(part),
            None => {
                let pair = [self.input(node, &format!("{slot}.x"))?, self.input(node, &format!("{slot}.y"))?];
                let [Some(images), Some(labels)] = pair else { return Ok(None) };
                PatchSource::Pair { images, labels }
            }
        };
        PatchSet::open(&source).map(Some)
    }

    /// A file that a stage read: a source of the user or an artifact; `None` if it is not here. One that has changed
    /// since is an error: patches of another file would not be those that the result is about.
    fn input(&self, node: &StageNode, slot: &str) -> Result<Option<Source>> {
        let Some(input) = node.inputs.iter().find(|input| input.slot == slot) else { return Ok(None) };
        let (source, digest) = match &input.source {
            pipeline::Source::File(file) => {
                let Some(digest) = self.digests().get(&file.path) else { return Ok(None) };
                (Source::at(&file.path), *digest)
            }
            pipeline::Source::Artifact { stage, artifact } => {
                let from = &self.pipeline.stages[*stage];
                let Some(file) = self.file(from, artifact) else { return Ok(None) };
                let Some(stored) = self.stored(from, artifact) else { return Ok(None) };
                (Source::new(file, format!("{}/{artifact}", from.name)), stored.digest)
            }
        };
        let record = self.result(node).and_then(|result| result.record.as_ref());
        let read = record.and_then(|record| record.lines.get(&format!("input {slot}")));
        anyhow::ensure!(
            read.is_none_or(|read| *read == digest.hex()),
            "{} is not what the stage read: it has changed since",
            source.name
        );
        Ok(Some(source))
    }

    fn digests(&self) -> &BTreeMap<PathBuf, Digest> {
        // A page without the patches of files that cannot be read is better than none.
        let found = || self.engine.source_digests(&mut *ui::observer(ui::Mode::Quiet)).unwrap_or_default();
        self.digests.get_or_init(found)
    }

    /// An artifact of the result of a stage.
    fn stored(&self, node: &StageNode, artifact: &str) -> Option<&'a StoredArtifact> {
        self.result(node)?.record.as_ref()?.artifacts.get(artifact)
    }
}
