//! The digests of the source files of a run. Each file is read at most once; a remembered one is not read.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::mpsc,
};

use crate::engine::tell::event::{Event, Observer};
use crate::{
    digest::Digest,
    pipeline::{FileOfUser, Pipeline, Source},
    stages::{Kind, StageName},
    store::{Progress, Store},
};

/// What is known of the source files.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known(BTreeMap<PathBuf, Digest>);

/// One mention of a source file in the pipeline.
struct Mention<'a> {
    path: &'a Path,
    written: &'a str,
    pin: Option<Digest>,
    place: &'a str,
    /// Whether it is a folder that is to be read.
    folder: bool,
    /// Whether it might have been one.
    folders_fit: bool,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    File,
    Folder,
    Other,
}

impl Known {
    /// Finds the digest of every source file that the stages in scope read.
    ///
    /// `pin` is the command that takes a file that is another one.
    ///
    /// # Errors
    /// Every file that is missing, unreadable or not what its pin says, with its place in the pipeline.
    pub(in crate::engine) fn find(
        pipeline: &Pipeline,
        scope: &[usize],
        store: &Store,
        pin: &str,
        observer: &mut dyn Observer,
    ) -> Result<Self, Vec<String>> {
        let mentions: Vec<Mention<'_>> = mentions(pipeline, scope).collect();
        let found = look_at(&mentions);
        let mut problems: Vec<String> =
            mentions.iter().filter_map(|mention| mention.absent(found[mention.path])).collect();
        let (known, unreadable) = Self::here(&mentions, &found, store, observer);
        problems.extend(unreadable);
        problems.extend(mentions.iter().filter_map(|mention| mention.not_as_pinned(&known, pin)));
        // Stages may read the same file, repeats of a stage mostly do.
        let mut told = BTreeSet::new();
        problems.retain(|problem| told.insert(problem.clone()));
        advise_once(&mut problems);
        if problems.is_empty() { Ok(known) } else { Err(problems) }
    }

    /// The digests of those files that are here, whatever their pins say.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub(in crate::engine) fn whatever_pinned(
        pipeline: &Pipeline,
        scope: &[usize],
        store: &Store,
        observer: &mut dyn Observer,
    ) -> Result<Self, Vec<String>> {
        let mentions: Vec<Mention<'_>> = mentions(pipeline, scope).collect();
        let (known, problems) = Self::here(&mentions, &look_at(&mentions), store, observer);
        if problems.is_empty() { Ok(known) } else { Err(problems) }
    }

    /// The files that are here, and what keeps others from being read.
    fn here(
        mentions: &[Mention<'_>],
        found: &BTreeMap<&Path, There>,
        store: &Store,
        observer: &mut dyn Observer,
    ) -> (Self, Vec<String>) {
        let there = mentions.iter().filter(|mention| mention.is_there(found[mention.path]));
        let there: BTreeSet<&Path> = there.map(|mention| mention.path).collect();
        let there: Vec<PathBuf> = there.into_iter().map(Path::to_owned).collect();
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
    pub(in crate::engine) fn into_digests(self) -> BTreeMap<PathBuf, Digest> {
        self.0
    }

    /// The digest of a file.
    pub(in crate::engine) fn digest(&self, path: &Path) -> Option<Digest> {
        self.0.get(path).copied()
    }
}

impl Mention<'_> {
    /// What is wrong with a file that is not there; a pinned one is not missed before its bytes are.
    fn absent(&self, there: There) -> Option<String> {
        let path = self.path.display();
        let wrong = match (there, self.folder) {
            (There::File, false) | (There::Folder, true) => return None,
            (There::Nothing, _) => return self.missing(),
            (There::Folder, false) if self.folders_fit => {
                "is a folder, but a file is expected: to read the folder, end the path with a slash"
            }
            (There::Folder, false) => "is a folder, but a file is expected",
            (There::File, true) => "is a file: write it without the slash",
            (There::Other, false) => "is a pipe or a device, but a file is expected",
            (There::Other, true) => "is a pipe or a device, but a folder is expected",
        };
        Some(format!("{}: {path} {wrong}", self.place))
    }

    /// The stage that a path begins with the name of: a reference, where none can stand.
    fn stage(&self) -> Option<StageName> {
        self.written.split_once('/')?.0.parse().ok()
    }

    fn missing(&self) -> Option<String> {
        if let (None, Ok(target)) = (self.pin, std::fs::read_link(self.path)) {
            let (path, target) = (self.path.display(), target.display());
            return Some(format!("{}: {path} is a broken link: it points to {target}", self.place));
        }
        self.pin.is_none().then(|| {
            let advice =
                "source paths are relative to `[pipeline] data`, which --data DIR and PCAMFLOW_DATA override";
            let what = if self.folder { "folder" } else { "file" };
            let project = if self.folders_fit { ", those of the project begin with `./`" } else { "" };
            let advice = match (self.stage(), self.below_data()) {
                (None, Some(path)) => format!("write `{path}`: {advice}"),
                (None, None) => format!("{advice}{project}"),
                (Some(stage), _) => format!(
                    "`{stage}` is a stage, but here only files can stand: take patches from a `split` stage, as \
                     `split.name/train`"
                ),
            };
            format!("{}: there is no {what} {} ({advice})", self.place, self.path.display())
        })
    }

    /// The path as it has to be written, where it begins with the name of the data folder itself.
    fn below_data(&self) -> Option<&str> {
        let (first, path) = self.written.trim_start_matches("./").split_once('/')?;
        let data = self.path.ancestors().nth(Path::new(self.written).components().count())?;
        let is_meant = data.file_name().is_some_and(|name| name == first) && data.join(path).exists();
        is_meant.then_some(path)
    }

    fn is_there(&self, there: There) -> bool {
        there == if self.folder { There::Folder } else { There::File }
    }

    fn not_as_pinned(&self, known: &Known, pin_again: &str) -> Option<String> {
        let (pin, found) = (self.pin?, known.digest(self.path)?);
        (pin != found).then(|| {
            let path = self.path.display();
            format!(
                "{}: {path} is not the {} that is pinned here: its BLAKE3 is {found}, not {pin} \
                 (`{pin_again}` takes the new one)",
                self.place,
                if self.folder { "folder" } else { "file" },
            )
        })
    }
}

