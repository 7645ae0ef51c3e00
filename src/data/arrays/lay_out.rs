//! Lays out an HDF5 file: groups, types, shapes, attributes, texts. Everything but the contents of the arrays.

use std::path::Path;

use hdf5::{
    Group, Location,
    dataset::{AllocTime, FillTime},
    file::LibraryVersion,
    types::VarLenUnicode,
};

use super::array::{Array, Attribute, Notes};

/// Creates the file. Returns for each array the offset of its contents.
pub(super) fn lay_out(path: &Path, arrays: &[Array], notes: &Notes) -> hdf5::Result<Vec<u64>> {
    let file = hdf5::File::with_options()
        .with_fapl(|plist| {
            plist.libver_bounds(LibraryVersion::Earliest, LibraryVersion::V18).file_locking(false)
        })
        .create(path)?;
    for (name, value) in &notes.attributes {
        attach(&file, name, value)?;
    }
    for (name, texts) in &notes.texts {
        let texts = texts.iter().map(|text| unicode(text)).collect::<hdf5::Result<Vec<_>>>()?;
        let plain = file.new_dataset_builder().obj_track_times(false);
        plain.with_data(&texts).create(name.as_str())?;
    }
    let offsets = arrays.iter().map(|array| add(&file, array)).collect();
    file.close()?;
    offsets
}

fn add(file: &Group, array: &Array) -> hdf5::Result<u64> {
    let empty = array.shape.contains(&0);
    let dataset = file
        .new_dataset_builder()
        .obj_track_times(false)
        .alloc_time(Some(if empty { AllocTime::Late } else { AllocTime::Early }))
        .fill_time(FillTime::Never)
        .empty_as(array.element.descriptor())
        .shape(array.shape.as_slice())
        .create(array.name.as_str())?;
    match dataset.offset() {
        Some(offset) => Ok(offset),
        None if empty => Ok(0),
        None => Err(format!("HDF5 gave array `{}` no place", array.name).into()),
    }
}

fn attach(file: &Location, name: &str, value: &Attribute) -> hdf5::Result<()> {
    match value {
        Attribute::Text(text) => file.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&unicode(text)?),
        Attribute::Integer(integer) => file.new_attr::<i64>().create(name)?.write_scalar(integer),
        Attribute::Number(number) => file.new_attr::<f64>().create(name)?.write_scalar(number),
    }
}

fn unicode(text: &str) -> hdf5::Result<VarLenUnicode> {
    text.parse().map_err(|_| format!("the text {text:?} contains a zero byte").into())
}
