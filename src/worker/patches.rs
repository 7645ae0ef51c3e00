//! Opens the labelled patches of a task by slot. No other module knows how a task names patch files.

use anyhow::Result;
use pcamflow::{
    data::{
        Source,
        meta::{Groups, SLIDE_COLUMN, read_groups},
        patch_set::{PatchSet, PatchSource},
    },
    fsx,
    side::Side,
};

use crate::{batches::Patches, job::Job};

impl Patches for PatchSet {
    fn labels(&self) -> &[u8] {
        self.labels()
    }

    fn side(&self) -> Side {
        self.side()
    }

    fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
        self.read(positions, out)
    }
}

/// The patches of a slot (a part of a split), or of `slot.x` and `slot.y`.
///
/// # Errors
/// The task lacks the slot, or a file is invalid.
pub(crate) fn open(job: &Job<'_>, slot: &str) -> Result<PatchSet> {
    let source = |slot: &str| job.input(slot).map(|file| Source::new(&file.path, &file.name));
    PatchSet::open(&match job.task.inputs.contains_key(slot) {
        true => PatchSource::Part(source(slot)?),
        false => {
            PatchSource::Pair { images: source(&format!("{slot}.x"))?, labels: source(&format!("{slot}.y"))? }
        }
    })
}

/// The slides of some patches: from the table in the slot `meta` if there is one, else from the split. `None` if
/// they are unknown.
///
/// # Errors
/// The table is invalid.
pub(crate) fn slides(job: &Job<'_>, set: &PatchSet, positions: &[usize]) -> Result<Option<Vec<String>>> {
    let read;
    let groups = match job.task.inputs.get("meta") {
        None => set.slides(),
        Some(file) => {
            read = read_groups(&Source::new(&file.path, &file.name), SLIDE_COLUMN, set.labels())?;
            Some(&read)
        }
    };
    let slide = |groups: &Groups, at: usize| groups.names[groups.codes[at] as usize].clone();
    Ok(groups.map(|groups| positions.iter().map(|&at| slide(groups, at)).collect()))
}

/// Warns of blank patches among those that a stage has read.
pub(crate) fn warn_of_blank(job: &Job<'_>, name: &str, set: &PatchSet, positions: &[usize]) {
    let of = format!("{} patches", positions.len());
    set.blank(positions).warnings(name, &of).iter().for_each(|text| job.reporter.warn(text));
}

/// Unpacks packed patches, so that they can be read in any order. If the disk is full, they stay packed.
///
/// # Errors
/// The file is damaged, or the folder cannot be written.
pub(crate) fn unpack(job: &Job<'_>, set: &mut PatchSet) -> Result<()> {
    if !set.is_packed() {
        return Ok(());
    }
    fsx::create_folder(&job.task.work)?;
    let total = set.len() as u64;
    let mut progress = |done| job.reporter.progress(done as u64, total, "patches", "unpacking");
    match set.unpack(&job.task.work, &mut progress) {
        Ok(()) => job
            .reporter
            .info(&format!("{total} packed patches were unpacked once, so that any order is fast")),
        Err(error) if is_full(&error) => job.reporter.warn(&format!(
            "{error:#}: the disk is full, so training unpacks chunks again for every batch, which is slow"
        )),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn is_full(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let kind = error.root_cause().downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(StorageFull | QuotaExceeded))
}
