//! Two HDF5 files, dataset by dataset, a block of rows at a time.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;

use super::{safetensors::place, tally::Findings};
use crate::data::{
    Source,
    h5::{Attribute, Dataset, H5File, Numbers, read_texts},
};

/// How many numbers are read at once from each file.
const BLOCK: usize = 1 << 20;

pub(super) fn compare(old: &Path, new: &Path, name: &str, findings: &mut Findings) -> Result<()> {
    let open = |path: &Path| H5File::open(&Source::new(path, name));
    let (old, new) = (open(old)?, open(new)?);
    let ((old_attributes, old_datasets), (new_attributes, new_datasets)) = (old.contents()?, new.contents()?);
    attributes("the file", &old_attributes, &new_attributes, findings);
    let by_name = |datasets: Vec<Dataset>| -> BTreeMap<String, Dataset> {
        datasets.into_iter().map(|dataset| (dataset.name.clone(), dataset)).collect()
    };
    let (old_datasets, new_datasets) = (by_name(old_datasets), by_name(new_datasets));
    for (name, was, is) in findings.pairs(&old_datasets, &new_datasets, |name| format!("`{name}`")) {
        if (&was.dtype, &was.shape) != (&is.dtype, &is.shape) {
            let [is, was] = [is, was].map(|dataset| format!("{} {:?}", dataset.dtype, dataset.shape));
            findings.otherwise(|| format!("`{name}` is {is}, was {was}"));
        } else {
            attributes(&format!("`{name}`"), &was.attributes, &is.attributes, findings);
            numbers(&old, &new, was, findings)?;
        }
    }
    Ok(())
}

fn attributes(of: &str, old: &[Attribute], new: &[Attribute], findings: &mut Findings) {
    let [old, new] = [old, new].map(|all| -> BTreeMap<String, &str> {
        all.iter().map(|one| (one.name.clone(), one.value.as_str())).collect()
    });
    let in_words = |name: &str| format!("attribute `{name}` of {of}");
    for (name, was, is) in findings.pairs(&old, &new, in_words) {
        if was != is {
            findings.otherwise(|| format!("{} is {is:?}, was {was:?}", in_words(name)));
        }
    }
}

fn numbers(old: &H5File, new: &H5File, dataset: &Dataset, findings: &mut Findings) -> Result<()> {
    let name = &dataset.name;
    let (Some(old), Some(new)) = (Numbers::open(old, name)?, Numbers::open(new, name)?) else {
        return texts(old, new, name, findings);
    };
    let row: usize = dataset.shape.iter().skip(1).product();
    let rows = (BLOCK / row.max(1)).max(1);
    for first in (0..old.rows()).step_by(rows) {
        let range = first..(first + rows).min(old.rows());
        let (a, b) = (old.read(range.clone())?, new.read(range)?);
        findings.numbers(name, &a, &b, |at| place(&dataset.shape, first * row + at));
    }
    Ok(())
}

fn texts(old: &H5File, new: &H5File, name: &str, findings: &mut Findings) -> Result<()> {
    let (Ok(old), Ok(new)) = (read_texts(old, name), read_texts(new, name)) else {
        findings.otherwise(|| format!("`{name}` holds neither numbers nor texts, and was not compared"));
        return Ok(());
    };
    for (at, (old, new)) in old.iter().zip(&new).enumerate().filter(|(_, (old, new))| old != new) {
        findings.otherwise(|| format!("`{name}`[{at}] is {new:?}, was {old:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{
        data::arrays::{Array, ArrayFile, Attribute, Element, Notes},
        inspect::compare::compare,
    };

    fn file(path: &std::path::Path, maps: &[f32], rows: &[i64], method: &str) {
        let arrays = vec![
            Array::new("map", Element::F32, [maps.len() / 2, 2]),
            Array::new("of/row", Element::I64, [rows.len()]),
        ];
        let notes = Notes {
            attributes: vec![("method".to_owned(), Attribute::Text(method.to_owned()))],
            texts: vec![("slide".to_owned(), vec!["one".to_owned(), method.to_owned()])],
        };
        let mut file = ArrayFile::create(path, arrays, &notes).unwrap();
        file.write("map", 0, maps).unwrap();
        file.write("of/row", 0, rows).unwrap();
        file.finish().unwrap();
    }

    #[test]
    fn datasets_are_measured_and_attributes_compared() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["old", "new"].map(|name| folder.path().join(name));
        file(&paths[0], &[1.0, 2.0, 3.0, 4.0], &[5, 6, 7], "a");
        file(&paths[1], &[1.0, 2.0, 3.0, 4.5], &[5, 6, 8], "b");
        let compared = compare(&paths[0], &paths[1], "maps.h5").unwrap();
        let found: Vec<(&str, &str, u64)> =
            compared.parts.iter().map(|part| (part.name.as_str(), part.at.as_str(), part.elements)).collect();
        assert_eq!(found, [("of/row", "[2]", 3), ("map", "[1, 1]", 4)]);
        assert_eq!(
            compared.otherwise,
            ["attribute `method` of the file is \"b\", was \"a\"", "`slide`[1] is \"b\", was \"a\""]
        );
    }
}
