//! The eight symmetries of a square patch. Each maps the centre box onto itself.

/// Pixels per side.
const SIDE: isize = 96;

/// Bytes per pixel.
const PIXEL: usize = 3;

/// Maps pixels of the changed patch to pixels of the original: (row, column) comes from index
/// `origin + row * down + column * right`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    origin: isize,
    down: isize,
    right: isize,
}

impl Default for View {
    /// The unchanged patch.
    fn default() -> Self {
        Self { origin: 0, down: SIDE, right: 1 }
    }
}

impl View {
    /// Mirrored: left and right exchanged (torchvision's `hflip`).
    pub(super) fn mirrored(self) -> Self {
        Self { origin: self.origin + (SIDE - 1) * self.right, right: -self.right, ..self }
    }

    /// Flipped: top and bottom exchanged (torchvision's `vflip`).
    pub(super) fn flipped(self) -> Self {
        Self { origin: self.origin + (SIDE - 1) * self.down, down: -self.down, ..self }
    }

    /// Turned by 90 degrees, counter-clockwise (`torch.rot90`).
    pub(super) fn turned(self) -> Self {
        Self { origin: self.origin + (SIDE - 1) * self.right, down: -self.right, right: self.down }
    }

    /// Changes a patch [96, 96, 3].
    pub(super) fn apply(self, patch: &mut [u8]) {
        if self == Self::default() {
            return;
        }
        let source = patch.to_vec();
        for (row, line) in patch.chunks_exact_mut(SIDE as usize * PIXEL).enumerate() {
            let mut at = self.origin + row as isize * self.down;
            for pixel in line.chunks_exact_mut(PIXEL) {
                let from = at as usize * PIXEL;
                pixel.copy_from_slice(&source[from..from + PIXEL]);
                at += self.right;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the marked pixel (5, 20) afterwards.
    fn mark_after(view: View) -> (usize, usize) {
        let mut patch = vec![0; 96 * 96 * 3];
        patch[(5 * 96 + 20) * 3..][..3].copy_from_slice(&[1, 2, 3]);
        view.apply(&mut patch);
        let found: Vec<usize> = (0..96 * 96).filter(|at| patch[at * 3..][..3] == [1, 2, 3]).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(patch.iter().map(|&byte| u32::from(byte)).sum::<u32>(), 6);
        (found[0] / 96, found[0] % 96)
    }

    #[test]
    fn a_marked_pixel_goes_where_it_should() {
        let view = View::default();
        assert_eq!(mark_after(view), (5, 20));
        assert_eq!(mark_after(view.mirrored()), (5, 75));
        assert_eq!(mark_after(view.flipped()), (90, 20));
        assert_eq!(mark_after(view.turned()), (75, 5));
        assert_eq!(mark_after(view.turned().turned()), (90, 75));
        assert_eq!(mark_after(view.turned().turned().turned()), (20, 90));
        // Mirrored first, then turned.
        assert_eq!(mark_after(view.mirrored().turned()), (20, 5));
    }

    #[test]
    fn what_is_done_twice_or_four_times_is_undone() {
        let view = View::default();
        assert_eq!(view.mirrored().mirrored(), view);
        assert_eq!(view.flipped().flipped(), view);
        assert_eq!(view.turned().turned().turned().turned(), view);
        assert_eq!(view.mirrored().flipped(), view.turned().turned());
    }
}
