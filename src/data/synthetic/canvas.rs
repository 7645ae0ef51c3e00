//! What is drawn on: the amount of each dye in every pixel of the section, and where tumour is.
//!
//! Amounts are optical densities (natural logarithm) along the dye's unit vector; colours come later, in
//! `stain.rs`. Knows pixels, not cells.

/// Width and height of a patch in pixels.
pub const SIDE: usize = 96;
/// Pixels drawn beyond each edge, so that blurring sees what lies there.
pub(super) const MARGIN: i32 = 4;
/// Width and height of the drawn area.
pub(super) const WIDE: usize = SIDE + 2 * MARGIN as usize;

/// Amounts of the two dyes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Dye {
    /// Hematoxylin: nuclei; 2.5 is a dark lymphocyte.
    pub(super) hematoxylin: f32,
    /// Eosin: cytoplasm, fibres, red cells; 0.4 is pale stroma, 1.3 red cells.
    pub(super) eosin: f32,
}

impl Dye {
    pub(super) const fn new(hematoxylin: f32, eosin: f32) -> Self {
        Self { hematoxylin, eosin }
    }

    /// Both amounts times a factor.
    pub(super) fn scaled(self, factor: f32) -> Self {
        Self::new(self.hematoxylin * factor, self.eosin * factor)
    }

    /// `self` where `share` is 0, `other` where it is 1.
    pub(super) fn mixed(self, other: Self, share: f32) -> Self {
        Self::new(
            self.hematoxylin + (other.hematoxylin - self.hematoxylin) * share,
            self.eosin + (other.eosin - self.eosin) * share,
        )
    }
}

/// The section: dye and tumour per pixel. Coordinates are the patch's, (0, 0) its first pixel, and run
/// from `-MARGIN` to `SIDE + MARGIN - 1`.
pub(super) struct Canvas {
    dye: Vec<Dye>,
    tumor: Vec<bool>,
}

impl Canvas {
    /// An empty glass.
    pub(super) fn new() -> Self {
        Self { dye: vec![Dye::default(); WIDE * WIDE], tumor: vec![false; WIDE * WIDE] }
    }

    fn index(x: i32, y: i32) -> usize {
        ((y + MARGIN) as usize) * WIDE + (x + MARGIN) as usize
    }

    /// All pixels, row by row, margin included.
    pub(super) fn rows(&self) -> &[Dye] {
        &self.dye
    }

    /// Lays `dye` over a pixel, `share` of it opaque.
    pub(super) fn cover(&mut self, x: i32, y: i32, dye: Dye, share: f32) {
        let pixel = &mut self.dye[Self::index(x, y)];
        *pixel = pixel.mixed(dye, share);
    }

    /// Marks a pixel as tumour.
    pub(super) fn mark(&mut self, x: i32, y: i32) {
        self.tumor[Self::index(x, y)] = true;
    }

    /// The tumour mask of the patch itself, [96, 96], 1 = tumour.
    pub(super) fn mask(&self) -> Vec<u8> {
        let side = 0..SIDE as i32;
        side.clone()
            .flat_map(|y| side.clone().map(move |x| (x, y)))
            .map(|(x, y)| self.tumor[Self::index(x, y)].into())
            .collect()
    }

    /// Every pixel, margin included.
    pub(super) fn pixels() -> impl Iterator<Item = (i32, i32)> {
        let range = -MARGIN..SIDE as i32 + MARGIN;
        range.clone().flat_map(move |y| range.clone().map(move |x| (x, y)))
    }

    /// The pixels within `reach` of (x, y), row by row, cut at the border.
    pub(super) fn around(x: f32, y: f32, reach: f32) -> impl Iterator<Item = (i32, i32)> {
        Self::span(y, reach).flat_map(move |row| {
            let dy = row as f32 - y;
            let half = (reach * reach - dy * dy).max(0.0).sqrt();
            Self::span(x, half).map(move |column| (column, row))
        })
    }

    /// The whole numbers within `reach` of `middle`, those of the canvas.
    fn span(middle: f32, reach: f32) -> std::ops::Range<i32> {
        // Shifted so that cutting off, which is fast, floors.
        let floor = |value: f32| (value + 1024.0) as i32 - 1024;
        let (low, high) = (-floor(reach - middle), floor(middle + reach) + 1);
        low.max(-MARGIN)..high.min(SIDE as i32 + MARGIN)
    }
}