/// Of problems that end with the same advice in parentheses only the last keeps it.
fn advise_once(problems: &mut [String]) {
    for at in 0..problems.len() {
        let Some(begin) = problems[at].rfind(" (").filter(|_| problems[at].ends_with(')')) else { continue };
        if problems[at + 1..].iter().any(|other| other.ends_with(&problems[at][begin..])) {
            problems[at].truncate(begin);
        }
    }
}

/// What is at each path that is mentioned, in the order of the paths: stages may read the same file, and
/// each is looked at once.
fn look_at<'a>(mentions: &[Mention<'a>]) -> BTreeMap<&'a Path, There> {
    let mut found = BTreeMap::new();
    for mention in mentions {
        found.entry(mention.path).or_insert_with(|| match mention.path.components().as_path().metadata() {
            Ok(metadata) if metadata.is_file() => There::File,
            Ok(metadata) if metadata.is_dir() => There::Folder,
            Ok(_) => There::Other,
            Err(_) => There::Nothing,
        });
    }
    found
}

fn mentions<'a>(pipeline: &'a Pipeline, scope: &'a [usize]) -> impl Iterator<Item = Mention<'a>> {
    scope.iter().map(|stage| &pipeline.stages[*stage]).flat_map(|node| {
        let folders_fit = node.name.kind == Kind::Command;
        node.inputs.iter().filter_map(move |input| match &input.source {
            Source::File(user) => {
                let FileOfUser { file, path, place } = user.as_ref();
                let folder = folders_fit && file.path.ends_with('/');
                Some(Mention { path, written: &file.path, pin: file.blake3, place, folder, folders_fit })
            }
            Source::Artifact { .. } => None,
        })
    })
}

/// Takes digests from the store's memory, or from the files, telling how far that is.
fn hash(store: &Store, paths: &[PathBuf], observer: &mut dyn Observer) -> Vec<crate::store::Result<Digest>> {
    let (send, receive) = mpsc::channel::<Progress>();
    std::thread::scope(|threads| {
        let hashing = threads.spawn(move || {
            let report = |progress| {
                // The listener is gone: there is nothing to report.
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
