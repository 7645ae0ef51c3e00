//! A pipeline with its store, for every command that reads or runs one; and how a refusal is reported.
//!
//! A pipeline's name belongs to its file. Where another file has the name already, the pipeline gets one of
//! its own here, before anything is read or written under it.

use std::path::{Path, PathBuf};

use super::{Exit, args::PipelineArguments, check::load, complain};
use crate::{
    digest::Digest,
    engine::Refused,
    pipeline::{self, Pipeline, Source},
    store::{self, Store},
    ui::seen_from_here,
};

/// Loads a pipeline and opens its store, or says what is wrong.
pub(super) fn open(
    arguments: &PipelineArguments,
    store: Option<&PathBuf>,
) -> Result<(Pipeline, Store), Exit> {
    let mut pipeline = load(arguments)?;
    open_store(&mut pipeline, store).map(|store| (pipeline, store))
}

/// Opens the store of a pipeline, or says what is wrong. The pipeline gets the name and the notes that it has with
/// this store.
pub(super) fn open_store(pipeline: &mut Pipeline, store: Option<&PathBuf>) -> Result<Store, Exit> {
    let store = store_of(pipeline, store).map_err(|error| {
        complain(&format!("error: {error}"));
        Exit::Environment
    })?;
    let is_new = store.owner(&pipeline.name).is_none();
    pipeline.notes.extend(is_new.then(|| root_note(pipeline)).flatten());
    pipeline.notes.extend(data_note(pipeline));
    if let Some(owner) = give_name(pipeline, &store) {
        complain(&format!(
            "warning: the name of this pipeline belongs to {}: results, history and `out` of this one are under \
             `{}`. Give it a name of its own: `[pipeline] name`",
            seen_from_here(&owner),
            pipeline.name
        ));
    }
    Ok(store)
}

/// The store of a pipeline: the one that is given, or that of its project.
pub(super) fn store_of(pipeline: &Pipeline, store: Option<&PathBuf>) -> store::Result<Store> {
    let folder = store.cloned().unwrap_or_else(|| pipeline.root.join(".pcamflow"));
    Store::open(&folder, store::Options::default())
}

/// The folder of the project that a file would be in, or why it cannot be used.
pub(super) fn root_of(file: &Path) -> Result<PathBuf, Exit> {
    pipeline::project_root(file).map_err(|foreign| {
        complain(&format!("error: {foreign}: {}", foreign.help()));
        Exit::Environment
    })
}

/// Gives a pipeline another name if its own belongs to another file, which is returned.
pub(super) fn give_name(pipeline: &mut Pipeline, store: &Store) -> Option<PathBuf> {
    let owner = store.owner(&pipeline.name)?;
    let (own, other) = (store.named(&pipeline.file), store.named(&owner));
    // A file that is gone, or has another name by now, has lost it.
    if own == other || pipeline::name_in(&owner).as_deref() != Some(pipeline.name.as_str()) {
        return None;
    }
    let digest = Digest::of(own.as_os_str().as_encoded_bytes());
    pipeline.name = format!("{}-{}", pipeline.name, &digest.hex()[..8]);
    Some(owner)
}

/// Which folder is the project and why, where that is neither the pipeline's folder nor this one.
fn root_note(pipeline: &Pipeline) -> Option<String> {
    let root = &pipeline.root;
    let is_expected = places(pipeline).contains(root);
    let mark = pipeline::mark(root).filter(|_| !is_expected)?;
    Some(format!(
        "the project is {}, the nearest folder above the pipeline that has `{mark}`: `data`, `out` and the store are \
         there. For another project make an empty folder `.pcamflow` in its folder",
        root.display()
    ))
}

/// Where the source files seem to be, where their folder does not exist.
fn data_note(pipeline: &Pipeline) -> Option<String> {
    let files = pipeline.stages.iter().flat_map(|node| &node.inputs);
    let is_read = files.into_iter().any(
        |input| matches!(&input.source, Source::File(file) if file.path.starts_with(&pipeline.data) && !file.path.exists()),
    );
    let below = pipeline.data.strip_prefix(&pipeline.root).ok().filter(|_| is_read)?;
    let [beside, here] = places(pipeline).map(|folder| folder.join(below));
    let found = [beside, here].into_iter().find(|folder| *folder != pipeline.data && folder.is_dir())?;
    let [used, found] = [&pipeline.data, &found].map(|folder| seen_from_here(folder));
    Some(format!("source files are looked for in {used}; there is also {found}: `--data {found}` takes that"))
}

/// The folder of the pipeline's file, and the current one.
fn places(pipeline: &Pipeline) -> [PathBuf; 2] {
    let file = std::path::absolute(&pipeline.file).unwrap_or_else(|_| pipeline.file.clone());
    [file.parent().map(Path::to_owned).unwrap_or_default(), std::env::current_dir().unwrap_or_default()]
}

/// Says why nothing began.
pub(super) fn tell(refused: &Refused) -> Exit {
    for line in refused.to_string().lines() {
        complain(&format!("error: {line}"));
    }
    Exit::from(refused)
}
