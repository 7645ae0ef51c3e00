//! The digests of the source files of a run: each file is read at most once, and mostly never.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::mpsc,
};

use super::event::{Event, Observer};
use crate::{
    digest::Digest,
    pipeline::{Pipeline, Source},
    store::{Progress, Store},
};

/// What is known of the source files.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<PathBuf, Digest>);

/// One mention of a source file in the pipeline.
struct Mention<'a> {
    path: &'a Path,
    pin: Option<Digest>,
    place: &'a str,
}

impl Known {
    /// Finds the digest of every source file that the stages in scope read.
    ///
    /// # Errors
    /// Every file that is missing, unreadable or not what its pin says, with its place in the pipeline.
    pub(super) fn find(
        pipeline: &Pipeline,
        scope: &[usize],
        store: &Store,
        observer: &mut dyn Observer,
    ) -> Result<Self, Vec<String>> {
        let mentions: Vec<Mention<'_>> = mentions(pipeline, scope).collect();
        let mut problems: Vec<String> = mentions.iter().filter_map(Mention::absent).collect();
        let (known, unreadable) = Self::here(&mentions, store, observer);
        problems.extend(unreadable);
        problems.extend(mentions.iter().filter_map(|mention| mention.not_as_pinned(&known)));
        // Stages may read the same file, repeats of a stage mostly do.
        let mut told = BTreeSet::new();
        problems.retain(|problem| told.insert(problem.clone()));
        if problems.is_empty() { Ok(known) } else { Err(problems) }
    }

    /// The digests of those files that are here, whatever their pins say.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub(super) fn whatever_pinned(
        pipeline: &Pipeline,
        scope: &[usize],
        store: &Store,
        observer: &mut dyn Observer,
    ) -> Result<Self, Vec<String>> {
        let mentions: Vec<Mention<'_>> = mentions(pipeline, scope).collect();
        let (known, problems) = Self::here(&mentions, store, observer);
        if problems.is_empty() { Ok(known) } else { Err(problems) }
    }

    /// The files that are here, and what keeps others from being read.
    fn here(mentions: &[Mention<'_>], store: &Store, observer: &mut dyn Observer) -> (Self, Vec<String>) {
        let mut there: Vec<PathBuf> = mentions
            .iter()
            .filter(|mention| mention.path.is_file())
            .map(|mention| mention.path.to_owned())
            .collect();
        there.sort();
        there.dedup();
        let (mut known, mut problems) = (Self::default(), Vec::new());
        for (path, digest) in there.iter().zip(hash(store, &there, observer)) {
            match digest {
                Ok(digest) => drop(known.0.insert(path.clone(), digest)),
                Err(error) => problems.push(error.to_string()),
            }
        }
        (known, problems)
    }

    /// All of them.
    pub(super) fn into_digests(self) -> BTreeMap<PathBuf, Digest> {
        self.0
    }

    /// The digest of a file.
    pub(super) fn digest(&self, path: &Path) -> Option<Digest> {
        self.0.get(path).copied()
    }
}

impl Mention<'_> {
    /// What is wrong with a file that is not there; a pinned one is not missed before its bytes are.
    fn absent(&self) -> Option<String> {
        let path = self.path.display();
        if self.path.is_dir() {
            return Some(format!("{}: {path} is a folder, and a file is due", self.place));
        }
        if self.path.exists() && !self.path.is_file() {
            return Some(format!("{}: {path} is a pipe or a device, and a file is due", self.place));
        }
        let missing = !self.path.exists() && self.pin.is_none();
        missing.then(|| {
            let advice =
                "source paths are relative to `[pipeline] data`, which --data DIR and PCAMFLOW_DATA override";
            format!("{}: there is no file {path} ({advice})", self.place)
        })
    }

    fn not_as_pinned(&self, known: &Known) -> Option<String> {
        let (pin, found) = (self.pin?, known.digest(self.path)?);
        (pin != found).then(|| {
            let path = self.path.display();
            format!(
                "{}: {path} is not the file that is pinned here: its BLAKE3 is {found}, not {pin}",
                self.place
            )
        })
    }
}

fn mentions<'a>(pipeline: &'a Pipeline, scope: &'a [usize]) -> impl Iterator<Item = Mention<'a>> {
    scope.iter().flat_map(|stage| &pipeline.stages[*stage].inputs).filter_map(|input| match &input.source {
        Source::File { file, path, place } => Some(Mention { path, pin: file.blake3, place }),
        Source::Artifact { .. } => None,
    })
}

/// Takes digests from the store's memory, or from the files, telling how far that is.
fn hash(store: &Store, paths: &[PathBuf], observer: &mut dyn Observer) -> Vec<crate::store::Result<Digest>> {
    let (send, receive) = mpsc::channel::<Progress>();
    std::thread::scope(|threads| {
        let hashing = threads.spawn(move || {
            let report = |progress| {
                // Nobody listens any more: nothing to tell.
                let _ = send.send(progress);
            };
            store.sources().digests(paths, &report)
        });
        for Progress { done, total } in receive {
            let file = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
            let file = if paths.len() == 1 { file } else { format!("{} source files", paths.len()) };
            observer.event(&Event::Hashing { file, done, total });
        }
        hashing.join().unwrap_or_default()
    })
}
