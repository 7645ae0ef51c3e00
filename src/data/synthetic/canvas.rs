//! The section as pixels: the amount of each dye, and the tumour mask.
//!
//! An amount is an optical density (natural logarithm) along the unit vector of the dye. `stain.rs` converts
//! amounts to colours. Does not know cells or tissue.

/// Width and height of a patch in pixels.
pub(super) const SIDE: usize = 96;
/// Pixels drawn beyond each edge, so that the blur has neighbours there.
pub(super) const MARGIN: i32 = 4;
/// Width and height of the canvas: the patch and its margin.
pub(super) const WIDE: usize = SIDE + 2 * MARGIN as usize;

/// Amounts of the two dyes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Dye {
    /// Hematoxylin stains nuclei. 2.5 is a dark lymphocyte.
    pub(super) hematoxylin: f32,
    /// Eosin stains cytoplasm, fibres and red blood cells. 0.4 is pale stroma, 1.3 a red blood cell.
    pub(super) eosin: f32,
}

impl Dye {
    pub(super) const fn new(hematoxylin: f32, eosin: f32) -> Self {
        Self { hematoxylin, eosin }
    }

    /// Multiplies both amounts by a factor.
    pub(super) fn scaled(self, factor: f32) -> Self {
        Self::new(self.hematoxylin * factor, self.eosin * factor)
    }

    /// Linear interpolation: `self` for `share` 0, `other` for `share` 1.
    pub(super) fn mixed(self, other: Self, share: f32) -> Self {
        Self::new(
            self.hematoxylin + (other.hematoxylin - self.hematoxylin) * share,
            self.eosin + (other.eosin - self.eosin) * share,
        )
    }
}

/// The section. (0, 0) is the first pixel of the patch. Coordinates run from `-MARGIN` to
/// `SIDE + MARGIN - 1`.
pub(super) struct Canvas {
    dye: Vec<Dye>,
    tumor: Vec<bool>,
}

impl Canvas {
    /// Empty glass, without tissue.
    pub(super) fn new() -> Self {
        Self { dye: vec![Dye::default(); WIDE * WIDE], tumor: vec![false; WIDE * WIDE] }
    }

    fn index(x: i32, y: i32) -> usize {
        ((y + MARGIN) as usize) * WIDE + (x + MARGIN) as usize
    }

    /// The dye of all pixels in the order of [`Self::pixels`].
    pub(super) fn rows(&self) -> &[Dye] {
        &self.dye
    }

    /// Paints `dye` over a pixel with the opacity `share`.
    pub(super) fn cover(&mut self, x: i32, y: i32, dye: Dye, share: f32) {
        let pixel = &mut self.dye[Self::index(x, y)];
        *pixel = pixel.mixed(dye, share);
    }

    /// Marks a pixel as tumour.
    pub(super) fn mark(&mut self, x: i32, y: i32) {
        self.tumor[Self::index(x, y)] = true;
    }

    /// The tumour mask of the patch without the margin: [96, 96], 1 = tumour.
    pub(super) fn mask(&self) -> Vec<u8> {
        let side = 0..SIDE as i32;
        side.clone()
            .flat_map(|y| side.clone().map(move |x| (x, y)))
            .map(|(x, y)| self.tumor[Self::index(x, y)].into())
            .collect()
    }

    /// The coordinates of all pixels, row by row, including the margin.
    pub(super) fn pixels() -> impl Iterator<Item = (i32, i32)> {
        let range = -MARGIN..SIDE as i32 + MARGIN;
        range.clone().flat_map(move |y| range.clone().map(move |x| (x, y)))
    }

    /// The pixels within `reach` of (x, y), row by row, clipped to the canvas.
    pub(super) fn around(x: f32, y: f32, reach: f32) -> impl Iterator<Item = (i32, i32)> {
        Self::span(y, reach).flat_map(move |row| {
            let dy = row as f32 - y;
            let half = (reach * reach - dy * dy).max(0.0).sqrt();
            Self::span(x, half).map(move |column| (column, row))
        })
    }

    /// The integer coordinates within `reach` of `middle`, clipped to the canvas.
    fn span(middle: f32, reach: f32) -> std::ops::Range<i32> {
        // The conversion truncates, which is fast. For positive numbers this is the floor, hence the shift.
        let floor = |value: f32| (value + 1024.0) as i32 - 1024;
        let (low, high) = (-floor(reach - middle), floor(middle + reach) + 1);
        low.max(-MARGIN)..high.min(SIDE as i32 + MARGIN)
    }
}
