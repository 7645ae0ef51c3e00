//! The memory of feature maps as slices, and loops over parts of it on all threads.

use std::marker::PhantomData;

use anyhow::{Result, ensure};
use tch::{Device, Kind, Tensor};

use super::Number;
use crate::libtorch::in_parallel;

/// The numbers of a feature map in the order of memory: [N, h, w, C].
///
/// # Errors
/// It is not of this kind of numbers, on the CPU, dense and stored channels last.
pub(crate) fn numbers<T: Number>(map: &Tensor) -> Result<&[T]> {
    check(map, T::KIND)?;
    let values = map.numel();
    if values == 0 {
        return Ok(&[]); // It may have no memory.
    }
    // SAFETY: the tensor is dense and has such numbers, and it lives as long as the slice. Writing it takes `&mut`.
    Ok(unsafe { std::slice::from_raw_parts(map.data_ptr().cast(), values) })
}

/// As [`numbers`], to write. No other tensor may share its memory.
///
/// # Errors
/// As `numbers`.
pub(crate) fn numbers_mut<T: Number>(map: &mut Tensor) -> Result<&mut [T]> {
    check(map, T::KIND)?;
    let values = map.numel();
    if values == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as in `numbers`; callers pass tensors that they have just made.
    Ok(unsafe { std::slice::from_raw_parts_mut(map.data_ptr().cast(), values) })
}

fn check(map: &Tensor, kind: Kind) -> Result<()> {
    let dense = match map.dim() {
        4 => map.permute([0, 2, 3, 1]).is_contiguous(),
        _ => map.is_contiguous(),
    };
    let fits = map.kind() == kind && map.device() == Device::Cpu && dense;
    ensure!(fits, "a feature map is not {kind:?}, on the CPU and channels last: {map:?}");
    Ok(())
}

/// A feature map [N, C, h, w] with any content, stored channels last.
pub(crate) fn empty_map(kind: Kind, [n, c, h, w]: [i64; 4]) -> Tensor {
    Tensor::empty([n, h, w, c], (kind, Device::Cpu)).permute([0, 3, 1, 2])
}

/// The same map, stored channels last and without gaps.
pub(crate) fn dense(map: &Tensor) -> Tensor {
    map.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Calls `work` with the number of each chunk of `size`, and the chunk, on all threads. The last one may be shorter.
pub(super) fn each_chunk<T: Send>(values: &mut [T], size: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let chunks = Chunks::new(values, size);
    // SAFETY: each index comes once.
    in_parallel(chunks.count(), |index| work(index, unsafe { chunks.get(index) }));
}

/// As [`each_chunk`], of two slices that have as many chunks.
pub(super) fn each_pair<A: Send, B: Send>(
    (first, first_size): (&mut [A], usize),
    (second, second_size): (&mut [B], usize),
    work: impl Fn(usize, &mut [A], &mut [B]) + Sync,
) {
    let (first, second) = (Chunks::new(first, first_size), Chunks::new(second, second_size));
    let count = first.count().min(second.count());
    // SAFETY: each index comes once.
    in_parallel(count, |index| work(index, unsafe { first.get(index) }, unsafe { second.get(index) }));
}

/// A slice that several threads write, each other chunks.
struct Chunks<'a, T> {
    start: *mut T,
    length: usize,
    size: usize,
    of: PhantomData<&'a mut [T]>,
}

// SAFETY: chunks do not overlap, and callers of `get` ask for each only once.
unsafe impl<T: Send> Sync for Chunks<'_, T> {}

impl<'a, T> Chunks<'a, T> {
    fn new(values: &'a mut [T], size: usize) -> Self {
        Self { start: values.as_mut_ptr(), length: values.len(), size, of: PhantomData }
    }

    fn count(&self) -> usize {
        self.length.div_ceil(self.size)
    }

    /// # Safety
    /// Each index is below the count, and asked for at most once.
    #[allow(clippy::mut_from_ref, reason = "chunks do not overlap")]
    unsafe fn get(&self, index: usize) -> &mut [T] {
        let first = index * self.size;
        // SAFETY: the chunk is within the slice, and each is handed out once.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), self.size.min(self.length - first)) }
    }
}
