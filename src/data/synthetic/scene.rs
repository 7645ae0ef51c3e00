//! One patch: where its spots are and which cells fill them.
//!
//! The label decides only which cells fill the central spot. Everything else is drawn without knowing it.

use super::{
    canvas::{CENTRE, Canvas, centre_distance},
    cell::{self, CENTROBLAST, Cell, Kind, MACROPHAGE, TUMOR, apart},
    recipe::{Purpose, Recipe},
    stain::Stain,
    tissue,
};
use crate::data::{PATCH_SIDE, draw::Draw};

/// The cells of benign spots. Together they have about the mean colour of tumour: one kind is darker, one paler.
const BENIGN: [&Kind; 2] = [&CENTROBLAST, &MACROPHAGE];

/// A round spot of cells of one kind.
#[derive(Debug)]
struct Spot {
    at: (f32, f32),
    radius: f32,
}

/// The pixels [96, 96, 3] and the tumour mask [96, 96] of a patch.
pub(super) fn render(recipe: &Recipe, index: u32, positive: bool, stain: &Stain) -> (Vec<u8>, Vec<u8>) {
    let mut draw = recipe.stream(Purpose::Scene, index);
    let mut canvas = Canvas::new(&mut draw);
    let central = central(&mut draw);
    let decoys = decoys(&mut draw, &central, recipe.decoys);
    tissue::paint(&mut draw, &mut canvas, |at| {
        decoys.iter().chain([&central]).all(|spot| apart(spot.at, at) > spot.radius)
    });
    let tumor_outside = draw.chance(recipe.tumor_outside as f32);
    for (n, spot) in decoys.iter().enumerate() {
        let benign = benign(&mut draw);
        let kind = if n == 0 && tumor_outside { &TUMOR } else { benign };
        let mut cells = fill(&mut draw, spot, kind);
        cells.retain(Cell::is_outside_centre);
        cell::paint(&cells, &mut canvas);
    }
    let mut draw = recipe.stream(Purpose::Centre, index);
    let benign = benign(&mut draw);
    let cells = fill(&mut draw, &central, if positive { &TUMOR } else { benign });
    cell::paint(&cells, &mut canvas);
    (stain.scan(&mut recipe.stream(Purpose::Scan, index), &canvas), canvas.mask)
}

/// A spot with its middle in the centre box.
fn central(draw: &mut Draw) -> Spot {
    let (low, high) = (CENTRE.0 as f32 + 2.0, CENTRE.1 as f32 - 2.0);
    Spot { at: (draw.between(low, high), draw.between(low, high)), radius: draw.between(14.0, 20.0) }
}

/// Up to `count` spots outside the centre box and apart from the others.
fn decoys(draw: &mut Draw, central: &Spot, count: u32) -> Vec<Spot> {
    let edge = PATCH_SIDE as f32 - 4.0;
    let mut spots: Vec<Spot> = Vec::new();
    for _ in 0..40 * count {
        let at = (draw.between(4.0, edge), draw.between(4.0, edge));
        let radius = draw.between(9.0, 14.0);
        let clear = |other: &Spot| apart(other.at, at) > 0.9 * (other.radius + radius);
        let outside = centre_distance(at.0, at.1) > radius + 1.0;
        if spots.len() < count as usize && outside && spots.iter().chain([central]).all(clear) {
            spots.push(Spot { at, radius });
        }
    }
    spots
}

fn benign(draw: &mut Draw) -> &'static Kind {
    BENIGN[draw.below(BENIGN.len() as u64) as usize]
}

/// Throws cells like darts: the first into the middle, others wherever there is room.
fn fill(draw: &mut Draw, spot: &Spot, kind: &'static Kind) -> Vec<Cell> {
    let mut cells = vec![Cell::new(draw, kind, spot.at)];
    let reach = spot.radius - 0.7 * kind.radius;
    for _ in 0..120 {
        let mut near = |c: f32| c + draw.between(-reach, reach);
        let at = (near(spot.at.0), near(spot.at.1));
        let cell = Cell::new(draw, kind, at);
        if apart(spot.at, at) < reach && cells.iter().all(|other| other.leaves_room(at)) {
            cells.push(cell);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_changes_the_central_spot_and_nothing_else() {
        let recipe = Recipe { decoys: 3, tumor_outside: 0.3, ..Recipe::default() };
        let stain = Stain::of_slide(&recipe, 0);
        for index in 0..60 {
            let [(negative, no), (positive, yes)] =
                [false, true].map(|positive| render(&recipe, index, positive, &stain));
            let mut draw = recipe.stream(Purpose::Scene, index);
            let _before = Canvas::new(&mut draw);
            let spot = central(&mut draw);
            let mut changed = 0;
            for (pixel, (a, b)) in negative.chunks(3).zip(positive.chunks(3)).enumerate() {
                let at = ((pixel % PATCH_SIDE) as f32, (pixel / PATCH_SIDE) as f32);
                let differs = a != b || no[pixel] != yes[pixel];
                // A cell at the edge of the spot reaches up to 14 pixels farther.
                assert!(!differs || apart(spot.at, at) < spot.radius + 14.0, "patch {index}, pixel {pixel}");
                changed += usize::from(differs);
            }
            assert!(changed > 100, "patch {index}: only {changed} pixels tell the classes apart");
        }
    }
}
