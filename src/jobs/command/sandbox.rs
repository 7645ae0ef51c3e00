//! The folder in which a program runs: holds its inputs before, and what it was to make afterwards.
//!
//! ```text
//! inputs/NAME      copies, reflinks or (large files, folders of the user's) links
//! tmp/             TMPDIR and HOME: thrown away
//! everything else  has to be a declared artifact in the end
//! ```

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};

use super::whole;
use crate::{
    digest::Digest,
    fsx::{self, Exposed, Links, StatTuple},
    protocol::{InputFile, Task},
    stages::command::{Command, INPUTS, Output, PASSING, Piece, Port, PortName, pieces, slot},
};

/// Undeclared files that a message names.
const NAMED: usize = 5;

/// A program's folder.
pub(super) struct Sandbox {
    pub(super) folder: PathBuf,
    /// Files that the program could write to although they are not its own.
    lent: Vec<Lent>,
}

/// A file or folder that a program only sees through a link.
struct Lent {
    name: String,
    path: PathBuf,
    stat: Option<StatTuple>,
    /// Its content, where the stat tuple does not prove that it stays the same: it was changed just now.
    digest: Option<Digest>,
}

impl Sandbox {
    /// Lays out what was declared.
    pub(super) fn new(stage: &Command, task: &Task) -> Result<Self> {
        let begun = Instant::now();
        let folder = std::path::absolute(&task.staging)?;
        let mut sandbox = Self { folder, lent: Vec::new() };
        fsx::create_folder(&sandbox.folder.join(PASSING))?;
        if !stage.inputs.is_empty() {
            fsx::create_folder(&sandbox.folder.join(INPUTS))?;
        }
        let executed = executed(stage);
        for name in stage.inputs.keys() {
            let input =
                task.inputs.get(&slot(name)).with_context(|| format!("the task has no input {name}"))?;
            sandbox.lay(name, input, executed == Some(name.as_str()))?;
        }
        for output in stage.artifacts.values() {
            fsx::create_folder(&fsx::parent(&sandbox.folder.join(output.plain())))?;
        }
        tracing::debug!("{}: sandbox in {:?}", task.name, begun.elapsed());
        Ok(sandbox)
    }

    fn lay(&mut self, name: &PortName, input: &InputFile, executed: bool) -> Result<()> {
        let to = self.folder.join(INPUTS).join(name.as_str());
        match (input.name.ends_with('/'), input.path.is_dir()) {
            (_, true) => {
                fsx::link(&input.path, &to)?;
                self.lend(input)?;
            }
            (true, false) => fsx::unpack(&input.path, &to)?,
            (false, false) if executed => {
                fsx::copy(&input.path, &to)?;
                fsx::make_executable(&to)?;
            }
            (false, false) => {
                if fsx::expose(&input.path, &to)? == Exposed::Link {
                    self.lend(input)?;
                }
            }
        }
        whole::check(&to, &input.name, Links::Followed)
    }

    fn lend(&mut self, input: &InputFile) -> Result<()> {
        let mut lent = Lent { name: input.name.clone(), path: input.path.clone(), stat: None, digest: None };
        lent.stat = lent.now()?;
        if lent.stat.is_some_and(|stat| !fsx::settles(&stat)) {
            lent.digest = Some(lent.content()?);
        }
        self.lent.push(lent);
        Ok(())
    }

    /// A program that writes to its inputs has damaged what others rely on: that must not pass for a result.
    pub(super) fn inputs_are_unharmed(&self) -> Result<()> {
        for lent in &self.lent {
            let (name, path) = (&lent.name, lent.path.display());
            ensure!(
                lent.is_unharmed()?,
                "its input `{name}` ({path}) was modified while the program ran: programs must not write to their \
                 inputs (of an artifact, the next run notices and computes it again)"
            );
        }
        Ok(())
    }

    /// Whether every artifact is there, and nothing else.
    pub(super) fn holds_what_was_declared(&self, stage: &Command) -> Result<()> {
        let declared: Vec<&Output> = stage.artifacts.values().collect();
        let missing: Vec<&str> = declared
            .iter()
            .filter(|output| !self.folder.join(output.plain()).exists())
            .map(|output| output.path.as_str())
            .collect();
        let mut stray = Vec::new();
        self.stray("", &declared, &mut stray)?;
        let stray = told(stray);
        match (missing.is_empty(), stray.is_empty()) {
            (true, true) => declared.into_iter().try_for_each(|output| {
                whole::check(&self.folder.join(output.plain()), &output.path, Links::Kept)
            }),
            (false, true) => bail!("the program ended without writing its artifact {}", missing.join(", ")),
            (false, false) => bail!(
                "the program ended without writing its artifact {}, but wrote {stray}",
                missing.join(", ")
            ),
            (true, false) => bail!(
                "the program wrote {stray}, which is not declared: name it in `artifacts`, or write it to \
                 $TMPDIR, which is thrown away"
            ),
        }
    }

    /// Everything below a folder of the sandbox that nobody declared.
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

impl Lent {
    fn is_unharmed(&self) -> Result<bool> {
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
    let (name, plain) = (&output.path, output.plain());
    match output.is_folder() {
        true if metadata.is_dir() => Ok(()),
        false if metadata.is_file() => Ok(()),
        true => bail!("the artifact `{name}` should be a folder, but `{plain}` is not one"),
        false if metadata.is_dir() => {
            bail!("the program wrote a folder `{name}`: declare it with a slash at its end, \"{name}/\"")
        }
        false => bail!("the program has to write the file `{name}`, but it is a link or not a file"),
    }
}

fn told(stray: Vec<String>) -> String {
    let more = stray.len().saturating_sub(NAMED);
    let named: Vec<String> = stray.into_iter().take(NAMED).map(|path| format!("`{path}`")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

/// The input that is itself the program.
fn executed(stage: &Command) -> Option<&str> {
    match pieces(stage.program.first()?).as_slice() {
        [Piece::Port(Port::Input(name))] => Some(name),
        _ => None,
    }
}
