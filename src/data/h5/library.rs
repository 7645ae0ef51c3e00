//! The HDF5 library itself: how it opens a file, and what it says when something fails.
//!
//! Its error stack is never printed (the `hdf5` crate silences it). Its file locks stay off, here and where files
//! are written: they protect nothing (what the store holds is never changed, sources are only read), they fail on
//! file systems without `flock`, and a process that is being started elsewhere in the program inherits them for a
//! moment.

use std::path::Path;

use hdf5::File;

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> hdf5::Result<File> {
    File::with_options().with_fapl(|plist| plist.file_locking(false)).open(path)
}

/// HDF5's account of a failure, in one line.
pub(super) fn told(error: &hdf5::Error) -> String {
    match error.stack().and_then(|stack| stack.last().map(|frame| frame.desc().to_owned())) {
        Some(innermost) => format!("HDF5 says: {innermost}"),
        None => error.to_string(),
    }
}
