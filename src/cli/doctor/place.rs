//! Checks disk space, the store and the source files.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::{
    cli::{
        args::DoctorArguments,
        official,
        project::{here, store_in},
    },
    fsx,
    pipeline::{default_data, project_root},
    store::Store,
    ui::format::{amount, plural},
};

/// The least free space: enough for the notebook's split, which takes 1.4 GB.
const LEAST: u64 = 2_000_000_000;

/// A pipeline that needs no data, in the repository of pcamflow.
const QUICKSTART: &str = "pipelines/quickstart.toml";

/// Checks the places that a pipeline in the current folder would use.
pub(super) fn findings(arguments: &DoctorArguments) -> Vec<Finding> {
    let root = match project_root(here()) {
        Ok(root) => root,
        Err(foreign) => return vec![Finding::missing("project", foreign.to_string(), foreign.help())],
    };
    let folder = arguments.store.clone().unwrap_or_else(|| root.join(".pcamflow"));
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let data = default_data(&root, arguments.data.as_deref(), None);
    vec![disk(&folder), store(&folder), sources(&data, &root)]
}

/// The folder, or the nearest folder above it that exists.
fn existing(folder: &Path) -> PathBuf {
    let existing = folder.ancestors().find(|above| above.exists());
    existing.unwrap_or(Path::new("/")).to_owned()
}

fn disk(folder: &Path) -> Finding {
    let existing = existing(folder);
    match rustix::fs::statvfs(&existing) {
        Err(error) => Finding::missing(
            "disk",
            format!("the free space of {} is not known ({error})", existing.display()),
            "see `df`, or put the store elsewhere with `--store`",
        ),
        Ok(found) => room(found.f_bavail.saturating_mul(found.f_frsize), &existing),
    }
}

fn room(free: u64, folder: &Path) -> Finding {
    let found = format!("{} free for the store, at {}", amount(free, 0, "bytes"), folder.display());
    match free < LEAST {
        true => Finding::missing("disk", found, "make room, or put the store on another disk with `--store`"),
        false => Finding::ok("disk", found),
    }
}

fn store(folder: &Path) -> Finding {
    let opened = match store_in(folder, Some(folder)) {
        Ok(opened) => opened,
        Err(error) => return Finding::missing("store", error.to_string(), "or name another with `--store`"),
    };
    let existing = existing(folder);
    // Permissions are not enough to know: in /proc, they allow writing.
    if let Err(error) = tempfile::Builder::new().prefix(".pcamflow-doctor-").tempdir_in(&existing) {
        let remedy = "allow writing, or choose another with `--store`; what is cached can be used as it is";
        return Finding::missing(
            "store",
            format!("{} cannot be written ({error})", existing.display()),
            remedy,
        );
    }
    if existing != folder {
        return Finding::ok("store", format!("{} is made by the first run", folder.display()));
    }
    health(&opened)
}

/// Checks an existing store without reading its objects, which `cache verify` does.
fn health(store: &Store) -> Finding {
    let folder = store.root();
    match fsx::list(&folder.join("quarantine")).map_or(0, |names| names.len()) {
        0 => Finding::ok(
            "store",
            format!("{}: can be read and written, no damage was found", folder.display()),
        ),
        damaged => Finding::note(
            "store",
            format!("{}: {} in quarantine/", folder.display(), plural(damaged, "damaged file")),
            "the next run computes again what it needs of them; look at the disk, then delete them",
        ),
    }
}

fn sources(data: &Path, root: &Path) -> Finding {
    let found = official::found(data);
    match (found.files.first(), found.packed.first()) {
        (Some(first), _) => {
            let text = format!("{}: {first}{}", found.folder.display(), more(found.files.len()));
            let is_below = found.folder != data;
            let wrong = found.checked().wrong;
            match wrong.first() {
                Some(message) => Finding::wrong("data", format!("{message}{}", more(wrong.len()))),
                None if is_below => Finding::note(
                    "data",
                    text,
                    "name this folder with `--data`, or as `data` in `[pipeline]`",
                ),
                None => Finding::ok("data", text),
            }
        }
        (None, Some(packed)) => Finding::note(
            "data",
            format!("{} holds {packed}, packed", data.display()),
            format!(
                "unpack it (gunzip {}), or name it with its .gz in the pipeline",
                data.join(packed).display()
            ),
        ),
        (None, None) => {
            let quickstart = match root.join(QUICKSTART).exists() {
                true => format!("{QUICKSTART} needs"),
                false => "`pcamflow init` writes a pipeline that needs".to_owned(),
            };
            Finding::note(
                "data",
                format!("no official PCam files in {}", data.display()),
                format!(
                    "{quickstart} none; for other pipelines, download the files (https://github.com/basveeling/pcam) and name their folder with `--data`"
                ),
            )
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
    fn a_full_disk_is_reported_with_a_remedy() {
        let folder = Path::new("/store");
        assert_eq!(room(LEAST, folder).state, State::Ok);
        let full = room(LEAST - 1, folder);
        assert_eq!(full.state, State::Missing);
        assert!(full.found.contains("1.86 GiB free") && full.remedy.unwrap().contains("--store"));
    }
}
