//! Small HDF5 files for tests, in the layouts that people have.

use std::path::Path;

use hdf5::{DatasetBuilder, File, H5Type};
use ndarray::{Array4, ArrayD};

/// A new file, or one in the place of another. Without HDF5's lock: a process that another test is starting
/// inherits it for a moment, and then the file could not be written a second time.
fn create(path: &Path) -> File {
    File::with_options().with_fapl(|plist| plist.file_locking(false)).create(path).unwrap()
}

/// Patches that differ from each other.
pub(crate) fn patches(count: usize) -> Array4<u8> {
    Array4::from_shape_fn((count, 96, 96, 3), |(row, y, x, colour)| {
        ((row * 37 + y * x / 16 + colour * 80) ^ ((row * y * 7 + x) >> 3)) as u8
    })
}

/// A file with one dataset, built as `build` says.
pub(crate) fn dataset<T: H5Type>(
    path: &Path,
    name: &str,
    values: &ArrayD<T>,
    build: impl FnOnce(DatasetBuilder) -> DatasetBuilder,
) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = create(path);
    build(file.new_dataset_builder()).with_data(values).create(name).unwrap();
}

/// Images `x`, contiguous.
pub(crate) fn images(path: &Path, count: usize) {
    dataset(path, "x", &patches(count).into_dyn(), |plain| plain);
}

/// Labels `y` in the official shape.
pub(crate) fn labels(path: &Path, labels: &[u8]) {
    let values = ArrayD::from_shape_vec(vec![labels.len(), 1, 1, 1], labels.to_vec()).unwrap();
    dataset(path, "y", &values, |plain| plain);
}

/// Images `x` that were never written: they read as zeros, and take no space.
pub(crate) fn unwritten_images(path: &Path, count: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = create(path);
    let chunked = file.new_dataset_builder().chunk((64, 96, 96, 3)).empty::<u8>();
    chunked.shape((count, 96, 96, 3)).create("x").unwrap();
}
