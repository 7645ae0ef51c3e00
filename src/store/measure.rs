//! The size and age of files and folders.

use std::{path::Path, time::Duration};

use crate::fsx;

/// The bytes of a file or of all files in a folder, and when the newest was written.
pub(super) fn weight(path: &Path) -> (u64, i64) {
    let Ok(metadata) = path.symlink_metadata() else { return (0, i64::MIN) };
    let own = fsx::StatTuple::from(&metadata);
    if !metadata.is_dir() {
        return (own.size, own.mtime_ns);
    }
    let inner = fsx::list(path).unwrap_or_default().into_iter().map(|name| weight(&path.join(name)));
    inner.fold((0, own.mtime_ns), |sum, one| (sum.0 + one.0, sum.1.max(one.1)))
}

/// The time since then; zero if that is in the future (the clock was set back).
pub(super) fn age(then_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(fsx::now_ns().saturating_sub(then_ns)).unwrap_or(0))
}
