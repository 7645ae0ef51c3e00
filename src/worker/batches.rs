//! Batches of patches: their order, and a thread that reads ahead. Pixels stay uint8 until they are used.
//!
//! `Patches` hides where patches come from.

use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Result;
use pcamflow::side::Side;
use tch::{Device, Kind, Tensor};

use crate::random::{below, generator};

/// How many batches are read ahead.
const AHEAD: usize = 3;

/// Labelled patches that can be read in any order, from any thread.
pub(crate) trait Patches: Sync {
    /// 0 or 1 per patch.
    fn labels(&self) -> &[u8];

    /// Rows and columns of each patch.
    fn side(&self) -> Side;

    /// Reads patches by position: [positions, S, S, 3] bytes into `out`, S the side.
    ///
    /// # Errors
    /// The file is damaged or missing.
    fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()>;

    /// The number of patches.
    fn len(&self) -> usize {
        self.labels().len()
    }
}

/// Some patches in memory.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Their positions.
    pub(crate) positions: Vec<usize>,
    pixels: Tensor,
    labels: Tensor,
}

impl Batch {
    /// # Errors
    /// The patches cannot be read.
    pub(crate) fn read(patches: &dyn Patches, positions: &[usize]) -> Result<Self> {
        let side = patches.side();
        let mut bytes = vec![0; positions.len() * side.bytes()];
        patches.read(positions, &mut bytes)?;
        let labels: Vec<f32> = positions.iter().map(|&at| f32::from(patches.labels()[at])).collect();
        let (count, side) = (positions.len() as i64, side.get() as i64);
        let pixels = Tensor::f_from_data_size(&bytes, &[count, side, side, 3], Kind::Uint8)?;
        Ok(Self { positions: positions.to_vec(), pixels, labels: Tensor::from_slice(&labels) })
    }

    /// The number of patches.
    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    /// float32 [N, 3, S, S] in [0, 1]. Stored channels last, like the bytes: nothing is moved, and a CPU pools
    /// and normalises fastest in this order.
    pub(crate) fn images(&self, device: Device) -> Tensor {
        self.pixels.to_device(device).permute([0, 3, 1, 2]).to_kind(Kind::Float) / 255.0
    }

    /// The bytes of one patch, [S, S, 3].
    ///
    /// # Errors
    /// The batch has no such patch.
    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        let patch = self.pixels.f_get(i64::try_from(index)?)?;
        Ok(Vec::try_from(patch.reshape([-1]))?)
    }

    /// float32 `[N]`, 0 or 1.
    pub(crate) fn labels(&self, device: Device) -> Tensor {
        self.labels.to_device(device)
    }
}

/// Passes batches of `size` to `consume`, in the order of `positions`. The last one may be smaller.
///
/// # Errors
/// Reading or `consume` fails. The first error ends the loop.
pub(crate) fn for_each(
    patches: &dyn Patches,
    positions: &[usize],
    size: usize,
    mut consume: impl FnMut(Batch) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(AHEAD);
        scope.spawn(move || read_ahead(patches, positions, size, &send));
        // An early return drops `receive`, which stops the reader at its next batch.
        receive.into_iter().try_for_each(|batch| consume(batch?))
    })
}

fn read_ahead(patches: &dyn Patches, positions: &[usize], size: usize, to: &SyncSender<Result<Batch>>) {
    for positions in positions.chunks(size.max(1)) {
        let batch = Batch::read(patches, positions);
        let failed = batch.is_err();
        if to.send(batch).is_err() || failed {
            return;
        }
    }
}

/// The order of an epoch: a permutation that depends only on the seed and the absolute number of the epoch.
/// (Fisher-Yates.)
pub(crate) fn shuffled(length: usize, seed: u64, epoch: u32) -> Vec<usize> {
    let mut random = generator(&[&seed.to_le_bytes(), &epoch.to_le_bytes(), b"shuffle"]);
    let mut order: Vec<usize> = (0..length).collect();
    for last in (1..length).rev() {
        order.swap(last, below(last as u64 + 1, &mut random) as usize);
    }
    order
}

