//! Writes a large file of patches in the official layout. Knows nothing of who reads it.

use std::path::Path;

use hdf5::File;
use ndarray::{Array4, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rows of the file.
const ROWS: usize = 65_536;
/// Rows in memory at a time.
const AT_ONCE: usize = 2048;

/// Writes `x.h5`, noise without chunks, and `y.h5`, alternating labels, unless they are there.
pub(crate) fn write(folder: &Path) {
    if folder.join("y.h5").exists() {
        return;
    }
    images(&folder.join("x.h5")).expect("2 GB fit on the disk");
    labels(&folder.join("y.h5")).expect("2 GB fit on the disk");
}

fn images(path: &Path) -> hdf5::Result<()> {
    let x = File::create(path)?.new_dataset::<u8>().shape([ROWS, 96, 96, 3]).create("x")?;
    let mut noise = ChaCha8Rng::seed_from_u64(1);
    let mut rows = Array4::<u8>::zeros((AT_ONCE, 96, 96, 3));
    for start in (0..ROWS).step_by(AT_ONCE) {
        noise.fill_bytes(rows.as_slice_mut().expect("a new array is contiguous"));
        x.write_slice(&rows, s![start..start + AT_ONCE, .., .., ..])?;
    }
    Ok(())
}

fn labels(path: &Path) -> hdf5::Result<()> {
    let alternating = Array4::from_shape_fn((ROWS, 1, 1, 1), |(row, ..)| (row % 2) as u8);
    File::create(path)?.new_dataset_builder().with_data(&alternating).create("y").map(drop)
}
