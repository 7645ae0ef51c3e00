//! Checks of places: disk, store, source files.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::{
    cli::{args::DoctorArguments, official},
    fsx::{self, FileLock, TryLock},
    pipeline::{default_data, project_root},
    store::{self, Store},
    ui::format::plural,
};

/// Less room than this does not even hold the notebook's split, which is 1.4 GB.
const LEAST: u64 = 2_000_000_000;

/// A pipeline that makes its own patches, where the project is pcamflow's.
const QUICKSTART: &str = "pipelines/quickstart.toml";

pub(super) fn findings(arguments: &DoctorArguments) -> Vec<Finding> {
    // As for a pipeline in this folder.
    let root = match project_root(Path::new("pipeline.toml")) {
        Ok(root) => root,
        Err(foreign) => return vec![Finding::missing("project", foreign.to_string(), foreign.help())],
    };
    let folder = arguments.store.clone().unwrap_or_else(|| root.join(".pcamflow"));
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let data = default_data(&root, arguments.data.as_deref(), None);
    vec![disk(&folder), store(&folder), sources(&data, &root)]
}

/// The folder itself, or the nearest one above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let there = folder.ancestors().find(|above| above.exists());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn disk(folder: &Path) -> Finding {
    let there = existing(folder);
    match rustix::fs::statvfs(&there) {
        Err(error) => Finding::missing(
            "disk",
            format!("{} cannot be asked for its free space ({error})", there.display()),
            "see `df`, or put the store elsewhere with `--store`",
        ),
        Ok(found) => room(found.f_bavail.saturating_mul(found.f_frsize), &there),
    }
}

fn room(free: u64, folder: &Path) -> Finding {
    let told = format!("{} free for the store, at {}", bytes(free), folder.display());
    match free < LEAST {
        true => Finding::missing("disk", told, "make room, or put the store on another disk with `--store`"),
        false => Finding::ok("disk", told),
    }
}

/// Bytes as people read them.
pub(super) fn bytes(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let gigabytes = bytes as f64 / 1e9;
    format!("{gigabytes:.1} GB")
}

fn store(folder: &Path) -> Finding {
    let shown = folder.display();
    let opened = match Store::open(folder, store::Options::default()) {
        Ok(opened) => opened,
        Err(error) => return Finding::missing("store", error.to_string(), "or name another with `--store`"),
    };
    let there = existing(folder);
    if let Err(error) = rustix::fs::access(&there, rustix::fs::Access::WRITE_OK) {
        let remedy = "allow writing, or choose another with `--store`; what is cached can be used as it is";
        return Finding::missing("store", format!("{} cannot be written ({error})", there.display()), remedy);
    }
    if there != folder {
        if let Err(error) = can_be_made(&there) {
            let told = format!("{shown} cannot be made: nothing can be in {} ({error})", there.display());
            return Finding::missing("store", told, "choose another with `--store`");
        }
        return Finding::ok("store", format!("{shown} is made by the first run"));
    }
    health(&opened)
}

/// Tries whether folders can be made somewhere: rights alone do not say so, as in /proc.
fn can_be_made(folder: &Path) -> std::io::Result<()> {
    let trial = folder.join(format!(".pcamflow-doctor-{}", std::process::id()));
    std::fs::create_dir(&trial)?;
    std::fs::remove_dir(&trial)
}

/// What an existing store says of itself; its bytes are read by `cache verify`, not here.
fn health(store: &Store) -> Finding {
    let folder = store.root();
    let damaged = fsx::list(&folder.join("quarantine")).map_or(0, |names| names.len());
    if damaged > 0 {
        return Finding::note(
            "store",
            format!("{}: {} in quarantine/", folder.display(), plural(damaged, "damaged file")),
            "the next run computes again what it needs of them; look at the disk, then delete them",
        );
    }
    if !locks_work(folder) {
        return Finding::note(
            "store",
            format!("{} lies on a file system without locks", folder.display()),
            "two runs at once may compute a stage twice, and damage nothing; a local disk is better",
        );
    }
    Finding::ok("store", format!("{}: can be read and written, nothing damaged was found", folder.display()))
}

/// Whether locks exclude others there. The lock's file is gone again afterwards.
fn locks_work(folder: &Path) -> bool {
    let lock = folder.join("locks").join(format!("doctor-{}", std::process::id()));
    if !folder.join("locks").is_dir() {
        return true; // Nobody has needed one yet.
    }
    match FileLock::try_acquire(&lock, "pcamflow doctor") {
        Ok(TryLock::Acquired(lock)) => lock.is_enforced(),
        Ok(TryLock::Held(_)) => true,
        Err(_) => false,
    }
}

fn sources(data: &Path, root: &Path) -> Finding {
    let found = official::found(data);
    let names: Vec<&str> = found.files.iter().map(String::as_str).collect();
    match (names.as_slice(), found.packed.first()) {
        ([], Some(packed)) => Finding::note(
            "data",
            format!("{} holds {packed}, packed", data.display()),
            format!("unpack it: gunzip {}", data.join(packed).display()),
        ),
        ([], None) => Finding::note(
            "data",
            format!("no official PCam files in {}", data.display()),
            format!(
                "{} none; for the others see https://github.com/basveeling/pcam, and name their folder with `--data`",
                match root.join(QUICKSTART).exists() {
                    true => format!("{QUICKSTART} needs"),
                    false => "`pcamflow init` writes a pipeline that needs".to_owned(),
                }
            ),
        ),
        (names, _) => {
            let told = format!("{}: {}{}", found.folder.display(), names[0], more(names.len()));
            let folder = found.folder.clone();
            let wrong = found.checked().wrong;
            match wrong.first() {
                Some(message) => Finding::wrong("data", format!("{message}{}", more(wrong.len()))),
                None if folder != data => Finding::note(
                    "data",
                    told,
                    "name this folder with `--data`, or as `data` in `[pipeline]`",
                ),
                None => Finding::ok("data", told),
            }
        }
    }
}

fn more(count: usize) -> String {
    if count == 1 { String::new() } else { format!(" and {} more", count - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn a_full_disk_is_told_with_what_to_do() {
        let folder = Path::new("/store");
        assert_eq!(room(LEAST, folder).state, State::Ok);
        let full = room(LEAST - 1, folder);
        assert_eq!(full.state, State::Missing);
        assert!(full.found.contains("2.0 GB free") && full.remedy.unwrap().contains("--store"));
    }
}
