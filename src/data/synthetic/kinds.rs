//! The cell types: size, shape and stain of each.
//!
//! Sizes are in pixels of 0.97 um (10x). Does not know where cells are placed: see `content.rs`,
//! `lymphoid.rs`, `stroma.rs` and `vessel.rs`.

use super::{
    canvas::Dye,
    cell::{Cell, Cytoplasm, Nucleolus, Nucleus},
    outline::Outline,
    random::Draw,
};

/// A cell type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    /// Small, round and dark.
    Lymphocyte,
    /// Cell of a germinal centre: medium-sized and round, with medium stain.
    Centroblast,
    /// Sinus macrophage: a small, pale, oval nucleus in abundant foamy cytoplasm.
    Histiocyte,
    /// Cell of a vessel wall: a plump, pale, oval nucleus.
    Endothelial,
    /// Fibroblast: a thin, spindle-shaped nucleus.
    Spindle,
    /// Crushed during tissue handling: smudged and dark, without structure.
    Crushed,
    /// Metastatic carcinoma: a large, vesicular, irregular nucleus with nucleoli.
    Tumor,
}

/// Properties that all cells of one group share, so that they look related.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// Factor for the size of the nuclei.
    size: f32,
    /// Factor for the hematoxylin of the nuclei.
    dark: f32,
    /// Factor for the eosin of the cytoplasm.
    pink: f32,
}

impl Style {
    /// Draws the style of a group.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        Self { size: draw.around(1.0, 0.05), dark: draw.around(1.0, 0.12), pink: draw.around(1.0, 0.15) }
    }
}

/// Typical values of a cell type. Pairs are a minimum and a maximum.
struct Typical {
    /// Radius of the nucleus.
    radius: f32,
    /// Relative SD of the radius.
    spread: f32,
    /// Length divided by width of the nucleus.
    ratio: (f32, f32),
    roughness: f32,
    nucleus: Dye,
    rim: f32,
    clumping: f32,
    /// Nucleoli: probability, radius and extra hematoxylin.
    nucleoli: (f32, f32, f32),
    cytoplasm: Option<TypicalCytoplasm>,
}

struct TypicalCytoplasm {
    /// Width around the nucleus.
    width: (f32, f32),
    dye: Dye,
    unevenness: f32,
    membrane: f32,
}

const fn body(width: (f32, f32), dye: Dye, unevenness: f32, membrane: f32) -> Option<TypicalCytoplasm> {
    Some(TypicalCytoplasm { width, dye, unevenness, membrane })
}

impl CellKind {
    fn typical(self) -> Typical {
        match self {
            Self::Lymphocyte => Typical {
                radius: 3.2,
                spread: 0.09,
                ratio: (1.0, 1.35),
                roughness: 0.05,
                nucleus: Dye::new(2.0, 0.25),
                rim: 0.3,
                clumping: 0.6,
                nucleoli: (0.0, 0.0, 0.0),
                cytoplasm: None,
            },
            Self::Centroblast => Typical {
                radius: 3.9,
                spread: 0.1,
                ratio: (1.0, 1.3),
                roughness: 0.05,
                nucleus: Dye::new(1.2, 0.3),
                rim: 0.55,
                clumping: 0.65,
                nucleoli: (0.5, 0.9, 0.8),
                cytoplasm: body((0.8, 1.8), Dye::new(0.25, 0.38), 0.2, 0.0),
            },
            Self::Histiocyte => Typical {
                radius: 3.5,
                spread: 0.12,
                ratio: (1.2, 1.8),
                roughness: 0.06,
                nucleus: Dye::new(0.95, 0.25),
                rim: 0.5,
                clumping: 0.25,
                nucleoli: (0.2, 0.8, 0.5),
                cytoplasm: body((3.0, 5.0), Dye::new(0.16, 0.5), 0.4, 0.08),
            },
            Self::Endothelial => Typical {
                radius: 3.4,
                spread: 0.1,
                ratio: (1.7, 2.6),
                roughness: 0.04,
                nucleus: Dye::new(1.15, 0.3),
                rim: 0.5,
                clumping: 0.3,
                nucleoli: (0.2, 0.8, 0.5),
                cytoplasm: body((1.0, 2.0), Dye::new(0.12, 0.55), 0.2, 0.1),
            },
            Self::Spindle => Typical {
                radius: 2.6,
                spread: 0.15,
                ratio: (2.6, 5.0),
                roughness: 0.05,
                nucleus: Dye::new(1.5, 0.35),
                rim: 0.3,
                clumping: 0.3,
                nucleoli: (0.0, 0.0, 0.0),
                cytoplasm: None,
            },
            Self::Crushed => Typical {
                radius: 3.4,
                spread: 0.2,
                ratio: (1.2, 2.2),
                roughness: 0.1,
                nucleus: Dye::new(2.2, 0.35),
                rim: 0.0,
                clumping: 0.15,
                nucleoli: (0.0, 0.0, 0.0),
                cytoplasm: None,
            },
            Self::Tumor => Typical {
                radius: 5.6,
                spread: 0.15,
                ratio: (1.0, 1.6),
                roughness: 0.08,
                nucleus: Dye::new(0.75, 0.32),
                rim: 0.9,
                clumping: 0.7,
                nucleoli: (0.85, 1.5, 1.2),
                cytoplasm: body((1.5, 3.5), Dye::new(0.2, 0.5), 0.2, 0.12),
            },
        }
    }

