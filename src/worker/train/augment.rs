//! Augmentation: training patches that are changed while they are read.
//!
//! The changes depend only on seed, absolute epoch and position. Batch size, threads and resuming do not
//! matter.

mod color;
mod draw;
mod view;

use anyhow::Result;
use pcamflow::{side::Side, stages::train::Augmentation};

use crate::batches::Patches;
use draw::Draw;

/// The patches of one epoch.
pub(super) struct Augmented<'a> {
    patches: &'a dyn Patches,
    settings: &'a Augmentation,
    seed: u64,
    epoch: u32,
}

impl<'a> Augmented<'a> {
    pub(super) fn new(patches: &'a dyn Patches, settings: &'a Augmentation, seed: u64, epoch: u32) -> Self {
        Self { patches, settings, seed, epoch }
    }
}

impl Patches for Augmented<'_> {
    fn labels(&self) -> &[u8] {
        self.patches.labels()
    }

    fn side(&self) -> Side {
        self.patches.side()
    }

    fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
        self.patches.read(positions, out)?;
        let side = self.side();
        for (patch, &position) in out.chunks_exact_mut(side.bytes()).zip(positions) {
            let draw = Draw::new(self.settings, self.seed, self.epoch, position as u64);
            draw.view.apply(patch, side);
            color::apply(&draw.adjustments, patch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batches::tests::{InMemory, PATCH_BYTES, noise};

    fn read(patches: &dyn Patches, settings: &Augmentation, epoch: u32, positions: &[usize]) -> Vec<u8> {
        let mut bytes = vec![0; positions.len() * PATCH_BYTES];
        Augmented::new(patches, settings, 5, epoch).read(positions, &mut bytes).unwrap();
        bytes
    }

    fn everything() -> Augmentation {
        Augmentation {
            horizontal_flip: 0.5,
            vertical_flip: 0.5,
            quarter_turns: true,
            brightness: 0.2,
            contrast: 0.2,
            saturation: 0.2,
            hue: 0.05,
        }
    }

    #[test]
    fn a_patch_is_the_same_in_whatever_batch_it_comes_and_another_in_another_epoch() {
        let patches = noise(6, 1);
        let all = read(&patches, &everything(), 3, &[0, 1, 2, 3, 4, 5]);
        let other_order = read(&patches, &everything(), 3, &[4, 2]);
        assert_eq!(other_order[..PATCH_BYTES], all[4 * PATCH_BYTES..][..PATCH_BYTES]);
        assert_eq!(other_order[PATCH_BYTES..], all[2 * PATCH_BYTES..][..PATCH_BYTES]);
        assert_ne!(read(&patches, &everything(), 4, &[0, 1, 2, 3, 4, 5]), all);
        assert_eq!(read(&patches, &Augmentation::default(), 3, &[0, 1, 2, 3, 4, 5]), patches.pixels);
    }

    /// A patch that is bright only in the centre box.
    fn boxed() -> InMemory {
        let mut pixels = vec![10; PATCH_BYTES];
        for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (y, x) = (index / 96, index % 96);
            if (32..64).contains(&y) && (32..64).contains(&x) {
                pixel.copy_from_slice(&[200, 150, 180]);
            }
        }
        InMemory { pixels, labels: vec![1] }
    }

    #[test]
    fn the_centre_box_stays_on_the_centre() {
        let patches = boxed();
        let geometry =
            Augmentation { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0, ..everything() };
        for epoch in 1..40 {
            assert_eq!(read(&patches, &geometry, epoch, &[0]), patches.pixels, "epoch {epoch}");
            let colored = read(&patches, &everything(), epoch, &[0]);
            let first = |at: usize| &colored[at * 3..][..3];
            for index in 0..96 * 96 {
                let (y, x) = (index / 96, index % 96);
                let inside = (32..64).contains(&y) && (32..64).contains(&x);
                let like = if inside { 48 * 96 + 48 } else { 0 };
                assert_eq!(first(index), first(like), "epoch {epoch}, row {y}, column {x}");
            }
            assert!(first(48 * 96 + 48)[0] > first(0)[0] + 60, "epoch {epoch}");
        }
    }
}
