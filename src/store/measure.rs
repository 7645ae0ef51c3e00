//! How large and how old things are.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::fsx;

/// The bytes of all files in a folder, and when the newest was written.
pub(super) fn weight(folder: &Path) -> (u64, i64) {
    let names = fsx::list(folder).unwrap_or_default();
    let of = |path: PathBuf| match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => weight(&path),
        Ok(metadata) => {
            let stat = fsx::StatTuple::from(&metadata);
            (stat.size, stat.mtime_ns)
        }
        Err(_) => (0, i64::MIN),
    };
    let own = fsx::stat_link(folder).ok().flatten().map_or(i64::MIN, |stat| stat.mtime_ns);
    names
        .into_iter()
        .map(|name| of(folder.join(name)))
        .fold((0, own), |sum, one| (sum.0 + one.0, sum.1.max(one.1)))
}

/// How long ago that was; what lies ahead (a clock was set back) is as of now.
pub(super) fn age(then_ns: i64, now_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(now_ns.saturating_sub(then_ns)).unwrap_or(0))
}
