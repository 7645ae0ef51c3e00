//! The eight symmetries of a square patch. Each maps the centre box onto itself.

use pcamflow::side::Side;

/// Bytes per pixel.
const PIXEL: usize = 3;

/// Maps pixels of the changed patch to pixels of the original: one row down, or one column to the right, in the changed
/// patch is this step of rows and columns in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    down: [isize; 2],
    right: [isize; 2],
}

impl Default for View {
    /// The unchanged patch.
    fn default() -> Self {
        Self { down: [1, 0], right: [0, 1] }
    }
}

impl View {
    /// Mirrored: left and right exchanged (torchvision's `hflip`).
    pub(super) fn mirrored(self) -> Self {
        Self { right: self.right.map(|step| -step), ..self }
    }

    /// Flipped: top and bottom exchanged (torchvision's `vflip`).
    pub(super) fn flipped(self) -> Self {
        Self { down: self.down.map(|step| -step), ..self }
    }

    /// Turned by 90 degrees, counter-clockwise (`torch.rot90`).
    pub(super) fn turned(self) -> Self {
        Self { down: self.right.map(|step| -step), right: self.down }
    }

    /// Changes a patch [S, S, 3].
    pub(super) fn apply(self, patch: &mut [u8], side: Side) {
        if self == Self::default() {
            return;
        }
        let (source, side) = (patch.to_vec(), side.get() as isize);
        let index = |[row, column]: [isize; 2]| row * side + column;
        // An axis that is walked backwards begins at its end.
        let first = |axis: usize| if self.down[axis] + self.right[axis] < 0 { side - 1 } else { 0 };
        let (origin, down, right) = (index([first(0), first(1)]), index(self.down), index(self.right));
        for (row, line) in patch.chunks_exact_mut(side as usize * PIXEL).enumerate() {
            let mut at = origin + row as isize * down;
            for pixel in line.chunks_exact_mut(PIXEL) {
                let from = at as usize * PIXEL;
                pixel.copy_from_slice(&source[from..from + PIXEL]);
                at += right;
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
        view.apply(&mut patch, Side::PCAM);
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
