//! Writes numbers into attributes of a complete file of arrays, for numbers that are known only at the end. Nothing
//! in the file moves, so its bytes remain a function of its content.

use std::path::Path;

use anyhow::{Context, Result};

/// Replaces the values of existing int64 attributes.
///
/// # Errors
/// No such file or attribute, a full disk.
pub fn amend_integers(path: &Path, values: &[(&str, i64)]) -> Result<()> {
    let file = hdf5::File::with_options().with_fapl(|plist| plist.file_locking(false)).open_rw(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    for (name, value) in values {
        let written = file.attr(name).and_then(|attribute| attribute.write_scalar(value));
        written.with_context(|| format!("cannot write attribute `{name}` of {}", path.display()))?;
    }
    file.close().with_context(|| format!("cannot close {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::arrays::{Array, ArrayFile, Attribute, Element, Notes};

    fn written(path: &Path) -> Vec<u8> {
        let attributes = ["odd", "other"].map(|name| (name.to_owned(), Attribute::Integer(0)));
        let notes = Notes { attributes: attributes.to_vec(), texts: Vec::new() };
        let mut file = ArrayFile::create(path, vec![Array::new("map", Element::F32, [2])], &notes).unwrap();
        file.write("map", 0, &[1.5_f32, -1.0]).unwrap();
        file.finish().unwrap();
        amend_integers(path, &[("odd", 7)]).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_value_is_replaced_and_the_bytes_stay_a_function_of_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let first = written(&path);
        assert!(first == written(&folder.path().join("b.h5")));
        let file = hdf5::File::open(&path).unwrap();
        assert_eq!(file.attr("odd").unwrap().read_scalar::<i64>().unwrap(), 7);
        assert_eq!(file.attr("other").unwrap().read_scalar::<i64>().unwrap(), 0);
        assert_eq!(file.dataset("map").unwrap().read_raw::<f32>().unwrap(), [1.5, -1.0]);
    }

    #[test]
    fn a_missing_attribute_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        written(&path);
        let error = format!("{:#}", amend_integers(&path, &[("even", 1)]).unwrap_err());
        assert!(error.contains("`even`") && error.contains("a.h5"), "{error}");
    }
}
