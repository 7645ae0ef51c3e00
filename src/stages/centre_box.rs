//! The centre box: the part of a patch that its label describes.
//!
//! Of PatchCamelyon a label says whether the centre 32x32 of the 96x96 pixels contains tumour. Labels of other patches
//! may describe another box, or the whole patch. Knows how it is written.

use serde::{Deserialize, Serialize};

use super::{Canonical, Check, Lines};
use crate::side::Side;

/// The centre box of PatchCamelyon, in pixels.
const PCAM: usize = 32;

/// The side of the centre box in pixels, or `"none"` if labels describe whole patches. `"auto"`: 32 of patches of 96x96,
/// and none of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    expecting = "a centre box is its side in pixels, such as 32, or \"none\" if labels describe whole patches, or \"auto\""
)]
pub enum CentreBox {
    /// That of PatchCamelyon, if patches have its size.
    #[default]
    Auto,
    /// Labels describe whole patches.
    None,
    /// So many rows and columns.
    #[serde(untagged)]
    Pixels(u32),
}

impl CentreBox {
    /// The side of the box in patches of this side.
    #[must_use]
    pub fn of(self, patches: Side) -> Option<usize> {
        match self {
            Self::Auto => (patches == Side::PCAM).then_some(PCAM),
            Self::None => None,
            Self::Pixels(side) => Some(side as usize),
        }
    }

    /// Checks its range.
    pub(super) fn check(self, check: &mut Check<'_>) {
        if let Self::Pixels(side) = self {
            check.within("centre-box", side.into(), 1.0, Side::MOST as f64);
        }
    }
}

impl Canonical for CentreBox {
    fn write(&self, path: &str, lines: &mut Lines) {
        match self {
            Self::Auto => lines.put(path, "auto"),
            Self::None => lines.put(path, "none"),
            Self::Pixels(side) => lines.put(path, side.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Table {
        centre_box: CentreBox,
    }

    fn read(text: &str) -> Result<CentreBox, String> {
        let table: Result<Table, _> = toml::from_str(&format!("centre-box = {text}"));
        table.map(|table| table.centre_box).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn only_patches_like_those_of_pcam_have_a_box_by_default() {
        let [pcam, other] = [96, 224].map(|side| Side::new(side).unwrap());
        assert_eq!((CentreBox::Auto.of(pcam), CentreBox::Auto.of(other)), (Some(32), None));
        assert_eq!((CentreBox::None.of(pcam), CentreBox::Pixels(20).of(other)), (None, Some(20)));
    }

    #[test]
    fn numbers_and_words_are_read() {
        assert_eq!(read("64"), Ok(CentreBox::Pixels(64)));
        assert_eq!((read("'none'"), read("'auto'")), (Ok(CentreBox::None), Ok(CentreBox::Auto)));
        assert!(read("'whole'").unwrap_err().starts_with("a centre box is its side in pixels"));
    }
}
