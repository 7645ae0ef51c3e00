//! Small HDF5 files for tests, in layouts that occur in practice.

use std::path::Path;

use hdf5::{DatasetBuilder, File, H5Type};
use ndarray::{Array4, ArrayD, s};

/// Creates or replaces a file. HDF5's file lock is off, because a process started by another test inherits it
/// for a moment, during which the file could not be written again.
fn create(path: &Path) -> File {
    File::with_options().with_fapl(|plist| plist.file_locking(false)).create(path).unwrap()
}

/// Patches that differ from each other.
pub(crate) fn patches(count: usize) -> Array4<u8> {
    Array4::from_shape_fn((count, 96, 96, 3), |(row, y, x, colour)| {
        ((row * 37 + y * x / 16 + colour * 80) ^ ((row * y * 7 + x) >> 3)) as u8
    })
}

/// Writes a file with one dataset. `build` sets its layout.
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

/// Writes images `x` with contiguous layout.
pub(crate) fn images(path: &Path, count: usize) {
    dataset(path, "x", &patches(count).into_dyn(), |plain| plain);
}

/// Writes labels `y` in the official shape.
pub(crate) fn labels(path: &Path, labels: &[u8]) {
    let values = ArrayD::from_shape_vec(vec![labels.len(), 1, 1, 1], labels.to_vec()).unwrap();
    dataset(path, "y", &values, |plain| plain);
}

/// Writes only the first chunk of images `x`. The other chunks read as zeros and take no space.
pub(crate) fn unwritten_images(path: &Path, count: usize) {
    written_images(path, 64.min(count), count);
}

/// Writes the first `written` of `count` images `x`, in chunks of at most 64.
pub(crate) fn written_images(path: &Path, written: usize, count: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = create(path);
    let chunked = file.new_dataset_builder().chunk((64.min(count), 96, 96, 3)).empty::<u8>();
    let dataset = chunked.shape((count, 96, 96, 3)).create("x").unwrap();
    if written == 0 {
        return;
    }
    dataset.write_slice(patches(written).view(), s![..written, .., .., ..]).unwrap();
}

/// The ways in which a file can refer to a dataset in another file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    Virtual,
    External,
    Link,
    SoftLink,
}

/// Writes a file whose dataset `x` refers to the first `count` images of the file `held`.
pub(crate) fn shown_images(path: &Path, how: Shown, held: &Path, count: usize) {
    let file = create(path);
    let (shape, name) = ((count, 96, 96, 3), held.display().to_string());
    let all = hdf5::Selection::All;
    let new = || file.new_dataset_builder();
    let dataset = |builder: DatasetBuilder| drop(builder.empty::<u8>().shape(shape).create("x").unwrap());
    match how {
        Shown::Virtual => dataset(new().virtual_map(&name, "x", shape, all.clone(), shape, all)),
        Shown::External => {
            let raw = held.with_extension("raw");
            std::fs::write(&raw, patches(count).as_slice().unwrap()).unwrap();
            dataset(new().external(&raw.display().to_string(), 0, 0));
        }
        Shown::Link => file.link_external(&name, "x", "x").unwrap(),
        Shown::SoftLink => {
            file.create_group("a").unwrap().link_external(&name, "/", "b").unwrap();
            file.link_soft("/a/b/x", "x").unwrap();
        }
    }
}