    /// The mean radius of a cell with its cytoplasm.
    pub(super) fn radius(self) -> f32 {
        let typical = self.typical();
        typical.radius + typical.cytoplasm.map_or(0.0, |c| (c.width.0 + c.width.1) * 0.5)
    }

    /// Draws a cell of this type. `axis` is the direction of its long axis, or `None` for a random one.
    pub(super) fn draw(
        self,
        draw: &mut Draw,
        at: (f32, f32),
        style: Style,
        axis: Option<(f32, f32)>,
    ) -> Cell {
        let typical = self.typical();
        let axis = axis.unwrap_or_else(|| draw.direction());
        let size = draw.around(1.0, typical.spread).clamp(0.6, 1.45) * style.size;
        let ratio = draw.between(typical.ratio.0, typical.ratio.1);
        let outline = Outline::along(draw, at, typical.radius * size, (ratio, axis), typical.roughness);
        let cytoplasm = typical.cytoplasm.as_ref().map(|c| c.draw(draw, &outline, style));
        Cell { cytoplasm, nucleus: typical.nucleus(draw, outline, style) }
    }
}

impl TypicalCytoplasm {
    fn draw(&self, draw: &mut Draw, nucleus: &Outline, style: Style) -> Cytoplasm {
        let radius = nucleus.radius + draw.between(self.width.0, self.width.1);
        // The nucleus is rarely at the exact centre of its cell.
        let at = (nucleus.x + draw.around(0.0, 0.5), nucleus.y + draw.around(0.0, 0.5));
        let ratio = draw.between(1.0, 1.4);
        let mut dye = self.dye;
        dye.eosin *= style.pink;
        Cytoplasm {
            outline: Outline::draw(draw, at, radius, ratio, 0.07),
            dye,
            unevenness: self.unevenness,
            membrane: self.membrane,
        }
    }
}

impl Typical {
    fn nucleus(&self, draw: &mut Draw, outline: Outline, style: Style) -> Nucleus {
        let dark = draw.around(style.dark, 0.1).clamp(0.5, 1.6);
        // A section is thicker than the depth of focus. Deeper nuclei look paler and softer.
        let (fade, softness) = if draw.chance(0.15) { (0.75, 2.4) } else { (1.0, draw.between(1.1, 1.6)) };
        Nucleus {
            outline,
            dye: Dye::new(self.nucleus.hematoxylin * dark * fade, self.nucleus.eosin),
            rim: self.rim * draw.between(0.7, 1.3) * fade,
            clumping: self.clumping,
            softness,
            nucleoli: [1.0, 0.4].map(|share| self.nucleolus(draw, share)),
        }
    }

    fn nucleolus(&self, draw: &mut Draw, share: f32) -> Option<Nucleolus> {
        let (chance, radius, dark) = self.nucleoli;
        let at = (draw.between(-0.4, 0.4), draw.between(-0.4, 0.4));
        let radius = radius * draw.between(0.8, 1.25);
        draw.chance(chance * share).then_some(Nucleolus { at, radius, dark })
    }
}
