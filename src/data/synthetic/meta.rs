//! Writes `meta.csv` with the columns of PatchCamelyon.
//!
//! Does not know pixels, only labels, slides and whether a patch has tumour.

use std::io::Write;

use super::{canvas::SIDE, recipe::Patch};

/// Level 0 pixels per patch pixel. Patches are at level 2 of the slide, at a quarter of its resolution.
const DOWNSAMPLE: u32 = 4;
/// Patches per row of the grid on a slide.
const COLUMNS: u32 = 32;

/// A table that grows by one row per patch, in order.
pub(super) struct Table<W: Write> {
    csv: csv::Writer<W>,
    row: u32,
    /// Number of patches so far on each slide: the grid position of the next one.
    placed: Vec<u32>,
}

impl<W: Write> Table<W> {
    /// Starts the table with its header.
    pub(super) fn begin(output: W, slides: u32) -> csv::Result<Self> {
        let mut csv = csv::Writer::from_writer(output);
        csv.write_record(["", "coord_y", "coord_x", "tumor_patch", "center_tumor_patch", "wsi"])?;
        Ok(Self { csv, row: 0, placed: vec![0; slides as usize] })
    }

    /// Adds a patch. The patches of a slide form a grid. Their coordinates are those of level 0.
    pub(super) fn add(&mut self, patch: &Patch) -> csv::Result<()> {
        let place = &mut self.placed[patch.slide as usize];
        let coordinate = |cell: u32| (cell * SIDE as u32 * DOWNSAMPLE).to_string();
        self.csv.write_record([
            self.row.to_string(),
            coordinate(*place / COLUMNS),
            coordinate(*place % COLUMNS),
            flag(patch.has_tumor()),
            flag(patch.label == 1),
            patch.slide_name(),
        ])?;
        *place += 1;
        self.row += 1;
        Ok(())
    }

    /// Flushes buffered rows.
    pub(super) fn finish(mut self) -> std::io::Result<()> {
        self.csv.flush()
    }
}

/// The spelling of pandas, which the official table uses.
fn flag(value: bool) -> String {
    if value { "True".to_owned() } else { "False".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_official_columns_and_distinct_coordinates() {
        let patch = |label, slide, tumor| Patch { rgb: vec![], mask: vec![tumor], label, slide };
        let mut bytes = Vec::new();
        let mut table = Table::begin(&mut bytes, 2).unwrap();
        for patch in [patch(1, 1, 1), patch(0, 1, 1), patch(0, 0, 0)] {
            table.add(&patch).unwrap();
        }
        table.finish().unwrap();
        let expected = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n\
                        0,0,0,True,True,synthetic_slide_001\n\
                        1,0,384,True,False,synthetic_slide_001\n\
                        2,0,0,False,False,synthetic_slide_000\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
