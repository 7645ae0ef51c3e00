//! Checkpoints of a training that is not done: what the next attempt goes on from.
//!
//! One file an epoch in the folder that the engine keeps per key, the last two of them. Its name says
//! its digest: a damaged one is noticed, and the one before is taken.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use pcamflow::{
    digest::Digest,
    fsx::{self, Durability},
    serve::Reporter,
};
use tch::Device;

use super::{State, checkpoint};
use crate::tensors::TensorFile;

/// How many are kept: one to fall back to.
const KEPT: usize = 2;

/// The folder of a training's checkpoints.
#[derive(Debug)]
pub(crate) struct Partial {
    folder: PathBuf,
    /// How this attempt computes, for the record of who goes on from it.
    made_with: String,
}

impl Partial {
    /// Checkpoints in a folder, made by an attempt that computes `made_with` ("2 threads on cpu").
    pub(crate) fn new(folder: &Path, made_with: String) -> Self {
        Self { folder: folder.to_owned(), made_with }
    }

    /// Keeps a state, and lets go of those older than the one before.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn save(&self, state: &State) -> Result<()> {
        let bytes = checkpoint::encode(state)?;
        let name =
            Name { epoch: state.epoch, digest: Digest::of(&bytes).short(), made_with: &self.made_with };
        fsx::create_folder(&self.folder)?;
        fsx::write_atomic(&self.folder.join(name.text()), &bytes, Durability::Relaxed)?;
        for old in self.names()?.iter().skip(KEPT) {
            fsx::remove_file(&self.folder.join(old))?;
        }
        Ok(())
    }

    /// The newest state that can be read, and what it was made with; `None` where there is none.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub(crate) fn newest(&self, device: Device, reporter: &dyn Reporter) -> Result<Option<(State, String)>> {
        for name in self.names()? {
            match self.load(&name, device) {
                Ok(found) => return Ok(Some(found)),
                Err(error) => {
                    reporter.warn(&format!("a checkpoint is damaged, the one before it is taken: {error:#}"));
                }
            }
        }
        Ok(None)
    }

    fn load(&self, file: &str, device: Device) -> Result<(State, String)> {
        let name = Name::parse(file).context("no name of a checkpoint")?;
        let path = self.folder.join(file);
        let bytes = fsx::read(&path)?;
        ensure!(
            Digest::of(&bytes).short() == name.digest,
            "{} has other bytes than were written",
            path.display()
        );
        let state = checkpoint::decode(TensorFile::parse(&path.display().to_string(), &bytes)?, device)?;
        Ok((state, name.made_with.to_owned()))
    }

    /// The checkpoints, newest first.
    fn names(&self) -> Result<Vec<String>> {
        let files = fsx::list(&self.folder)?.into_iter().filter_map(|name| name.into_string().ok());
        let mut names: Vec<String> = files.filter(|name| Name::parse(name).is_some()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(Name::parse(name).map(|name| name.epoch)));
        Ok(names)
    }
}

/// `epoch-3.0123456789.2 threads on cpu.safetensors`
struct Name<'a> {
    epoch: u32,
    digest: String,
    made_with: &'a str,
}

impl<'a> Name<'a> {
    fn text(&self) -> String {
        format!("epoch-{}.{}.{}.safetensors", self.epoch, self.digest, self.made_with)
    }

    fn parse(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix("epoch-")?.strip_suffix(".safetensors")?;
        let mut parts = inner.splitn(3, '.');
        let (epoch, digest, made_with) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { epoch: epoch.parse().ok()?, digest: digest.to_owned(), made_with })
    }
}
