//! A sheet of explained patches: each patch, and beside it its map over the grey patch.

use anyhow::{Context, Result};

use super::{
    Picture,
    boxed::{boxed, color_of, entries, outlined, truth},
    color::{Color, MUTED},
    font,
    legend::{Entry, Mark},
    numbers::short,
    overlay::{Overlay, overlay_up_to, patch, shared_limit},
    panel_header::{Sheet, header},
    scene::{Align, Point, Rect, Scene, TextStyle},
};

/// Side of a shown patch in logical pixels: in the PNG every pixel of a patch of PatchCamelyon is 3 x 3.
const SIDE: f64 = 144.0;
/// Patches side by side.
const COLUMNS: usize = 5;
/// The width that legend and colour bar need.
const NARROWEST: f64 = 920.0;
const GAP: f64 = 4.0;
const PAD: f64 = 8.0;
const CAPTION: f64 = 48.0;
/// A patch and its map.
const WIDTH: f64 = 2.0 * SIDE + GAP;
const ITEM: (f64, f64) = (WIDTH + 2.0 * PAD, SIDE + CAPTION + 2.0 * PAD);
const BETWEEN: f64 = 8.0;
const MARGIN: f64 = 16.0;
/// The height of titles, legend and colour bar.
const HEADER: f64 = 120.0;
/// The ground of wrongly predicted patches.
const WRONG: Color = Color::rgb(0xff, 0xf0, 0xcc);

const NAME: TextStyle = TextStyle::new(11.5).bold();
const FACT: TextStyle = TextStyle::new(11.0);

/// One explained patch.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The patch, [S, S, 3].
    pub rgb: &'a [u8],
    /// Its map, [S, S].
    pub map: &'a [f32],
    /// Its true tumour, [S, S], if known; not 0 is tumour.
    pub mask: Option<&'a [u8]>,
    /// Whether it is of class 1.
    pub positive: bool,
    /// The probability that the model gives class 1.
    pub probability: f64,
    /// Its row in the source.
    pub row: i64,
}

