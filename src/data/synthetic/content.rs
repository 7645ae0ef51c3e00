//! Fills a place with tumour or with a benign structure, which may resemble tumour.
//!
//! Does not know labels. `scene.rs` selects the content of each place.

use super::{
    canvas::{Canvas, Dye},
    cell::{Cell, Truth, paint_cells},
    grain::Grain,
    kinds::{CellKind, Style},
    math::smooth,
    place::{Place, centre_distance},
    random::Draw,
    vessel,
};

/// The content of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A nest of tumour cells.
    Tumor,
    /// Sinus macrophages.
    Histiocytes,
    /// Part of a germinal centre.
    GerminalCentre,
    /// A small vein in cross-section.
    Venule,
    /// A dark clump of crushed cells.
    CrushedCells,
    /// A few fibroblasts in collagen.
    Fibroblasts,
    /// Ordinary lymphoid tissue.
    Lymphocytes,
}

const COLLAGEN: Dye = Dye::new(0.08, 0.5);

/// Decoys: benign structures that resemble tumour. The numbers are relative frequencies.
const DECOYS: [(f32, Content); 5] = [
    (0.3, Content::Histiocytes),
    (0.25, Content::GerminalCentre),
    (0.2, Content::Venule),
    (0.15, Content::CrushedCells),
    (0.1, Content::Fibroblasts),
];
/// Contents for the centre of a negative patch: usually a decoy, sometimes ordinary lymphoid tissue.
const NEGATIVE_CENTRE: [(f32, Content); 6] =
    [DECOYS[0], DECOYS[1], DECOYS[2], DECOYS[3], DECOYS[4], (0.25, Content::Lymphocytes)];

impl Content {
    /// Selects a decoy for a place outside the centre.
    pub(super) fn decoy(draw: &mut Draw) -> Self {
        draw.pick(&DECOYS)
    }

    /// Selects the content for the centre of a negative patch.
    pub(super) fn negative_centre(draw: &mut Draw) -> Self {
        draw.pick(&NEGATIVE_CENTRE)
    }

    /// The cell type and the spacing of the cells. With a spacing of 1, neighbours just touch.
    fn cells(self) -> (CellKind, f32) {
        match self {
            Self::Tumor => (CellKind::Tumor, 0.68),
            Self::Histiocytes => (CellKind::Histiocyte, 0.85),
            Self::GerminalCentre => (CellKind::Centroblast, 0.9),
            Self::Venule => (CellKind::Endothelial, 1.0),
            Self::CrushedCells => (CellKind::Crushed, 0.75),
            Self::Fibroblasts => (CellKind::Spindle, 1.5),
            Self::Lymphocytes => (CellKind::Lymphocyte, 0.9),
        }
    }

    /// Paints this content in the place.
    pub(super) fn paint(self, draw: &mut Draw, place: &Place, canvas: &mut Canvas, grain: &Grain) {
        match self {
            Self::Venule => vessel::paint(draw, place, canvas, grain),
            Self::Tumor => paint_cells(&self.arrange(draw, place), canvas, grain, Truth::Tumor),
            Self::Fibroblasts => {
                paint_scar(place, canvas, grain);
                paint_cells(&self.arrange(draw, place), canvas, grain, Truth::Benign);
            }
            Self::Histiocytes | Self::GerminalCentre | Self::CrushedCells | Self::Lymphocytes => {
                paint_cells(&self.arrange(draw, place), canvas, grain, Truth::Benign)
            }
        }
    }

    /// Places cells by dart throwing: the first at the anchor, the others at random points with enough room.
    fn arrange(self, draw: &mut Draw, place: &Place) -> Vec<Cell> {
        let (kind, spacing) = self.cells();
        let style = Style::draw(draw);
        let axis = (self == Self::Fibroblasts).then_some(place.axis);
        let least = 2.0 * spacing * kind.radius();
        let inner = (1.0 - 0.7 * kind.radius() / place.half.0).max(0.3);
        let mut cells: Vec<Cell> = Vec::new();
        for dart in 0..90 {
            let at = if dart == 0 { place.anchor } else { place.point(draw, inner) };
            let room = least * draw.between(0.85, 1.15);
            if cells.iter().all(|cell| apart(cell, at, room)) {
                let cell = kind.draw(draw, at, style, axis);
                if !place.outside || clear_of_centre(&cell) {
                    cells.push(cell);
                }
            }
        }
        cells
    }
}

/// Paints collagen beneath fibroblasts.
fn paint_scar(place: &Place, canvas: &mut Canvas, grain: &Grain) {
    for (x, y) in Canvas::around(place.centre.0, place.centre.1, place.half.0 + 2.0) {
        let level = place.level(x as f32, y as f32) + 0.15 * grain.coarse(x, y);
        let unevenness = 1.0 + 0.25 * grain.coarse(x, y) + 0.2 * grain.fine(x, y);
        canvas.cover(x, y, COLLAGEN.scaled(unevenness), 0.9 * smooth((1.0 - level) * 4.0));
    }
}

fn apart(cell: &Cell, (x, y): (f32, f32), room: f32) -> bool {
    let (dx, dy) = (cell.nucleus.outline.x - x, cell.nucleus.outline.y - y);
    dx * dx + dy * dy >= room * room
}

fn clear_of_centre(cell: &Cell) -> bool {
    let clear = |outline: &super::outline::Outline| centre_distance(outline.x, outline.y) > outline.reach();
    clear(&cell.nucleus.outline) && cell.cytoplasm.is_none_or(|cytoplasm| clear(&cytoplasm.outline))
}
