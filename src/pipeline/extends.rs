//! `extends = "full.toml"`: the files that a pipeline is made of; and `remove`, what it does without.
//!
//! A file extends one other, which may extend another. `merge` puts two together.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{keys, pieces};
use crate::{fsx, stages::Problem};

/// How many files a pipeline may be made of.
const MOST: usize = 100;
/// The largest file that is taken for a pipeline, in bytes: a hundred thousand stages have less.
pub(super) const LONGEST: u64 = 64 << 20;

/// One file of a pipeline.
pub(super) struct Loaded {
    /// Its path, as far as it was named.
    pub(super) file: PathBuf,
    /// What is in it.
    pub(super) text: String,
}

/// A file that cannot be extended.
pub(super) struct Broken {
    /// Which of the files names it.
    pub(super) by: usize,
    /// The file that it names.
    pub(super) file: PathBuf,
    /// What is wrong, with its place in that file.
    pub(super) problem: Problem,
}

/// A pipeline's file and those that it extends, each before what it extends; and what ended that too early.
pub(super) fn chain(file: &Path, text: String) -> (Vec<Loaded>, Option<Broken>) {
    let mut files = vec![Loaded { file: file.to_owned(), text }];
    let mut seen = vec![identity(file)];
    while let Some((span, name)) = files.last().and_then(|last| extended(&last.text)) {
        let by = files.len() - 1;
        let file = files[by].file.parent().map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        let broken = |message: String, help: &str| {
            Some(Broken { by, file: file.clone(), problem: Problem::at(span.clone(), message).help(help) })
        };
        if files.len() == MOST {
            let message = format!("a pipeline is made of at most {MOST} files");
            return (files, broken(message, "put some of the files together"));
        }
        let (identity, text) = (identity(&file), fsx::read_text(&file, LONGEST));
        if let Some(first) = seen.iter().position(|other| *other == identity) {
            let path: Vec<String> =
                files[first..].iter().map(|file| file.file.display().to_string()).collect();
            let message =
                format!("a pipeline cannot extend itself: {} -> {}", path.join(" -> "), file.display());
            return (files, broken(message, "read from left to right: each file extends the next"));
        }
        match text {
            Ok(text) => files.push(Loaded { file: file.clone(), text }),
            Err(error) => {
                let message = format!("cannot read {}, which is extended here: {error}", file.display());
                return (files, broken(message, "the path is relative to the file in which it stands"));
            }
        }
        seen.push(identity);
    }
    (files, None)
}

/// What makes two paths one file.
fn identity(file: &Path) -> PathBuf {
    file.canonicalize().or_else(|_| std::path::absolute(file)).unwrap_or_else(|_| file.to_owned())
}

/// What a text extends, and where it says so. Only a text with that word in it is read for it.
pub(super) fn extended(text: &str) -> Option<(Range<usize>, String)> {
    if !text.contains("extends") {
        return None;
    }
    let (table, _) = pieces::read(text);
    let value = table.get_ref().get("extends")?;
    Some((value.span(), value.get_ref().as_str()?.to_owned()))
}

/// What a file does without, of what it extends: where each is named, by its path.
pub(super) type Removed = BTreeMap<String, Range<usize>>;

/// Takes `extends` and `remove` out of a file's tables, and what is removed out of what it extends, which is
/// `None` for a file that extends none.
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
        problems.push(no_list(list.span()));
        return removed;
    };
    for entry in entries.iter() {
        let Some(key) = entry.get_ref().as_str() else {
            problems.push(no_list(entry.span()));
            continue;
        };
        let gone = match &mut parent {
            Some((parent, file)) => remove(parent, key, file),
            None => Err(Problem::unplaced("there is nothing to remove: this file extends no other file")),
        };
        match gone {
            Ok(()) => drop(removed.insert(key.to_owned(), entry.span())),
            Err(problem) => problems.push(Problem { span: Some(entry.span()), ..problem }),
        }
    }
    removed
}

fn no_list(span: Range<usize>) -> Problem {
    Problem::at(span, "`remove` is a list of keys")
        .help("write remove = [\"explain.occlusion\", \"train.base.early-stopping\"]")
}

/// Removes a stage, or a value below one.
fn remove(table: &mut DeTable<'_>, key: &str, file: &Path) -> Result<(), Problem> {
    let absent = || Problem::unplaced(format!("{} has no `{key}` to remove", file.display()));
    let Some(parts) = keys::parts(key) else {
        return Err(absent().help("a key is written kind.name, or kind.name.key"));
    };
    let [above @ .., last] = parts.as_slice() else { return Err(absent()) };
    let stages = if parts.len() == 2 { keys::stages(table) } else { Vec::new() };
    let mut current = table;
    for (depth, part) in above.iter().enumerate() {
        // Of a stage all names are known: none is made up of another kind and this name.
        let names =
            if parts.len() == 2 { Vec::new() } else { below(current, &above[..depth], &parts[depth + 1..]) };
        let Some(DeValue::Table(inner)) = current.get_mut(part.as_str()).map(Spanned::get_mut) else {
            let candidates = stages.iter().chain(&names).map(String::as_str);
            return Err(absent().did_you_mean(key, candidates));
        };
        current = inner;
    }
    let names = below(current, above, &[]);
    match current.remove(last.as_str()) {
        Some(_) => Ok(()),
        None => Err(absent().did_you_mean(key, stages.iter().chain(&names).map(String::as_str))),
    }
}

/// The paths that begin with what was found, go on with a key that is there, and end as was asked for.
fn below(table: &DeTable<'_>, above: &[String], rest: &[String]) -> Vec<String> {
    let path = |key: &str| {
        let parts = above.iter().map(String::as_str).chain([key]).chain(rest.iter().map(String::as_str));
        parts.collect::<Vec<_>>().join(".")
    };
    table.keys().map(|key| path(key.get_ref())).collect()
}
