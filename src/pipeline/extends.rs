//! `extends = "full.toml"`: the files of a pipeline; and `remove`: what it does not take from them.
//!
//! A file extends at most one other, which may extend another. `merge` combines two of them.

use std::{
    collections::BTreeMap,
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{keys, pieces};
use crate::{fsx, stages::Problem};

/// The most files of a pipeline.
const MOST: usize = 100;
/// The largest file that is read as a pipeline, in bytes: a hundred thousand stages need less.
const LONGEST: u64 = 64 << 20;

/// One file of a pipeline.
pub(super) struct Loaded {
    /// Its path as named.
    pub(super) file: PathBuf,
    /// Its text.
    pub(super) text: String,
}

/// A file that cannot be extended.
pub(super) struct Broken {
    /// The index of the file that names it.
    pub(super) by: usize,
    /// Its path.
    pub(super) file: PathBuf,
    /// The problem, with its place in the file that names it.
    pub(super) problem: Problem,
}

/// Reads the text of a file: from the disk, or from the record of a run.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// The text of a file on the disk.
pub(super) fn from_disk(file: &Path) -> io::Result<String> {
    fsx::read_text(file, LONGEST)
}

/// A pipeline's file and those that it extends, each before the one that it extends; and the file that could not be
/// read.
pub(super) fn chain(file: &Path, text: String, read: Read<'_>) -> (Vec<Loaded>, Option<Broken>) {
    let mut files = vec![Loaded { file: file.to_owned(), text }];
    let mut seen = vec![identity(file)];
    while let Some((span, name)) = files.last().and_then(|last| extended(&last.text)) {
        let by = files.len() - 1;
        let file = files[by].file.parent().map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        match next(&file, &files, &mut seen, read) {
            Ok(text) => files.push(Loaded { file, text }),
            Err((message, help)) => {
                return (files, Some(Broken { by, file, problem: Problem::at(span, message).help(help) }));
            }
        }
    }
    (files, None)
}

/// The text of the next file. The error is a message with advice.
fn next(
    file: &Path,
    files: &[Loaded],
    seen: &mut Vec<PathBuf>,
    read: Read<'_>,
) -> Result<String, (String, &'static str)> {
    if files.len() == MOST {
        let message = format!("a pipeline can consist of at most {MOST} files");
        return Err((message, "combine some of the files"));
    }
    let identity = identity(file);
    if let Some(first) = seen.iter().position(|other| *other == identity) {
        let path: Vec<String> = files[first..].iter().map(|file| file.file.display().to_string()).collect();
        let message = format!("a pipeline cannot extend itself: {} -> {}", path.join(" -> "), file.display());
        return Err((message, "each file in this list extends the next"));
    }
    seen.push(identity);
    read(file).map_err(|error| {
        let message = format!("cannot read {}, which is extended here: {error}", file.display());
        (message, "the path is relative to the file that contains it")
    })
}

/// What two paths of the same file share.
fn identity(file: &Path) -> PathBuf {
    file.canonicalize().or_else(|_| std::path::absolute(file)).unwrap_or_else(|_| file.to_owned())
}

/// The file that a text extends, and the place of its name. A text without the word is not parsed.
pub(super) fn extended(text: &str) -> Option<(Range<usize>, String)> {
    if !text.contains("extends") {
        return None;
    }
    let (table, _) = pieces::read(text);
    let value = table.get_ref().get("extends")?;
    Some((value.span(), value.get_ref().as_str()?.to_owned()))
}

/// The removed keys, with the place where each is listed.
pub(super) type Removed = BTreeMap<String, Range<usize>>;

/// Takes `extends` and `remove` out of a file's tables, and the removed keys out of the tables of the file that it
/// extends, if there is one.
pub(super) fn take<'a>(
    table: &mut DeTable<'a>,
    mut parent: Option<(&mut DeTable<'a>, &Path)>,
    problems: &mut Vec<Problem>,
) -> Removed {
    if let Some(value) = table.remove("extends")
        && !value.get_ref().is_str()
    {
        let problem = Problem::at(value.span(), "`extends` names one file");
        problems.push(problem.help("write extends = \"full.toml\"; that file may extend another"));
    }
    let mut removed = Removed::new();
    let Some(list) = table.remove("remove") else { return removed };
    let DeValue::Array(entries) = list.get_ref() else {
        problems.push(not_a_list(list.span()));
        return removed;
    };
    for entry in entries.iter() {
        let Some(key) = entry.get_ref().as_str() else {
            problems.push(not_a_list(entry.span()));
            continue;
        };
        let done = match &mut parent {
            Some((parent, file)) => remove(parent, key, file),
            None => Err(Problem::unplaced("there is nothing to remove: this file extends no other file")),
        };
        match done {
            Ok(()) => drop(removed.insert(key.to_owned(), entry.span())),
            Err(problem) => problems.push(Problem { span: Some(entry.span()), ..problem }),
        }
    }
    removed
}

fn not_a_list(span: Range<usize>) -> Problem {
    Problem::at(span, "`remove` is a list of keys")
        .help("write remove = [\"explain.occlusion\", \"train.base.early-stopping\"]")
}

/// Removes a stage, or a value of one.
fn remove(table: &mut DeTable<'_>, key: &str, file: &Path) -> Result<(), Problem> {
    let absent = Problem::unplaced(format!("{} has no `{key}` to remove", file.display()));
    let Some(parts) = keys::parts(key) else {
        return Err(absent.help("a key is written kind.name, or kind.name.key"));
    };
    if remove_at(table, &parts).is_none() {
        let known = keys::paths(table);
        return Err(absent.did_you_mean(key, known.iter().map(|(path, _)| path.as_str())));
    }
    Ok(())
}

fn remove_at(table: &mut DeTable<'_>, parts: &[String]) -> Option<()> {
    match parts {
        [] => None,
        [last] => table.remove(last.as_str()).map(drop),
        [first, rest @ ..] => match table.get_mut(first.as_str()).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => remove_at(inner, rest),
            _ => None,
        },
    }
}
