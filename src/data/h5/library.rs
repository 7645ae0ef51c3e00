//! How the HDF5 library opens a file, and what it reports when something fails.

use std::path::Path;

use hdf5::File;

/// Opens a file for reading, without HDF5's file lock. Sources are only read and the store never changes, so the
/// lock protects nothing. But it fails on file systems without `flock`, and child processes may inherit it.
pub(super) fn open(path: &Path) -> hdf5::Result<File> {
    File::with_options().with_fapl(|plist| plist.file_locking(false)).open(path)
}

/// The reason that HDF5 gives for a failure, in one line.
pub(super) fn reason(error: &hdf5::Error) -> String {
    match error.stack().and_then(|stack| stack.last().map(|frame| frame.desc().to_owned())) {
        Some(innermost) => format!("HDF5 says: {innermost}"),
        None => error.to_string(),
    }
}
