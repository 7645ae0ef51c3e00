//! A file that was downloaded in part. It is kept from attempt to attempt, in the folder for partial work.
//!
//! Nothing in it is trusted before the digest of the whole is right.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::intake::Intake;
use crate::{
    fsx,
    protocol::Task,
    stages::fetch::{Checksum, Wanted},
};

/// A file that was downloaded in part.
pub(super) struct Partial<'a> {
    wanted: &'a Wanted,
    staging: &'a Path,
    path: PathBuf,
    file: File,
    intake: Intake<'a>,
    size: u64,
    /// Whether its bytes come from more than one answer of a server. If they are wrong, it need not be the last one.
    is_mixed: bool,
}

impl<'a> Partial<'a> {
    /// Takes in what earlier attempts have left. `taken` gets the number of bytes meanwhile.
    pub(super) fn begin(wanted: &'a Wanted, task: &'a Task, taken: &dyn Fn(u64)) -> Result<Self> {
        let path = task.work.join(format!("{}.part", wanted.checksum.to_string().replace(':', "-")));
        let mut intake = Intake::begin(wanted, &task.staging)?;
        fsx::create_folder(&task.work)?;
        let file = fsx::append(&path)?;
        let size = intake.take_file(&path, taken)?;
        Ok(Self { wanted, staging: &task.staging, path, file, intake, size, is_mixed: size > 0 })
    }

    /// How many bytes are there.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.size += bytes.len() as u64;
        self.intake.take(bytes)
    }

    /// Another answer continues it, or says that it is complete.
    pub(super) fn go_on(&mut self) {
        self.is_mixed |= self.size > 0;
    }

    /// See [`Self::is_mixed`].
    pub(super) fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// Forgets all bytes.
    pub(super) fn restart(&mut self) -> Result<()> {
        fsx::remove_file(&self.path)?;
        self.file = fsx::append(&self.path)?;
        self.intake = Intake::begin(self.wanted, self.staging)?;
        (self.size, self.is_mixed) = (0, false);
        Ok(())
    }

    /// The digest of the bytes.
    pub(super) fn digest(&self) -> Checksum {
        self.intake.digest()
    }

    /// Whether it is the whole file. Then the artifact is complete.
    pub(super) fn is_right(&mut self) -> Result<bool> {
        self.intake.is_right()
    }
}
