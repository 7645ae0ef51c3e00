//! Writes HDF5 files of plain arrays: the same bytes for the same input.
//!
//! The HDF5 library first lays out the file: names, types, shapes, attributes. Then rows are written directly to
//! their places, in any order. This is as fast as the disk and needs no HDF5 lock. The files have no time stamps and
//! a fixed format version, and open in every HDF5 library since 1.8.

mod array;
mod element;
mod lay_out;

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};

pub use array::{Array, Attribute, Notes};
pub use element::{Element, Scalar};
use lay_out::lay_out;

/// A file of arrays that is being filled.
#[derive(Debug)]
pub struct ArrayFile {
    path: PathBuf,
    file: File,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    array: Array,
    offset: u64,
    rows_written: usize,
}

impl ArrayFile {
    /// Lays out a new file. Replaces an existing one.
    ///
    /// # Errors
    /// A path that cannot be written, a full disk.
    pub fn create(path: &Path, arrays: Vec<Array>, notes: &Notes) -> Result<Self> {
        let cannot = || format!("cannot create {}", path.display());
        // Opened first for a clear error of the system. HDF5's errors are about its internals.
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
        let file = file.with_context(cannot)?;
        let offsets = lay_out(path, &arrays, notes).map_err(|error| cause(&error)).with_context(cannot)?;
        let places: Vec<Place> = arrays
            .into_iter()
            .zip(offsets)
            .map(|(array, offset)| Place { array, offset, rows_written: 0 })
            .collect();
        let end = |place: &Place| place.offset + (place.array.row_bytes() * place.array.rows()) as u64;
        reserve(&file, places.iter().map(end).max().unwrap_or(0)).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), file, places })
    }

    /// Writes consecutive rows of an array. Every row must be written once before `finish`.
    ///
    /// # Errors
    /// No such array, another number format, rows that it does not have, a full disk.
    pub fn write<T: Scalar>(&mut self, name: &str, first_row: usize, values: &[T]) -> Result<()> {
        let element = self.place(name)?.array.element;
        ensure!(element == T::ELEMENT, "array `{name}` holds {element:?}, not {:?}", T::ELEMENT);
        let mut bytes = Vec::with_capacity(size_of_val(values));
        values.iter().for_each(|value| value.put(&mut bytes));
        self.write_bytes(name, first_row, &bytes)
    }

    /// Writes consecutive rows given as little-endian bytes.
    ///
    /// # Errors
    /// As `write`.
    pub fn write_bytes(&mut self, name: &str, first_row: usize, bytes: &[u8]) -> Result<()> {
        let (row_bytes, rows, offset) = {
            let place = self.place(name)?;
            (place.array.row_bytes().max(1), place.array.rows(), place.offset)
        };
        let count = bytes.len() / row_bytes;
        ensure!(
            bytes.len().is_multiple_of(row_bytes) && first_row + count <= rows,
            "array `{name}` has {rows} rows of {row_bytes} bytes: {} bytes do not fit at row {first_row}",
            bytes.len()
        );
        let written = self.file.write_all_at(bytes, offset + (first_row * row_bytes) as u64);
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.place(name)?.rows_written += count;
        Ok(())
    }

    /// Checks that all rows were written.
    ///
    /// # Errors
    /// Rows are missing.
    pub fn finish(self) -> Result<()> {
        for place in &self.places {
            let Place { array, rows_written, .. } = place;
            ensure!(
                array.row_bytes() == 0 || *rows_written == array.rows(),
                "{}: {rows_written} of {} rows of `{}` were written",
                self.path.display(),
                array.rows(),
                array.name
            );
        }
        Ok(())
    }

    fn place(&mut self, name: &str) -> Result<&mut Place> {
        let path = &self.path;
        let found = self.places.iter_mut().find(|place| place.array.name == name);
        found.with_context(|| format!("{} has no array `{name}`", path.display()))
    }
}

/// Reserves the space on the disk. So a full disk is noticed before the work, and rows in any order do not fragment
/// the file.
pub(super) fn reserve(file: &File, bytes: u64) -> std::io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::NOSPC) => Err(rustix::io::Errno::NOSPC.into()),
        // Other errors mean that the file system cannot reserve space.
        _ => Ok(()),
    }
}

