//! The folder in which a program runs.
//!
//! ```text
//! inputs/NAME      copies, reflinks or (large files, folders of the user) links
//! tmp/             TMPDIR and HOME, thrown away
//! everything else  must be a declared artifact in the end
//! ```

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use super::self_contained;
use crate::{
    digest::Digest,
    fsx::{self, Exposed, Links, StatTuple},
    protocol::{InputFile, Task},
    stages::command::{Command, INPUTS, Output, PASSING, Piece, Port, PortName, pieces, slot},
};

/// How many undeclared files a message names.
const NAMED: usize = 5;

/// The folder of a program.
pub(super) struct Sandbox {
    pub(super) folder: PathBuf,
    /// Inputs behind links, to which the program could write.
    linked: Vec<Linked>,
}

/// A file or folder behind a link, and its state before the program ran.
struct Linked {
    name: String,
    path: PathBuf,
    stat: Option<StatTuple>,
    /// The digest, if the file was changed so recently that an equal stat tuple proves nothing.
    digest: Option<Digest>,
}

impl Sandbox {
    /// Creates the folder with the declared inputs.
    pub(super) fn new(stage: &Command, task: &Task) -> Result<Self> {
        let begun = Instant::now();
        let folder = std::path::absolute(&task.staging)?;
        let mut sandbox = Self { folder, linked: Vec::new() };
        fsx::create_folder(&sandbox.folder.join(PASSING))?;
        if !stage.inputs.is_empty() {
            fsx::create_folder(&sandbox.folder.join(INPUTS))?;
        }
        let executed = executed(stage);
        for name in stage.inputs.keys() {
            let input =
                task.inputs.get(&slot(name)).with_context(|| format!("the task has no input {name}"))?;
            sandbox.add(name, input, executed == Some(name.as_str()))?;
        }
        for output in stage.artifacts.values() {
            fsx::create_folder(&fsx::parent(&sandbox.folder.join(output.plain())))?;
        }
        tracing::debug!("{}: sandbox in {:?}", task.name, begun.elapsed());
        Ok(sandbox)
    }

    fn add(&mut self, name: &PortName, input: &InputFile, executed: bool) -> Result<()> {
        let to = self.folder.join(INPUTS).join(name.as_str());
        if input.path.is_dir() {
            fsx::link(&input.path, &to)?;
            self.linked.push(Linked::new(input)?);
        } else if input.name.ends_with('/') {
            fsx::unpack(&input.path, &to)?;
        } else if executed {
            fsx::copy(&input.path, &to)?;
            fsx::make_executable(&to)?;
        } else if fsx::expose(&input.path, &to)? == Exposed::Link {
            self.linked.push(Linked::new(input)?);
        }
        self_contained::check(&to, &input.name, Links::Followed)
    }

    /// Checks that the program did not write to its inputs: other stages rely on them.
    pub(super) fn check_inputs(&self) -> Result<()> {
        for linked in &self.linked {
            let (name, path) = (&linked.name, linked.path.display());
            ensure!(
                linked.is_unchanged()?,
                "its input `{name}` ({path}) was modified while the program ran: programs must not write to their \
                 inputs (if it is an artifact, the next run notices and computes it again)"
            );
        }
        Ok(())
    }

    /// Checks that every artifact exists, and no other file.
    pub(super) fn check_artifacts(&self, stage: &Command) -> Result<()> {
        let declared: Vec<&Output> = stage.artifacts.values().collect();
        let missing = declared.iter().filter(|output| !self.folder.join(output.plain()).exists());
        let missing: Vec<&str> = missing.map(|output| output.path.as_str()).collect();
        let mut stray = Vec::new();
        self.stray("", &declared, &mut stray)?;
        let stray = list(stray);
        let wrote = if stray.is_empty() { String::new() } else { format!(", but wrote {stray}") };
        let names = missing.join(", ");
        ensure!(missing.is_empty(), "the program ended without writing its artifact {names}{wrote}");
        ensure!(
            stray.is_empty(),
            "the program wrote {stray}, which is not declared: name it in `artifacts`, or write it to $TMPDIR, \
             which is thrown away"
        );
        let check = |output: &Output| {
            self_contained::check(&self.folder.join(output.plain()), &output.path, Links::Kept)
        };
        declared.into_iter().try_for_each(check)
    }

    /// Finds everything undeclared below a folder of the sandbox.
    fn stray(&self, below: &str, declared: &[&Output], stray: &mut Vec<String>) -> Result<()> {
        for name in fsx::list(&self.folder.join(below))? {
            let name = name.to_string_lossy();
            let path = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
            let full = self.folder.join(&path);
            if below.is_empty() && [INPUTS, PASSING].contains(&path.as_str()) {
                continue;
            }
            if let Some(output) = declared.iter().find(|output| output.plain() == path) {
                is_as_declared(&full, output)?;
            } else if declared.iter().any(|output| Path::new(output.plain()).starts_with(&path))
                && full.symlink_metadata()?.is_dir()
            {
                self.stray(&path, declared, stray)?;
            } else {
                stray.push(if full.is_dir() { format!("{path}/") } else { path });
            }
        }
        Ok(())
    }
}

impl Linked {
    fn new(input: &InputFile) -> Result<Self> {
        let mut linked =
            Self { name: input.name.clone(), path: input.path.clone(), stat: None, digest: None };
        linked.stat = linked.now()?;
        if linked.stat.is_some_and(|stat| !fsx::settles(&stat)) {
            linked.digest = Some(linked.content()?);
        }
        Ok(linked)
    }

    fn is_unchanged(&self) -> Result<bool> {
        Ok(match self.digest {
            _ if self.now()? != self.stat => false,
            None => true,
            Some(digest) => self.content()? == digest,
        })
    }

    fn content(&self) -> fsx::Result<Digest> {
        let hashed = match self.path.is_dir() {
            true => fsx::hash_folder(&self.path, &|_| ()),
            false => fsx::hash_file(&self.path),
        };
        Ok(hashed?.digest)
    }

    fn now(&self) -> Result<Option<StatTuple>> {
        Ok(match self.path.is_dir() {
            true => Some(fsx::stat_folder(&self.path, Links::Followed)?),
            false => fsx::stat(&self.path)?,
        })
    }
}

fn is_as_declared(path: &Path, output: &Output) -> Result<()> {
    let metadata = path.symlink_metadata()?;
    let (name, folder) = (&output.path, output.is_folder());
    ensure!(!folder || metadata.is_dir(), "the artifact `{name}` should be a folder, but it is not one");
    ensure!(
        folder || !metadata.is_dir(),
        "the program wrote a folder `{name}`: declare it with a slash at its end, \"{name}/\""
    );
    ensure!(
        folder || metadata.is_file(),
        "the program must write the file `{name}`, but it is a link or not a file"
    );
    Ok(())
}

/// Some paths in words.
fn list(stray: Vec<String>) -> String {
    let more = stray.len().saturating_sub(NAMED);
    let named: Vec<String> = stray.into_iter().take(NAMED).map(|path| format!("`{path}`")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

/// The input that is the program itself.
fn executed(stage: &Command) -> Option<&str> {
    match pieces(stage.program.first()?).as_slice() {
        [Piece::Port(Port::Input(name))] => Some(name),
        _ => None,
    }
}