#[cfg(test)]
pub(crate) mod tests {
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{Rng as _, SeedableRng as _},
    };

    use super::*;

    /// Bytes of a patch.
    pub(crate) const PATCH_BYTES: usize = Side::PCAM.bytes();

    /// Patches in memory.
    pub(crate) struct InMemory {
        pub(crate) pixels: Vec<u8>,
        pub(crate) labels: Vec<u8>,
    }

    impl Patches for InMemory {
        fn labels(&self) -> &[u8] {
            &self.labels
        }

        fn side(&self) -> Side {
            Side::PCAM
        }

        fn read(&self, positions: &[usize], out: &mut [u8]) -> Result<()> {
            for (patch, &at) in out.chunks_exact_mut(PATCH_BYTES).zip(positions) {
                patch.copy_from_slice(&self.pixels[at * PATCH_BYTES..][..PATCH_BYTES]);
            }
            Ok(())
        }
    }

    /// Noise. Positives are brighter, so there is something to learn.
    pub(crate) fn noise(length: usize, seed: u64) -> InMemory {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut pixels = vec![0; length * PATCH_BYTES];
        ChaCha20Rng::from_seed(key).fill_bytes(&mut pixels);
        let labels: Vec<u8> = (0..length).map(|at| u8::from(at % 3 == 0)).collect();
        for (patch, &label) in pixels.chunks_exact_mut(PATCH_BYTES).zip(&labels) {
            patch.iter_mut().for_each(|byte| *byte = *byte / 2 + label * 60);
        }
        InMemory { pixels, labels }
    }

    #[test]
    fn batches_come_in_order_with_their_pixels_and_a_smaller_last_one() {
        let patches = noise(7, 1);
        let mut seen = Vec::new();
        let positions = [6, 0, 3, 1, 2];
        for_each(&patches, &positions, 2, |batch| {
            let images = batch.images(Device::Cpu);
            assert_eq!(images.size(), [batch.len() as i64, 3, 96, 96]);
            for (index, &at) in batch.positions.iter().enumerate() {
                assert_eq!(batch.bytes(index)?, patches.pixels[at * PATCH_BYTES..][..PATCH_BYTES]);
                // Row 5, column 8, blue.
                let byte = patches.pixels[at * PATCH_BYTES + (5 * 96 + 8) * 3 + 2];
                let value = images.double_value(&[index as i64, 2, 5, 8]);
                assert!((value - f64::from(byte) / 255.0).abs() < 1e-7);
                let label = batch.labels(Device::Cpu).double_value(&[index as i64]);
                assert_eq!(label, f64::from(patches.labels[at]));
            }
            seen.push(batch.positions);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [vec![6, 0], vec![3, 1], vec![2]]);
    }

    struct Damaged(Vec<u8>);

    impl Patches for Damaged {
        fn labels(&self) -> &[u8] {
            &self.0
        }

        fn side(&self) -> Side {
            Side::PCAM
        }

        fn read(&self, positions: &[usize], _: &mut [u8]) -> Result<()> {
            anyhow::ensure!(!positions.contains(&5), "train.h5: chunk of row 5 is damaged");
            Ok(())
        }
    }

    #[test]
    fn an_error_of_the_reader_comes_after_the_batches_before_it() {
        let mut batches = 0;
        let error = for_each(&Damaged(vec![0; 8]), &[0, 1, 2, 3, 4, 5, 6, 7], 2, |_| {
            batches += 1;
            Ok(())
        });
        assert_eq!(error.unwrap_err().to_string(), "train.h5: chunk of row 5 is damaged");
        assert_eq!(batches, 2);
    }

    #[test]
    fn an_error_of_the_consumer_stops_the_reader() {
        let positions: Vec<usize> = (0..1000).map(|at| at % 4).collect();
        let error = for_each(&noise(4, 1), &positions, 1, |_| anyhow::bail!("enough"));
        assert_eq!(error.unwrap_err().to_string(), "enough");
    }

    #[test]
    fn the_order_depends_only_on_seed_and_epoch() {
        // Frozen: with another order, old keys would stand for other results.
        assert_eq!(shuffled(8, 42, 1), [3, 7, 2, 4, 1, 6, 5, 0]);
        assert_ne!(shuffled(100, 42, 1), shuffled(100, 42, 2));
        assert_ne!(shuffled(100, 42, 1), shuffled(100, 43, 1));
        let mut sorted = shuffled(1000, 1, 3);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert!(shuffled(0, 1, 1).is_empty());
    }

    #[test]
    fn every_position_is_as_likely_everywhere() {
        let mut firsts = [0; 4];
        (0..4000).for_each(|epoch| firsts[shuffled(4, 9, epoch)[0]] += 1);
        // Standard deviation 27.
        assert!(firsts.iter().all(|&count: &i32| (count - 1000).abs() < 140), "{firsts:?}");
    }
}
