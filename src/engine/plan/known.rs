//! The digests of the source files of a run. Each file is read at most once, and not at all if it is remembered.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs::FileType,
    path::{Path, PathBuf},
    sync::mpsc,
};

use crate::engine::tell::event::{Event, Observer};
use crate::{
    digest::Digest,
    pipeline::{FileOfUser, Pipeline, Source},
    store::{Progress, Store},
};

/// The digests of the source files that exist.
#[derive(Debug, Default)]
pub(in crate::engine) struct Known(pub(in crate::engine) BTreeMap<PathBuf, Digest>);

/// One mention of a source file in the pipeline.
struct Mention<'a> {
    path: &'a Path,
    /// The path as it is written in the pipeline.
    written: &'a str,
    pin: Option<Digest>,
    place: &'a str,
    /// Whether it is a folder.
    folder: bool,
    /// Whether the stage could also read a folder.
    folders_fit: bool,
}

impl Known {
    /// Finds the digest of every source file that the stages in scope read. `pin` is the command that accepts
    /// changed files; without it, files may be missing and need not match their pins.
    ///
    /// # Errors
    /// Every file that is unreadable, missing or does not match its pin, with its place in the pipeline.
    pub(in crate::engine) fn find(
        pipeline: &Pipeline,
        scope: &[usize],
        store: &Store,
        pin: Option<&str>,
        observer: &mut dyn Observer,
    ) -> Result<Self, Vec<String>> {
        let mentions: Vec<Mention<'_>> = mentions(pipeline, scope).collect();
        let found = look_at(&mentions);
        let (known, mut problems) = Self::here(&mentions, &found, store, observer);
        if let Some(pin) = pin {
            problems.extend(mentions.iter().filter_map(|mention| mention.absent(found[mention.path])));
            problems.extend(mentions.iter().filter_map(|mention| mention.not_as_pinned(&known, pin)));
        }
        // Several stages may read the same file, as repeats do.
        let mut seen = BTreeSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        advise_once(&mut problems);
        if problems.is_empty() { Ok(known) } else { Err(problems) }
    }

    /// The digests of the files that exist, and the errors of those that cannot be read.
    fn here(
        mentions: &[Mention<'_>],
        found: &BTreeMap<&Path, Option<FileType>>,
        store: &Store,
        observer: &mut dyn Observer,
    ) -> (Self, Vec<String>) {
        let fit =
            mentions.iter().filter(|mention| found[mention.path].is_some_and(|there| mention.fits(there)));
        let paths: BTreeSet<&Path> = fit.map(|mention| mention.path).collect();
        let paths: Vec<PathBuf> = paths.into_iter().map(Path::to_owned).collect();
        let (mut known, mut problems) = (Self::default(), Vec::new());
        let digests = hash(store, &paths, observer);
        for (path, digest) in paths.into_iter().zip(digests) {
            match digest {
                Ok(digest) => drop(known.0.insert(path, digest)),
                Err(error) => problems.push(error.to_string()),
            }
        }
        (known, problems)
    }

    /// The digest of a file.
    pub(in crate::engine) fn digest(&self, path: &Path) -> Option<Digest> {
        self.0.get(path).copied()
    }
}

impl Mention<'_> {
    fn fits(&self, there: FileType) -> bool {
        if self.folder { there.is_dir() } else { there.is_file() }
    }

    fn what(&self) -> &'static str {
        if self.folder { "folder" } else { "file" }
    }

    /// The problem if the file is missing or of another type. A pinned file may be missing.
    fn absent(&self, there: Option<FileType>) -> Option<String> {
        let (place, path, what) = (self.place, self.path.display(), self.what());
        match there {
            Some(there) if self.fits(there) => None,
            Some(there) => {
                let slash = there.is_dir() && self.folders_fit;
                let advice = if slash { ": to read the folder, end the path with a slash" } else { "" };
                Some(format!("{place}: {path} is not a {what}{advice}"))
            }
            None if self.pin.is_some() => None,
            None => Some(format!("{place}: there is no {what} {path} ({})", self.advice())),
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        if let Some(path) = self.without_data_folder() {
            return format!("write `{path}`: source paths are relative to the data folder").into();
        }
        if self.path.with_added_extension("gz").exists() {
            let file = Path::new(self.written).file_name().unwrap_or_default().display();
            return format!("there is {file}.gz: write that name, and it is unpacked once, into the store")
                .into();
        }
        let advice = if self.path.is_symlink() {
            "it is a broken link"
        } else if self.folders_fit {
            "source paths are relative to `[pipeline] data`, which --data DIR and PCAMFLOW_DATA override, those of \
             the project begin with `./`"
        } else {
            "source paths are relative to `[pipeline] data`, which --data DIR and PCAMFLOW_DATA override"
        };
        advice.into()
    }

    /// The path without the name of the data folder at its beginning, if there is such a file.
    fn without_data_folder(&self) -> Option<&str> {
        let (first, rest) = self.written.trim_start_matches("./").split_once('/')?;
        let data = self.path.ancestors().nth(Path::new(self.written).components().count())?;
        (data.file_name()? == first && data.join(rest).exists()).then_some(rest)
    }

    fn not_as_pinned(&self, known: &Known, pin_again: &str) -> Option<String> {
        let (pin, found) = (self.pin?, known.digest(self.path)?);
        (pin != found).then(|| {
            format!(
                "{}: {} is not the {} that is pinned here: its BLAKE3 is {found}, not {pin} (`{pin_again}` takes \
                 the new one)",
                self.place,
                self.path.display(),
                self.what()
            )
        })
    }
}

/// Keeps advice in parentheses only in the last of the problems that end with it.
fn advise_once(problems: &mut [String]) {
    for at in 0..problems.len() {
        let Some(begin) = problems[at].rfind(" (").filter(|_| problems[at].ends_with(')')) else { continue };
        if problems[at + 1..].iter().any(|later| later.ends_with(&problems[at][begin..])) {
            problems[at].truncate(begin);
        }
    }
}

/// What is at each path. Each path is looked at once, even if several stages mention it.
fn look_at<'a>(mentions: &[Mention<'a>]) -> BTreeMap<&'a Path, Option<FileType>> {
    let mut found = BTreeMap::new();
    for mention in mentions {
        // Without the slash at its end.
        let path = mention.path.components().as_path();
        found.entry(mention.path).or_insert_with(|| path.metadata().ok().map(|found| found.file_type()));
    }
    found
}

fn mentions<'a>(pipeline: &'a Pipeline, scope: &'a [usize]) -> impl Iterator<Item = Mention<'a>> {
    scope.iter().map(|stage| &pipeline.stages[*stage]).flat_map(|node| {
        let folders_fit = node.name.kind.reads_folders();
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

/// The digests of files, remembered or computed. Reports progress.
fn hash(store: &Store, paths: &[PathBuf], observer: &mut dyn Observer) -> Vec<crate::store::Result<Digest>> {
    let (send, receive) = mpsc::channel::<Progress>();
    std::thread::scope(|threads| {
        let hashing = threads.spawn(move || {
            let report = |progress| {
                // An error means that nothing listens any more.
                let _ = send.send(progress);
            };
            store.sources().digests(paths, &report)
        });
        for Progress { done, total } in receive {
            let file = match paths {
                [path] => path.display().to_string(),
                paths => format!("{} source files", paths.len()),
            };
            observer.event(&Event::Hashing { file, done, total });
        }
        hashing.join().unwrap_or_default()
    })
}
