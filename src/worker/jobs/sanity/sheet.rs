//! The panel: a few patches, and what became of their maps.

use anyhow::Result;
use pcamflow::{
    data::PATCH_BYTES,
    metrics::sanity::Remade,
    report::{self, Picture, RandomisedMaps, Sheet},
    stages::sanity::Sanity as Stage,
};

use super::original::Original;
use crate::{batches::Patches, explain::Display};

/// Maps side by side at most.
const COLUMNS: usize = 11;

/// The patches of the panel, and their maps so far.
pub(super) struct Shown {
    /// Which depths are shown, ascending.
    depths: Vec<usize>,
    headings: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    map: usize,
    rgb: Vec<u8>,
    maps: Vec<(Vec<f32>, Option<f64>)>,
}

impl Shown {
    /// Chooses patches, positives first, and depths: all, or evenly so many, the first and the last among
    /// them.
    pub(super) fn new(original: &Original, most: u32, layers: &[String]) -> Result<Self> {
        let mut order: Vec<usize> = (0..original.maps.len()).collect();
        order.sort_by_key(|&map| !original.is_positive(map));
        order.truncate(usize::try_from(most)?);
        let row = |map: usize| {
            let mut rgb = vec![0; PATCH_BYTES];
            original.patches.read(&[original.patches.positions[map]], &mut rgb)?;
            Ok(Row { map, rgb, maps: Vec::new() })
        };
        let depths = evenly(layers.len() + 1);
        let heading = |&depth: &usize| match depth.checked_sub(1).and_then(|above| layers.get(above)) {
            None => "untouched".to_owned(),
            Some(layer) if depth == 1 => layer.clone(),
            Some(layer) => format!("to {layer}"),
        };
        let headings = depths.iter().map(heading).collect();
        Ok(Self { depths, headings, rows: order.into_iter().map(row).collect::<Result<_>>()? })
    }

    /// Keeps the maps of a depth, if it is shown.
    pub(super) fn keep(&mut self, depth: usize, maps: &[Vec<f32>], compared: &[Remade]) {
        if self.depths.contains(&depth) {
            for row in &mut self.rows {
                row.maps.push((maps[row.map].clone(), compared[row.map].spearman));
            }
        }
    }

    /// Draws the panel.
    ///
    /// # Errors
    /// None that a panel of patches that were read can have.
    pub(super) fn picture(&self, original: &Original, stage: &Stage, display: &Display) -> Result<Picture> {
        let rows: Vec<RandomisedMaps<'_>> = self.rows.iter().map(|row| shown(row, original)).collect();
        let subtitle = format!(
            "{}; layers are randomised from the output down to the one above a column",
            original.question_words(&stage.classes)
        );
        let sheet = Sheet {
            title: &format!("Randomised model: {}", display.title),
            subtitle: &subtitle,
            classes: &stage.classes,
            sign: display.sign,
            full: display.full,
        };
        report::sanity_panel(&rows, &self.headings, &sheet)
    }
}

fn shown<'a>(row: &'a Row, original: &Original) -> RandomisedMaps<'a> {
    RandomisedMaps {
        rgb: &row.rgb,
        positive: original.is_positive(row.map),
        row: original.patches.row(original.patches.positions[row.map]),
        maps: row.maps.iter().map(|(map, correlation)| (map.as_slice(), *correlation)).collect(),
    }
}

/// At most so many of 0..count, evenly, both ends among them.
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
