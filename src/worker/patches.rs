//! The labelled patches of a stage's inputs, opened by slot.
//!
//! The only place of the worker that knows how a task names patch files.

use anyhow::Result;
use pcamflow::data::{
    Source,
    patch_set::{PatchSet, PatchSource},
};

use crate::{batches::Patches, job::Job};

impl Patches for PatchSet {
    fn labels(&self) -> &[u8] {
        self.labels()
    }

    fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
        self.read(positions, out)
    }
}

/// The patches behind a slot, which is a part of a split, or behind `slot.x` and `slot.y`.
///
/// # Errors
/// A slot that the task lacks; whatever is wrong with a file.
pub(crate) fn open(job: &Job<'_>, slot: &str) -> Result<PatchSet> {
    let source = |slot: &str| job.input(slot).map(|file| Source::new(&file.path, &file.name));
    PatchSet::open(&match job.task.inputs.contains_key(slot) {
        true => PatchSource::Part(source(slot)?),
        false => {
            PatchSource::Pair { images: source(&format!("{slot}.x"))?, labels: source(&format!("{slot}.y"))? }
        }
    })
}
