//! The panel: some patches and their maps at several depths.

use anyhow::Result;
use pcamflow::{
    metrics::sanity::{RandomisedImage, Remade},
    report::{self, Picture, RandomisedMaps, Sheet},
};

use crate::{explain::Display, jobs::images::Images};

/// The most maps side by side.
const COLUMNS: usize = 11;

/// The patches of the panel, and their maps so far.
pub(super) struct Panel {
    /// The depths that are shown, ascending.
    depths: Vec<usize>,
    headings: Vec<String>,
    rows: Vec<Row>,
    centre_box: Option<usize>,
}

/// A patch, and its maps with their correlation.
struct Row {
    image: usize,
    rgb: Vec<u8>,
    mask: Option<Vec<u8>>,
    maps: Vec<(Vec<f32>, Option<f64>)>,
}

impl Panel {
    /// Chooses patches, positives first, and depths: all of them, or an even selection with both ends.
    ///
    /// # Errors
    /// The patches cannot be read.
    pub(super) fn new(
        patches: &Images,
        images: &[RandomisedImage],
        most: u32,
        layers: &[String],
    ) -> Result<Self> {
        let mut order: Vec<usize> = (0..images.len()).collect();
        order.sort_by_key(|&image| !images[image].positive);
        order.truncate(usize::try_from(most)?);
        let row = |image: usize| {
            let mut rgb = vec![0; patches.set.side().bytes()];
            let position = patches.positions[image];
            patches.set.read(&[position], &mut rgb)?;
            Ok(Row { image, rgb, mask: patches.mask(position)?, maps: Vec::new() })
        };
        let depths = evenly(layers.len() + 1);
        let heading = |&depth: &usize| match depth {
            0 => "untouched".to_owned(),
            1 => layers[0].clone(),
            _ => format!("to {}", layers[depth - 1]),
        };
        let headings = depths.iter().map(heading).collect();
        let rows = order.into_iter().map(row).collect::<Result<_>>()?;
        Ok(Self { depths, headings, rows, centre_box: patches.centre_box })
    }

    /// Keeps the maps of a depth if it is shown.
    pub(super) fn keep(&mut self, depth: usize, maps: &[Vec<f32>], compared: &[Remade]) {
        if self.depths.contains(&depth) {
            for row in &mut self.rows {
                row.maps.push((maps[row.image].clone(), compared[row.image].spearman));
            }
        }
    }

    /// Draws the panel.
    ///
    /// # Errors
    /// A patch or a map has the wrong size.
    pub(super) fn picture(
        &self,
        images: &[RandomisedImage],
        classes: &[String; 2],
        question: &str,
        display: &Display,
    ) -> Result<Picture> {
        let rows: Vec<RandomisedMaps<'_>> = self.rows.iter().map(|row| row.drawn(images)).collect();
        let sheet = Sheet {
            title: &format!("Sanity: randomised model, {}", display.title),
            subtitle: &format!(
                "{question}; layers are randomised from the output down to the one above a column"
            ),
            classes,
            sign: display.sign,
            full: display.full,
            shared: false,
            of: images.len(),
            centre_box: self.centre_box,
        };
        report::sanity_panel(&rows, &self.headings, &sheet)
    }
}

impl Row {
    fn drawn(&self, images: &[RandomisedImage]) -> RandomisedMaps<'_> {
        let RandomisedImage { row, positive, .. } = images[self.image];
        let maps = self.maps.iter().map(|(map, correlation)| (map.as_slice(), *correlation));
        let mask = self.mask.as_deref();
        RandomisedMaps { rgb: &self.rgb, positive, row, mask, maps: maps.collect() }
    }
}

/// At most `COLUMNS` of 0..count, evenly spaced, with both ends.
fn evenly(count: usize) -> Vec<usize> {
    if count <= COLUMNS {
        return (0..count).collect();
    }
    let last = COLUMNS - 1;
    (0..COLUMNS).map(|column| (column * (count - 1) + last / 2) / last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_chosen_evenly_with_both_ends() {
        assert_eq!(evenly(3), [0, 1, 2]);
        assert_eq!(evenly(11).len(), 11);
        let some = evenly(41);
        assert_eq!((some.len(), some[0], some[10]), (11, 0, 40));
        assert!(some.windows(2).all(|pair| pair[1] > pair[0]), "{some:?}");
    }
}
