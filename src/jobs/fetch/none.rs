//! Without the feature `remote` nothing is downloaded: `missing` has said so before.

use anyhow::{Result, bail};

use super::{partial::Partial, progress::At};
use crate::stages::fetch::Wanted;

pub(super) fn download(wanted: &Wanted, _: Partial<'_>, _: &At<'_>) -> Result<()> {
    bail!("{} is not here, and this pcamflow cannot download it", wanted.packed_name())
}
