//! Texts: attributes of a file, and small datasets such as slide names.

use anyhow::{Context, Result, anyhow, bail};
use hdf5::{
    Attribute,
    types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode},
};

use super::{
    library::reason,
    open::{H5File, describe},
};

/// The longest text of fixed length that is read, in bytes.
const LONGEST: usize = 4096;

/// Reads an attribute of the file that is a text, in any of HDF5's formats.
///
/// # Errors
/// An attribute that is missing, is not a single text, or is not UTF-8.
pub fn read_text_attribute(file: &H5File, name: &str) -> Result<String> {
    let source = file.source();
    let Ok(attribute) = file.root().attr(name) else {
        bail!("{source}: has no attribute `{name}`");
    };
    let kind = attribute.dtype().and_then(|kind| kind.to_descriptor()).ok();
    let bytes = kind.filter(|_| attribute.is_scalar()).and_then(|kind| bytes(&attribute, &kind));
    let bytes = bytes.with_context(|| format!("{source}: attribute `{name}` is not one text"))?;
    let bytes = bytes.map_err(|error| anyhow!("{source}: attribute `{name}`: {}", reason(&error)))?;
    String::from_utf8(bytes).with_context(|| format!("{source}: attribute `{name}`"))
}

/// The bytes of a text; `None` if the attribute is not a text, or too long.
pub(super) fn bytes(attribute: &Attribute, kind: &TypeDescriptor) -> Option<hdf5::Result<Vec<u8>>> {
    Some(match kind {
        TypeDescriptor::VarLenUnicode => {
            attribute.read_scalar::<VarLenUnicode>().map(|text| text.as_bytes().to_vec())
        }
        TypeDescriptor::VarLenAscii => {
            attribute.read_scalar::<VarLenAscii>().map(|text| text.as_bytes().to_vec())
        }
        TypeDescriptor::FixedUnicode(size) if *size <= LONGEST => {
            attribute.read_scalar::<FixedUnicode<LONGEST>>().map(|text| text.as_bytes().to_vec())
        }
        TypeDescriptor::FixedAscii(size) if *size <= LONGEST => {
            attribute.read_scalar::<FixedAscii<LONGEST>>().map(|text| text.as_bytes().to_vec())
        }
        _ => return None,
    })
}

/// Reads a dataset of texts of variable length, `[N]`.
///
/// # Errors
/// A dataset that is missing or holds something else.
pub fn read_texts(file: &H5File, name: &str) -> Result<Vec<String>> {
    let dataset = file.whole(name)?;
    let texts = dataset.read_raw::<VarLenUnicode>().map_err(|error| {
        let (source, found) = (file.source(), describe(&dataset));
        anyhow!(
            "{source}: dataset `{name}` is {found}, expected texts of variable length: {}",
            reason(&error)
        )
    })?;
    Ok(texts.iter().map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()).collect())
}
