//! Loads pipelines and opens their stores, for all commands.
//!
//! A pipeline's name belongs to its file. If another file has the name already, the pipeline gets a different
//! name here, before anything is read or written under it.

use std::path::{Path, PathBuf};

use super::{
    Error,
    args::{PipelineArguments, ProjectArguments},
    complain,
};
use crate::{
    digest::Digest,
    pipeline::{self, Pipeline, Source},
    store::{self, Store},
    ui::seen_from_here,
};

/// Loads a pipeline.
pub(super) fn load(arguments: &PipelineArguments) -> Result<Pipeline, Error> {
    pipeline::load(&arguments.file, &arguments.options()).map_err(|invalid| Error::from(&invalid))
}

/// Loads a pipeline and opens its store.
pub(super) fn open(arguments: &ProjectArguments) -> Result<(Pipeline, Store), Error> {
    let mut pipeline = load(&arguments.pipeline)?;
    let store = open_store(&mut pipeline, arguments.store.as_deref())?;
    Ok((pipeline, store))
}

/// Opens the store of a pipeline. The pipeline gets the name and the notes that it has with this store.
pub(super) fn open_store(pipeline: &mut Pipeline, store: Option<&Path>) -> Result<Store, Error> {
    let store = store_in(&pipeline.root, store)?;
    let is_new = store.owner(&pipeline.name).is_none();
    pipeline.notes.extend(is_new.then(|| root_note(pipeline)).flatten());
    pipeline.notes.extend(data_note(pipeline));
    if let Some(owner) = give_name(pipeline, &store) {
        complain(&format!(
            "warning: the name of this pipeline belongs to {}: results, history and `out` of this one are under \
             `{}`. Set a different name: `[pipeline] name`",
            seen_from_here(&owner),
            pipeline.name
        ));
    }
    Ok(store)
}

/// Opens the given store, or the one in a project's folder.
pub(super) fn store_in(root: &Path, store: Option<&Path>) -> store::Result<Store> {
    let folder = store.map_or_else(|| root.join(".pcamflow"), Path::to_owned);
    Store::open(&folder, store::Options::default())
}

/// Opens the given store, or that of the project that a file belongs to.
pub(super) fn store_for(file: &Path, store: Option<&Path>) -> Result<Store, Error> {
    let root = if store.is_some() { PathBuf::new() } else { root_of(file)? };
    Ok(store_in(&root, store)?)
}

/// The folder of the project that a file belongs to, or would belong to.
pub(super) fn root_of(file: &Path) -> Result<PathBuf, Error> {
    let root = pipeline::project_root(file);
    root.map_err(|foreign| Error::environment(format!("{foreign}: {}", foreign.help())))
}

/// A file in the current folder, for commands without a pipeline.
pub(super) fn here() -> &'static Path {
    Path::new("pipeline.toml")
}

/// Gives a pipeline another name if its name belongs to another file, which is returned.
pub(super) fn give_name(pipeline: &mut Pipeline, store: &Store) -> Option<PathBuf> {
    let owner = store.owner(&pipeline.name)?;
    let (this, other) = (store.named(&pipeline.file), store.named(&owner));
    // A file that was removed or renamed does not keep its name.
    if this == other || pipeline::name_in(&owner).as_deref() != Some(pipeline.name.as_str()) {
        return None;
    }
    let digest = Digest::of(this.as_os_str().as_encoded_bytes());
    pipeline.name = format!("{}-{}", pipeline.name, &digest.hex()[..8]);
    Some(owner)
}

/// Names the project's folder if it is neither the pipeline's folder nor the current one.
fn root_note(pipeline: &Pipeline) -> Option<String> {
    let root = &pipeline.root;
    let is_expected = folders(pipeline).contains(root);
    let mark = pipeline::mark(root).filter(|_| !is_expected)?;
    Some(format!(
        "the project is {}, the nearest folder above the pipeline that has `{mark}`: `data`, `out` and the store are \
         there. For another project make an empty folder `.pcamflow` in its folder",
        root.display()
    ))
}

/// Names a folder that probably has the missing source files.
fn data_note(pipeline: &Pipeline) -> Option<String> {
    let is_missing = |source: &Source| match source {
        Source::File(file) => file.path.starts_with(&pipeline.data) && !file.path.exists(),
        Source::Artifact { .. } => false,
    };
    let mut inputs = pipeline.stages.iter().flat_map(|node| &node.inputs);
    let any_missing = inputs.any(|input| is_missing(&input.source));
    let below = pipeline.data.strip_prefix(&pipeline.root).ok().filter(|_| any_missing)?;
    let candidates = folders(pipeline).map(|folder| folder.join(below));
    let found = candidates.iter().find(|folder| **folder != pipeline.data && folder.is_dir())?;
    let [used, found] = [&pipeline.data, found].map(|folder| seen_from_here(folder));
    Some(format!("source files are looked for in {used}; there is also {found}: `--data {found}` takes that"))
}

/// The folder of the pipeline's file, and the current one.
fn folders(pipeline: &Pipeline) -> [PathBuf; 2] {
    let file = std::path::absolute(&pipeline.file).unwrap_or_else(|_| pipeline.file.clone());
    [file.parent().map(Path::to_owned).unwrap_or_default(), std::env::current_dir().unwrap_or_default()]
}
