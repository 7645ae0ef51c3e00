//! Attributes of a file that are texts: how something was made.

use anyhow::{Context, Result, anyhow, bail};
use hdf5::{
    Attribute,
    types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode},
};

use super::{library::told, open::H5File};

/// Bytes of the longest text of fixed length that is read.
const LONGEST: usize = 4096;

/// Reads a text that the file has as an attribute, in any of HDF5's ways of storing texts.
///
/// # Errors
/// An attribute that is missing, is no single text, or is not UTF-8.
pub fn read_text_attribute(file: &H5File, name: &str) -> Result<String> {
    let source = file.source();
    let Some(attribute) = file.attribute(name) else {
        bail!("{source}: has no attribute `{name}`");
    };
    let wrong = |what: String| anyhow!("{source}: attribute `{name}` is {what}, expected one text");
    let kind = attribute.dtype().and_then(|kind| kind.to_descriptor());
    let kind = kind.map_err(|_| wrong("of an unusual type".to_owned()))?;
    if !attribute.is_scalar() {
        return Err(wrong(format!("{kind} {:?}", attribute.shape())));
    }
    let bytes = bytes(&attribute, &kind).ok_or_else(|| wrong(kind.to_string()))?;
    let bytes = bytes.map_err(|error| anyhow!("{source}: attribute `{name}`: {}", told(&error)))?;
    String::from_utf8(bytes).with_context(|| format!("{source}: attribute `{name}`"))
}

/// The bytes of a text; `None` of a type that is none, or longer than is read.
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
