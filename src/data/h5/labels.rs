//! Labels: one 0 or 1 per row, in any integer type.

use std::fmt::Display;

use anyhow::{Result, bail, ensure};
use hdf5::types::TypeDescriptor;

use super::{
    columns::{column, values},
    open::{H5File, Length, describe, kind},
};
use crate::data::Source;

/// Reads a dataset of labels: any integer type or bool, shaped `[N]`, `[N, 1]` or [N, 1, 1, 1].
///
/// # Errors
/// A dataset that is missing, was not written completely, or has another type, shape or length or no rows. A value
/// other than 0 and 1: the message names its row.
pub fn read_labels(file: &H5File, name: &str, length: Length) -> Result<Vec<u8>> {
    let source = file.source();
    let dataset = column(file, name, length, "one label per row, [N] or [N, 1, 1, 1]", |_| true)?;
    ensure!(dataset.size() > 0, "{source}: dataset `{name}` has no rows");
    match kind(&dataset) {
        Some(TypeDescriptor::Integer(_)) => checked(source, name, &values::<i64>(source, name, &dataset)?),
        // Not as `bool`: a file may hold other values than Rust allows.
        Some(TypeDescriptor::Unsigned(_) | TypeDescriptor::Boolean) => {
            checked(source, name, &values::<u64>(source, name, &dataset)?)
        }
        _ => bail!("{source}: dataset `{name}` is {}, expected integers, 0 or 1", describe(&dataset)),
    }
}

fn checked<T: Copy + Display + PartialEq + From<bool>>(
    source: &Source,
    name: &str,
    values: &[T],
) -> Result<Vec<u8>> {
    let label = |(row, &value): (usize, &T)| match value {
        value if value == T::from(false) => Ok(0),
        value if value == T::from(true) => Ok(1),
        value => bail!(
            "{source}: dataset `{name}`, row {row}: the label is {value}; labels are 0 (no tumour) or 1 (tumour)"
        ),
    };
    values.iter().enumerate().map(label).collect()
}

#[cfg(test)]
mod tests {
    use hdf5::H5Type;
    use ndarray::ArrayD;

    use super::*;
    use crate::data::fixtures::Files;

    fn read<T: H5Type + Copy>(values: &[T], shape: &[usize]) -> Result<Vec<u8>> {
        let files = Files::new();
        let values = ArrayD::from_shape_vec(shape.to_vec(), values.to_vec()).unwrap();
        read_labels(&H5File::open(&files.with("y.h5", "y", &values, |plain| plain))?, "y", Length::Any)
    }

    fn message<T: H5Type + Copy>(values: &[T], shape: &[usize]) -> String {
        format!("{:#}", read(values, shape).unwrap_err())
    }

    #[test]
    fn every_integer_type_and_every_shape_is_read() {
        assert_eq!(read(&[0_u8, 1, 1], &[3]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_u16, 1, 1], &[3, 1]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_u32, 1, 1], &[3, 1, 1, 1]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_u64, 1, 1], &[3, 1, 1, 1]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_i8, 1, 1], &[3]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_i16, 1, 1], &[3]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_i32, 1, 1], &[3]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[0_i64, 1, 1], &[3]).unwrap(), [0, 1, 1]);
        assert_eq!(read(&[false, true, true], &[3, 1, 1, 1]).unwrap(), [0, 1, 1]);
    }

    #[test]
    fn packed_labels_are_read() {
        let files = Files::new();
        let flags = ArrayD::from_shape_fn(vec![100, 1, 1, 1], |index| index[0] % 3 == 0);
        let numbers = flags.mapv(u32::from);
        let expected: Vec<u8> = flags.iter().map(|&flag| u8::from(flag)).collect();
        let gzip = |plain: hdf5::DatasetBuilder| plain.chunk((16, 1, 1, 1)).deflate(6);
        let sources =
            [files.with("flags.h5", "y", &flags, gzip), files.with("numbers.h5", "y", &numbers, gzip)];
        for source in sources {
            assert_eq!(read_labels(&H5File::open(&source).unwrap(), "y", Length::Any).unwrap(), expected);
        }
    }

    /// The library reads what was never written as 0, and 0 is a label.
    #[test]
    fn labels_that_were_not_all_written_are_refused() {
        let files = Files::new();
        let read = |written: usize, chunked: bool| {
            let file = hdf5::File::create(files.path("y.h5")).unwrap();
            let builder = file.new_dataset_builder();
            let builder = if chunked { builder.chunk((4, 1)) } else { builder };
            let dataset = builder.empty::<u8>().shape((10, 1)).create("y").unwrap();
            if written > 0 {
                let ones = ndarray::Array2::<u8>::ones((written, 1));
                dataset.write_slice(ones.view(), ndarray::s![..written, ..]).unwrap();
            }
            drop((dataset, file));
            H5File::open(&files.source("y.h5")).and_then(|file| read_labels(&file, "y", Length::Any))
        };
        assert_eq!(read(10, true).unwrap(), [1; 10]);
        assert_eq!(read(9, true).unwrap(), [[1; 9].as_slice(), &[0]].concat(), "the chunk was written");
        let error = read(4, true).unwrap_err().to_string();
        assert!(error.contains("dataset `y`: 2 of its 3 chunks were never written"), "{error}");
        for chunked in [true, false] {
            let error = read(0, chunked).unwrap_err().to_string();
            assert!(error.contains("dataset `y` was never written"), "{error}");
        }
    }

    #[test]
    fn big_endian_labels_are_read() {
        let files = Files::new();
        let values = ArrayD::from_shape_vec(vec![3], vec![0_u32, 1, 1].into_iter().map(u32::to_be).collect());
        let source = files.with("y.h5", "y", &values.unwrap(), |plain| plain);
        // The type's record says: version 1, integer, little-endian, 4 bytes, bits 0 to 32.
        let mut content = std::fs::read(&source.path).unwrap();
        let record = [0x10, 0, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0];
        let at = content.windows(12).position(|bytes| bytes == record).unwrap();
        content[at + 1] = 1;
        std::fs::write(&source.path, content).unwrap();
        assert_eq!(read_labels(&H5File::open(&source).unwrap(), "y", Length::Any).unwrap(), [0, 1, 1]);
    }

    #[test]
    fn other_values_are_refused_by_row() {
        assert_eq!(
            message(&[0_u8, 1, 2], &[3, 1, 1, 1]).split(": ").skip(1).collect::<Vec<_>>().join(": "),
            "dataset `y`, row 2: the label is 2; labels are 0 (no tumour) or 1 (tumour)"
        );
        assert!(message(&[0_i64, -1], &[2]).contains("row 1: the label is -1"));
        assert!(message(&[u64::MAX], &[1]).contains("row 0: the label is 18446744073709551615"));
    }

    #[test]
    fn other_types_and_shapes_are_refused() {
        assert!(
            message(&[0_f32, 1.0], &[2]).contains("dataset `y` is float32 [2], expected integers, 0 or 1")
        );
        assert!(
            message(&[0_u8, 1, 1, 0], &[2, 2])
                .contains("dataset `y` is uint8 [2, 2], expected one label per row")
        );
        assert!(message::<u8>(&[], &[0, 1]).contains("dataset `y` has no rows"));
    }
}
