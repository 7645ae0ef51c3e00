//! Checkpoints of an unfinished training, from which the next attempt continues.
//!
//! Each epoch is one file in the folder that the engine keeps per key; the last two are kept. The file name
//! contains the digest: if a file is damaged, the one before it is used.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use pcamflow::{
    digest::Digest,
    fsx::{self, Durability},
    serve::Reporter,
};
use tch::Device;

use super::{State, checkpoint};
use crate::tensors::TensorFile;

/// How many checkpoints are kept.
const KEPT: usize = 2;

/// The folder of a training's checkpoints.
#[derive(Debug)]
pub(crate) struct Partial {
    folder: PathBuf,
    /// How this attempt computes: `2 threads on cpu`.
    made_with: String,
}

/// A file `epoch-3.0123456789.2 threads on cpu.safetensors`.
struct Saved {
    file: String,
    epoch: u32,
    digest: String,
    made_with: String,
}

impl Partial {
    /// The checkpoints in a folder. `made_with` is stored with each new one.
    pub(crate) fn new(folder: &Path, made_with: String) -> Self {
        Self { folder: folder.to_owned(), made_with }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Saves a checkpoint, and removes all but the last two.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn save(&self, state: &State) -> Result<()> {
        let bytes = checkpoint::encode(state)?;
        let (epoch, digest, made_with) = (state.epoch, Digest::of(&bytes).short(), &self.made_with);
        let file = format!("epoch-{epoch}.{digest}.{made_with}.safetensors");
        fsx::create_folder(&self.folder)?;
        fsx::write_atomic(&self.folder.join(file), &bytes, Durability::Relaxed)?;
        for old in self.saved()?.iter().skip(KEPT) {
            fsx::remove_file(&self.folder.join(&old.file))?;
        }
        Ok(())
    }

    /// The newest readable checkpoint, and how it was made.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub(crate) fn newest(&self, device: Device, reporter: &dyn Reporter) -> Result<Option<(State, String)>> {
        for saved in self.saved()? {
            match self.load(&saved, device) {
                Ok(state) => return Ok(Some((state, saved.made_with))),
                Err(error) => reporter
                    .warn(&format!("a checkpoint is damaged, so the one before it is used: {error:#}")),
            }
        }
        Ok(None)
    }

    fn load(&self, saved: &Saved, device: Device) -> Result<State> {
        let path = self.folder.join(&saved.file);
        let bytes = fsx::read(&path)?;
        let intact = Digest::of(&bytes).short() == saved.digest;
        ensure!(intact, "{} has other bytes than were written", path.display());
        checkpoint::decode(TensorFile::parse(&path.display().to_string(), &bytes)?, device)
    }

    /// The checkpoints, newest first.
    fn saved(&self) -> Result<Vec<Saved>> {
        let files = fsx::list(&self.folder)?.into_iter().filter_map(|name| name.into_string().ok());
        let mut saved: Vec<Saved> = files.filter_map(Saved::parse).collect();
        saved.sort_by_key(|saved| std::cmp::Reverse(saved.epoch));
        Ok(saved)
    }
}

impl Saved {
    fn parse(file: String) -> Option<Self> {
        let inner = file.strip_prefix("epoch-")?.strip_suffix(".safetensors")?;
        let (epoch, rest) = inner.split_once('.')?;
        let (digest, made_with) = rest.split_once('.')?;
        let (epoch, digest, made_with) = (epoch.parse().ok()?, digest.to_owned(), made_with.to_owned());
        Some(Self { file, epoch, digest, made_with })
    }
}
