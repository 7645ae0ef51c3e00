//! Reads packed patches without unpacking a chunk again and again.
//!
//! A chunk may contain thousands of patches. For reads in ascending order, unpacked patches are kept for the next
//! read (`Window`). For reads in any order, all patches are unpacked once into a file (`unpack`).

use std::{
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

use super::{arrays::reserve, h5::Rows};

/// How much is kept unpacked, in bytes.
const KEPT_BYTES: usize = 64 << 20;

/// The consecutive patches that were unpacked last.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    first: usize,
    pixels: Vec<u8>,
}

impl Window {
    /// Whether the window is the best way to read these positions: they are consecutive, or close together in deep
    /// chunks. For other positions, one read of all of them unpacks more chunks in parallel.
    pub(super) fn suits(patches: &Rows, positions: &[usize]) -> bool {
        let ([first, ..], [.., last]) = (positions, positions) else { return false };
        let deep = patches.rows_per_block();
        patches.is_packed()
            && positions.is_sorted()
            && (follows(positions) || last / deep - first / deep <= 1)
    }

    /// Reads ascending positions. Each chunk is unpacked once, not once per batch.
    pub(super) fn read(&self, patches: &Rows, positions: &[usize], out: &mut [u8]) -> Result<()> {
        let row_bytes = patches.row_bytes();
        // After a panic elsewhere, the window is still complete, or is filled again below.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (&position, out) in positions.iter().zip(out.chunks_exact_mut(row_bytes)) {
            let count = kept.pixels.len() / row_bytes;
            if !(kept.first..kept.first + count).contains(&position) {
                kept.fill(patches, position, follows(positions))?;
            }
            out.copy_from_slice(&kept.pixels[(position - kept.first) * row_bytes..][..row_bytes]);
        }
        Ok(())
    }
}

/// Whether the positions are consecutive.
fn follows(positions: &[usize]) -> bool {
    positions.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

impl Kept {
    /// Unpacks patches from `first` to the end of its chunk. With `on`, as many chunks as are kept.
    fn fill(&mut self, patches: &Rows, first: usize, on: bool) -> Result<()> {
        let (row_bytes, deep) = (patches.row_bytes(), patches.rows_per_block());
        let most = (KEPT_BYTES / row_bytes).max(1);
        let end = match most / deep {
            0 => first + most.min(deep - first % deep),
            blocks => (first / deep + if on { blocks } else { 1 }) * deep,
        };
        let rows: Vec<u64> = (first as u64..end.min(patches.len()).max(first + 1) as u64).collect();
        let mut pixels = std::mem::take(&mut self.pixels);
        pixels.resize(rows.len() * row_bytes, 0);
        patches.read(&rows, &mut pixels)?;
        *self = Self { first, pixels };
        Ok(())
    }
}

/// Unpacks all patches into an unnamed file in a folder. It disappears with the last reader. `progress` is
/// called with the patches done.
///
/// # Errors
/// Damaged patches; a folder that cannot be written, a full disk.
pub(super) fn unpack(patches: &Rows, folder: &Path, progress: &mut dyn FnMut(usize)) -> Result<Rows> {
    let cannot = || format!("cannot unpack {} into {}", patches.source(), folder.display());
    let file = tempfile::tempfile_in(folder).with_context(cannot)?;
    let row_bytes = patches.row_bytes();
    reserve(&file, (patches.len() * row_bytes) as u64).with_context(cannot)?;
    let rows: Vec<u64> = (0..patches.len() as u64).collect();
    let mut pixels = Vec::new();
    for window in patches.windows(&rows, KEPT_BYTES) {
        pixels.resize(window.len() * row_bytes, 0);
        patches.read(&rows[window.clone()], &mut pixels)?;
        file.write_all_at(&pixels, (window.start * row_bytes) as u64).with_context(cannot)?;
        progress(window.end);
    }
    Ok(patches.unpacked(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{
        fixtures::{Files, PATCH_BYTES, patch},
        h5::H5File,
    };

    /// 40 patches in chunks of ten.
    fn packed(files: &Files) -> Rows {
        let gzip = |plain: hdf5::DatasetBuilder| plain.chunk((10, 96, 96, 3)).deflate(1);
        Rows::patches(&H5File::open(&files.patches("x.h5", 40, gzip)).unwrap()).unwrap()
    }

    fn damage_all(files: &Files) {
        let length = std::fs::metadata(files.path("x.h5")).unwrap().len();
        std::fs::write(files.path("x.h5"), vec![0xff; length as usize]).unwrap();
    }

    fn read(window: &Window, rows: &Rows, positions: &[usize]) -> Result<Vec<u8>> {
        assert!(Window::suits(rows, positions), "{positions:?}");
        let mut out = vec![0; positions.len() * PATCH_BYTES];
        window.read(rows, positions, &mut out).map(|()| out)
    }

    /// Rows that were not kept would be read from the damaged file.
    #[test]
    fn ascending_reads_with_gaps_unpack_a_chunk_once() {
        let files = Files::new();
        let (rows, window) = (packed(&files), Window::default());
        assert!(read(&window, &rows, &[1, 4]).unwrap() == [patch(1), patch(4)].concat());
        damage_all(&files);
        assert!(read(&window, &rows, &[6, 9]).unwrap() == [patch(6), patch(9)].concat());
        assert!(read(&window, &rows, &[11]).is_err());
    }

    #[test]
    fn positions_far_apart_or_in_random_order_are_read_at_once() {
        let files = Files::new();
        let rows = packed(&files);
        for positions in [&[1, 35][..], &[4, 1], &[]] {
            assert!(!Window::suits(&rows, positions), "{positions:?}");
        }
        assert!(Window::suits(&rows, &(0..40).collect::<Vec<_>>()));
        let flat =
            Rows::patches(&H5File::open(&files.patches("flat.h5", 4, |plain| plain)).unwrap()).unwrap();
        assert!(!Window::suits(&flat, &[0, 1]));
    }

    #[test]
    fn unpacked_patches_do_not_need_their_file_and_leave_nothing_behind() {
        let files = Files::new();
        let folder = tempfile::tempdir().unwrap();
        let mut found = Vec::new();
        let rows = unpack(&packed(&files), folder.path(), &mut |done| found.push(done)).unwrap();
        damage_all(&files);
        let mut out = vec![0; 4 * PATCH_BYTES];
        rows.read(&[39, 0, 17, 17], &mut out).unwrap();
        assert!(out == [patch(39), patch(0), patch(17), patch(17)].concat());
        assert!(!rows.is_packed() && found.last() == Some(&40));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let files = Files::new();
        let error = unpack(&packed(&files), Path::new("/no/folder"), &mut |_| ()).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("cannot unpack x.h5") && error.contains("/no/folder"), "{error}");
    }
}
