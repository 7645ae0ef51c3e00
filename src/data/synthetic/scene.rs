//! Composes one patch: selects tissue and contents, and paints them in order.
//!
//! Does not know the slide, only its stain. The label affects only the content of the central place, which
//! has its own stream of random numbers.

use super::{
    camera,
    canvas::Canvas,
    content::Content,
    fat,
    grain::Grain,
    lymphoid::Lymphoid,
    place::Place,
    random::{Draw, Purpose},
    stain::Stain,
    stroma::Band,
    vessel,
};

/// The parameters of a patch.
pub(super) struct Request<'a> {
    pub(super) seed: u64,
    pub(super) index: u64,
    pub(super) positive: bool,
    /// Number of places outside the centre.
    pub(super) decoys: u32,
    /// Probability that one of them is tumour.
    pub(super) tumor_outside: f32,
    pub(super) stain: &'a Stain,
}

/// Renders the pixels [96, 96, 3] and the tumour mask [96, 96].
pub(super) fn render(request: &Request<'_>) -> (Vec<u8>, Vec<u8>) {
    let mut draw = Draw::new(request.seed, Purpose::Scene, request.index);
    let (mut canvas, grain) = (Canvas::new(), Grain::draw(&mut draw));
    let places = places(&mut draw, request.decoys);
    paint_tissue(&mut draw, &places, &mut canvas, &grain);
    for (content, place) in contents(&mut draw, request, &places) {
        content.paint(&mut draw, place, &mut canvas, &grain);
    }
    paint_centre(request, &places[0], &mut canvas, &grain);
    let mut camera = Draw::new(request.seed, Purpose::Camera, request.index);
    (camera::scan(&mut camera, &canvas, request.stain), canvas.mask())
}

/// The central place, followed by the places outside the centre.
fn places(draw: &mut Draw, decoys: u32) -> Vec<Place> {
    let mut places = vec![Place::central(draw)];
    for _ in 0..decoys {
        places.extend(Place::outside(draw, &places));
    }
    places
}

fn paint_tissue(draw: &mut Draw, places: &[Place], canvas: &mut Canvas, grain: &Grain) {
    let lymphoid = Lymphoid::draw(draw);
    let band = draw.chance(0.5).then(|| Band::draw(draw));
    let count = draw.pick(&[(0.65, 0), (0.15, 1), (0.1, 2), (0.1, 5)]);
    let vacuoles = fat::draw(draw, count, places);
    let free = |x: f32, y: f32| {
        places.iter().all(|place| place.level(x, y) > 1.0)
            && band.as_ref().is_none_or(|band| band.share(x, y) < 0.4)
            && vacuoles.iter().all(|vacuole| vacuole.distance(x, y) > 2.0)
    };
    let cells = lymphoid.cells(draw, free);
    lymphoid.paint_matrix(canvas, grain);
    if let Some(band) = &band {
        band.paint(draw, canvas, grain);
    }
    if draw.chance(0.25) {
        let at = (draw.between(0.0, 96.0), draw.between(0.0, 96.0));
        vessel::red_cells(draw, at, 9.0, 12, canvas);
    }
    Lymphoid::paint_cells(&cells, canvas, grain);
    fat::paint(&vacuoles, canvas);
}

fn contents<'p>(draw: &mut Draw, request: &Request<'_>, places: &'p [Place]) -> Vec<(Content, &'p Place)> {
    let tumor_first = draw.chance(request.tumor_outside);
    let outside = places[1..].iter().enumerate();
    outside
        .map(|(n, place)| (if n == 0 && tumor_first { Content::Tumor } else { Content::decoy(draw) }, place))
        .collect()
}

fn paint_centre(request: &Request<'_>, place: &Place, canvas: &mut Canvas, grain: &Grain) {
    let mut draw = Draw::new(request.seed, Purpose::Centre, request.index);
    let benign = Content::negative_centre(&mut draw);
    let content = if request.positive { Content::Tumor } else { benign };
    content.paint(&mut draw, place, canvas, grain);
}

#[cfg(test)]
mod tests {
    use super::{super::canvas::SIDE, *};

    fn both(index: u64, stain: &Stain) -> [(Vec<u8>, Vec<u8>); 2] {
        [false, true].map(|positive| {
            render(&Request { seed: 5, index, positive, decoys: 3, tumor_outside: 0.3, stain })
        })
    }

    fn central(index: u64) -> Place {
        let mut draw = Draw::new(5, Purpose::Scene, index);
        let _before = Grain::draw(&mut draw);
        places(&mut draw, 3)[0]
    }

    #[test]
    fn the_label_changes_the_central_place_and_nothing_else() {
        let stain = Stain::of_slide(5, 0, 1.0);
        for index in 0..60 {
            let ([(negative, no), (positive, yes)], place) = (both(index, &stain), central(index));
            // Cells at the edge of the place may extend 14 pixels beyond it. Blur and sharpening add 6.
            let reach = place.half.0 + 20.0;
            let mut changed = 0;
            for (pixel, (a, b)) in negative.chunks(3).zip(positive.chunks(3)).enumerate() {
                let (dx, dy) =
                    ((pixel % SIDE) as f32 - place.centre.0, (pixel / SIDE) as f32 - place.centre.1);
                let differs = a != b || no[pixel] != yes[pixel];
                assert!(!differs || (dx * dx + dy * dy).sqrt() < reach, "patch {index}, pixel {pixel}");
                changed += usize::from(differs);
            }
            assert!(changed > 100, "patch {index}: only {changed} pixels differ");
        }
    }
}
