//! Files for tests: small, made-up patches in every layout that people store them in.

use std::path::{Path, PathBuf};

use hdf5::{DatasetBuilder, H5Type, file::LibraryVersion};
use ndarray::{Array4, ArrayD};
use tempfile::TempDir;

use super::Source;
use crate::side::Side;

/// Bytes of a patch.
pub(super) const PATCH_BYTES: usize = Side::PCAM.bytes();
/// Bytes of a mask.
pub(super) const MASK_BYTES: usize = Side::PCAM.pixels();

/// A folder with files that is removed after the test.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn source(&self, name: &str) -> Source {
        Source::new(self.path(name), name)
    }

    /// A file with one dataset, built by `build`.
    pub(super) fn with<T: H5Type>(
        &self,
        name: &str,
        dataset: &str,
        values: &ArrayD<T>,
        build: impl Fn(DatasetBuilder) -> DatasetBuilder,
    ) -> Source {
        // The oldest format, as in the official files: without checksums.
        let file = hdf5::File::with_options()
            .with_fapl(|plist| plist.libver_bounds(LibraryVersion::Earliest, LibraryVersion::V18))
            .create(self.path(name))
            .unwrap();
        build(file.new_dataset_builder()).with_data(values).create(dataset).unwrap();
        self.source(name)
    }

    /// A file of patches `x`, laid out by `build`.
    pub(super) fn patches(
        &self,
        name: &str,
        count: usize,
        build: impl Fn(DatasetBuilder) -> DatasetBuilder,
    ) -> Source {
        self.with(name, "x", &patches(count).into_dyn(), build)
    }

    /// A file of labels `y` in the official shape.
    pub(super) fn labels(&self, name: &str, labels: &[u8]) -> Source {
        let values = ArrayD::from_shape_vec(vec![labels.len(), 1, 1, 1], labels.to_vec()).unwrap();
        self.with(name, "y", &values, |plain| plain)
    }
}

/// Patches that differ from each other, and look a little like pictures to a compressor.
pub(super) fn patches(count: usize) -> Array4<u8> {
    Array4::from_shape_fn((count, 96, 96, 3), |(row, y, x, colour)| {
        ((row * 37 + y * x / 16 + colour * 80) ^ (row * y * 7 + x) >> 3) as u8
    })
}

/// The bytes of one of them.
pub(super) fn patch(row: usize) -> Vec<u8> {
    let all = patches(row + 1).into_raw_vec_and_offset().0;
    all[row * PATCH_BYTES..].to_vec()
}

/// Turns the bits of some bytes of a file around.
pub(super) fn damage(path: &Path, bytes: std::ops::Range<usize>) {
    let mut content = std::fs::read(path).unwrap();
    content[bytes].iter_mut().for_each(|byte| *byte = !*byte);
    std::fs::write(path, content).unwrap();
}
