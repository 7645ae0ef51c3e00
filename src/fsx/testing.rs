//! A small tmpfs for tests of full and read-only disks, if the tests may mount.

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// A mounted tmpfs, unmounted when dropped.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A disk of this size; `None`, with a message, if it cannot be mounted (no root).
    pub(crate) fn of_bytes(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={bytes}");
        if mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], folder.path()) {
            return Some(Self { folder });
        }
        eprintln!("skipped: a small disk cannot be mounted here (needs root)");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.path()), "a tmpfs can be remounted by who mounted it");
    }

    pub(crate) fn make_writable(&self) {
        assert!(mount(&["-o", "remount,rw"], self.path()), "a tmpfs can be remounted by who mounted it");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).output();
    }
}

fn mount(options: &[&str], path: &Path) -> bool {
    Command::new("mount").args(options).arg(path).output().is_ok_and(|output| output.status.success())
}
