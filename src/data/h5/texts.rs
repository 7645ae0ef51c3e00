//! Small datasets of texts: slide names.

use anyhow::{Result, anyhow};
use hdf5::types::VarLenUnicode;

use super::{
    library::told,
    open::{H5File, describe},
};

/// Reads a dataset of variable-length UTF-8 texts, `[N]`.
///
/// # Errors
/// A dataset that is missing or holds something else.
pub fn read_texts(file: &H5File, name: &str) -> Result<Vec<String>> {
    let dataset = file.whole(name)?;
    let texts = dataset.read_raw::<VarLenUnicode>().map_err(|error| {
        let (source, found) = (file.source(), describe(&dataset));
        anyhow!("{source}: dataset `{name}` is {found}, expected texts of variable length: {}", told(&error))
    })?;
    Ok(texts.iter().map(|text| text.as_str().to_owned()).collect())
}