/// Draws a sheet. The frame on every patch is around what its label describes. Patches that are
/// wrongly predicted at `threshold` have a tinted ground. Without patches the sheet is its header.
///
/// # Errors
/// A patch is not square, or its map has another size; the message names the row.
pub fn panel(items: &[Item<'_>], sheet: &Sheet<'_>, threshold: f64) -> Result<Picture> {
    let columns = items.len().clamp(1, COLUMNS);
    let rows = items.len().div_ceil(columns);
    let width = (2.0 * MARGIN + columns as f64 * (ITEM.0 + BETWEEN) - BETWEEN).max(NARROWEST);
    let height = HEADER + rows as f64 * (ITEM.1 + BETWEEN) - BETWEEN + MARGIN;
    let mut scene = Scene::new(width, height);
    let subtitle = format!("{}; p is the probability of {}", sheet.subtitle, sheet.classes[1]);
    let limit = limit(items, sheet);
    let unit =
        limit.map_or_else(|| sheet.full.unit().to_owned(), |it| format!("1 is {} in every map", short(it)));
    header(&mut scene, sheet, items.len(), &subtitle, &legend(items, sheet), &unit);
    for (index, item) in items.iter().enumerate() {
        let (column, row) = (index % columns, index / columns);
        let left = MARGIN + column as f64 * (ITEM.0 + BETWEEN);
        let top = HEADER + row as f64 * (ITEM.1 + BETWEEN);
        draw(&mut scene, (left, top), item, sheet, (item.probability > threshold, limit))
            .with_context(|| format!("row {} cannot be shown", item.row))?;
    }
    Ok(Picture(scene))
}

/// The strongest colour of all maps, if they share it.
fn limit(items: &[Item<'_>], sheet: &Sheet<'_>) -> Option<f64> {
    sheet.shared.then(|| shared_limit(items.iter().map(|item| item.map), sheet.sign, sheet.full))?
}

fn legend(items: &[Item<'_>], sheet: &Sheet<'_>) -> Vec<Entry> {
    let mut entries = entries(sheet.classes, sheet.centre_box);
    entries.push(Entry::new(Mark::Ground(WRONG), "wrongly predicted"));
    entries.extend(truth(items.iter().map(|item| item.mask)));
    entries
}

fn draw(
    scene: &mut Scene,
    (left, top): Point,
    item: &Item<'_>,
    sheet: &Sheet<'_>,
    (predicted, limit): (bool, Option<f64>),
) -> Result<()> {
    if predicted != item.positive {
        scene.rectangle(Rect::new(left, top, ITEM.0, ITEM.1), WRONG);
    }
    let (left, top) = (left + PAD, top + PAD);
    let square = |left: f64| Rect::new(left, top, SIDE, SIDE);
    let Overlay { pixels, scale } = overlay_up_to(item.rgb, item.map, sheet.sign, sheet.full, limit)?;
    for (pixels, left) in [(patch(item.rgb)?, left), (pixels, left + SIDE + GAP)] {
        boxed(scene, pixels, square(left), item.positive, sheet.centre_box);
        outlined(scene, item.mask, square(left));
    }
    caption(scene, (left, top + SIDE), item, sheet, predicted);
    let (muted, base) = (FACT.color(MUTED), top + SIDE + 45.0);
    scene.text(if predicted == item.positive { "correct" } else { "wrong" }, (left, base), muted);
    scene.text(scale, (left + WIDTH, base), muted.align(Align::Right));
    Ok(())
}

/// Label and row, prediction and probability.
fn caption(scene: &mut Scene, (left, top): Point, item: &Item<'_>, sheet: &Sheet<'_>, predicted: bool) {
    let [label, verdict] = [item.positive, predicted].map(|class| &sheet.classes[usize::from(class)]);
    let row = (format!("row {}", item.row), FACT.color(MUTED));
    let probability = (format!("p = {:.3}", item.probability), FACT);
    for (base, (words, style), (number, beside)) in [
        (top + 15.0, (label.clone(), NAME.color(color_of(item.positive))), row),
        (top + 30.0, (format!("predicted {verdict}"), FACT), probability),
    ] {
        let room = WIDTH - FACT.width(&number) - 10.0;
        scene.text(font::fitted(&words, style.size, style.bold, room), (left, base), style);
        scene.text(number, (left + WIDTH, base), beside.align(Align::Right));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use safetensors::SafeTensors;

    use super::*;
    use crate::{
        report::{FullColor, Sign, gallery::drawn, scene::Shape},
        testing::shared,
    };

    fn sheet(sign: Sign, full: FullColor, classes: &[String; 2]) -> Sheet<'_> {
        let title = if sign == Sign::Positive { "Grad-CAM, relu4" } else { "Integrated gradients" };
        let subtitle = "explains the logit of tumour";
        Sheet { title, subtitle, classes, sign, full, shared: false, of: 50, centre_box: Some(32) }
    }

    #[test]
    fn long_names_do_not_reach_the_bar() {
        let classes = ["tissue without any metastasis", "tissue with some metastasis"].map(str::to_owned);
        let item = Item { mask: Some(&[1]), ..item(&[], &[]) };
        let sheet = sheet(Sign::Positive, FullColor::Maximum, &classes);
        let width = crate::report::legend::width(&legend(&[item], &sheet));
        assert!(24.0 + width < NARROWEST - 24.0 - 8.0 - crate::report::color_bar::BAR);
    }

    fn item<'a>(rgb: &'a [u8], map: &'a [f32]) -> Item<'a> {
        Item { rgb, map, mask: None, positive: true, probability: 0.3, row: 31_415 }
    }

    fn classes() -> [String; 2] {
        ["Non-cancerous", "Cancerous"].map(str::to_owned)
    }

    /// A patch and a map that are easy to tell apart without any data.
    fn invented() -> (Vec<u8>, Vec<f32>) {
        let at = |pixel: usize| ((pixel % 96) as f32, (pixel / 96) as f32);
        let rgb = (0..9216).flat_map(|pixel| {
            let (x, y) = at(pixel);
            [(180.0 + 60.0 * (x / 9.0).sin()) as u8, 140, (170.0 + 60.0 * (y / 7.0).cos()) as u8]
        });
        let blob = |pixel| {
            let (x, y) = at(pixel);
            (-((x - 60.0).powi(2) + (y - 40.0).powi(2)) / 300.0).exp()
        };
        (rgb.collect(), (0..9216).map(blob).collect())
    }

    #[test]
    fn shows_one_patch_and_what_is_odd_about_maps() {
        let (rgb, map) = invented();
        let nan = [vec![f32::NAN], map[1..].to_vec()].concat();
        let maps = [map, vec![0.0; 9216], vec![0.5; 9216], nan];
        let items: Vec<_> = maps.iter().map(|map| item(&rgb, map)).collect();
        let classes = classes();
        let (size, _) = drawn(
            "panel-1",
            &panel(&items[..1], &sheet(Sign::Positive, FullColor::Maximum, &classes), 0.5).unwrap(),
        );
        assert_eq!(size.0, 1840);
        let (_, svg) = drawn(
            "panel-odd",
            &panel(&items, &sheet(Sign::Positive, FullColor::Maximum, &classes), 0.5).unwrap(),
        );
        for text in
            ["map is 0 everywhere", "map is 0.500 everywhere", "map has a pixel", "row 31415", "wrong"]
        {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn names_the_row_that_cannot_be_shown() {
        let item = Item { row: 7, ..item(&[0; 3], &[0.0]) };
        let error = panel(&[item], &sheet(Sign::Both, FullColor::Maximum, &classes()), 0.5).unwrap_err();
        assert!(format!("{error:#}").starts_with("row 7 cannot be shown: 3 bytes are not a square patch"));
    }

    #[test]
    fn a_sheet_without_patches_is_its_heading() {
        let it = panel(&[], &sheet(Sign::Both, FullColor::Maximum, &classes()), 0.5).unwrap();
        assert_eq!(drawn("panel-0", &it).0, (1840, 256));
    }

    #[test]
    fn thirty_of_fifty_stand_in_rows_of_five_with_their_tumour_and_one_scale() {
        let ((rgb, map), classes) = (invented(), classes());
        let weak: Vec<f32> = map.iter().map(|value| 0.25 * value).collect();
        let mask: Vec<u8> = (0..9216).map(|at| u8::from((30..60).contains(&(at / 96)))).collect();
        let shown = |at: i64| {
            let it = item(&rgb, if at % 2 == 0 { &map } else { &weak });
            Item { mask: (at % 3 == 0).then_some(&mask[..]), row: at, ..it }
        };
        let items: Vec<_> = (0..30).map(shown).collect();
        let sheet = Sheet { shared: true, ..sheet(Sign::Positive, FullColor::Maximum, &classes) };
        let picture = panel(&items, &sheet, 0.5).unwrap();
        let (size, svg) = drawn("panel-shared", &picture);
        assert_eq!(size.0, 2 * (2 * 16 + 5 * 316 - 8));
        assert!(
            svg.contains(
                ">30 of 50 patches; explains the logit of tumour; p is the probability of Cancerous<"
            )
        );
        assert!(svg.contains(">true tumour<") && svg.contains(">1 is 1.00 in every map<"));
        let images = picture.0.shapes.iter().filter_map(|shape| match shape {
            Shape::Image { corner, pixels, .. } => Some((corner.1, pixels)),
            _ => None,
        });
        let images: Vec<_> = images.collect();
        let first = images.iter().filter(|(top, _)| *top == images[0].0).count();
        assert_eq!((images.len(), first), (60, 10));
        assert_ne!(images[1].1, images[3].1, "the weak map is paler");
        let outline = format!("{:02x?}", crate::report::color::TRUTH.rgb).replace([',', ' ', '[', ']'], "");
        // Ten patches and their maps, and the legend.
        assert_eq!(svg.matches(&outline).count(), 21);
    }

    fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
        let bytes = tensors.tensor(name).unwrap().data();
        bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    #[test]
    fn shows_real_patches_with_every_kind_of_map() {
        let Some(path) = shared("oracle/explain.safetensors") else { return };
        let bytes = fs::read(path).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let images = tensors.tensor("images").unwrap().data();
        let labels = tensors.tensor("labels").unwrap().data();
        let probabilities = floats(&tensors, "probability");
        let attributions = floats(&tensors, "ig.gauss-legendre");
        let ig = attributions
            .chunks_exact(3 * 9216)
            .flat_map(|it| (0..9216).map(|i| it[i] + it[9216 + i] + it[2 * 9216 + i]).collect::<Vec<_>>());
        for (name, maps, sign, full, count) in [
            (
                "grad-cam",
                floats(&tensors, "grad-cam.relu4.upsampled"),
                Sign::Positive,
                FullColor::Maximum,
                32,
            ),
            ("saliency", floats(&tensors, "saliency"), Sign::Positive, FullColor::Percentile99, 8),
            ("occlusion", floats(&tensors, "occlusion"), Sign::Both, FullColor::Maximum, 8),
            ("ig", ig.collect(), Sign::Magnitude, FullColor::Percentile99, 8),
        ] {
            let item = |index: usize| {
                let image = index % 8;
                Item {
                    rgb: &images[image * 27_648..][..27_648],
                    map: &maps[image * 9216..][..9216],
                    mask: None,
                    positive: labels[8 * image] == 1,
                    probability: probabilities[image].into(),
                    row: index as i64,
                }
            };
            let items: Vec<_> = (0..count).map(item).collect();
            drawn(&format!("panel-{name}"), &panel(&items, &sheet(sign, full, &classes()), 0.5).unwrap());
        }
    }
}