/// The cause of an HDF5 error: the system's error if HDF5 names one.
fn cause(error: &hdf5::Error) -> anyhow::Error {
    let text = error.to_string();
    let code = text.split_once("errno = ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    code.map_or_else(|| anyhow!(text), |code| std::io::Error::from_raw_os_error(code).into())
}

#[cfg(test)]
mod tests {
    use hdf5::types::VarLenUnicode;

    use super::*;

    fn sample(path: &Path) {
        let notes = Notes {
            attributes: vec![
                ("method".into(), Attribute::Text("grad-cam".into())),
                ("layer".into(), Attribute::Text("relu4".into())),
                ("target".into(), Attribute::Integer(1)),
                ("noise".into(), Attribute::Number(0.15)),
            ],
            texts: vec![("names".into(), vec!["Übersicht".into(), String::new()])],
        };
        let arrays = vec![
            Array::new("map", Element::F32, [2, 96, 96]),
            Array::new("row", Element::I64, [2]),
            Array::new("curves/deletion", Element::F64, [2, 97]),
            Array::new("none", Element::F32, [0, 4]),
        ];
        let mut file = ArrayFile::create(path, arrays, &notes).unwrap();
        file.write("map", 1, &vec![0.25_f32; 9216]).unwrap();
        file.write("map", 0, &vec![-1.5_f32; 9216]).unwrap();
        file.write("row", 0, &[7_i64, -1]).unwrap();
        file.write("curves/deletion", 0, &vec![1e-300_f64; 2 * 97]).unwrap();
        file.finish().unwrap();
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.h5");
        sample(&path);
        let file = hdf5::File::open(&path).unwrap();
        let map: Vec<f32> = file.dataset("map").unwrap().read_raw().unwrap();
        assert_eq!((map[0], map[9215], map[9216]), (-1.5, -1.5, 0.25));
        assert_eq!(file.dataset("map").unwrap().shape(), [2, 96, 96]);
        assert_eq!(file.dataset("row").unwrap().read_raw::<i64>().unwrap(), [7, -1]);
        assert_eq!(file.dataset("curves/deletion").unwrap().read_raw::<f64>().unwrap()[193], 1e-300);
        assert_eq!(file.dataset("none").unwrap().shape(), [0, 4]);
        let text: VarLenUnicode = file.attr("method").unwrap().read_scalar().unwrap();
        assert_eq!(text.as_str(), "grad-cam");
        assert_eq!(file.attr("noise").unwrap().read_scalar::<f64>().unwrap(), 0.15);
        assert_eq!(file.attr("target").unwrap().read_scalar::<i64>().unwrap(), 1);
        let names = file.dataset("names").unwrap().read_raw::<VarLenUnicode>().unwrap();
        assert_eq!(names[0].as_str(), "Übersicht");
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.h5", "another-name.h5"].map(|name| folder.path().join(name));
        sample(&paths[0]);
        // The second file is made from other memory, at another time. Neither may get into it.
        let _other: Vec<Vec<u8>> = (1..200).map(|size| vec![0xA5; size * 31]).collect();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        sample(&paths[1]);
        let [a, b] = paths.map(|path| std::fs::read(path).unwrap());
        assert!(a == b);
    }

    #[test]
    fn missing_rows_and_rows_beyond_the_end_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.h5");
        let mut file =
            ArrayFile::create(&path, vec![Array::new("map", Element::F32, [3, 2])], &Notes::default())
                .unwrap();
        let message = |result: Result<()>| format!("{:#}", result.unwrap_err());
        assert!(message(file.write("map", 2, &[0_f32; 4])).contains("has 3 rows of 8 bytes"));
        assert!(message(file.write("map", 0, &[0_f64; 2])).contains("holds F32, not F64"));
        assert!(message(file.write("mop", 0, &[0_f32; 2])).contains("has no array `mop`"));
        file.write("map", 0, &[0_f32; 4]).unwrap();
        assert!(message(file.finish()).contains("2 of 3 rows of `map` were written"));
        let nowhere = ArrayFile::create(&folder.path().join("no/maps.h5"), vec![], &Notes::default());
        assert!(message(nowhere.map(drop)).contains("No such file or directory"));
    }
}
